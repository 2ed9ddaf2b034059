// A general ledger: the month at a glance, trial balance, statements with running balances, entries, Kardex.

import { columns } from './lib/grafica.js';
import { card, move, products } from './lib/kardex.js';
import { CREDIT, accounts, byId, byThird, closing, lastMonth, post, results, statement, sum, thirds, trialBalance } from './lib/libro.js';
import { amount, isDate, isMonth, short, shift, title, written } from './lib/meses.js';

const PAGE = 25;
const lang = (req) => (req.t('language_code') === 'en' ? 'en' : 'es');
const today = () => new Date().toISOString().slice(0, 10);
const number = (req, text) => amount(text, lang(req)) ?? reject(req.t('entry.amount', { text }));
// What the writers of lib/ need to say what is wrong.
const texts = (req) => [(name, values) => req.t(name, values), (n) => written(n, lang(req))];
const cursor = (text) => (/^\d+(\.\d+){3}$/.test(text ?? '') ? text.split('.').map(Number) : undefined);

// The month that is looked at, and its neighbours.
function monthOf(req) {
  const month = isMonth(req.query.mes) ? req.query.mes : lastMonth();
  return { month, title: title(req, month), previous: shift(month, -1), next: shift(month, 1) };
}

// Problems of what a person wrote are shown beside the form; all others are errors.
function attempt(req, write, again) {
  try { return write(); } catch (error) {
    if (!(error.status >= 400 && error.status < 500)) throw error;
    again(req.say(error));
    return undefined;
  }
}

app.get('/', (req, res) => {
  const at = monthOf(req);
  const all = accounts(), months = results(at.month), now = months.at(-1);
  const cash = sum(all.filter((a) => a.codigo.startsWith('11')).map((a) => ({ n: closing(a.id, at.month) })), 'n');
  const debtors = all.find((a) => a.codigo === '1305');
  const owed = debtors ? byThird(debtors.id, at.month).filter((line) => line.closing !== '0.00') : [];
  const chart = columns(months.map((m) => ({ ...m, income: m.income.toNumber(), expense: m.expense.toNumber() })));
  res.render('inicio', {
    at, cash, chart, debtors, owed, owedTotal: sum(owed, 'closing'),
    income: now.income, expense: now.expense, result: now.income.sub(now.expense),
    months_shown: months.map((m) => ({ ...m, short: short(req, m.month), title: title(req, m.month), result: m.income.sub(m.expense) })),
    entries: db.table('asientos').where('fecha', '<', `${at.next}-01`).order('-fecha').limit(8).all(),
  });
});

app.get('/balance', (req, res) => {
  const at = monthOf(req);
  res.render('balance', { at, ...trialBalance(at.month) });
});
app.get('/balance.json', (req, res) => {
  const { month } = monthOf(req);
  res.json({ month, ...trialBalance(month) });
});

app.get('/cuenta/:codigo', (req, res) => {
  const account = db.table('cuentas').where({ codigo: req.params.codigo }).first();
  if (!account) return res.sendStatus(404);
  const at = monthOf(req), third = Number(req.query.tercero) || null;
  const parties = thirds();
  if (third && !parties.some((party) => party.id === third)) return res.sendStatus(404);
  const after = cursor(req.query.tras);
  res.render('cuenta', {
    at, account, third, parties, continued: !!after, names: byId(parties), accounts: accounts(), credit: CREDIT.includes(account.clase),
    byThird: third ? [] : byThird(account.id, at.month), ...statement(account.id, third, at.month, after, PAGE),
  });
});

app.get('/asientos', (req, res) => {
  const page = db.table('asientos').order('-fecha').page({ size: PAGE, after: req.query.tras });
  res.render('asientos', { page });
});

const form = (res, values, problem) => res.status(problem ? 422 : 200)
  .render('nuevo', { ...values, problem, accounts: accounts(), parties: thirds() });
const EMPTY = { cuenta: '', tercero: '', debe: '', haber: '' };

app.get('/asientos/nuevo', (req, res) => form(res, { fecha: today(), concepto: '', lines: [EMPTY, EMPTY, EMPTY] }));

app.post('/asientos', (req, res) => {
  const { fecha, concepto = '' } = req.body;
  // Each line's fields come as lists of the same length.
  const lists = ['cuenta', 'tercero', 'debe', 'haber'].map((name) => [req.body[name] ?? []].flat());
  const written = lists[0].map((_, i) => ({ cuenta: lists[0][i], tercero: lists[1][i], debe: lists[2][i] ?? '', haber: lists[3][i] ?? '' }));
  const lines = written.filter((line) => line.cuenta || line.debe.trim() || line.haber.trim());
  const again = (problem) => form(res, { fecha, concepto, lines: [...lines, EMPTY] }, problem);
  if (!isDate(fecha)) return again(req.t('entry.date'));
  if (!concepto.trim()) return again(req.t('entry.nothing'));
  if (lines.length > 200) return again(req.t('entry.many'));
  const first = thirds()[0]?.id;
  const entry = attempt(req, () => post({
    fecha, concepto: concepto.trim(),
    lines: lines.map((line) => ({
      cuenta: Number(line.cuenta) || reject(req.t('entry.account')), tercero: Number(line.tercero) || first,
      debe: number(req, line.debe), haber: number(req, line.haber),
    })),
  }, ...texts(req)), again);
  if (!entry) return;
  req.flash('done', req.t('entry.posted'));
  res.redirect(303, `/asientos/${entry.id}`);
});

app.get('/asientos/:id', (req, res) => {
  const entry = db.table('asientos').findById(req.params.id);
  if (!entry) return res.sendStatus(404);
  const lines = db.table('apuntes').where({ asiento: entry.id }).all();
  res.render('asiento', { entry, lines, cuentas: byId(accounts()), terceros: byId(thirds()), done: req.flash('done') });
});

app.post('/asientos/:id/borrar', (req, res) => {
  const entry = db.table('asientos').get(req.params.id);
  db.table('asientos').delete(entry.id);
  res.redirect(303, '/asientos');
});

app.get('/kardex', (req, res) => {
  const all = products();
  res.render('kardex', { products: all, total: sum(all, 'valor') });
});

function kardexCard(req, res, product, values, problem) {
  const to = cursor(req.query.hasta);
  res.status(problem ? 422 : 200).render('producto', {
    product, values, problem, back: !!to, ...card(product.id, to, PAGE), now: products().find((p) => p.id === product.id),
    done: req.flash('done'),
  });
}

app.get('/kardex/:id', (req, res) => {
  const product = db.table('productos').findById(req.params.id);
  if (!product) return res.sendStatus(404);
  kardexCard(req, res, product, { fecha: today(), clase: 'entrada' });
});

app.post('/kardex/:id', (req, res) => {
  const product = db.table('productos').get(req.params.id);
  const { fecha, clase, detalle = '', cantidad, valor } = req.body;
  const again = (problem) => kardexCard(req, res, product, req.body, problem);
  if (!isDate(fecha)) return again(req.t('entry.date'));
  const done = attempt(req, () => move({
    producto: product.id, fecha, clase, detalle: detalle.trim(), cantidad: number(req, cantidad), valor: number(req, valor),
  }, ...texts(req)), again);
  if (!done) return;
  req.flash('done', req.t('kardex.done'));
  res.redirect(303, `/kardex/${product.id}`);
});
