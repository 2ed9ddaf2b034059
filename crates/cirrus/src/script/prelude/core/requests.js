// Requests.
class Request {
  constructor(id) {
    this.i = id;
  }
  get method() {
    return native.method(this.i);
  }
  get originalUrl() {
    return native.url(this.i);
  }
  get baseUrl() {
    return this.d
      ? '/' +
          native
            .path(this.i)
            .split('/')
            .slice(1, this.d + 1)
            .join('/')
      : '';
  }
  get path() {
    const p = native.path(this.i);
    return this.d
      ? '/' +
          p
            .split('/')
            .slice(this.d + 1)
            .join('/')
      : p;
  }
  get url() {
    const u = native.url(this.i);
    return this.d ? this.path + (u.includes('?') ? u.slice(u.indexOf('?')) : '') : u;
  }
  get id() {
    return native.requestId(this.i);
  }
  get app() {
    return app;
  }
  get session() {
    return (this.s ??= native.session(this.i));
  }
  set session(v) {
    this.s = v ?? {};
  }
  get xhr() {
    return (this.get('x-requested-with') ?? '').toLowerCase() === 'xmlhttprequest';
  }
  get secure() {
    return this.protocol === 'https';
  }
  get(name) {
    name = String(name).toLowerCase();
    return native.header(this.i, name === 'referrer' ? 'referer' : name);
  }
  header(name) {
    return this.get(name);
  }
  param(name) {
    return this.params[name] ?? this.body?.[name] ?? this.query[name];
  }
  accepts(...types) {
    return accepts(this.get('accept'), list(types));
  }
  acceptsLanguages(...l) {
    return accepts(this.get('accept-language'), list(l));
  }
  is(...types) {
    const own = (this.get('content-type') ?? '').split(';')[0].trim().toLowerCase();
    return (
      (own &&
        list(types).find((t) => {
          const m = mime(t);
          return m === own || (m.endsWith('/*') && own.startsWith(m.slice(0, -1)));
        })) ||
      false
    );
  }
  flash(kind, text) {
    const all = (this.session._flash ??= {});
    if (text !== undefined) return (all[kind] ??= []).push(text);
    const out = kind === undefined ? all : (all[kind] ?? []);
    if (kind === undefined) delete this.session._flash;
    else delete all[kind];
    return out;
  }
  t(key, values) {
    return native.translate(this.i, key, values ?? {});
  }
  // What an error says, faults of fields in the visitor's language.
  say(e) {
    return native.say(this.i, String(e?.message ?? e), e?.errors);
  }
  bytes() {
    return native.bodyBytes(this.i);
  }
  text() {
    return native.bodyText(this.i);
  }
}
// Of few own properties an object is made faster.
Object.assign(Request.prototype, { d: 0, s: undefined });
// Who logged in, as the table of people says now; an application may put its own there.
lazy(Request.prototype, 'user', (r) => {
  const claim = r.session._user;
  return claim ? native.user(claim) : null;
});
lazy(Request.prototype, 'query', (r) => nest(native.query(r.i)));
lazy(Request.prototype, 'headers', (r) => native.headers(r.i));
lazy(Request.prototype, 'ip', (r) => native.peer(r.i));
lazy(Request.prototype, 'host', (r) => r.get('host') ?? '');
lazy(Request.prototype, 'hostname', (r) => r.host.replace(/:\d+$/, ''));
lazy(Request.prototype, 'protocol', (r) => native.protocol(r.i));
lazy(Request.prototype, 'cookies', (r) => {
  const out = {};
  for (const part of (r.get('cookie') ?? '').split(';')) {
    const at = part.indexOf('='),
      name = part.slice(0, at).trim();
    if (at < 1 || name === '__proto__' || name in out) continue;
    let value = part
      .slice(at + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
    try {
      value = decodeURIComponent(value);
    } catch {
      /* as it came */
    }
    out[name] = value;
  }
  return out;
});
lazy(Request.prototype, 'signedCookies', (r) => {
  const out = {};
  for (const [k, v] of Object.entries(r.cookies)) {
    const plain = v.startsWith('s:') ? native.unsign(v.slice(2)) : undefined;
    if (plain !== undefined) out[k] = plain;
  }
  return out;
});
// A file of a form; its content is read when it is wanted. What is not saved goes with the request.
class Upload {
  #i;
  #at;
  constructor(i, at, told) {
    Object.assign(this, told);
    this.#i = i;
    this.#at = at;
  }
  get bytes() {
    return native.uploadBytes(this.#i, this.#at);
  }
  get path() {
    return native.uploadPath(this.#i, this.#at);
  }
  save(name) {
    return native.keep(this.#i, this.#at, name === undefined ? undefined : String(name));
  }
  get fieldname() {
    return this.field;
  }
  get originalname() {
    return this.name;
  }
  get mimetype() {
    return this.type;
  }
  get buffer() {
    return this.bytes;
  }
}
lazy(Request.prototype, 'body', (r) => {
  const type = (r.get('content-type') ?? '').split(';')[0].trim().toLowerCase();
  if (type === 'application/json' || type.endsWith('+json')) {
    const text = native.bodyText(r.i);
    if (text === '') return {};
    try {
      const body = JSON.parse(text);
      return typeof body === 'object' && body !== null ? marked(body) : body;
    } catch (e) {
      throw fault(400, 'the body is not valid JSON: ' + e.message);
    }
  }
  if (type === 'application/x-www-form-urlencoded') return nest(native.form(r.i));
  if (type === 'multipart/form-data') {
    const m = native.multipart(r.i);
    put(
      r,
      'files',
      m.files.map((told, at) => new Upload(r.i, at, told))
    );
    return nest(m.fields);
  }
  if (type.startsWith('text/')) return native.bodyText(r.i);
  return native.bodyEmpty(r.i) ? {} : native.bodyBytes(r.i);
});
lazy(Request.prototype, 'files', (r) => {
  const own = Object.getOwnPropertyDescriptor(r, 'files');
  r.body;
  return Object.getOwnPropertyDescriptor(r, 'files')?.value ?? own?.value ?? [];
});
lazy(Request.prototype, 'file', (r) => r.files[0]);

const MIME = {
  html: 'text/html',
  json: 'application/json',
  text: 'text/plain',
  txt: 'text/plain',
  xml: 'application/xml',
  js: 'text/javascript',
  css: 'text/css',
  csv: 'text/csv',
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  svg: 'image/svg+xml',
  urlencoded: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  bin: 'application/octet-stream'
};
const mime = (t) => (t.includes('/') ? t : (MIME[t.replace(/^\./, '')] ?? 'application/octet-stream'));
const charset = (t) => (/^text\/|json$|javascript$|\/xml$/.test(t) ? t + '; charset=utf-8' : t);
const accepts = (header, offered) => {
  if (!offered.length)
    return (header ?? '')
      .split(',')
      .map((x) => x.split(';')[0].trim())
      .filter(Boolean);
  if (!header) return offered[0];
  let best = false,
    top = 0;
  const wanted = header.split(',', 64).map((x) => {
    const [t, ...p] = x.trim().split(';');
    const q = p.find((y) => y.trim().startsWith('q='));
    return [t.trim().toLowerCase(), q ? +q.trim().slice(2) : 1];
  });
  for (const o of offered) {
    const full = o.includes('/') ? o : (MIME[o] ?? o.toLowerCase());
    let q = 0,
      rank = 0;
    for (const [t, w] of wanted) {
      const r =
        t === full
          ? 3
          : t.endsWith('/*') && full.startsWith(t.slice(0, -1))
            ? 2
            : t === '*/*' || t === '*' || full.startsWith(t + '-')
              ? 1
              : 0;
      if (r > rank) {
        rank = r;
        q = w;
      }
    }
    if (q > top) {
      top = q;
      best = o;
    }
  }
  return best;
};
