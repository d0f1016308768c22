"""What a client with fixed https addresses needs on loopback: a certificate for them and a proxy that leads them home.

Nothing in the client is patched: `REQUESTS_CA_BUNDLE` and `HTTPS_PROXY` are settings of its HTTP library.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from select import select
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingTCPServer
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path, *hosts: str) -> tuple[Path, Path]:
    """Write a self-signed certificate for 127.0.0.1 and the hosts; return (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback stand-in")])
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *map(x509.DNSName, hosts)]
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    places = folder / "cert.pem", folder / "key.pem"
    places[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    places[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return places


@contextmanager
def tunnel(port: int) -> Iterator[str]:
    """Run a proxy that answers CONNECT for any host with a connection to a loopback port; yield its address."""

    class Tunnel(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                continue
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(("127.0.0.1", port)) as home:
                _pump(self.connection, home)

    with ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _pump(one: socket.socket, two: socket.socket) -> None:
    other = {one: two, two: one}
    while True:
        for ready in select([one, two], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            other[ready].sendall(data)


@contextmanager
def front(port: int, tls: tuple[Path, Path]) -> Iterator[int]:
    """Serve https in front of a plain loopback port; yield the port it is served at."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*tls)

    class Front(BaseRequestHandler):
        def handle(self) -> None:
            outside = context.wrap_socket(self.request, server_side=True)
            with outside, socket.create_connection(("127.0.0.1", port)) as home:
                back = Thread(target=_copied, args=(home, outside), daemon=True)
                back.start()
                _copied(outside, home)
                back.join()

    with ThreadingTCPServer(("127.0.0.1", 0), Front) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _copied(one: socket.socket, other: socket.socket) -> None:
    """Pass on what one side says, and that it has ended."""
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_RDWR)
