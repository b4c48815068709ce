"""The service as it is served, with a realm that signs its calls, and callers that ask over HTTP."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import figures
from tools.processes import free_port

READY_S = 30
TOKEN_S = 60


class Realm:
    """An issuer on this machine: publishes one key, signs the callers' tokens with it."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._server: ThreadingHTTPServer | None = None
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}/realms/bench"

    @cached_property
    def jwks(self) -> bytes:
        """The published set."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**jwk, "kid": "rsa", "use": "sig", "alg": "RS256"}]}).encode()

    def bearer(self, audience: str, now_s: int) -> str:
        """A caller's token for a minute."""
        claims = {
            "iss": self.issuer, "aud": audience, "sub": "risk-extension", "iat": now_s, "exp": now_s + TOKEN_S,
            "jti": "1",
        }  # fmt: skip
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "rsa", "typ": "pep+jwt"})

    @contextmanager
    def published(self) -> Iterator[None]:
        """Answer for the key while the block runs."""
        body = self.jwks

        class Publisher(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
                return

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Publisher)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


class Served:
    """A running service."""

    def __init__(self, realm: Realm, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self._realm = realm
        self._process = process

    def bearer(self) -> str:
        """A caller's token for the next minute."""
        return self._realm.bearer(f"http://127.0.0.1:{self.port}", int(time.time()))

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of the service's processes."""
        arbiter, *workers = self._family()
        sizes = {"arbiter": _rss_mb(arbiter)}
        return sizes | {f"worker {number}": _rss_mb(pid) for number, pid in enumerate(workers, start=1)}

    def cpu_s(self) -> float:
        """CPU seconds that the service's processes have used."""
        ticks = 0
        for pid in self._family():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _family(self) -> Sequence[int]:
        pid = self._process.pid
        return (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@contextmanager
def serving(realm: Realm, settings: Mapping[str, str], log: Path, *, port: int) -> Iterator[Served]:
    """`idp-adapter serve` with these variables, ready to answer, until the block ends."""
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "idp_adapter", "serve"],
            env={**os.environ, **settings},
            stdout=lines,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/readyz", log)
            yield Served(realm, port, process)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(url: str, log: Path) -> None:
    for _ in range(READY_S * 10):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise SystemExit(f"The service did not get ready in {READY_S} s:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def ask(port: int, bearer: str, bodies: Sequence[bytes]) -> list[float]:
    """One caller on one connection; milliseconds of each call. The client itself costs about .05 ms of each."""
    taken = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for body in bodies:
            head = (
                "POST /access/v1/evaluation HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
                f"Accept: application/evaluation+jwt\r\nAuthorization: Bearer {bearer}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            begun = time.perf_counter()
            connection.sendall(head.encode() + body)
            status = _read_answer(connection)
            taken.append((time.perf_counter() - begun) * 1000)
            if status != b"200":
                raise SystemExit(f"the service answered {status.decode()}")
    return taken


def _read_answer(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return lines[0].split()[1]


def measure(served: Served, bodies: Sequence[bytes], *, callers: int) -> dict[str, float]:
    """So many callers, each in a process of its own, share the questions among them."""
    bearer = served.bearer()
    cpu_s = served.cpu_s()
    with multiprocessing.get_context("fork").Pool(callers) as pool:
        begun = time.perf_counter()
        jobs = [(served.port, bearer, bodies[number::callers]) for number in range(callers)]
        taken = [ms for one in pool.starmap(ask, jobs, chunksize=1) for ms in one]
        wall_s = time.perf_counter() - begun
    return {
        **figures.summary(taken),
        "max": round(max(taken), 3),
        "per_s": round(len(taken) / wall_s),
        "cpu_ms": round((served.cpu_s() - cpu_s) * 1000 / len(taken), 3),
    }
