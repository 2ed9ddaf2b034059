// Comfort only: every page works without it.
document.documentElement.classList.add('js');
const english = document.documentElement.lang === 'en';

// A chosen month is shown at once.
for (const input of document.querySelectorAll('.month input[type=month]')) input.onchange = () => input.value && input.form.requestSubmit();
for (const form of document.querySelectorAll('form[data-confirm]')) {
  form.onsubmit = (event) => { if (!confirm(form.dataset.confirm)) event.preventDefault(); };
}

// Only what comes in has a value of its own.
const kind = document.getElementById('clase');
if (kind) {
  const show = () => document.querySelectorAll('[data-only]').forEach((part) => { part.hidden = part.dataset.only !== kind.value; });
  kind.onchange = show;
  show();
}

// An entry: more lines, and what is still missing. Hundredths, so that nothing is rounded.
const lines = document.getElementById('lines');
if (lines) {
  const sums = document.getElementById('sums'), add = document.getElementById('add');
  const hundredths = (text) => {
    let plain = text.replace(/\s/g, '');
    const comma = plain.lastIndexOf(','), point = plain.lastIndexOf('.');
    const grouped = comma >= 0 && point >= 0 ? (comma > point ? '.' : ',') : english ? ',' : '.';
    if ((comma >= 0 && point >= 0) || new RegExp(`^\\d{1,3}(\\${grouped}\\d{3})+$`).test(plain)) plain = plain.replaceAll(grouped, '');
    const parts = /^(\d{0,13})(?:\.(\d{0,2}))?$/.exec(plain.replace(',', '.'));
    return parts ? Number((parts[1] || '0') + (parts[2] ?? '').padEnd(2, '0')) : NaN;
  };
  const write = (value) => (value / 100).toLocaleString(english ? 'en' : 'es', { minimumFractionDigits: 2, useGrouping: 'always' });
  const total = () => {
    const of = (name) => [...lines.querySelectorAll(`[name=${name}]`)].reduce((all, input) => all + hundredths(input.value), 0);
    const debit = of('debe'), credit = of('haber');
    if (Number.isNaN(debit + credit)) { sums.textContent = '?'; return; }
    const part = (label, value, wrong) => { const b = document.createElement('b'); b.textContent = `${label} ${write(value)}`; if (wrong) b.className = 'off'; return b; };
    sums.replaceChildren(part(sums.dataset.debit, debit), part(sums.dataset.credit, credit),
      ...(debit === credit ? [] : [part(sums.dataset.difference, Math.abs(debit - credit), true)]));
  };
  add.hidden = false;
  add.onclick = () => {
    const last = lines.lastElementChild, line = last.cloneNode(true);
    for (const input of line.querySelectorAll('input')) input.value = '';
    line.querySelector('[name=cuenta]').value = '';
    line.querySelector('[name=tercero]').value = last.querySelector('[name=tercero]').value;
    lines.append(line);
    line.querySelector('select').focus();
  };
  lines.oninput = total;
  total();
}
