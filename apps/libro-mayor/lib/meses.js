// Months as 'YYYY-MM', and how people name and write things.

export const isMonth = (text) => /^(19|2\d)\d\d-(0[1-9]|1[0-2])$/.test(text ?? '');
export const key = (month) => month.split('-').map(Number);
export const monthOf = (year, month) => `${year}-${String(month).padStart(2, '0')}`;

export function shift(month, by) {
  const [year, number] = key(month);
  const all = year * 12 + number - 1 + by;
  return monthOf(Math.floor(all / 12), (all % 12) + 1);
}

export const title = (req, month) => `${req.t(`months.m${key(month)[1]}`)} ${key(month)[0]}`;
export const short = (req, month) => req.t(`months.m${key(month)[1]}`).slice(0, 3);

export const isDate = (text) => {
  const date = /^\d{4}-\d\d-\d\d$/.test(text ?? '') && new Date(`${text}T00:00:00Z`);
  return !!date && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
};

// An amount as people write it, to the text that the database takes: '1.234,50', '1,234.50', '1234.5'. Undefined when it is none.
export function amount(text, lang) {
  let plain = String(text ?? '').replace(/[\s\u00a0$€]/g, '');
  if (plain === '') return '0';
  const [comma, point] = [plain.lastIndexOf(','), plain.lastIndexOf('.')];
  // With one kind of sign before exactly three digits, the language decides whether it groups thousands.
  const groups = (sign) => new RegExp(`^-?\\d{1,3}(\\${sign}\\d{3})+$`).test(plain);
  const grouped = comma >= 0 && point >= 0 ? (comma > point ? '.' : ',') : lang === 'en' ? ',' : '.';
  if ((comma >= 0 && point >= 0) || groups(grouped)) plain = plain.replaceAll(grouped, '');
  plain = plain.replace(',', '.');
  return /^-?\d{1,15}(\.\d{1,9})?$/.test(plain) ? plain : undefined;
}

// The same the other way: '1234.50' as people read it.
export function written(amount, lang) {
  const [whole, digits] = String(amount).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, lang === 'en' ? ',' : '.');
  return digits ? grouped + (lang === 'en' ? '.' : ',') + digits : grouped;
}
