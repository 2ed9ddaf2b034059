// The routes. /tareas is a REST resource and, for browsers, the pages of views/tareas; /openapi.json describes it.
app.resource('tareas', { sort: '-id', events: true });

app.get('/', (req, res) => res.redirect('/tareas'));

// A route of your own: how many are left to do.
app.get('/pendientes', (req, res) => {
  res.json({ pendientes: db.table('tareas').where({ hecha: false }).count() });
});

// Before a task is stored: reject or change it.
db.table('tareas').before('create', (tarea) => {
  tarea.titulo = tarea.titulo.trim();
});
