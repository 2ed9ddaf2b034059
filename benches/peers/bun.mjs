// Bun with its own server and its own SQLite.
import { Database } from 'bun:sqlite';
import { ADD, FIRST_TEN, SETTINGS, card, row } from './routes.mjs';

const db = new Database(process.env.DB);
for (const setting of SETTINGS.split(';')) db.run(setting);
const [firstTen, add] = [db.prepare(FIRST_TEN), db.prepare(ADD)];
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  routes: {
    '/tareas': {
      GET: () => Response.json(firstTen.all().map(row)),
      POST: async (request) => {
        const { lastInsertRowid } = add.run((await request.json()).titulo, new Date().toISOString());
        return Response.json({ id: Number(lastInsertRowid) }, { status: 201 });
      },
    },
    '/tarjetas': () => Response.json(firstTen.all().map(card)),
  },
});
