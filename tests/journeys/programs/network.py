"""Every kind of traffic: a file up and down, server-sent events, a WebSocket and a further port that echo."""

import base64
import hashlib
import os
import shutil
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer

FILE = "/data/file"
NEXT = threading.Semaphore(0)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body=b"", status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/file":
            with open(FILE, "rb") as file:
                self.send_response(200)
                self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
                self.end_headers()
                shutil.copyfileobj(file, self.wfile)
        elif self.path == "/events":
            self.events()
        elif self.path == "/socket":
            self.socket()
        else:
            self.answer(b"well")

    def do_POST(self):
        NEXT.release()
        self.answer()

    def do_PUT(self):
        with open(FILE, "wb") as file:
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    file.write(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
            left = int(self.headers.get("Content-Length", 0))
            while left:
                part = self.rfile.read(min(left, 1 << 16))
                file.write(part)
                left -= len(part)
        self.answer(status=201)

    def events(self):
        """Three events; the next one only after a POST, so that they cannot have been sent together."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for number in range(3):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.wfile.flush()
            NEXT.acquire()

    def socket(self):
        """RFC 6455: the handshake, then every frame comes back until a close frame has."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while head := self.rfile.read(2):
            code, size = head[0] & 15, head[1] & 127
            if size == 126:
                (size,) = struct.unpack(">H", self.rfile.read(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self.rfile.read(8))
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(size)))
            self.wfile.write(bytes([0x80 | code]) + length(size) + data)
            if code == 8:
                return


def length(size):
    if size < 126:
        return bytes([size])
    return struct.pack(">BH", 126, size) if size < 1 << 16 else struct.pack(">BQ", 127, size)


class Echo(StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"echo " + line)


class Lines(ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


threading.Thread(target=Lines(("0.0.0.0", 7000), Echo).serve_forever, daemon=True).start()
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
