// Fastify on Node, as its guide begins.
import Fastify from 'fastify';
import { DatabaseSync } from '@photostructure/sqlite';
import { ADD, FIRST_TEN, SETTINGS, card, row } from './routes.mjs';

// Kept by name: its statements alone do not keep it open.
const db = (globalThis.db = new DatabaseSync(process.env.DB));
db.exec(SETTINGS);
const [firstTen, add] = [db.prepare(FIRST_TEN), db.prepare(ADD)];
const app = Fastify();
app.get('/tareas', () => firstTen.all().map(row));
app.get('/tarjetas', () => firstTen.all().map(card));
app.post('/tareas', (request, reply) => {
  const { lastInsertRowid } = add.run(request.body.titulo, new Date().toISOString());
  reply.code(201).send({ id: Number(lastInsertRowid) });
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
