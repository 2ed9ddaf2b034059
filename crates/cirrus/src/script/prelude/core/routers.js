// Routers.
let last = 0;
const slash = (base, path) => (base + '/' + path).replace(/\/+/g, '/');
const plain = (path) =>
  path
    .split('/')
    .every((s, i, all) => /^(:\w+\??|[^:*(){}[\]+?\\|]*)$/.test(s) || (i === all.length - 1 && /^\*\w*$/.test(s)));
const depth = (path) => path.split('/').filter(Boolean).length;
const regex = (path, end) => {
  const keys = [];
  let n = 0;
  const source = path
    .replace(/[.+^${}|\\]/g, '\\$&')
    .replace(/\/?:(\w+)(\((?:\\\\.|[^()])*\))?(\?)?|\*(\w*)|\((.*?)\)/g, (all, name, sub, opt, star, group) => {
      if (name) {
        keys.push(name);
        const lead = all[0] === '/' ? '/' : '';
        const part = sub ? sub.replace(/\\\\/g, '\\').replace(/\\([+|])/g, '$1') : '([^/]+?)';
        return opt ? `(?:${lead}${part})?` : lead + part;
      }
      keys.push(star || String(n++));
      return group === undefined ? '(.*)' : `(${group.replace(/\\([+|])/g, '$1')})`;
    });
  return { re: new RegExp('^' + source + (end ? '/?$' : '(?=/|$)'), 'i'), keys };
};
const keysOf = (path) => {
  let n = 0;
  return path
    .split('/')
    .filter((s) => s[0] === ':' || s[0] === '*')
    .map((s) => (s[0] === '*' ? s.slice(1) || String(n++) : s.slice(1).replace('?', '')));
};
const handler = (fn) => {
  if (typeof fn !== 'function')
    throw new TypeError('a handler must be a function, not ' + (fn === null ? 'null' : typeof fn));
  return fn;
};
const early = () => {
  if (!native.loading()) throw new Error('routes are declared while app.js loads, not while requests are answered');
};

class RouterBase {
  use(path, ...fns) {
    early();
    if (typeof path === 'function' || (Array.isArray(path) && typeof path[0] === 'function')) {
      fns.unshift(path);
      path = '/';
    }
    for (const p of [path].flat())
      for (const fn of list(fns)) {
        if (fn.nothing) continue;
        if (typeof fn.native === 'string') this.native(fn.native, p, fn.options);
        else this.stack.push({ method: 'use', path: p, fn: handler(fn) });
      }
    return this;
  }
  on(method, path, fns) {
    early();
    const route = ++last;
    for (const p of [path].flat())
      for (const fn of list(fns)) this.stack.push({ method, path: p, fn: handler(fn), route });
    return this;
  }
  param(name, fn) {
    early();
    this.params[name] = handler(fn);
    return this;
  }
  route(path) {
    const chain = {};
    for (const m of METHODS)
      chain[m] = (...fns) => {
        this.on(m, path, fns);
        return chain;
      };
    return chain;
  }
  // Declares a part that Rust answers: kind, where, how.
  native(kind, path, options) {
    early();
    this.stack.push({ method: 'use', path, kind, options: options ?? {} });
    return this;
  }
  // What pages of other origins may do at and below a path: `cors('/api', { origin: 'https://example.com' })`.
  cors(path, options) {
    if (typeof path !== 'string') [path, options] = ['/', path];
    return this.native('cors', path, options);
  }
  resource(name, options) {
    const told = { table: String(name), ...options };
    // A function would be lost on its way to Rust, which knows no option that is one: as a text it is refused.
    for (const k in told) if (typeof told[k] === 'function') told[k] = 'a function';
    return this.native('resource', told.path ?? '/' + name, told);
  }
}
for (const m of METHODS)
  RouterBase.prototype[m] = function (path, ...fns) {
    if (m === 'get' && !fns.length && this === app) return app.settings[path];
    return this.on(m, path, fns);
  };
RouterBase.prototype.del = RouterBase.prototype.delete;
const Router = () => {
  const router = (req, res, next) => next();
  for (const k of Object.getOwnPropertyNames(RouterBase.prototype))
    if (k !== 'constructor') router[k] = RouterBase.prototype[k];
  router.stack = [];
  router.params = {};
  return router;
};
const app = Router();
app.locals = {};
app.settings = {};
app.set = (k, v) => {
  if (v === undefined) return app.settings[k];
  app.settings[k] = v;
  return app;
};
app.enable = (k) => app.set(k, true);
app.disable = (k) => app.set(k, false);
app.enabled = (k) => !!app.settings[k];
app.disabled = (k) => !app.settings[k];
app.listen = (...a) => {
  const f = a.find((x) => typeof x === 'function');
  f?.();
  return app;
};
app.engine = () => app;
// Middleware that lets only people pass who are logged in, and who have one of these roles.
g.requireLogin = (req, res, next) => {
  if (req.user) return next();
  if (req.method === 'GET' && /text\/html/.test(req.get('accept')))
    return res.redirect(303, (app.settings.login ?? '/login') + '?next=' + encodeURIComponent(req.originalUrl));
  next(fault(401, 'log in first'));
};
g.requireRole =
  (...roles) =>
  (req, res, next) =>
    requireLogin(req, res, (e) =>
      e ? next(e) : roles.flat().includes(req.user.role) ? next() : next(fault(403, 'your role may not do this'))
    );
// `/openapi.json` is for everybody unless this is said.
app.openapi = (shown = true) => app.set('openapi', shown);
app.static = (path, dir, options) => app.native('static', path, { directory: dir, ...options });
// Only these fields may be collected; `allow(req)` says from whom.
app.collect = (table, fields, options = {}) => {
  const path = '/_cirrus/collect/' + table;
  for (const k in options) if (k !== 'allow') throw new TypeError(`collect has no option "${k}"; there is allow`);
  if (options.allow)
    app.use(path, (req, res, next) => (options.allow(req) ? next() : next(fault(403, 'you may not store this'))));
  return app.native('collect', path, { table, fields: [fields].flat() });
};
// Login, logout and /me at and below `path`; `[users]` of cirrus.toml says in which table.
app.users = (prefix = '') => {
  for (const verb of ['login', 'logout', 'me']) app.native('users', slash(prefix, '/' + verb), { prefix });
  return app;
};
app.events = (path, options) =>
  app.native('events', path, typeof options === 'string' ? { table: options } : options);
const jobs = [];
const job = (kind, when, fn) => {
  if (!native.loading()) throw new Error('scheduled jobs are declared while app.js loads');
  jobs.push(handler(fn));
  native.job(kind, String(when));
};
app.cron = (when, fn) => {
  job('cron', when, fn);
  return app;
};
