(tools) => ({})
