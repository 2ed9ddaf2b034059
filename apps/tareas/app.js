// Tasks. People get a page at /, programs JSON at /tareas (described by /openapi.json).

db.table('tareas').before('create', (tarea) => {
  tarea.titulo = tarea.titulo.trim();
  if (tarea.titulo === '') reject('empty', 'titulo');
});

app.get('/', (req, res) => {
  const { q = '', ver = 'pendientes' } = req.query;
  let tareas = db.table('tareas').order('hecha', 'vence', 'id');
  if (ver !== 'todas') tareas = tareas.where({ hecha: ver === 'hechas' });
  if (q.trim()) tareas = tareas.words('titulo', q);
  const personas = db.table('personas').order('nombre').all();
  res.render('inicio', {
    q, ver, personas,
    nombres: Object.fromEntries(personas.map((p) => [p.id, p.nombre])),
    tareas: tareas.limit(100).all(),
    hoy: new Date().toISOString().slice(0, 10),
    pendientes: db.table('tareas').where({ hecha: false }).count(),
    hechas: db.table('tareas').where({ hecha: true }).count(),
  });
});

app.post('/nueva', (req, res) => {
  const { titulo, persona, vence, urgente } = req.body;
  db.table('tareas').create({
    titulo, vence: vence || null, persona: persona ? Number(persona) : null, urgente: urgente === 'on',
  });
  res.redirect(303, '/');
});

app.post('/hecha/:id', (req, res) => {
  const tarea = db.table('tareas').get(Number(req.params.id));
  db.table('tareas').update(tarea.id, { hecha: !tarea.hecha });
  res.redirect(303, req.body.vuelta === 'todas' ? '/?ver=todas' : '/');
});

app.post('/borrar/:id', (req, res) => {
  db.table('tareas').delete(Number(req.params.id));
  res.redirect(303, '/?ver=hechas');
});

app.resource('tareas', { page: 10, events: true });
app.resource('personas', { page: 10 });
