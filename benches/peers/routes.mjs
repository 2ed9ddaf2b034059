// What every server here answers, so that only the servers differ: the same table, statements and bytes.
export const FIRST_TEN = 'select id, titulo, hecha, prioridad, creada from tareas order by id limit 10';
export const ADD = 'insert into tareas (titulo, hecha, prioridad, creada) values (?, 0, 1, ?)';
export const SETTINGS = 'pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000';
export const row = (r) => ({ ...r, hecha: r.hecha === 1 });
// The route that handles row objects: a new object of each.
export const card = (r) => ({ id: r.id, title: r.titulo.toUpperCase(), open: !r.hecha, rank: r.prioridad * 2 });
