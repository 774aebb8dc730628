"""Servers that take what alerts send: one of HTTP, one of SMTP, with answers that a test scripts."""

import json
import shutil
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

OPENSSL = shutil.which("openssl")
WHY_NO_TLS = "install openssl (Debian: apt-get install openssl), which makes the certificate"


@dataclass
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class HttpSink:
    """What was received, and what is answered: a status and a body in turn, then 200."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    hang: threading.Event | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def http_sink() -> Iterator[HttpSink]:
    sink = HttpSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.received.append(Received(self.path, dict(self.headers), body))
            if sink.hang is not None:
                sink.hang.wait(30)
                return
            status, said = sink.answers.pop(0) if sink.answers else (200, "ok")
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{sink.url}/elsewhere")
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.port = server.server_address[1]
    with _serving(server):
        yield sink


@dataclass
class SmtpSink:
    """Messages and logins; ``refuse`` answers a command, as ``{"RCPT": "550 no"}``."""

    refuse: dict[str, str] = field(default_factory=dict)
    messages: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = 0


class _Reusable(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def smtp_sink(tls: ssl.SSLContext | None = None, *, from_the_start: bool = False) -> Iterator[SmtpSink]:
    """A mail server that keeps what it gets."""
    sink = SmtpSink()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                if tls is not None and from_the_start:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                self._talk()
            except OSError:
                pass  # the client did not like the certificate, or went away
            finally:
                self.request.close()

        def _talk(self) -> None:
            lines = self.request.makefile("rb")
            self._say("220 sink")
            while line := lines.readline():
                text = line.decode().strip()
                verb = text.split(" ")[0].upper()
                sink.commands.append(text)
                if verb in sink.refuse:
                    self._say(sink.refuse[verb])
                elif verb == "EHLO":
                    offers = ["sink", "AUTH PLAIN"]
                    if tls is not None and not isinstance(self.request, ssl.SSLSocket):
                        offers.insert(1, "STARTTLS")
                    self._say("\r\n".join([*(f"250-{each}" for each in offers[:-1]), f"250 {offers[-1]}"]))
                elif verb == "STARTTLS" and tls is not None:
                    self._say("220 go on")
                    self.request = tls.wrap_socket(self.request, server_side=True)
                    lines = self.request.makefile("rb")
                elif verb == "AUTH":
                    self._say("235 welcome")
                elif verb == "DATA":
                    self._say("354 go on")
                    message = b""
                    while (part := lines.readline()) not in (b".\r\n", b""):
                        message += part
                    sink.messages.append(message)
                    self._say("250 kept")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _say(self, text: str) -> None:
            self.request.sendall(text.encode() + b"\r\n")

    server = _Reusable(("127.0.0.1", 0), Handler)
    sink.port = server.server_address[1]
    with _serving(server):
        yield sink


def certificate(directory: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1, and the context of a server that has it."""
    assert OPENSSL is not None
    made, key = directory / "sink.pem", directory / "sink.key"
    command = [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(made), "-days", "36500", "-subj", "/CN=sink"]
    subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return made, context


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
