// Documents and a calendar. The editor and the calendar are third-party scripts: their values live in the browser's memory,
// and /_cirrus/collect.js brings them here.

const documents = db.table('documentos'), calendars = db.table('calendarios');

documents.before('create, update', (document) => { document.cambiado = new Date().toISOString(); });

// What a calendar tells: a list of events with a title and a beginning.
calendars.before('create, update', (calendar) => {
  let events;
  try { events = JSON.parse(calendar.eventos); } catch { reject('the events are not JSON', 'eventos'); }
  const right = Array.isArray(events) && events.every((e) => typeof e?.title === 'string' && /^\d{4}-\d\d-\d\d/.test(e.start));
  if (!right) reject('every event has a title and a beginning', 'eventos');
});

const LANGUAGES = ['markdown', 'html', 'javascript', 'texto'];

app.get('/', (req, res) => {
  const today = new Date().toISOString().slice(0, 10);
  const events = calendars.order('id').all().flatMap((calendar) => JSON.parse(calendar.eventos))
    .filter((event) => (event.end || event.start).slice(0, 10) >= today)
    .sort((a, b) => (a.start < b.start ? -1 : 1));
  res.render('inicio', {
    languages: LANGUAGES, next: events.slice(0, 5),
    documents: documents.fields('id', 'titulo', 'lenguaje', 'cambiado').order('-cambiado').limit(100).all(),
  });
});

app.post('/nuevo', (req, res) => {
  const titulo = (req.body.titulo ?? '').trim();
  if (!titulo) return res.redirect(303, '/');
  const { id } = documents.create({ titulo, lenguaje: req.body.lenguaje });
  res.redirect(303, `/editar/${id}`);
});

app.get('/editar/:id', (req, res) => {
  const document = documents.findById(req.params.id);
  if (!document) return res.sendStatus(404);
  res.render('editor', { document, languages: LANGUAGES });
});

app.post('/borrar/:id', (req, res) => {
  documents.delete(req.params.id);
  res.redirect(303, '/');
});

app.get('/calendario', (req, res) => {
  const calendar = calendars.order('id').first() ?? calendars.create({ nombre: 'Calendario' });
  res.render('calendario', { calendar });
});

app.collect('documentos', ['titulo', 'lenguaje', 'contenido']);
app.collect('calendarios', ['eventos']);
app.resource('documentos', { page: 20 });
app.resource('calendarios', { page: 20 });
