// Globals.
const show = (x) =>
  typeof x === 'string'
    ? x
    : x instanceof Error
      ? describe(x)
      : typeof x === 'object' && x !== null
        ? (native.stringify(x) ?? String(x))
        : String(x);
const say =
  (level) =>
  (...args) => {
    let i = 0;
    let text = args;
    if (typeof args[0] === 'string' && args[0].includes('%')) {
      const rest = args.slice(1);
      text = [
        args[0].replace(/%[sdifoOj%]/g, (m) =>
          m === '%%'
            ? '%'
            : rest.length
              ? m === '%d' || m === '%i'
                ? String(Number(rest.shift()))
                : show(rest.shift())
              : m
        ),
        ...rest
      ];
    }
    native.log(
      level,
      text
        .map((x) => {
          try {
            return show(x);
          } catch (e) {
            return '[' + e.message + ']';
          }
        })
        .join(' ')
    );
  };
g.console = {
  log: say('info'),
  info: say('info'),
  warn: say('warn'),
  error: say('error'),
  debug: say('debug'),
  trace: say('debug'),
  assert: (ok, ...a) => {
    if (!ok) g.console.error('assertion failed', ...a);
  },
  time() {},
  timeEnd() {}
};
const express = Object.assign((...a) => (express.made ? Router() : ((express.made = true), app)), {
  Router,
  json: () => Object.assign(() => {}, { nothing: true }),
  urlencoded: () => Object.assign(() => {}, { nothing: true }),
  text: () => Object.assign(() => {}, { nothing: true }),
  raw: () => Object.assign(() => {}, { nothing: true }),
  static: (directory, options) => Object.assign(() => {}, { native: 'static', options: { directory, ...options } })
});
express.default = express;
Object.assign(g, { app, Router, express, global: g });
for (const [file, names] of Object.entries({
  web: [
    'URL',
    'URLSearchParams',
    'TextEncoder',
    'TextDecoder',
    'btoa',
    'atob',
    'crypto',
    'structuredClone',
    'AbortController',
    'AbortSignal'
  ],
  fetch: ['fetch', 'Headers', 'mail'],
  decimal: ['Decimal'],
  db: ['db', 'reject', 'users'],
  wapp: ['wApp', 'routes']
}))
  for (const name of names)
    if (!(name in g))
      define(g, name, {
        configurable: true,
        enumerable: false,
        get() {
          load(file);
          return g[name];
        },
        set(v) {
          put(g, name, v);
        }
      });
put(g, 'uploads', { delete: (path) => native.forget(String(path)) });
const tools = { native, app, LAZY, put, lazy, fault, wait, handler, list, mime, nest, sent, describe, Request, Response };
const loaded = new Set();
const load = (file) => {
  if (loaded.has(file)) return;
  const made = native.prelude(file)(tools);
  for (const k in made) put(g, k, made[k]);
  // Only now: an interrupt may have struck before.
  loaded.add(file);
};
tools.load = load;
return { handle, seal, settle, run, trigger: (...args) => tools.trigger?.(...args) };
