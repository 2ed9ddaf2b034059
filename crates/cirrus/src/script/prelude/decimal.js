// Exact arithmetic of decimal strings: what the fields of a table hold.
// Decimal('0.10').add('0.20').toString() === '0.30'.
() => {
  const pow = (n) => 10n ** BigInt(n);
  class Decimal {
    constructor(v, scale) {
      if (v instanceof Decimal) {
        this.n = v.n;
        this.scale = v.scale;
      } else if (typeof v === 'bigint') {
        this.n = v;
        this.scale = 0;
      } else {
        const m = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?\s*$/i.exec(String(v));
        if (!m || !(m[2] || m[3])) throw new TypeError(`"${v}" is no decimal number`);
        this.n = BigInt(m[1] + (m[2] + (m[3] ?? '')));
        this.scale = (m[3] ?? '').length - (m[4] ? +m[4] : 0);
        if (this.scale < 0) {
          this.n *= pow(-this.scale);
          this.scale = 0;
        }
        if (this.scale > 100 || m[0].length > 1000) throw new RangeError('too many digits');
      }
      if (scale !== undefined) return this.round(scale);
      Object.freeze(this);
    }
    static make(n, scale) {
      const d = Object.create(Decimal.prototype);
      d.n = n;
      d.scale = scale;
      return Object.freeze(d);
    }
    static sum(list) {
      let s = Decimal.make(0n, 0);
      for (const x of list) s = s.add(x ?? 0);
      return s;
    }
    with(o, f) {
      o = o instanceof Decimal ? o : new Decimal(o);
      const s = Math.max(this.scale, o.scale);
      return Decimal.make(f(this.n * pow(s - this.scale), o.n * pow(s - o.scale)), s);
    }
    add(o) {
      return this.with(o, (a, b) => a + b);
    }
    sub(o) {
      return this.with(o, (a, b) => a - b);
    }
    mul(o) {
      o = new Decimal(o);
      return Decimal.make(this.n * o.n, this.scale + o.scale);
    }
    div(o, scale = 10) {
      o = new Decimal(o);
      if (o.n === 0n) throw new RangeError('division by zero');
      return Decimal.ratio(this.n * pow(o.scale), o.n * pow(this.scale), scale);
    }
    // a / b at a scale, halves away from zero.
    static ratio(a, b, scale) {
      if (b < 0n) {
        a = -a;
        b = -b;
      }
      a *= pow(scale);
      const neg = a < 0n;
      if (neg) a = -a;
      let q = a / b;
      if (2n * (a % b) >= b) q++;
      return Decimal.make(neg ? -q : q, scale);
    }
    mod(o) {
      return this.with(o, (a, b) => a % b);
    }
    round(scale = 0) {
      return scale >= this.scale
        ? Decimal.make(this.n * pow(scale - this.scale), scale)
        : Decimal.ratio(this.n, pow(this.scale), scale);
    }
    neg() {
      return Decimal.make(-this.n, this.scale);
    }
    abs() {
      return this.n < 0n ? this.neg() : this;
    }
    cmp(o) {
      o = o instanceof Decimal ? o : new Decimal(o);
      const s = Math.max(this.scale, o.scale),
        a = this.n * pow(s - this.scale),
        b = o.n * pow(s - o.scale);
      return a < b ? -1 : a > b ? 1 : 0;
    }
    eq(o) {
      return this.cmp(o) === 0;
    }
    lt(o) {
      return this.cmp(o) < 0;
    }
    gt(o) {
      return this.cmp(o) > 0;
    }
    le(o) {
      return this.cmp(o) <= 0;
    }
    ge(o) {
      return this.cmp(o) >= 0;
    }
    isZero() {
      return this.n === 0n;
    }
    toFixed(scale) {
      return this.round(scale).toString();
    }
    toString() {
      const d = String(this.n < 0n ? -this.n : this.n).padStart(this.scale + 1, '0');
      return (this.n < 0n ? '-' : '') + (this.scale ? d.slice(0, -this.scale) + '.' + d.slice(-this.scale) : d);
    }
    toNumber() {
      return Number(this.toString());
    }
    toJSON() {
      return this.toString();
    }
    valueOf() {
      return this.toNumber();
    }
  }
  const callable = function (v, scale) {
    return new Decimal(v, scale);
  };
  callable.prototype = Decimal.prototype;
  callable.sum = Decimal.sum;
  Object.defineProperty(Decimal.prototype, 'constructor', { value: callable });
  return { Decimal: callable };
};
