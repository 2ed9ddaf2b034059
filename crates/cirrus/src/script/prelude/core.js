// What every application sees: app, Router, requests, responses, timers, console. `native` is what Rust offers; it stays in here.
(native) => {
'use strict';
const g = globalThis, define = Object.defineProperty;
const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'all'];
const list = (x) => x.flat(Infinity);
const put = (o, k, value) => define(o, k, { value, writable: true, enumerable: true, configurable: true });
// A property that is made when it is first read, and may be assigned.
const lazy = (o, k, make) => define(o, k, {
  configurable: true, enumerable: true,
  get() { const v = make(this); put(this, k, v); return v; },
  set(v) { put(this, k, v); },
});
// Marks queries: `res.json(query)` sends rows without making objects of them.
const LAZY = Symbol('query');
const fault = (status, message, extra) => Object.assign(new Error(message), { status }, extra);

// a[b][]=1 becomes { a: { b: ['1'] } }
const nest = (pairs) => {
  const out = {};
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i], value = pairs[i + 1], open = name.indexOf('[');
    const keys = open > 0 && name.endsWith(']') ? [name.slice(0, open), ...name.slice(open + 1, -1).split('][')] : [name];
    if (keys.length > 6 || keys.includes('__proto__')) continue;
    let at = out;
    for (let k = 0; ; k++) {
      let key = keys[k];
      if (Array.isArray(at) && key === '') key = at.length;
      if (k === keys.length - 1) {
        if (Object.hasOwn(at, key)) { if (Array.isArray(at[key])) at[key].push(value); else at[key] = [at[key], value]; }
        else at[key] = value;
        break;
      }
      if (!Object.hasOwn(at, key) || typeof at[key] !== 'object') at[key] = keys[k + 1] === '' ? [] : {};
      at = at[key];
    }
  }
  return out;
};

// ---- requests
class Request {
  constructor(id) { this.i = id; this.d = 0; this.params = {}; this.s = undefined; }
  get method() { return native.method(this.i); }
  get originalUrl() { return native.url(this.i); }
  get baseUrl() { return this.d ? '/' + native.path(this.i).split('/').slice(1, this.d + 1).join('/') : ''; }
  get path() { const p = native.path(this.i); return this.d ? '/' + p.split('/').slice(this.d + 1).join('/') : p; }
  get url() { const u = native.url(this.i); return this.d ? this.path + (u.includes('?') ? u.slice(u.indexOf('?')) : '') : u; }
  get id() { return native.requestId(this.i); }
  get app() { return app; }
  get session() { return this.s ??= native.session(this.i); }
  set session(v) { this.s = v ?? {}; }
  get xhr() { return (this.get('x-requested-with') ?? '').toLowerCase() === 'xmlhttprequest'; }
  get secure() { return this.protocol === 'https'; }
  get(name) { name = String(name).toLowerCase(); return native.header(this.i, name === 'referrer' ? 'referer' : name); }
  header(name) { return this.get(name); }
  param(name) { return this.params[name] ?? this.body?.[name] ?? this.query[name]; }
  accepts(...types) { return accepts(this.get('accept'), list(types)); }
  acceptsLanguages(...l) { return accepts(this.get('accept-language'), list(l)); }
  is(...types) {
    const own = (this.get('content-type') ?? '').split(';')[0].trim().toLowerCase();
    return own && list(types).find((t) => { const m = mime(t); return m === own || (m.endsWith('/*') && own.startsWith(m.slice(0, -1))); }) || false;
  }
  flash(kind, text) {
    const all = this.session._flash ??= {};
    if (text !== undefined) return (all[kind] ??= []).push(text);
    const out = kind === undefined ? all : all[kind] ?? [];
    if (kind === undefined) delete this.session._flash; else delete all[kind];
    return out;
  }
  t(key, values) { return native.translate(this.i, key, values ?? {}); }
  bytes() { return native.bodyBytes(this.i); }
  text() { return native.bodyText(this.i); }
}
// Who logged in; an application may put its own there.
lazy(Request.prototype, 'user', (r) => r.session._user ?? null);
lazy(Request.prototype, 'query', (r) => nest(native.query(r.i)));
lazy(Request.prototype, 'headers', (r) => native.headers(r.i));
lazy(Request.prototype, 'ip', (r) => native.peer(r.i));
lazy(Request.prototype, 'host', (r) => r.get('host') ?? '');
lazy(Request.prototype, 'hostname', (r) => r.host.replace(/:\d+$/, ''));
lazy(Request.prototype, 'protocol', (r) => native.protocol(r.i));
lazy(Request.prototype, 'cookies', (r) => {
  const out = {};
  for (const part of (r.get('cookie') ?? '').split(';')) {
    const at = part.indexOf('='), name = part.slice(0, at).trim();
    if (at < 1 || name === '__proto__' || name in out) continue;
    let value = part.slice(at + 1).trim().replace(/^"(.*)"$/, '$1');
    try { value = decodeURIComponent(value); } catch { /* as it came */ }
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
lazy(Request.prototype, 'body', (r) => {
  const type = (r.get('content-type') ?? '').split(';')[0].trim().toLowerCase();
  if (type === 'application/json' || type.endsWith('+json')) {
    const text = native.bodyText(r.i);
    if (text === '') return {};
    try { return JSON.parse(text); } catch (e) { throw fault(400, 'the body is not valid JSON: ' + e.message); }
  }
  if (type === 'application/x-www-form-urlencoded') return nest(native.form(r.i));
  if (type === 'multipart/form-data') { const m = native.multipart(r.i); put(r, 'files', m.files); return nest(m.fields); }
  if (type.startsWith('text/')) return native.bodyText(r.i);
  return native.bodyEmpty(r.i) ? {} : native.bodyBytes(r.i);
});
lazy(Request.prototype, 'files', (r) => { const own = Object.getOwnPropertyDescriptor(r, 'files'); r.body; return Object.getOwnPropertyDescriptor(r, 'files')?.value ?? own?.value ?? []; });
lazy(Request.prototype, 'file', (r) => r.files[0]);

const MIME = { html: 'text/html', json: 'application/json', text: 'text/plain', txt: 'text/plain', xml: 'application/xml', js: 'text/javascript', css: 'text/css',
  csv: 'text/csv', pdf: 'application/pdf', png: 'image/png', jpg: 'image/jpeg', svg: 'image/svg+xml', urlencoded: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data', bin: 'application/octet-stream' };
const mime = (t) => t.includes('/') ? t : MIME[t.replace(/^\./, '')] ?? 'application/octet-stream';
const charset = (t) => /^text\/|json$|javascript$|\/xml$/.test(t) ? t + '; charset=utf-8' : t;
const accepts = (header, offered) => {
  if (!offered.length) return (header ?? '').split(',').map((x) => x.split(';')[0].trim()).filter(Boolean);
  if (!header) return offered[0];
  let best = false, top = 0;
  const wanted = header.split(',', 64).map((x) => { const [t, ...p] = x.trim().split(';'); const q = p.find((y) => y.trim().startsWith('q=')); return [t.trim().toLowerCase(), q ? +q.trim().slice(2) : 1]; });
  for (const o of offered) {
    const full = o.includes('/') ? o : MIME[o] ?? o.toLowerCase();
    let q = 0, rank = 0;
    for (const [t, w] of wanted) {
      const r = t === full ? 3 : t.endsWith('/*') && full.startsWith(t.slice(0, -1)) ? 2 : t === '*/*' || t === '*' || full.startsWith(t + '-') ? 1 : 0;
      if (r > rank) { rank = r; q = w; }
    }
    if (q > top) { top = q; best = o; }
  }
  return best;
};

// ---- responses
class Response {
  constructor(id, req) { this.i = id; this.req = req; this.statusCode = 200; this.h = undefined; this.headersSent = false; }
  get app() { return app; }
  get writableEnded() { return this.headersSent; }
  status(code) { this.statusCode = code; return this; }
  set(name, value) {
    if (typeof name === 'object') { for (const k in name) this.set(k, name[k]); return this; }
    (this.h ??= {})[String(name).toLowerCase()] = value; return this;
  }
  header(name, value) { return this.set(name, value); }
  setHeader(name, value) { return this.set(name, value); }
  get(name) { return this.h?.[String(name).toLowerCase()]; }
  getHeader(name) { return this.get(name); }
  removeHeader(name) { if (this.h) delete this.h[String(name).toLowerCase()]; return this; }
  append(name, value) { const old = this.get(name); return this.set(name, old === undefined ? value : [old, value].flat()); }
  type(t) { return this.set('content-type', charset(mime(t))); }
  contentType(t) { return this.type(t); }
  vary(f) { return this.append('vary', f); }
  location(url) { return this.set('location', url === 'back' ? this.req.get('referer') ?? '/' : encodeURI(String(url)).replace(/%25([0-9a-f]{2})/gi, '%$1')); }
  links(l) { return this.append('link', Object.entries(l).map(([rel, url]) => `<${url}>; rel="${rel}"`).join(', ')); }
  // Before an answer; it counts as sent when Rust took it, so that a failure on the way can still be answered.
  done() {
    if (this.headersSent) throw new Error('the response was already sent');
    if (this.req.s !== undefined) native.seal(this.i, this.req.s);
  }
  json(value) { this.done(); if (typeof value === 'object' && value !== null && value.lazy === LAZY) { native.jsonQuery(this.i, this.statusCode, this.h, value.q); } else native.json(this.i, this.statusCode, this.h, value); this.headersSent = true; return this; }
  jsonp(value) {
    const name = this.req.query.callback;
    if (typeof name !== 'string' || !/^[\w$.[\]]{1,128}$/.test(name)) return this.json(value);
    const text = (native.stringify(value) ?? 'null').replace(/[\u2028\u2029]/g, (c) => '\\u' + c.charCodeAt(0).toString(16));
    this.set('x-content-type-options', 'nosniff');
    return this.answer('text/javascript; charset=utf-8', `/**/ typeof ${name} === 'function' && ${name}(${text});`);
  }
  answer(type, body) { this.done(); native.answer(this.i, this.statusCode, this.h, type, body); this.headersSent = true; return this; }
  send(body) {
    if (typeof body === 'string') return this.answer('text/html; charset=utf-8', body);
    if (body === undefined || body === null) return this.answer(undefined, undefined);
    if (body instanceof Uint8Array || body instanceof ArrayBuffer) return this.answer('application/octet-stream', body);
    return this.json(body);
  }
  end(body) { return this.answer(undefined, body); }
  sendStatus(code) { this.statusCode = code; return this.answer('text/plain; charset=utf-8', native.reason(code)); }
  redirect(status, url) {
    if (url === undefined) { url = status; status = 302; }
    this.location(url).status(status);
    return this.answer('text/plain; charset=utf-8', 'Redirecting to ' + this.get('location'));
  }
  render(view, values, callback) {
    if (typeof values === 'function') { callback = values; values = undefined; }
    const all = { ...app.locals, ...this.locals, ...values };
    if (!('flash' in all) && this.req.s !== undefined) all.flash = this.req.s._flash;
    const html = native.render(this.i, String(view), all);
    if (callback) return callback(null, html);
    return this.answer('text/html; charset=utf-8', html);
  }
  cookie(name, value, o = {}) {
    value = typeof value === 'object' ? 'j:' + JSON.stringify(value) : String(value);
    if (o.signed) value = 's:' + native.sign(value);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new TypeError('a cookie cannot be called ' + name);
    let text = `${name}=${encodeURIComponent(value)}; Path=${o.path ?? '/'}`;
    if (o.maxAge !== undefined) text += '; Max-Age=' + Math.floor(o.maxAge / 1000);
    if (o.expires) text += '; Expires=' + o.expires.toUTCString();
    if (o.domain) text += '; Domain=' + o.domain;
    if (o.httpOnly !== false) text += '; HttpOnly';
    if (o.secure ?? this.req.secure) text += '; Secure';
    text += '; SameSite=' + (o.sameSite === true ? 'Strict' : String(o.sameSite || 'Lax'));
    return this.append('set-cookie', text);
  }
  clearCookie(name, o) { return this.cookie(name, '', { ...o, signed: false, maxAge: undefined, expires: new Date(0) }); }
  attachment(name) {
    if (name === undefined) return this.set('content-disposition', 'attachment');
    const plain = String(name).replace(/^.*[\\/]/, '');
    if (!this.get('content-type') && plain.includes('.')) this.type(plain.slice(plain.lastIndexOf('.') + 1).toLowerCase());
    return this.set('content-disposition', `attachment; filename="${plain.replace(/[^ -~]|["\\]/g, '_')}"; filename*=UTF-8''${encodeURIComponent(plain)}`);
  }
  sendFile(path, o) { this.done(); native.file(this.i, this.statusCode, this.h, String(path), o?.root === undefined ? '' : String(o.root)); this.headersSent = true; return this; }
  download(path, name, o) { this.attachment(name ?? path); return this.sendFile(path, o); }
  format(by) {
    const kinds = Object.keys(by).filter((k) => k !== 'default'), kind = this.req.accepts(kinds);
    this.vary('Accept');
    if (kind) { this.type(kind); return by[kind](this.req, this, this.req.next); }
    if (by.default) return by.default(this.req, this, this.req.next);
    throw fault(406, 'none of the forms of this answer is acceptable: ' + kinds.join(', '));
  }
}
lazy(Response.prototype, 'locals', () => ({}));

// ---- routers
let last = 0;
const slash = (base, path) => (base + '/' + path).replace(/\/+/g, '/');
const plain = (path) => path.split('/').every((s, i, all) => /^(:\w+\??|[^:*(){}[\]+?\\|]*)$/.test(s) || i === all.length - 1 && /^\*\w*$/.test(s));
const depth = (path) => path.split('/').filter(Boolean).length;
const regex = (path, end) => {
  const keys = [];
  let n = 0;
  const source = path.replace(/[.+^${}|\\]/g, '\\$&').replace(/\/?:(\w+)(\((?:\\\\.|[^()])*\))?(\?)?|\*(\w*)|\((.*?)\)/g, (all, name, sub, opt, star, group) => {
    if (name) { keys.push(name); const lead = all[0] === '/' ? '/' : ''; const part = sub ? sub.replace(/\\\\/g, '\\').replace(/\\([+|])/g, '$1') : '([^/]+?)'; return opt ? `(?:${lead}${part})?` : lead + part; }
    keys.push(star || String(n++));
    return group === undefined ? '(.*)' : `(${group.replace(/\\([+|])/g, '$1')})`;
  });
  return { re: new RegExp('^' + source + (end ? '/?$' : '(?=/|$)'), 'i'), keys };
};
const keysOf = (path) => { let n = 0; return path.split('/').filter((s) => s[0] === ':' || s[0] === '*').map((s) => s[0] === '*' ? s.slice(1) || String(n++) : s.slice(1).replace('?', '')); };
const handler = (fn) => { if (typeof fn !== 'function') throw new TypeError('a handler must be a function, not ' + (fn === null ? 'null' : typeof fn)); return fn; };
const early = () => { if (!native.loading()) throw new Error('routes are declared while app.js loads, not while requests are answered'); };

class RouterBase {
  use(path, ...fns) {
    early();
    if (typeof path === 'function' || Array.isArray(path) && typeof path[0] === 'function') { fns.unshift(path); path = '/'; }
    for (const p of [path].flat()) for (const fn of list(fns)) {
      if (fn.nothing) continue;
      if (typeof fn.native === 'string') this.native(fn.native, p, fn.options); else this.stack.push({ method: 'use', path: p, fn: handler(fn) });
    }
    return this;
  }
  on(method, path, fns) {
    early();
    const route = ++last;
    for (const p of [path].flat()) for (const fn of list(fns)) this.stack.push({ method, path: p, fn: handler(fn), route });
    return this;
  }
  param(name, fn) { early(); this.params[name] = handler(fn); return this; }
  route(path) { const chain = {}; for (const m of METHODS) chain[m] = (...fns) => { this.on(m, path, fns); return chain; }; return chain; }
  // Declares a part that Rust answers: kind, where, how.
  native(kind, path, options) { early(); this.stack.push({ method: 'use', path, kind, options: options ?? {} }); return this; }
  resource(name, options) { return this.native('resource', options?.path ?? '/' + name, { table: String(name), ...options }); }
}
for (const m of METHODS) RouterBase.prototype[m] = function (path, ...fns) {
  if (m === 'get' && !fns.length && this === app) return app.settings[path];
  return this.on(m, path, fns);
};
RouterBase.prototype.del = RouterBase.prototype.delete;
const Router = () => {
  const router = (req, res, next) => next();
  for (const k of Object.getOwnPropertyNames(RouterBase.prototype)) if (k !== 'constructor') router[k] = RouterBase.prototype[k];
  router.stack = []; router.params = {};
  return router;
};
const app = Router();
app.locals = {}; app.settings = {};
app.set = (k, v) => { if (v === undefined) return app.settings[k]; app.settings[k] = v; return app; };
app.enable = (k) => app.set(k, true); app.disable = (k) => app.set(k, false);
app.enabled = (k) => !!app.settings[k]; app.disabled = (k) => !app.settings[k];
app.listen = (...a) => { const f = a.find((x) => typeof x === 'function'); f?.(); return app; };
app.engine = () => app;
// Middleware that lets only people pass who are logged in, and who have one of these roles.
g.requireLogin = (req, res, next) => {
  if (req.user) return next();
  if (req.method === 'GET' && /text\/html/.test(req.get('accept'))) return res.redirect(303, (app.settings.login ?? '/login') + '?next=' + encodeURIComponent(req.originalUrl));
  next(fault(401, 'log in first'));
};
g.requireRole = (...roles) => (req, res, next) => requireLogin(req, res, (e) => e ? next(e) : roles.flat().includes(req.user.role) ? next() : next(fault(403, 'your role may not do this')));
app.cors = (options) => app.native('cors', '/', options);
app.static = (path, dir, options) => app.native('static', path, { directory: dir, ...options });
// Only these fields may be collected; `allow(req)` says from whom.
app.collect = (table, fields, options = {}) => {
  const path = '/_cirrus/collect/' + table;
  if (options.allow) app.use(path, (req, res, next) => options.allow(req) ? next() : next(fault(403, 'you may not store this')));
  return app.native('collect', path, { table, fields: [fields].flat() });
};
// Login, logout and /me at and below `path`; `[users]` of cirrus.toml says in which table.
app.users = (prefix = '') => {
  for (const verb of ['login', 'logout', 'me']) app.native('users', slash(prefix, '/' + verb), { prefix });
  return app;
};
app.events = (path, options) => app.native('events', path, typeof options === 'string' ? { table: options } : options);
const jobs = [];
const job = (kind, when, fn) => { if (!native.loading()) throw new Error('scheduled jobs are declared while app.js loads'); jobs.push(handler(fn)); native.job(kind, String(when)); };
app.cron = (when, fn) => { job('cron', when, fn); return app; };

// ---- from the tree of routers to one list
const layers = [];
const flatten = (router, base, inherited) => {
  const params = { ...inherited, ...router.params };
  const first = layers.length;
  for (const e of router.stack) {
    if (e.fn?.stack) { flatten(e.fn, slash(base, e.path), params); continue; }
    const use = e.method === 'use', whole = e.path instanceof RegExp || !plain(e.path);
    const full = whole ? base : slash(base, e.path);
    const own = whole ? (e.path instanceof RegExp ? { re: new RegExp(e.path.source, e.path.flags.replace(/[gy]/g, '')), keys: [] } : regex(e.path, !use)) : undefined;
    layers.push({ fn: e.fn, errors: e.fn?.length === 4, keys: keysOf(full), re: own?.re, more: own?.keys, depth: depth(use && !whole ? full : base), below: depth(base),
      route: e.route, first, params: Object.keys(params).length ? params : undefined, kind: e.kind });
    native.layer(use ? 'all' : e.method, full, use || whole, e.kind, e.options, layers.at(-1).errors);
  }
  for (let i = first; i < layers.length; i++) layers[i].exit ??= layers.length;
};
const seal = () => { flatten(app, '', {}); native.settings(app.settings); };

// ---- a request walks the list
const relative = (id, d) => '/' + native.path(id).split('/').slice(d + 1).join('/');
const walk = (req, res, pos, error, failed) => {
  for (;;) {
    pos = native.next(req.i, pos, failed);
    if (pos < 0) break;
    const l = layers[pos];
    if (l.kind !== undefined) { if (failed) { pos++; continue; } if (res.headersSent) return; finish(res); return native.fall(req.i, pos, res.h); }
    if (l.keys.length) { const v = native.params(req.i); req.params = {}; for (let i = 0; i < l.keys.length; i++) if (v[i] !== undefined) req.params[l.keys[i]] = v[i]; } else req.params = {};
    if (l.re) {
      const m = l.re.exec(relative(req.i, l.below));
      if (!m) { pos++; continue; }
      for (let i = 1; i < m.length; i++) if (m[i] !== undefined) req.params[l.more[i - 1] ?? i - 1] = native.decode(m[i]);
      Object.assign(req.params, m.groups);
    }
    req.d = l.depth;
    const at = pos;
    let called = false;
    const next = (e) => {
      if (called) return;
      called = true;
      if (e === 'route') { let p = at + 1; while (p < layers.length && layers[p].route === l.route && l.route) p++; return walk(req, res, p, undefined, false); }
      if (e === 'router') return walk(req, res, l.exit, undefined, false);
      if (e === undefined || e === null) return walk(req, res, at + 1, error, failed);
      return walk(req, res, at + 1, e, true);
    };
    req.next = next;
    try {
      const call = () => failed ? l.fn(error, req, res, next) : l.fn(req, res, next);
      const r = !failed && l.params ? before(l, req, res, call, next) : call();
      if (r !== undefined && r !== null && typeof r.then === 'function') r.then(undefined, (e) => next(e ?? new Error('rejected without a reason')));
      return;
    } catch (e) {
      if (called) { if (!res.headersSent) failure(req, res, e); else native.lost(req.i, describe(e)); return; }
      called = true; error = e; failed = true; pos = at + 1;
    }
  }
  if (res.headersSent) { if (failed) native.lost(req.i, describe(error)); return; }
  if (failed) failure(req, res, error); else { finish(res); native.fall(req.i, -1, res.h); }
};
const finish = (res) => { if (res.req.s !== undefined) native.seal(res.i, res.req.s); res.headersSent = true; };
// Handlers of app.param, each once per value, then the layer.
const before = (l, req, res, call, next) => {
  const names = Object.keys(req.params).filter((k) => l.params[k] && (req.seen ??= {})[k] !== req.params[k]);
  const step = (e) => {
    if (e !== undefined && e !== null) return next(e);
    const name = names.shift();
    if (name === undefined) { try { const r = call(); if (r && typeof r.then === 'function') return r.then(undefined, next); return; } catch (x) { return next(x); } }
    req.seen[name] = req.params[name];
    const r = l.params[name](req, res, step, req.params[name], name);
    if (r && typeof r.then === 'function') r.then(undefined, next);
  };
  step();
};
const describe = (e) => e instanceof Error ? `${e.name}: ${e.message}\n${e.stack ?? ''}` : 'thrown: ' + String(e);
const failure = (req, res, e) => {
  res.headersSent = true;
  const status = Number(e?.status ?? e?.statusCode);
  native.fail(req.i, status >= 400 && status < 600 ? status : 500, e instanceof Error ? e.message : String(e), describe(e), e?.errors);
};
const handle = (id, pos) => { const req = new Request(id), res = new Response(id, req); req.res = res; walk(req, res, pos, undefined, false); };

// ---- what waits: timers, fetch, jobs
const waiting = new Map();
const wait = (start) => new Promise((resolve, reject) => { waiting.set(start(), { resolve, reject }); });
const settle = (id, ok, value) => {
  const w = waiting.get(id);
  if (!w) return;
  if (!w.again) waiting.delete(id);
  if (w.fn) { try { const r = w.fn(...w.args); r?.then?.(undefined, (e) => native.log('error', describe(e))); } catch (e) { native.log('error', describe(e)); } return; }
  if (ok) w.resolve(value); else w.reject(new Error(value));
};
const timer = (fn, ms, args, again) => {
  handler(fn);
  ms = Math.max(again ? 1 : 0, Math.min(+ms || 0, 2147483647));
  if (native.loading()) { job(again ? 'every' : 'once', ms, () => fn(...args)); return -1; }
  const id = native.timer(ms, again);
  waiting.set(id, { fn, args, again });
  return id;
};
g.setTimeout = (fn, ms, ...args) => timer(fn, ms, args, false);
g.setInterval = (fn, ms, ...args) => timer(fn, ms, args, true);
g.clearTimeout = g.clearInterval = (id) => { if (waiting.delete(id)) native.clear(id); };
g.setImmediate = (fn, ...args) => timer(fn, 0, args, false);
g.queueMicrotask ??= (fn) => { Promise.resolve().then(fn); };
const run = (index, id) => {
  const end = (e) => native.jobDone(id, e === undefined ? undefined : describe(e));
  try { const r = jobs[index](); if (r && typeof r.then === 'function') r.then(() => end(), (e) => end(e ?? new Error('rejected'))); else end(); } catch (e) { end(e); }
};

// ---- globals
const show = (x) => typeof x === 'string' ? x : x instanceof Error ? describe(x) : typeof x === 'object' && x !== null ? native.stringify(x) ?? String(x) : String(x);
const say = (level) => (...args) => { let i = 0; let text = args; if (typeof args[0] === 'string' && args[0].includes('%')) { const rest = args.slice(1); text = [args[0].replace(/%[sdifoOj%]/g, (m) => m === '%%' ? '%' : rest.length ? (m === '%d' || m === '%i' ? String(Number(rest.shift())) : show(rest.shift())) : m), ...rest]; } native.log(level, text.map((x) => { try { return show(x); } catch (e) { return '[' + e.message + ']'; } }).join(' ')); };
g.console = { log: say('info'), info: say('info'), warn: say('warn'), error: say('error'), debug: say('debug'), trace: say('debug'), assert: (ok, ...a) => { if (!ok) g.console.error('assertion failed', ...a); }, time() {}, timeEnd() {} };
const express = Object.assign((...a) => (express.made ? Router() : (express.made = true, app)), {
  Router, json: () => Object.assign(() => {}, { nothing: true }), urlencoded: () => Object.assign(() => {}, { nothing: true }),
  text: () => Object.assign(() => {}, { nothing: true }), raw: () => Object.assign(() => {}, { nothing: true }),
  static: (directory, options) => Object.assign(() => {}, { native: 'static', options: { directory, ...options } }),
});
express.default = express;
Object.assign(g, { app, Router, express, global: g });
for (const [file, names] of Object.entries({
  web: ['URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'btoa', 'atob', 'crypto', 'structuredClone', 'AbortController', 'AbortSignal'],
  fetch: ['fetch', 'Headers', 'mail'], decimal: ['Decimal'], db: ['db', 'reject'], wapp: ['wApp', 'routes'],
})) for (const name of names) if (!(name in g)) define(g, name, {
  configurable: true, enumerable: false,
  get() { load(file); return g[name]; },
  set(v) { put(g, name, v); },
});
const tools = { native, app, LAZY, put, lazy, fault, wait, handler, list, mime, nest, describe, Request, Response };
const loaded = new Set();
const load = (file) => {
  if (loaded.has(file)) return;
  loaded.add(file);
  const made = native.prelude(file)(tools);
  for (const k in made) put(g, k, made[k]);
};
tools.load = load;
return { handle, seal, settle, run, trigger: (...args) => tools.trigger?.(...args) };
}
