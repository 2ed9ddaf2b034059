// Deno with its own server and Node's SQLite.
import { DatabaseSync } from 'node:sqlite';
import { ADD, FIRST_TEN, SETTINGS, card, row } from './routes.mjs';

const db = new DatabaseSync(Deno.env.get('DB'));
db.exec(SETTINGS);
const [firstTen, add] = [db.prepare(FIRST_TEN), db.prepare(ADD)];
Deno.serve({ hostname: '127.0.0.1', port: Number(Deno.env.get('PORT')), onListen() {} }, async (request) => {
  const path = request.url.slice(request.url.indexOf('/', 8));
  if (path === '/tareas' && request.method === 'POST') {
    const { lastInsertRowid } = add.run((await request.json()).titulo, new Date().toISOString());
    return Response.json({ id: Number(lastInsertRowid) }, { status: 201 });
  }
  if (path === '/tareas') return Response.json(firstTen.all().map(row));
  if (path === '/tarjetas') return Response.json(firstTen.all().map(card));
  return new Response('Not found', { status: 404 });
});
