// Keeps the application itself for when there is no network; data is the page's business.
const KEPT = 'vbase-1';
const FILES = ['/', '/vbase.js', '/vbase.css', '/_cirrus/cirrus.css', '/logo.svg', '/vbase.webmanifest', '/textos.json'];

addEventListener('install', (event) => event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)).then(() => skipWaiting())));
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== location.origin || !FILES.includes(url.pathname)) return;
  event.respondWith(fetch(event.request).then(async (answer) => {
    if (answer.ok) await (await caches.open(KEPT)).put(url.pathname, answer.clone());
    return answer;
  }).catch(() => caches.match(url.pathname)));
});
