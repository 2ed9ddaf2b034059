// From the tree of routers to one list.
const layers = [];
const flatten = (router, base, inherited) => {
  const params = { ...inherited, ...router.params };
  const first = layers.length;
  for (const e of router.stack) {
    if (e.fn?.stack) {
      flatten(e.fn, slash(base, e.path), params);
      continue;
    }
    if (e.kind === 'cors') {
      native.declare('cors', slash(base, e.path), e.options);
      continue;
    }
    const use = e.method === 'use',
      whole = e.path instanceof RegExp || !plain(e.path);
    const full = whole ? base : slash(base, e.path);
    const own = whole
      ? e.path instanceof RegExp
        ? { re: new RegExp(e.path.source, e.path.flags.replace(/[gy]/g, '')), keys: [] }
        : regex(e.path, !use)
      : undefined;
    layers.push({
      fn: e.fn,
      errors: e.fn?.length === 4,
      keys: keysOf(full),
      re: own?.re,
      more: own?.keys,
      depth: depth(use && !whole ? full : base),
      below: depth(base),
      route: e.route,
      first,
      params: Object.keys(params).length ? params : undefined,
      kind: e.kind
    });
    native.layer(use ? 'all' : e.method, full, use || whole, e.kind, e.options, layers.at(-1).errors);
  }
  for (let i = first; i < layers.length; i++) layers[i].exit ??= layers.length;
};
const seal = () => {
  flatten(app, '', {});
  native.settings(app.settings);
};

// A request walks the list.
const relative = (id, d) =>
  '/' +
  native
    .path(id)
    .split('/')
    .slice(d + 1)
    .join('/');
const walk = (req, res, pos, error, failed, reached) => {
  for (;;) {
    if (reached) reached = false;
    else {
      pos = native.next(req.i, pos, failed);
      if (pos < 0) break;
    }
    const l = layers[pos];
    if (l.kind !== undefined) {
      if (failed) {
        pos++;
        continue;
      }
      if (res.headersSent) return;
      finish(res);
      return native.fall(req.i, pos, res.h);
    }
    const params = (req.params = {});
    for (let i = 0; i < l.keys.length; i++) {
      const v = native.param(req.i, i);
      if (v !== undefined) params[l.keys[i]] = v;
    }
    if (l.re) {
      const m = l.re.exec(relative(req.i, l.below));
      if (!m) {
        pos++;
        continue;
      }
      for (let i = 1; i < m.length; i++)
        if (m[i] !== undefined) params[l.more[i - 1] ?? i - 1] = native.decode(m[i]);
      Object.assign(params, m.groups);
    }
    if (req.d !== l.depth) req.d = l.depth;
    const at = pos;
    let called = false;
    const next = (e) => {
      if (called) return;
      called = true;
      if (e === 'route') {
        let p = at + 1;
        while (p < layers.length && layers[p].route === l.route && l.route) p++;
        return walk(req, res, p, undefined, false);
      }
      if (e === 'router') return walk(req, res, l.exit, undefined, false);
      if (e === undefined || e === null) return walk(req, res, at + 1, error, failed);
      return walk(req, res, at + 1, e, true);
    };
    req.next = next;
    try {
      const r = failed
        ? l.fn(error, req, res, next)
        : l.params
          ? before(l, req, res, () => l.fn(req, res, next), next)
          : l.fn(req, res, next);
      if (r !== undefined && r !== null && typeof r.then === 'function')
        r.then(undefined, (e) => next(e ?? new Error('rejected without a reason')));
      return;
    } catch (e) {
      if (called) {
        if (!res.headersSent) failure(req, res, e);
        else native.lost(req.i, describe(e));
        return;
      }
      called = true;
      error = e;
      failed = true;
      pos = at + 1;
    }
  }
  if (res.headersSent) {
    if (failed) native.lost(req.i, describe(error));
    return;
  }
  if (failed) failure(req, res, error);
  else {
    finish(res);
    native.fall(req.i, -1, res.h);
  }
};
const finish = (res) => {
  if (res.req.s !== undefined) native.seal(res.i, res.req.s);
  res.headersSent = true;
};
// Handlers of app.param, each once per value, then the layer.
const before = (l, req, res, call, next) => {
  const names = Object.keys(req.params).filter((k) => l.params[k] && (req.seen ??= {})[k] !== req.params[k]);
  const step = (e) => {
    if (e !== undefined && e !== null) return next(e);
    const name = names.shift();
    if (name === undefined) {
      try {
        const r = call();
        if (r && typeof r.then === 'function') return r.then(undefined, next);
        return;
      } catch (x) {
        return next(x);
      }
    }
    req.seen[name] = req.params[name];
    const r = l.params[name](req, res, step, req.params[name], name);
    if (r && typeof r.then === 'function') r.then(undefined, next);
  };
  step();
};
const describe = (e) => (e instanceof Error ? `${e.name}: ${e.message}\n${e.stack ?? ''}` : 'thrown: ' + String(e));
const failure = (req, res, e) => {
  res.headersSent = true;
  const status = Number(e?.status ?? e?.statusCode);
  native.fail(
    req.i,
    status >= 400 && status < 600 ? status : 500,
    e instanceof Error ? e.message : String(e),
    describe(e),
    e?.errors
  );
};
// Rust has found the first layer.
const handle = (id, pos) => {
  const req = new Request(id),
    res = new Response(id, req);
  req.res = res;
  walk(req, res, pos, undefined, false, true);
  // Out of the circle they go at once, and need no garbage collector.
  if (res.headersSent) req.res = req.next = undefined;
};
