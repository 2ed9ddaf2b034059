// db: tables, lazy queries, writes, triggers; users. A query is the text of its operations; Rust reads it when rows are
// wanted.
(t) => {
  const { native, LAZY, fault, handler, sent } = t;
  const text = (v) => {
    const s = native.stringify(v);
    if (s === undefined) throw new TypeError('a value of a query is missing (undefined)');
    return s;
  };
  const OPS = {
    '=': 'eq',
    '==': 'eq',
    '===': 'eq',
    '!=': 'ne',
    '!==': 'ne',
    '<>': 'ne',
    '<': 'lt',
    '<=': 'lte',
    '>': 'gt',
    '>=': 'gte'
  };
  // A term of an order: 'a', '-a', 'a desc'.
  const term = (s) => {
    const m = /^(-?)(\S*?)(?:\s+(asc|desc))?$/i.exec(s.trim());
    if (!m) throw fault(400, `"${s}" is no order; 'a', '-a' and 'a desc' are`);
    return ((m[1] !== '') !== (m[3]?.toLowerCase() === 'desc') ? '-' : '') + m[2];
  };
  // JSON would leave out what is missing, and a condition less means more rows.
  const complete = (o, name) => {
    if (o === undefined) throw fault(400, `a value of the condition "${name}" is missing; write null for "has none"`);
    if (typeof o !== 'object' || o === null) return;
    if (name !== undefined && sent.has(o))
      throw fault(400, `"${name}" came from the request as an object, which could mean any row; a value was expected`);
    for (const k in o) complete(o[k], k);
  };
  const number = (id) => (id === undefined || id === null || id === '' || Number.isNaN(+id) ? null : Number(id));
  const whole = (n, what) => {
    n = +n;
    if (!Number.isSafeInteger(n) || n < 0) throw fault(400, what + ' takes a whole number');
    return n;
  };
  class Query {
    constructor(name, q) {
      this.name = name;
      this.q = q;
    }
    and(op) {
      return new Query(this.name, this.q + ',' + op);
    }
    where(a, op, value) {
      if (typeof a === 'object' && a !== null) {
        complete(a);
        return this.and(`["where",${text(a)}]`);
      }
      complete(arguments.length < 3 ? op : value, a);
      if (arguments.length < 3) return this.and(`["where",{${text(String(a))}:${text(op)}}]`);
      return this.and(`["where",{${text(String(a))}:{${text(OPS[op] ?? String(op))}:${text(value)}}}]`);
    }
    words(index, v) {
      return this.and(`["words",${text(index)},${text(String(v))}]`);
    }
    pieces(index, v) {
      return this.and(`["pieces",${text(index)},${text(String(v))}]`);
    }
    index(name) {
      return this.and(`["index",${text(name)}]`);
    }
    order(...fields) {
      if (fields.length === 2 && /^(asc|desc)$/i.test(fields[1])) fields = [fields.join(' ')];
      let q = this;
      for (const f of fields.flat()) for (const one of String(f).split(',')) q = q.and(`["order",${text(term(one))}]`);
      return q;
    }
    limit(n) {
      return this.and(`["limit",${whole(n, 'limit')}]`);
    }
    offset(n) {
      return this.and(`["offset",${whole(n, 'offset')}]`);
    }
    fields(...names) {
      return this.and(`["fields",${text(names.flat())}]`);
    }
    after(cursor) {
      return cursor ? this.and(`["after",${text(String(cursor))}]`) : this;
    }
    all() {
      return native.rows(this.q);
    }
    first() {
      return native.rows(this.q + ',["limit",1]')[0] ?? null;
    }
    get(id) {
      const row = this.and(`["where",{"id":${text(number(id))}}]`).first();
      if (row === null) throw fault(404, `${this.name} has no row ${id}`);
      return row;
    }
    exists() {
      return this.first() !== null;
    }
    count() {
      return native.count(this.q);
    }
    sum(field) {
      return native.sum(this.q, field);
    }
    page(o = {}) {
      if (typeof o === 'number') o = { size: o };
      return native.page(this.after(o.after).q, whole(o.size ?? 20, 'page'));
    }
    toJSON() {
      return this.all();
    }
    [Symbol.iterator]() {
      return this.all()[Symbol.iterator]();
    }
  }
  Query.prototype.lazy = LAZY;
  Query.prototype.orderBy = Query.prototype.order;
  for (const m of ['map', 'filter', 'forEach', 'reduce', 'some', 'every', 'find', 'flatMap'])
    Query.prototype[m] = function (...a) {
      return this.all()[m](...a);
    };
  // A running balance: amounts before and after rows, siblings, reports. A group is { field: value }, or its values in
  // order.
  class Balance {
    constructor(table, name) {
      this.table = table;
      this.name = name;
    }
    ask(verb, given) {
      return native.ledger(this.table, this.name, verb, given);
    }
    opening(id) {
      return this.ask('opening', { id: Number(id) });
    }
    closing(id) {
      return this.ask('closing', { id: Number(id) });
    }
    previous(id) {
      return this.ask('previous', { id: Number(id) });
    }
    next(id) {
      return this.ask('next', { id: Number(id) });
    }
    first(group) {
      return this.ask('first', { group });
    }
    last(group) {
      return this.ask('last', { group });
    }
    // The balance of a group, at the end or after the rows that begin with the values `to`.
    at(group, to) {
      return this.ask('at', { group, to });
    }
    // Rows in their order with debit, credit, opening, closing: { from, after, limit, fields } or { last: true, to }.
    lines(group, o) {
      return this.ask('lines', { ...o, group });
    }
    movement(group, o) {
      return this.ask('movement', { ...o, group });
    }
    // { fields: 2 } of (year, month) gives months; { characters: 7 } of a date gives months.
    periods(group, o) {
      return this.ask('periods', { ...o, group });
    }
    trial(o) {
      return this.ask('trial', { ...o });
    }
  }
  const triggers = {};
  const declare = (when) =>
    function (events, fn) {
      for (const event of String(events).split(/[\s,]+/)) {
        native.watch(this.name, when, event);
        (triggers[`${when} ${event} ${this.name}`] ??= []).push(handler(fn));
      }
      return this;
    };
  // Methods of a table take the id of one row; those of a query with conditions take all its rows.
  const one = (id, what) => {
    if (id === undefined || id === null || typeof id === 'object')
      throw new TypeError(`${what} takes the id of a row first; for many rows: where({ ... }).${what}`);
    return Number(id);
  };
  class Table extends Query {
    get(id) {
      const row = this.findById(id);
      if (row === null) throw fault(404, `${this.name} has no row ${id}`);
      return row;
    }
    create(record) {
      return native.create(this.name, record ?? {});
    }
    insert(record) {
      return this.create(record);
    }
    update(id, changes) {
      return native.update(this.name, one(id, 'update(changes)'), changes ?? {});
    }
    delete(id) {
      return native.delete(this.name, one(id, 'delete()'));
    }
    balance(name) {
      return new Balance(this.name, name);
    }
    opening(id) {
      return this.balance().opening(id);
    }
    closing(id) {
      return this.balance().closing(id);
    }
    previous(id) {
      return this.balance().previous(id);
    }
    next(id) {
      return this.balance().next(id);
    }
    balances(group, o) {
      return this.balance().lines(group, o);
    }
    findById(id) {
      return native.find(this.name, number(id) ?? NaN);
    }
  }
  Table.prototype.before = declare('before');
  Table.prototype.after = function (a, fn) {
    return typeof fn === 'function' ? declare('after').call(this, a, fn) : Query.prototype.after.call(this, a);
  };
  Query.prototype.delete = function () {
    return db.transaction(() => {
      const ids = this.fields('id').all();
      for (const { id } of ids) native.delete(this.name, id);
      return ids.length;
    });
  };
  Query.prototype.update = function (changes) {
    return db.transaction(() => {
      const ids = this.fields('id').all();
      for (const { id } of ids) native.update(this.name, id, changes);
      return ids.length;
    });
  };
  t.trigger = (when, event, table, record, old) => {
    for (const fn of triggers[`${when} ${event} ${table}`] ?? []) {
      const r = fn(record, old);
      if (r && typeof r.then === 'function')
        throw new TypeError(`the trigger ${when} ${event} of ${table} cannot be async: it belongs to the write`);
    }
  };
  const names = native.tables(),
    made = new Map();
  const db = {
    table(name) {
      let table = made.get(name);
      if (!table) {
        if (!names.includes(name))
          throw new TypeError(`there is no table "${name}"; schema.toml declares ${names.join(', ') || 'none'}`);
        made.set(name, (table = new Table(name, `["table",${text(name)}]`)));
      }
      return table;
    },
    tables: names,
    transaction: (fn) => native.transaction(handler(fn))
  };
  const reject = (message, field) => {
    throw fault(422, String(message), {
      field,
      errors: field === undefined ? undefined : [{ field, code: 'rejected', message: String(message) }]
    });
  };
  // Passwords of `[users]`: hashed, never shown. Whoever was logged in with the former one has to log in again.
  const users = {
    setPassword: (id, password) => native.setPassword(Number(id), String(password))
  };
  return { db, reject, users };
};
