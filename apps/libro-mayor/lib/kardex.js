// Kardex: what comes in and goes out of each product, with quantity and value after every movement (weighted average).

const movements = db.table('movimientos');
const quantity = movements.balance('existencia'), value = movements.balance('valor');

const place = (date) => date.split('-').map(Number);
// 12.500 as 12.5.
const short = (amount) => amount.replace(/\.(\d*?)0+$/, (_, digits) => (digits ? `.${digits}` : ''));
// Nothing for none.
const some = (amount) => (Decimal(amount).isZero() ? null : short(amount));
const average = (amount, of) => (Decimal(of).isZero() ? null : Decimal(amount).div(of, 4).round(2));

export const products = () => db.table('productos').order('codigo').map((product) => {
  const existencia = quantity.at({ producto: product.id }), valor = value.at({ producto: product.id });
  return { ...product, existencia: short(existencia), valor, promedio: average(valor, existencia) };
});

// The last movements up to a place in their order, each with what there was after it; `earlier` is the place before them.
export function card(product, to, size) {
  const o = { last: true, to, limit: size + 1 }, group = { producto: product };
  const found = quantity.lines(group, o), values = value.lines(group, { ...o, fields: ['id'] });
  const all = found.map((line, i) => ({
    ...line, entra: some(line.debit), sale: some(line.credit), existencia: short(line.closing),
    saldo: values[i].closing, promedio: average(values[i].closing, line.closing),
  }));
  const page = all.slice(-size), first = page[0];
  return { page, earlier: all.length > size ? [first.anio, first.mes, first.dia, first.id - 1].join('.') : null };
}

// The least quantity there is from a date on: what can go out then without lacking later.
function available(product, date) {
  const group = { producto: product };
  let least = Decimal(quantity.at(group, place(date)));
  let after = [...place(date), Number.MAX_SAFE_INTEGER];
  for (;;) {
    const later = quantity.lines(group, { after, limit: 500, fields: ['anio', 'mes', 'dia'] });
    for (const line of later) if (least.gt(line.closing)) least = Decimal(line.closing);
    if (later.length < 500) return least;
    const last = later.at(-1);
    after = [last.anio, last.mes, last.dia, last.id];
  }
}

// What goes out takes its value from the average on its date.
export function move({ producto, fecha, clase, detalle, cantidad, valor }, t, write) {
  return db.transaction(() => {
    if (clase === 'salida') {
      const left = available(producto, fecha);
      if (left.lt(cantidad)) reject(t('kardex.lacking', { n: write(short(left.toString())) }), 'cantidad');
      const group = { producto };
      const there = quantity.at(group, place(fecha)), worth = value.at(group, place(fecha));
      valor = Decimal(cantidad).eq(there) ? worth : Decimal(worth).mul(cantidad).div(there, 2).toString();
    }
    return movements.create({ producto, fecha, clase, detalle, cantidad, valor });
  });
}
