// Columns of income and expense per month, as SVG. Texts stand beside it as HTML, so that they are as large as all others.

const WIDTH = 100, HEIGHT = 100;

// A round number at or above the largest: 1, 2, 2.5 or 5 with zeros.
function ceiling(largest) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(largest, 1)));
  return [1, 2, 2.5, 5, 10].find((step) => step * unit >= largest) * unit;
}

// `months`: [{ month, income, expense }], numbers. Yields the SVG and the marks of the axis from top to bottom.
export function columns(months) {
  const top = ceiling(Math.max(...months.flatMap((m) => [m.income, m.expense]), 1));
  const step = WIDTH / months.length, width = step * 0.34;
  const column = (value, x, kind) => {
    const height = (Math.max(value, 0) / top) * HEIGHT;
    return `<rect class="${kind}" x="${x.toFixed(2)}" y="${(HEIGHT - height).toFixed(2)}" width="${width.toFixed(2)}" height="${height.toFixed(2)}"/>`;
  };
  const lines = [0, 0.25, 0.5, 0.75].map((part) => `<line x1="0" x2="${WIDTH}" y1="${part * HEIGHT}" y2="${part * HEIGHT}"/>`);
  const bars = months.flatMap((m, i) => {
    const left = i * step + step * 0.14;
    return [column(m.income, left, 'income'), column(m.expense, left + width + step * 0.04, 'expense')];
  });
  const svg = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">${lines.join('')}${bars.join('')}</svg>`;
  return { svg, marks: [top, top * 0.75, top * 0.5, top * 0.25, 0].map((mark) => Math.round(mark)) };
}
