// The original's conventions: a routes object, `resource users`, controllers as wApp.usersController with before
// filters.
(t) => {
  const { native, app, fault, handler } = t;
  const wApp = {};
  const bare = (p) => p.replace(/\.(json|html|js)$/, '');
  const SEVEN = [
    ['index', 'get', ''],
    ['new', 'get', '/new'],
    ['create', 'post', ''],
    ['show', 'get', '/:id'],
    ['edit', 'get', '/:id/edit'],
    ['update', 'put', '/:id'],
    ['update', 'patch', '/:id'],
    ['destroy', 'delete', '/:id']
  ];
  // `delete` and `destroy` are one action.
  const named = (name) => (['destroy', 'delete'].includes(name) ? ['destroy', 'delete'] : [name]);
  // Whether { only, except } mean this action.
  const chosen = (o, name) => {
    const has = (list) => named(name).some((n) => [list].flat().includes(n));
    return (!o.only || has(o.only)) && !(o.except && has(o.except));
  };
  // One action: before filters, then the action; what it returns is the answer unless it answered itself.
  const action = (target) => {
    const [controller, name] = String(target).split(/[#.]/);
    return async (req, res, next) => {
      const c = wApp[controller] ?? wApp[controller + 'Controller'];
      const act = named(name).map((n) => c?.[n]).find(Boolean);
      if (typeof act !== 'function')
        return next(fault(c ? 404 : 500, c ? `${controller} has no action ${name}` : `there is no wApp.${controller}`));
      const asked = req.format ?? /\.(json|html|js)$/.exec(req.path)?.[1];
      let format = asked;
      if (!format) {
        // The script tag of a page accepts anything; that it wants JSONP it says with `callback`.
        const script = req.query.callback !== undefined && !/text\/html/.test(req.get('accept'));
        format = !script && req.accepts('html', 'json') === 'html' ? 'html' : 'json';
        res.vary('Accept');
      }
      for (const k in req.params) if (typeof req.params[k] === 'string') req.params[k] = bare(req.params[k]);
      const params = {
        ...req.query,
        ...(typeof req.body === 'object' && !(req.body instanceof Uint8Array) ? req.body : {}),
        ...req.params
      };
      const self = Object.create(
        c,
        Object.fromEntries(
          Object.entries({
            params,
            req,
            res,
            request: req,
            response: res,
            format,
            action: name,
            session: undefined,
            redirect_to: (url) => res.redirect(typeof url === 'object' ? url.url : url),
            redirectTo: (url) => res.redirect(url),
            render: (view, values) =>
              typeof view === 'object' && view && 'json' in view
                ? send(view.json)
                : res.render(typeof view === 'string' ? view : viewOf(name), typeof view === 'string' ? values : view),
            head: (status) => res.sendStatus(status),
            flash: (k, v) => req.flash(k, v)
          }).map(([k, value]) => [k, { value, writable: true, enumerable: true, configurable: true }])
        )
      );
      Object.defineProperty(self, 'session', {
        get: () => req.session,
        set: (v) => {
          req.session = v;
        }
      });
      const folder = controller.replace(/Controller$/, ''),
        viewOf = (n) => `${folder}/${n}`;
      const send = (value) =>
        req.query.callback !== undefined && req.method === 'GET' ? res.jsonp(value) : res.json(value);
      for (const [filter, o] of filters(c)) {
        const f = typeof filter === 'function' ? filter : c[filter];
        if (o && !chosen(o, name)) continue;
        handler(f);
        if ((await f.call(self, params, req, res)) === false || res.headersSent) {
          if (!res.headersSent) res.sendStatus(403);
          return;
        }
      }
      const value = await act.call(self, params, req, res);
      if (res.headersSent) return;
      if (value === undefined && format === 'json') return res.sendStatus(204);
      // Who would rather have a page gets JSON where there is none.
      const page = () => asked || native.hasView(viewOf(name));
      if (format === 'html' && (value === undefined || (typeof value === 'object' && page())))
        return res.render(
          viewOf(name),
          value?.lazy ? { [folder]: value.all() } : Array.isArray(value) ? { [folder]: value } : (value ?? {})
        );
      return typeof value === 'string' && format !== 'json' ? res.send(value) : send(value);
    };
  };
  // before: { authenticate: { only: [...] } }, before: ['authenticate'], before: fn, before: { show: fn, all: fn }
  const filters = (c) => {
    const b = c.before;
    if (!b) return [];
    if (typeof b === 'function' || typeof b === 'string') return [[b]];
    if (Array.isArray(b)) return b.map((f) => [f]);
    return Object.entries(b).map(([k, v]) =>
      typeof v === 'function'
        ? [v, k === 'all' || k === '*' ? undefined : { only: k.split(/[\s,]+/) }]
        : [k, v === true ? undefined : Array.isArray(v) || typeof v === 'string' ? { only: v } : v]
    );
  };
  const resource = (name, o = {}) => {
    const base = '/' + (o.path ?? name).replace(/^\//, '');
    for (const [a, m, p] of SEVEN) {
      if (!chosen(o, a)) continue;
      const act = action(`${o.controller ?? name + 'Controller'}#${a}`);
      app[m](base + p, act);
      if (m === 'get' && p === '') for (const e of ['json', 'html']) app.get(`${base}.${e}`, act);
    }
  };
  // routes({ 'GET /users/:id': 'usersController#show', 'resource users': {} }) or routes("resource users")
  const routes = (table) => {
    if (typeof table === 'string')
      table = Object.fromEntries(
        table
          .split(/[\n;]/)
          .map((l) => l.trim())
          .filter(Boolean)
          .map((l) => {
            const m = /^(resources?\s+\S+)$|^(\S+\s+\S+)\s*(?:=>|:|\s)\s*(\S+)$/.exec(l);
            if (!m) throw new TypeError('no route: ' + l);
            return m[1] ? [m[1], {}] : [m[2], m[3]];
          })
      );
    for (const [key, target] of Object.entries(table)) {
      const r = /^resources?\s+(\S+)$/i.exec(key);
      if (r) {
        resource(r[1], typeof target === 'object' ? (target ?? {}) : {});
        continue;
      }
      const m = /^(?:(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|ALL|\*)\s+)?(\/\S*)$/i.exec(key.trim());
      if (!m) throw new TypeError(`"${key}" is no route; "GET /path" or "resource name" is`);
      const method = (m[1] ?? 'get').toLowerCase().replace('*', 'all'),
        act = typeof target === 'function' ? target : action(target);
      app[method](m[2], act);
      if (method === 'get' && !/[:*.]/.test(m[2].split('/').at(-1)) && m[2] !== '/')
        for (const e of ['json', 'html']) app.get(`${m[2]}.${e}`, act);
    }
  };
  Object.defineProperties(wApp, {
    routes: { get: () => routes, set: (v) => routes(v), enumerable: false },
    resource: { value: resource, enumerable: false }
  });
  app.routes = routes;
  return { wApp, routes };
};
