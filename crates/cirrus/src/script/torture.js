// Handlers that do everything wrong. `/t?e=..&w=..&n=..`: what is thrown, where, and how much work is around it.
const cosas = db.table('cosas'),
  apuntes = db.table('apuntes'),
  saldo = apuntes.balance('saldo');
const kept = [];
const keep = (x) => {
  kept.push(x);
  if (kept.length > 50) kept.splice(0, 40);
  return x;
};
const spin = (n) => {
  let s = 0;
  for (let i = 0; i < n; i++) s += i % 7;
  return s;
};
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const bad = (name) => ({
  get [name]() {
    throw new Error(name);
  }
});
class Odd extends Error {
  get message() {
    throw new Error('no message');
  }
  get name() {
    return spin(20000) + this.none.at;
  }
}
// What is thrown.
const THROWN = [
  (n) => new Error('plain ' + n),
  () => 'text',
  () => null,
  () => undefined,
  () => 1n,
  () => Symbol('s'),
  () => revoked(),
  () => new Proxy(new Error('p'), {}),
  (n) => new Proxy({}, { get: () => (spin(n), boom()), has: boom, ownKeys: boom, getPrototypeOf: boom }),
  () => bad('status'),
  () => bad('errors'),
  () => bad('stack'),
  () => bad('then'),
  () => Object.assign(new Error('e'), { toString: boom, errors: [bad('a')] }),
  () => Object.assign(new Error('e'), { status: 422, errors: [{ field: 'a' }] }),
  () => ({ toString: boom, [Symbol.toPrimitive]: () => ({}) }),
  (n) => ({ toString: () => (spin(n), 'x') }),
  (n) => ({ toJSON: () => (spin(n), boom()) }),
  () => new Odd(),
  () => Object.defineProperty(new Error('e'), 'stack', { get: () => spin(50000) }),
  (n) => Object.defineProperty(new Error('e'), 'message', { get: () => (keep(Promise.reject(n)), boom()) }),
  () => Object.assign(new Error('e'), { name: { toString: boom } }),
  () => Object.create(null),
  () => boom,
  () => new AggregateError([new Error('a'), revoked()], 'many'),
  () => new Error('x'.repeat(100000)),
  () => new Error('cause', { cause: keep({}) }),
  (n) => {
    const e = new Error('cycle');
    return Object.assign(e, { e, errors: [e], status: 400 + (n % 200) });
  }
];
function boom() {
  throw new Error('boom');
}
const deep = async (n, e) => {
  if (n > 0) await deep(n - 1, e);
  else throw e();
};
function* generated(e, n) {
  try {
    for (let i = 0; i < 5; i++) yield spin(n / 5);
    throw e();
  } finally {
    spin(n);
    yield n;
  }
}
async function* later(e, n) {
  try {
    for (let i = 0; i < 5; i++) yield await spin(n / 5);
    throw e();
  } finally {
    await null;
    spin(n);
  }
}
// Where it is thrown.
const WHERE = {
  plain: (e, n) => {
    spin(n);
    throw e();
  },
  caught: (e, n) => {
    for (let i = 0; i < 60; i++)
      try {
        spin(n / 20);
        throw e();
      } catch (x) {
        keep(x);
      }
    throw e();
  },
  finally: (e, n) => {
    for (let i = 0; i < 20; i++)
      try {
        throw e();
      } finally {
        spin(n / 10);
        continue;
      }
    throw e();
  },
  generator: (e, n) => {
    for (const x of generated(e, n)) keep(x);
  },
  abandoned: (e, n) => {
    const g = keep(generated(e, n));
    g.next();
    keep(later(e, n)).next();
    for (const x of generated(e, n)) throw e();
  },
  delegated: (e, n) => {
    const all = function* () {
      yield* generated(e, n);
    };
    for (const x of all()) spin(n / 10);
  },
  async: async (e, n) => {
    await null;
    spin(n);
    throw e();
  },
  asyncCaught: async (e, n) => {
    for (let i = 0; i < 40; i++)
      try {
        await deep(3, e);
      } catch (x) {
        keep(x);
      } finally {
        await spin(n / 20);
      }
    throw e();
  },
  asyncGenerator: async (e, n) => {
    for await (const x of later(e, n)) spin(n / 10);
  },
  asyncQueue: async (e, n) => {
    const g = keep(later(e, n));
    await Promise.allSettled([g.next(), g.next(), g.throw(e()), g.return(1), g.next()]);
    throw e();
  },
  deepAsync: (e) => deep(150, e),
  chain: (e, n) =>
    Promise.reject(e())
      .finally(() => spin(n))
      .then(boom, (x) => {
        throw x;
      })
      .finally(() => keep(Promise.reject(e()))),
  unhandled: (e, n, res) => {
    for (let i = 0; i < 20; i++) keep(Promise.reject(e()));
    spin(n);
    res.send('sent');
  },
  thenable: async (e, n) => {
    await {
      then(yes, no) {
        spin(n);
        no(e());
        yes(1);
        throw e();
      }
    };
  },
  then: async (e) => {
    await bad('then');
    throw e();
  },
  races: async (e, n) => {
    await Promise.any([deep(2, e), Promise.race([deep(1, e), later(e, n).next()]).then(boom)]);
  },
  json: (e, n, res) =>
    res.json({
      a: [1, { toJSON: () => (spin(n), [new Map()]) }],
      get b() {
        spin(n);
        throw e();
      }
    }),
  jsonProxy: (e, n, res) => res.json(new Proxy([1, 2], { get: (t, k) => (k === '1' ? (spin(n), boom()) : t[k]) })),
  jsonRevoked: (e, n, res) => res.json([revoked(), e()]),
  jsonBoxed: (e, n, res) => res.json([Object(1n), Object.assign(Object(true), { valueOf: () => (spin(n), boom()) })]),
  jsonDeep: (e, n, res) => {
    let a = { toJSON: () => e() };
    for (let i = 0; i < 400 + (n % 200); i++) a = i % 2 ? [a] : { a };
    res.json(a);
  },
  sort: (e, n) => [...Array(50).keys()].sort((a, b) => (a === 13 ? (spin(n), boom()) : b - a)),
  replace: (e, n) =>
    'a-b-c'.replace(/-/g, () => {
      spin(n);
      throw e();
    }),
  iterator: (e, n) =>
    Array.from({
      [Symbol.iterator]: () => ({ next: () => (spin(n), boom()), return: () => (spin(n), boom()) })
    }),
  pattern: (e, n) => {
    const [a] = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }), return: () => (spin(n), boom()) }) };
    throw e();
  },
  classes: (e, n) => {
    class A {
      #x = spin(n);
      static y = 1;
      constructor() {
        throw e();
      }
    }
    new (class extends A {
      constructor() {
        try {
          super();
        } finally {
          this.z = spin(n);
        }
      }
    })();
  },
  edge: (e, n, res) => {
    let a = e();
    for (let i = 0; i < 500; i++) a = i % 2 ? [a] : { a };
    const f = () => {
      try {
        f();
      } catch (x) {
        res.json(a);
      }
    };
    f();
  },
  recursion: (e, n) => {
    const f = (i) => {
      try {
        return f(i + 1) + 1;
      } finally {
        if (i % 50 === 0) spin(n / 100);
      }
    };
    f(0);
  },
  asyncRecursion: (e) => {
    const f = async () => {
      await f();
    };
    return f();
  },
  regex: () => /^(a+)+$/.test('a'.repeat(26) + 'b'),
  reviver: (e, n) => JSON.parse('[1,[2,{"a":3}]]', (k, v) => (k === 'a' ? (spin(n), boom()) : v)),
  stringify: (e, n) => JSON.stringify({ a: [{ toJSON: () => (spin(n), boom()) }] }),
  code: (e, n) => new Function('e', 'spin(' + n + '); throw e()').call(null, e),
  prepared: (e, n) => {
    Error.prepareStackTrace = (x, calls) => (spin(n), calls.map((c) => c.getFunctionName()).concat(boom()));
    try {
      throw keep(new Error('prepared'));
    } catch (x) {
      Error.captureStackTrace(keep({}));
      throw x;
    } finally {
      Error.prepareStackTrace = undefined;
    }
  },
  stackLimit: (e, n) => {
    Error.stackTraceLimit = { valueOf: () => (spin(n), boom()) };
    try {
      throw new Error('limit');
    } finally {
      Error.stackTraceLimit = 10;
    }
  },
  weak: (e, n) => {
    const all = new FinalizationRegistry(() => (spin(n), boom())),
      map = new WeakMap();
    for (let i = 0; i < 50; i++) {
      const o = { e, f: () => o };
      map.set(o, { o });
      all.register(o, i);
      keep(new WeakRef(o));
    }
    throw e();
  },
  cycles: (e, n) => {
    for (let i = 0; i < 300; i++) {
      const a = { g: generated(e, n) },
        p = new Promise((yes) => (a.yes = yes));
      a.p = p.then(() => a);
      a.f = async () => (await p, a);
      a.f();
      a.g.next(a);
      if (i % 50 === 0) keep(a);
    }
    throw e();
  },
  memory: () => {
    const a = [];
    for (;;) a.push(new Array(1000).fill('x'));
  },
  small: () => {
    let a = null;
    for (;;) a = { a, b: [a] };
  },
  promises: async () => {
    for (;;) keep.all = [keep.all, Promise.resolve().then(() => 1), later(boom, 1).next()];
  },
  text: () => {
    for (let s = 'x'; ; ) s += s;
  },
  rope: () => {
    const a = [];
    for (let s = 'xyz'; ; ) a.push((s += 'some more of it' + a.length));
  },
  memoryCaught: () => {
    const a = [];
    for (;;)
      try {
        a.push({ a: [a.length], b: 'x' + a.length, c: () => a });
      } catch (x) {
        keep(x);
      }
  },
  memoryAsync: async () => {
    const a = [];
    for (;;)
      try {
        a.push([later(boom, 1), deep(3, boom), await a.length]);
      } catch (x) {
        keep(x);
      }
  },
  endless: () => {
    for (;;);
  },
  endlessCaught: () => {
    for (;;)
      try {
        spin(1e9);
      } catch (x) {
        keep(x);
      }
  },
  endlessMicrotasks: async () => {
    for (;;) await null;
  },
  rows: (e, n, res) => {
    const all = cosas.order('-id').all();
    spin(n);
    keep(all);
    if (n % 2) throw e();
    res.json(all.map((r) => ({ ...r })));
  },
  lazy: (e, n, res) => (spin(n), res.json(cosas.order('texto'))),
  slow: (e, n, res) => res.json(cosas.where('texto', 'contains', 'zz').order('texto').count()),
  slowCaught: (e, n, res) => {
    for (let i = 0; i < 30; i++)
      try {
        saldo.trial({ to: 2024 });
        cosas.where('texto', 'contains', 'zz').order('texto').all();
      } catch (x) {
        keep(x);
      }
    res.json('wrong answers are worse than none');
  },
  ledger: (e, n, res) => res.json([saldo.trial(), saldo.lines('A', { limit: 500 }), saldo.at('A')]),
  create: (e, n, res) => res.json(cosas.create({ texto: 'x' + n, n })),
  fails: (e, n) => cosas.create({ texto: 'trigger', n }),
  transaction: (e, n) =>
    db.transaction(() => {
      cosas.create({ texto: 'x', n });
      spin(n);
      db.transaction(() => cosas.create({ texto: 'y', n }));
      throw e();
    }),
  transactionAsync: (e, n) => db.transaction(async () => (cosas.create({ texto: 'x', n }), boom())),
  createBad: (e, n) => cosas.create(e()),
  elsewhere: (e, n, res) => {
    for (let i = 0; i < 3; i++)
      try {
        cosas.create({ texto: 'z', n });
      } catch (x) {
        keep(x);
      }
    res.json('created');
  },
  timers: (e, n) => {
    keep(setInterval(() => (spin(n), boom()), 1));
    setTimeout(async () => (await null, keep(e()), boom()), 0);
    setTimeout(boom, 1e6);
    return new Promise((yes, no) => setTimeout(() => no(e()), 2));
  },
  waits: async (e, n) => {
    cosas.create({ texto: 'w', n });
    await new Promise((yes) => setTimeout(yes, 1));
    cosas.create({ texto: 'v', n });
    throw e();
  },
  session: (e, n, res) => {
    res.req.session.a = [n, bad('x')];
    spin(n);
    if (n % 2) throw e();
    res.json(1);
  },
  headers: (e, n, res) => res.set('x-a', bad('toString')).set({ 'x b': e() }).send(e()),
  late: async (e, n, res) => {
    res.send('now');
    await null;
    spin(n);
    res.json(e());
  },
  twice: (e, n, res) => {
    res.send('now');
    res.send(e());
  }
};
cosas.before('create update', (row) => {
  if (row.texto === 'trigger') {
    spin(row.n);
    throw THROWN[row.n % THROWN.length](row.n);
  }
  row.n = row.n + 1;
});
cosas.after('create', (row) => {
  if (row.n % 5 === 0) apuntes.create({ cuenta: 'A', anio: 2024, mes: row.n % 12, debe: '1.00' });
  if (row.n % 7 === 0) throw THROWN[row.n % THROWN.length](row.n);
});
app.param('w', (req, res, next, w) => {
  if (req.query.p) spin(+req.query.n);
  next(req.query.p === '2' ? boom() : undefined);
});
app.get('/good', (req, res) => res.json({ good: 'good' }));
app.get('/names', (req, res) => res.json(Object.keys(WHERE)));
// A route each, for the thread of connections remembers which are not for it.
for (const [name, where] of Object.entries(WHERE))
  app.all('/t/:w(' + name + ')', (req, res) =>
    where(() => THROWN[+req.query.e % THROWN.length](+req.query.n), +req.query.n, res)
  );
app.use('/t', (err, req, res, next) => {
  if (req.query.h === '1') {
    keep(err);
    next(err);
  } else if (req.query.h === '2') boom();
  else if (req.query.h === '3') {
    spin(+req.query.n);
    next();
  } else if (req.query.h === '4') res.status(500).json({ e: String(err), err });
  else throw err;
});
