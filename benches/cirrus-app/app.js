// The same routes as in benches/peers, for Cirrus.
app.get('/tareas', (req, res) => res.json(db.table('tareas').limit(10)));
app.get('/tarjetas', (req, res) =>
  res.json(db.table('tareas').limit(10).map((r) => (
    { id: r.id, title: r.titulo.toUpperCase(), open: !r.hecha, rank: r.prioridad * 2 }))));
app.post('/tareas', (req, res) => {
  const { id } = db.table('tareas').create({ titulo: req.body.titulo, creada: new Date().toISOString() });
  res.status(201).json({ id });
});
app.resource('tareas', { path: '/declarada' });
