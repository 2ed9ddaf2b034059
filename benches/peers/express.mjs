// Express on Node, as its guide begins.
import express from 'express';
import { DatabaseSync } from '@photostructure/sqlite';
import { ADD, FIRST_TEN, SETTINGS, card, row } from './routes.mjs';

// Kept by name: its statements alone do not keep it open.
const db = (globalThis.db = new DatabaseSync(process.env.DB));
db.exec(SETTINGS);
const [firstTen, add] = [db.prepare(FIRST_TEN), db.prepare(ADD)];
const app = express();
app.use(express.json());
app.get('/tareas', (req, res) => res.json(firstTen.all().map(row)));
app.get('/tarjetas', (req, res) => res.json(firstTen.all().map(card)));
app.post('/tareas', (req, res) => {
  const { lastInsertRowid } = add.run(req.body.titulo, new Date().toISOString());
  res.status(201).json({ id: Number(lastInsertRowid) });
});
app.listen(Number(process.env.PORT), '127.0.0.1');
