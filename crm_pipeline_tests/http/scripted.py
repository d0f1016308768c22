"""A real HTTP server on loopback that answers as a script says and remembers what it was asked."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Reply:
    """One answer. `cut`: close the connection without a word; `bytes_kept`: promise the whole body, send so much of it."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    bytes_kept: int | None = None


Script = Callable[[Asked, int], Reply]


class Scripted:
    """The server's face for tests: `url`, `asked`, and `script`, which may be replaced at any time."""

    def __init__(self, script: Script):
        self.script = script
        self.asked: list[Asked] = []
        self.url = ""
        self.lock = threading.Lock()

    def take(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
            return self.script(asked, len(self.asked))


@contextmanager
def serving(script: Script) -> Iterator[Scripted]:
    """Serve a script until the block ends."""
    scripted = Scripted(script)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(scripted))
    scripted.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(scripted: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._answer(scripted.take(self._asked()))

        def _asked(self) -> Asked:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return Asked(self.command, self.path, dict(self.headers.items()), body, time.monotonic())

        def _answer(self, reply: Reply) -> None:
            if reply.cut:
                # linger 0: the client sees a reset, as from a crashed server
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: reply.bytes_kept])
            self.close_connection = reply.bytes_kept is not None

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler
