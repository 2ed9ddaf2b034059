// The mobile application: what it knows is kept on the telephone, what was typed without a network is sent when there is one.

const KNOWN = 'vbase.users', WAITING = 'vbase.waiting';
const $ = (id) => document.getElementById(id);
const read = (key) => JSON.parse(localStorage.getItem(key) ?? '[]');
const write = (key, value) => localStorage.setItem(key, JSON.stringify(value));
let texts = {}, reached = true;

const initials = (name) => name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? '').join('').toUpperCase();

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function show() {
  const wanted = $('search').value.trim().toLowerCase();
  const waiting = read(WAITING).map((user) => ({ ...user, waiting: true }));
  const all = [...waiting, ...read(KNOWN)].sort((a, b) => a.nombre.localeCompare(b.nombre));
  const found = all.filter((u) => `${u.nombre} ${u.correo}`.toLowerCase().includes(wanted));
  $('list').replaceChildren(...found.map((user) => element('li', {},
    element('span', { className: 'face', ariaHidden: 'true' }, initials(user.nombre)),
    element('div', {}, element('strong', {}, user.nombre), element('small', {}, user.correo),
      ...(user.waiting ? [element('span', { className: 'badge' }, texts.waiting)] : [])),
    ...(user.telefono ? [element('a', { href: `tel:${user.telefono}`, className: 'button quiet', ariaLabel: `${user.nombre}: ${user.telefono}` }, '☎')] : []))));
  if (!found.length) $('list').replaceChildren(element('li', { className: 'empty' }, wanted ? texts.nobody : texts.empty));
  const online = navigator.onLine && reached;
  $('state').textContent = online ? texts.online : texts.offline;
  $('state').className = `badge ${online ? 'good' : 'bad'}`;
}

async function refresh() {
  const answer = await fetch('/usuarios', { headers: { accept: 'application/json' } });
  if (answer.ok) write(KNOWN, await answer.json());
}

const reason = (problem) => (problem.status === 409 ? texts.taken : problem.detail ?? texts.refused);

// Sends one user. What the server refuses is told; what never arrived stays.
async function send(user) {
  const answer = await fetch('/usuarios', {
    method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' }, body: JSON.stringify(user),
  });
  if (answer.ok) return undefined;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status >= 500 || answer.status === 429) throw new Error(problem.detail ?? answer.statusText);
  return problem;
}

async function deliver() {
  for (const user of read(WAITING)) {
    const problem = await send(user);
    write(WAITING, read(WAITING).filter((other) => other.clave !== user.clave));
    // It arrived the time before, and only the answer was lost.
    const twice = problem && read(KNOWN).some((known) => known.clave === user.clave);
    $('message').textContent = problem && !twice ? `${user.nombre}: ${reason(problem)}` : texts.saved;
  }
}

// One after the other, so that nothing is sent by two.
let running = Promise.resolve();
const synchronise = () => (running = running.then(async () => {
  try {
    await refresh();
    if (read(WAITING).length) { await deliver(); await refresh(); }
    reached = true;
  } catch { reached = false; } // No network: the list says so.
  show();
}));

$('open').onclick = () => { $('problem').hidden = true; $('form').showModal(); };
$('cancel').onclick = () => $('form').close();
$('search').oninput = show;
$('form').querySelector('form').onsubmit = async (event) => {
  event.preventDefault();
  const user = { ...Object.fromEntries(new FormData(event.target)), clave: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`.slice(0, 36) };
  try {
    const problem = await send(user);
    if (problem) {
      $('problem').textContent = reason(problem);
      $('problem').hidden = false;
      return;
    }
    $('message').textContent = texts.saved;
  } catch {
    write(WAITING, [...read(WAITING), user]);
    $('message').textContent = texts.waiting;
  }
  event.target.reset();
  $('form').close();
  await synchronise();
};
addEventListener('online', synchronise);
addEventListener('offline', show);
// The network may be there and the server not: asked again when somebody looks, and while something waits.
document.addEventListener('visibilitychange', () => { if (!document.hidden) synchronise(); });
setInterval(() => { if (read(WAITING).length && !document.hidden) synchronise(); }, 20000);

try {
  texts = await (await fetch('/textos.json')).json();
  write('vbase.texts', texts);
} catch { texts = JSON.parse(localStorage.getItem('vbase.texts') ?? '{}'); }
show();
await synchronise();
// Where the page is served safely (https, or this machine), it opens without a network.
if ('serviceWorker' in navigator) await navigator.serviceWorker.register('/servicio.js');
