// The general ledger: what is asked of the running balances, and how an entry is written.

import { key, monthOf, shift } from './meses.js';

const lines = db.table('apuntes');
const ofAccount = lines.balance('cuenta'), ofThird = lines.balance('saldo');

// Balances are debit minus credit; people read those of credit classes the other way round.
export const CREDIT = ['pasivo', 'patrimonio', 'ingreso'];
export const sum = (list, field) => list.reduce((total, line) => total.add(line[field]), Decimal('0.00'));

export const accounts = () => db.table('cuentas').order('codigo').all();
export const thirds = () => db.table('terceros').order('nombre').all();
export const byId = (rows) => Object.fromEntries(rows.map((row) => [row.id, row]));

// The month of the last entry.
export function lastMonth() {
  const last = db.table('asientos').order('-fecha').first();
  return (last?.fecha ?? new Date().toISOString()).slice(0, 7);
}

// Opening, debit, credit and closing of each account in a month, and the totals: debits and credits agree in all three.
export function trialBalance(month) {
  const known = byId(accounts());
  const zero = Decimal('0.00');
  const side = (balance) => { const d = Decimal(balance); return d.lt(0) ? [zero, d.neg()] : [d, zero]; };
  const rows = ofAccount.trial({ from: key(month), to: key(month), limit: 1000 })
    .filter((line) => line.rows > 0 || line.opening !== '0.00')
    .map((line) => {
      const [openingDebit, openingCredit] = side(line.opening), [closingDebit, closingCredit] = side(line.closing);
      return { ...known[line.cuenta], ...line, openingDebit, openingCredit, closingDebit, closingCredit };
    })
    .sort((a, b) => (a.codigo < b.codigo ? -1 : 1));
  const totals = Object.fromEntries(['openingDebit', 'openingCredit', 'debit', 'credit', 'closingDebit', 'closingCredit']
    .map((name) => [name, sum(rows, name)]));
  return { rows, totals };
}

// Income and expense of each of the last twelve months.
export function results(month) {
  const first = shift(month, -11);
  const months = Array.from({ length: 12 }, (_, i) => ({ month: shift(first, i), income: Decimal('0.00'), expense: Decimal('0.00') }));
  for (const { id, clase } of accounts()) {
    if (clase !== 'ingreso' && clase !== 'gasto') continue;
    for (const period of ofAccount.periods({ cuenta: id }, { fields: 2, from: key(first), limit: 12 })) {
      const found = months.find((m) => m.month === monthOf(period.anio, period.mes));
      if (!found) continue;
      if (clase === 'ingreso') found.income = found.income.add(period.credit).sub(period.debit);
      else found.expense = found.expense.add(period.debit).sub(period.credit);
    }
  }
  return months;
}

// The balance of an account at the end of a month.
export const closing = (account, month) => ofAccount.at({ cuenta: account }, key(month));

// What each third party did in an account in a month, and its balance.
export function byThird(account, month) {
  const known = byId(thirds());
  return ofThird.trial({ within: { cuenta: account }, from: key(month), to: key(month), limit: 1000 })
    .filter((line) => line.rows > 0 || line.closing !== '0.00')
    .map((line) => ({ ...line, nombre: known[line.tercero].nombre }));
}

// A page of an account's lines in a month, of one third party or of all, with the balance before and after each.
export function statement(account, third, month, after, size) {
  const group = third ? { cuenta: account, tercero: third } : { cuenta: account };
  const balance = third ? ofThird : ofAccount;
  const fields = ['asiento', 'tercero', 'fecha', 'anio', 'mes', 'dia'];
  const found = balance.lines(group, { from: key(month), after, limit: size + 1, fields })
    .filter((line) => monthOf(line.anio, line.mes) === month);
  const page = found.slice(0, size), last = page.at(-1);
  const entries = byId(page.length ? db.table('asientos').where({ id: { in: [...new Set(page.map((line) => line.asiento))] } }).all() : []);
  return {
    lines: page.map((line) => ({ ...line, concepto: entries[line.asiento].concepto })),
    month: balance.movement(group, { from: key(month), to: key(month) }),
    next: found.length > size ? [last.anio, last.mes, last.dia, last.id].join('.') : null,
  };
}

// Writes an entry with its lines, all or nothing. Dated back or not: the balances of every later line agree at once.
export function post({ fecha, concepto, lines: wanted }, t, write) {
  return db.transaction(() => {
    const entry = db.table('asientos').create({ fecha, concepto });
    for (const line of wanted) lines.create({ ...line, asiento: entry.id, fecha });
    const { debe, haber } = db.table('asientos').get(entry.id);
    if (wanted.length < 2) reject(t('entry.two'));
    if (Decimal(debe).isZero()) reject(t('entry.zero'));
    if (debe !== haber) reject(t('entry.unbalanced', { debe: write(debe), haber: write(haber) }));
    return entry;
  });
}
