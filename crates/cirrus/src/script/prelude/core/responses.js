// Responses.
class Response {
  constructor(id, req) {
    this.i = id;
    this.req = req;
  }
  get app() {
    return app;
  }
  get writableEnded() {
    return this.headersSent;
  }
  status(code) {
    this.statusCode = code;
    return this;
  }
  set(name, value) {
    if (typeof name === 'object') {
      for (const k in name) this.set(k, name[k]);
      return this;
    }
    (this.h ??= {})[String(name).toLowerCase()] = value;
    return this;
  }
  header(name, value) {
    return this.set(name, value);
  }
  setHeader(name, value) {
    return this.set(name, value);
  }
  get(name) {
    return this.h?.[String(name).toLowerCase()];
  }
  getHeader(name) {
    return this.get(name);
  }
  removeHeader(name) {
    if (this.h) delete this.h[String(name).toLowerCase()];
    return this;
  }
  append(name, value) {
    const old = this.get(name);
    return this.set(name, old === undefined ? value : [old, value].flat());
  }
  type(t) {
    return this.set('content-type', charset(mime(t)));
  }
  contentType(t) {
    return this.type(t);
  }
  vary(f) {
    return this.append('vary', f);
  }
  location(url) {
    return this.set(
      'location',
      url === 'back' ? (this.req.get('referer') ?? '/') : encodeURI(String(url)).replace(/%25([0-9a-f]{2})/gi, '%$1')
    );
  }
  links(l) {
    return this.append(
      'link',
      Object.entries(l)
        .map(([rel, url]) => `<${url}>; rel="${rel}"`)
        .join(', ')
    );
  }
  // Before an answer; it counts as sent when Rust took it, so that a failure on the way can still be answered.
  done() {
    if (this.headersSent) throw new Error('the response was already sent');
    if (this.req.s !== undefined) native.seal(this.i, this.req.s);
  }
  json(value) {
    this.done();
    if (typeof value === 'object' && value !== null && value.lazy === LAZY) {
      native.jsonQuery(this.i, this.statusCode, this.h, value.q);
    } else native.json(this.i, this.statusCode, this.h, value);
    this.headersSent = true;
    return this;
  }
  jsonp(value) {
    const name = this.req.query.callback;
    if (typeof name !== 'string' || !/^[\w$.[\]]{1,128}$/.test(name)) return this.json(value);
    const text = (native.stringify(value) ?? 'null').replace(
      /[\u2028\u2029]/g,
      (c) => '\\u' + c.charCodeAt(0).toString(16)
    );
    this.set('x-content-type-options', 'nosniff');
    return this.answer('text/javascript; charset=utf-8', `/**/ typeof ${name} === 'function' && ${name}(${text});`);
  }
  answer(type, body) {
    this.done();
    native.answer(this.i, this.statusCode, this.h, type, body);
    this.headersSent = true;
    return this;
  }
  send(body) {
    if (typeof body === 'string') return this.answer('text/html; charset=utf-8', body);
    if (body === undefined || body === null) return this.answer(undefined, undefined);
    if (body instanceof Uint8Array || body instanceof ArrayBuffer)
      return this.answer('application/octet-stream', body);
    return this.json(body);
  }
  end(body) {
    return this.answer(undefined, body);
  }
  sendStatus(code) {
    this.statusCode = code;
    return this.answer('text/plain; charset=utf-8', native.reason(code));
  }
  redirect(status, url) {
    if (url === undefined) {
      url = status;
      status = 302;
    }
    this.location(url).status(status);
    return this.answer('text/plain; charset=utf-8', 'Redirecting to ' + this.get('location'));
  }
  render(view, values, callback) {
    if (typeof values === 'function') {
      callback = values;
      values = undefined;
    }
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
    const sameSite = o.sameSite === true ? 'Strict' : String(o.sameSite || 'Lax');
    for (const part of [o.path ?? '/', o.domain ?? '', sameSite])
      if (/[;\x00-\x1f]/.test(part)) throw new TypeError(`"${part}" cannot be said of the cookie ${name}`);
    let text = `${name}=${encodeURIComponent(value)}; Path=${o.path ?? '/'}`;
    if (o.maxAge !== undefined && o.maxAge !== null) {
      if (Number.isNaN(+o.maxAge)) throw new TypeError(`maxAge of the cookie ${name} is a number of milliseconds`);
      text += '; Max-Age=' + Math.floor(o.maxAge / 1000);
    }
    if (o.expires) text += '; Expires=' + o.expires.toUTCString();
    if (o.domain) text += '; Domain=' + o.domain;
    if (o.httpOnly !== false) text += '; HttpOnly';
    // Browsers throw away a cookie for other sites that is not secure.
    if (o.secure ?? (this.req.secure || /^none$/i.test(sameSite))) text += '; Secure';
    return this.append('set-cookie', text + '; SameSite=' + sameSite);
  }
  clearCookie(name, o) {
    return this.cookie(name, '', { ...o, signed: false, maxAge: undefined, expires: new Date(0) });
  }
  attachment(name) {
    if (name === undefined) return this.set('content-disposition', 'attachment');
    const plain = String(name).replace(/^.*[\\/]/, '');
    if (!this.get('content-type') && plain.includes('.'))
      this.type(plain.slice(plain.lastIndexOf('.') + 1).toLowerCase());
    return this.set(
      'content-disposition',
      `attachment; filename="${plain.replace(/[^ -~]|["\\]/g, '_')}"; filename*=UTF-8''${encodeURIComponent(plain)}`
    );
  }
  sendFile(path, o) {
    this.done();
    native.file(this.i, this.statusCode, this.h, String(path), o?.root === undefined ? '' : String(o.root));
    this.headersSent = true;
    return this;
  }
  download(path, name, o) {
    this.attachment(name ?? path);
    return this.sendFile(path, o);
  }
  format(by) {
    const kinds = Object.keys(by).filter((k) => k !== 'default'),
      kind = this.req.accepts(kinds);
    this.vary('Accept');
    if (kind) {
      this.type(kind);
      return by[kind](this.req, this, this.req.next);
    }
    if (by.default) return by.default(this.req, this, this.req.next);
    throw fault(406, 'none of the forms of this answer is acceptable: ' + kinds.join(', '));
  }
}
Object.assign(Response.prototype, { statusCode: 200, h: undefined, headersSent: false });
lazy(Response.prototype, 'locals', () => ({}));
