// Users: JSON at /usuarios, a small mobile application at /.

db.table('usuarios').before('create', (usuario) => {
  usuario.correo = usuario.correo.trim().toLowerCase();
  usuario.creado = new Date().toISOString();
});

app.get('/', (req, res) => res.render('movil'));
// The texts of the mobile application, in the language of the visitor.
app.get('/textos.json', (req, res) => {
  const keys = ['saved', 'waiting', 'offline', 'online', 'empty', 'nobody', 'taken', 'refused'];
  res.set('Vary', 'Accept-Language, Cookie').json(Object.fromEntries(keys.map((key) => [key, req.t(key)])));
});

app.resource('usuarios', { page: 500, sort: 'nombre' });
