// fetch and mail: what leaves the application. Rust sends it, within limits of time, size and number.
(t) => {
  const { native, wait, mime } = t;
  class Headers {
    #m = new Map();
    constructor(init) {
      if (init)
        for (const [k, v] of typeof init[Symbol.iterator] === 'function' ? init : Object.entries(init))
          this.append(k, v);
    }
    append(k, v) {
      k = String(k).toLowerCase();
      this.#m.set(k, this.#m.has(k) ? this.#m.get(k) + ', ' + v : String(v));
    }
    set(k, v) {
      this.#m.set(String(k).toLowerCase(), String(v));
    }
    get(k) {
      return this.#m.get(String(k).toLowerCase()) ?? null;
    }
    has(k) {
      return this.#m.has(String(k).toLowerCase());
    }
    delete(k) {
      this.#m.delete(String(k).toLowerCase());
    }
    forEach(f) {
      for (const [k, v] of this.#m) f(v, k, this);
    }
    entries() {
      return this.#m.entries();
    }
    keys() {
      return this.#m.keys();
    }
    values() {
      return this.#m.values();
    }
    [Symbol.iterator]() {
      return this.#m.entries();
    }
  }
  class FetchResponse {
    #body;
    constructor(r, asked) {
      this.status = r.status;
      this.ok = r.status >= 200 && r.status < 300;
      this.statusText = native.reason(r.status);
      this.url = r.url;
      this.redirected = r.url !== asked;
      this.#body = r.body;
      this.headers = new Headers();
      for (let i = 0; i < r.headers.length; i += 2) this.headers.append(r.headers[i], r.headers[i + 1]);
    }
    async text() {
      return native.fromUtf8(this.#body);
    }
    async json() {
      return JSON.parse(native.fromUtf8(this.#body));
    }
    async bytes() {
      return this.#body;
    }
    async arrayBuffer() {
      return this.#body.buffer;
    }
  }
  const fetch = async (input, o = {}) => {
    const url = String(input?.url ?? input),
      headers = new Headers(o.headers);
    if (!/^https?:\/\//i.test(url)) throw new TypeError('fetch takes http:// and https:// addresses, not ' + url);
    let body = o.body;
    if (body instanceof URLSearchParams) {
      body = body.toString();
      if (!headers.has('content-type')) headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8');
    } else if (typeof body === 'string' && !headers.has('content-type'))
      headers.set('content-type', 'text/plain;charset=UTF-8');
    if (!headers.has('user-agent')) headers.set('user-agent', 'cirrus');
    if (!headers.has('accept')) headers.set('accept', '*/*');
    o.signal?.throwIfAborted?.();
    const answer = wait(() =>
      native.fetch({
        url: new URL(url).href.replace(/#.*$/, ''),
        method: String(o.method ?? 'GET').toUpperCase(),
        headers: [...headers].flat(),
        body,
        timeout: o.timeout ?? o.signal?.timeout,
        follow: o.redirect !== 'manual'
      })
    );
    const aborted =
      o.signal?.addEventListener &&
      new Promise((_, no) => o.signal.addEventListener('abort', () => no(o.signal.reason)));
    return new FetchResponse(await (aborted ? Promise.race([answer, aborted]) : answer), url);
  };
  const all = (x) => (x === undefined || x === null ? [] : [x].flat().map(String));
  const mail = { send: (m) => wait(() => native.mail({ ...m, to: all(m.to), cc: all(m.cc) })) };
  return { fetch, Headers, mail };
};
