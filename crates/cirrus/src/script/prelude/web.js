// The parts of the web platform that authors expect: addresses, text, base64, random numbers, aborting.
(t) => {
  const { native } = t;
  const enc = (s) =>
    encodeURIComponent(s)
      .replace(/%20/g, '+')
      .replace(/[!'()~]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
  const dec = (s) => native.decode(s.replace(/\+/g, ' '));
  class URLSearchParams {
    #list = [];
    #told;
    constructor(init = '', told) {
      this.#told = told;
      if (typeof init === 'string')
        for (const p of init.replace(/^\?/, '').split('&')) {
          if (!p) continue;
          const at = p.indexOf('=');
          this.#list.push(at < 0 ? [dec(p), ''] : [dec(p.slice(0, at)), dec(p.slice(at + 1))]);
        }
      else if (init && typeof init[Symbol.iterator] === 'function')
        for (const [k, v] of init) this.#list.push([String(k), String(v)]);
      else for (const k of Object.keys(init ?? {})) this.#list.push([k, String(init[k])]);
    }
    #tell() {
      this.#told?.(this.toString());
    }
    get size() {
      return this.#list.length;
    }
    append(k, v) {
      this.#list.push([String(k), String(v)]);
      this.#tell();
    }
    delete(k) {
      this.#list = this.#list.filter((e) => e[0] !== k);
      this.#tell();
    }
    get(k) {
      return this.#list.find((e) => e[0] === k)?.[1] ?? null;
    }
    getAll(k) {
      return this.#list.filter((e) => e[0] === k).map((e) => e[1]);
    }
    has(k) {
      return this.#list.some((e) => e[0] === k);
    }
    set(k, v) {
      const at = this.#list.findIndex((e) => e[0] === k);
      if (at < 0) this.#list.push([String(k), String(v)]);
      else {
        this.#list[at][1] = String(v);
        this.#list = this.#list.filter((e, i) => i <= at || e[0] !== k);
      }
      this.#tell();
    }
    sort() {
      this.#list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
      this.#tell();
    }
    forEach(f) {
      for (const [k, v] of this.#list) f(v, k, this);
    }
    *entries() {
      yield* this.#list.map((e) => [...e]);
    }
    *keys() {
      for (const e of this.#list) yield e[0];
    }
    *values() {
      for (const e of this.#list) yield e[1];
    }
    [Symbol.iterator]() {
      return this.entries();
    }
    toString() {
      return this.#list.map((e) => enc(e[0]) + '=' + enc(e[1])).join('&');
    }
  }
  const PORTS = { 'http:': '80', 'https:': '443', 'ftp:': '21', 'ws:': '80', 'wss:': '443' };
  const safe = (s) => s.replace(/[^!-~]|["<>`{}^|\\]/gu, (c) => encodeURIComponent(c));
  class URL {
    constructor(url, base) {
      url = String(url)
        .trim()
        .replace(/[\t\n\r]/g, '');
      let m = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url);
      if (!m) {
        if (base === undefined) throw new TypeError('Invalid URL: ' + url);
        const b = new URL(base),
          root = b.href.slice(0, b.href.length - (b.pathname + b.search + b.hash).length);
        if (url.startsWith('//')) url = b.protocol + url;
        else if (url.startsWith('/')) url = root + url;
        else if (url.startsWith('?')) url = root + b.pathname + url;
        else if (url.startsWith('#') || url === '') url = root + b.pathname + b.search + url;
        else url = root + b.pathname.replace(/[^/]*$/, '') + url;
        m = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url);
      }
      this.protocol = m[1].toLowerCase() + ':';
      const special = this.protocol in PORTS;
      const p = /^(?:[/\\]{2}(?:([^/?#@\\]*)@)?([^/?#\\]*))?([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(m[2]);
      if (!p || (special && !p[2])) throw new TypeError('Invalid URL: ' + url);
      const [user = '', ...pass] = (p[1] ?? '').split(':');
      this.username = user;
      this.password = pass.join(':');
      const h = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(?::(\d*))?$/i.exec(p[2] ?? '');
      if (!h || +h[2] > 65535 || /[\s<>^|%]/.test(h[1])) throw new TypeError('Invalid URL: ' + url);
      this.hostname = h[1].toLowerCase();
      this.port = h[2] && h[2] !== PORTS[this.protocol] ? String(+h[2]) : '';
      let path = p[3];
      if (special) {
        const out = [],
          parts = path.replace(/\\/g, '/').replace(/^\//, '').split('/');
        parts.forEach((s, i) => {
          if (s === '..' || /^(\.|%2e){2}$/i.test(s)) {
            out.pop();
            if (i === parts.length - 1) out.push('');
          } else if (s === '.' || /^%2e$/i.test(s)) {
            if (i === parts.length - 1) out.push('');
          } else out.push(s);
        });
        path = '/' + out.join('/');
      }
      this.pathname = safe(path);
      this.hash = !p[5] || p[5] === '#' ? '' : safe(p[5]);
      let search = !p[4] || p[4] === '?' ? '' : safe(p[4]).replace(/'/g, '%27'),
        params;
      Object.defineProperty(this, 'search', {
        enumerable: true,
        get: () => search,
        set: (v) => {
          v = String(v);
          search = v && v !== '?' ? '?' + safe(v.replace(/^\?/, '')) : '';
          params = undefined;
        }
      });
      Object.defineProperty(this, 'searchParams', {
        enumerable: true,
        get: () =>
          (params ??= new URLSearchParams(search, (s) => {
            search = s ? '?' + s : '';
          }))
      });
    }
    get host() {
      return this.hostname + (this.port && ':' + this.port);
    }
    get origin() {
      return this.protocol in PORTS ? this.protocol + '//' + this.host : 'null';
    }
    get href() {
      const auth = this.username ? this.username + (this.password && ':' + this.password) + '@' : '';
      return (
        this.protocol +
        (this.hostname || this.protocol in PORTS ? '//' + auth + this.host : '') +
        this.pathname +
        this.search +
        this.hash
      );
    }
    toString() {
      return this.href;
    }
    toJSON() {
      return this.href;
    }
    static canParse(u, b) {
      try {
        new URL(u, b);
        return true;
      } catch {
        return false;
      }
    }
  }
  class TextEncoder {
    get encoding() {
      return 'utf-8';
    }
    encode(s = '') {
      return native.utf8(String(s).toWellFormed());
    }
  }
  class TextDecoder {
    get encoding() {
      return 'utf-8';
    }
    decode(b) {
      return b === undefined
        ? ''
        : native
            .fromUtf8(
              b instanceof ArrayBuffer || b instanceof Uint8Array
                ? b
                : new Uint8Array(b.buffer, b.byteOffset, b.byteLength)
            )
            .replace(/^\ufeff/, '');
    }
  }
  const ABC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const btoa = (s) =>
    native.base64(
      Uint8Array.from(String(s), (c) => {
        const n = c.charCodeAt(0);
        if (n > 255) throw new TypeError('btoa takes bytes; encode text first');
        return n;
      })
    );
  const atob = (s) => {
    s = String(s)
      .replace(/\s/g, '')
      .replace(/={1,2}$/, '');
    let out = '',
      bits = 0,
      n = 0;
    for (const c of s) {
      const v = ABC.indexOf(c);
      if (v < 0) throw new TypeError('not base64');
      bits = (bits << 6) | v;
      n += 6;
      if (n >= 8) {
        n -= 8;
        out += String.fromCharCode((bits >> n) & 255);
        bits &= (1 << n) - 1;
      }
    }
    return out;
  };
  const crypto = {
    getRandomValues(a) {
      const b = native.random(a.byteLength);
      new Uint8Array(a.buffer, a.byteOffset, a.byteLength).set(b);
      return a;
    },
    randomUUID() {
      const b = native.random(16);
      b[6] = (b[6] & 15) | 64;
      b[8] = (b[8] & 63) | 128;
      const h = Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
    }
  };
  const structuredClone = (v, seen = new Map()) => {
    if (typeof v === 'function' || typeof v === 'symbol') throw new TypeError('this cannot be cloned');
    if (typeof v !== 'object' || v === null) return v;
    if (seen.has(v)) return seen.get(v);
    const keep = (o) => {
      seen.set(v, o);
      return o;
    };
    if (Array.isArray(v)) {
      const o = keep([]);
      for (const x of v) o.push(structuredClone(x, seen));
      return o;
    }
    if (v instanceof Date) return new Date(v);
    if (v instanceof Map) {
      const o = keep(new Map());
      for (const [k, x] of v) o.set(structuredClone(k, seen), structuredClone(x, seen));
      return o;
    }
    if (v instanceof Set) {
      const o = keep(new Set());
      for (const x of v) o.add(structuredClone(x, seen));
      return o;
    }
    if (ArrayBuffer.isView(v)) return v.slice();
    const o = keep({});
    for (const k of Object.keys(v)) o[k] = structuredClone(v[k], seen);
    return o;
  };
  class AbortSignal {
    aborted = false;
    reason = undefined;
    #f = [];
    addEventListener(_, f) {
      this.#f.push(f);
    }
    removeEventListener(_, f) {
      this.#f = this.#f.filter((x) => x !== f);
    }
    throwIfAborted() {
      if (this.aborted) throw this.reason;
    }
    fire(reason) {
      if (this.aborted) return;
      this.aborted = true;
      this.reason = reason ?? Object.assign(new Error('aborted'), { name: 'AbortError' });
      for (const f of this.#f) f({ type: 'abort' });
    }
    static timeout(ms) {
      const s = new AbortSignal();
      s.timeout = ms;
      return s;
    }
  }
  class AbortController {
    signal = new AbortSignal();
    abort(reason) {
      this.signal.fire(reason);
    }
  }
  return {
    URL,
    URLSearchParams,
    TextEncoder,
    TextDecoder,
    btoa,
    atob,
    crypto,
    structuredClone,
    AbortController,
    AbortSignal
  };
};
