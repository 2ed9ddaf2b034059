"""Notes in SQLite over HTTP, served by WSGI. A first start fills the database from the initial data of the package."""

import os
import sqlite3
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

DATA = Path(os.environ["HOME"])
DATABASE = DATA / "notes.sqlite"
if not DATABASE.exists():
    with sqlite3.connect(DATABASE) as first:
        first.executescript((DATA / "first.sql").read_text())
if os.environ.get("MIGRATE"):
    with sqlite3.connect(DATABASE) as change:
        change.execute("ALTER TABLE notes RENAME COLUMN text TO words")
COLUMN = "words" if os.environ.get("MIGRATE") else "text"


def notes(request, answer):
    database = sqlite3.connect(DATABASE)
    if request["REQUEST_METHOD"] == "POST":
        words = request["wsgi.input"].read(int(request["CONTENT_LENGTH"])).decode()
        with database:
            database.execute(f"INSERT INTO notes ({COLUMN}) VALUES (?)", (words,))
    elif request["PATH_INFO"] == "/who":
        answer("200 OK", [("Content-Type", "text/plain")])
        return [f"{os.getuid()} {os.environ['HOME']} {os.environ['VCLOUDEN_INSTALLATION']}".encode()]
    rows = database.execute(f"SELECT {COLUMN} FROM notes ORDER BY id").fetchall()
    answer("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return ["\n".join(row[0] for row in rows).encode()]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


make_server("0.0.0.0", int(os.environ["PORT"]), notes, server_class=Server).serve_forever()
