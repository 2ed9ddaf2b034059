// Tasks. People get pages at / and /editar/:id, programs JSON at /tareas (described by /openapi.json).

const tasks = db.table('tareas');

tasks.before('create, update', (tarea) => {
  if (tarea.titulo === undefined) return;
  tarea.titulo = tarea.titulo.trim();
  if (tarea.titulo === '') reject('empty', 'titulo');
});

const people = () => db.table('personas').order('nombre').all();
const today = () => new Date().toISOString().slice(0, 10);
// A task as a form says it.
const written = ({ titulo = '', persona, vence, urgente }) => ({
  titulo: titulo.trim(), persona: Number(persona) || null, vence: vence || null, urgente: urgente === 'on',
});

// Writes; what is wrong with it is told by `again`, beside the form that has it still.
function attempt(req, write, again) {
  if (!written(req.body).titulo) return again(req.t('empty'));
  try { write(written(req.body)); } catch (error) {
    if (!(error.status >= 400 && error.status < 500)) throw error;
    return again(req.say(error));
  }
  return undefined;
}

function list(req, res, values, problem) {
  const { q = '', ver = 'pendientes' } = req.query;
  let tareas = tasks.order('hecha', 'vence', 'id');
  if (ver !== 'todas') tareas = tareas.where({ hecha: ver === 'hechas' });
  if (q.trim()) tareas = tareas.words('titulo', q);
  const personas = people();
  res.status(problem ? 422 : 200).render('inicio', {
    q, ver, values, problem, personas, hoy: today(), done: req.flash('done'),
    nombres: Object.fromEntries(personas.map((p) => [p.id, p.nombre])),
    tareas: tareas.limit(100).all(),
    pendientes: tasks.where({ hecha: false }).count(),
  });
}

app.get('/', (req, res) => list(req, res, {}));

app.post('/nueva', (req, res) => {
  attempt(req, (task) => { tasks.create(task); res.redirect(303, '/'); }, (problem) => list(req, res, written(req.body), problem));
});

const form = (res, values, problem) => res.status(problem ? 422 : 200).render('editar', { values, problem, personas: people() });

app.get('/editar/:id', (req, res) => {
  const task = tasks.findById(req.params.id);
  return task ? form(res, task) : res.sendStatus(404);
});

app.post('/editar/:id', (req, res) => {
  const { id } = tasks.get(req.params.id);
  attempt(req, (task) => {
    tasks.update(id, task);
    req.flash('done', req.t('changed'));
    res.redirect(303, '/');
  }, (problem) => form(res, { id, ...written(req.body) }, problem));
});

app.post('/hecha/:id', (req, res) => {
  const task = tasks.get(req.params.id);
  tasks.update(task.id, { hecha: !task.hecha });
  res.redirect(303, req.body.vuelta === 'todas' ? '/?ver=todas' : '/');
});

app.post('/borrar/:id', (req, res) => {
  const { titulo } = tasks.get(req.params.id);
  tasks.delete(req.params.id);
  req.flash('done', req.t('deleted', { titulo }));
  res.redirect(303, '/');
});

app.resource('tareas', { page: 10, events: true });
app.resource('personas', { page: 10 });
