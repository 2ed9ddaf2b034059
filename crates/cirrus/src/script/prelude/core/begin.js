// The beginning of `core`: what every application sees. `native` is what Rust offers; it stays in here.
// Each thread has a runtime of its own, so variables of modules are not shared by all requests: what must be remembered
// belongs in a table or in the session, unless cirrus.toml says `[script] inline = false` (one single runtime).
const g = globalThis,
  define = Object.defineProperty;
const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'all'];
const list = (x) => x.flat(Infinity);
const put = native.put;
// A property that is made when it is first read, and may be assigned.
const lazy = (o, k, make) =>
  define(o, k, {
    configurable: true,
    enumerable: true,
    get() {
      const v = make(this);
      put(this, k, v);
      return v;
    },
    set(v) {
      put(this, k, v);
    }
  });
// QuickJS never gives back an object that was the limit, and then cannot end: numbers only.
const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
define(Error, 'stackTraceLimit', { ...limit, set: (n) => limit.set.call(Error, +n), configurable: false });
// Marks queries: `res.json(query)` sends rows without making objects of them.
const LAZY = Symbol('query');
const fault = (status, message, extra) => Object.assign(new Error(message), { status }, extra);

// Objects within what a visitor sent: where a value belongs they would be a condition of his own, `{ ne: '' }`.
const sent = new WeakSet();
const marked = (o) => {
  for (const v of Object.values(o))
    if (typeof v === 'object' && v !== null) {
      if (!Array.isArray(v)) sent.add(v);
      marked(v);
    }
  return o;
};

// a[b][]=1 becomes { a: { b: ['1'] } }
const nest = (pairs) => {
  const out = {};
  let nested = false;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i],
      value = pairs[i + 1],
      open = name.indexOf('[');
    if (open < 1 && name !== '__proto__' && !Object.hasOwn(out, name)) {
      out[name] = value;
      continue;
    }
    const keys =
      open > 0 && name.endsWith(']') ? [name.slice(0, open), ...name.slice(open + 1, -1).split('][')] : [name];
    if (keys.length > 6 || keys.includes('__proto__')) continue;
    let at = out;
    for (let k = 0; ; k++) {
      let key = keys[k];
      if (Array.isArray(at) && key === '') key = at.length;
      if (k === keys.length - 1) {
        if (Object.hasOwn(at, key)) {
          if (Array.isArray(at[key])) at[key].push(value);
          else at[key] = [at[key], value];
        } else at[key] = value;
        break;
      }
      if (!Object.hasOwn(at, key) || typeof at[key] !== 'object') at[key] = keys[k + 1] === '' ? [] : {};
      nested = true;
      at = at[key];
    }
  }
  return nested ? marked(out) : out;
};
