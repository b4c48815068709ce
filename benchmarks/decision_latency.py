"""How long one decision takes, asked over HTTP of the service as it is served.

`python -m benchmarks.decision_latency [--json] [--quick] [--workers N] [--threads N]` starts `idp-adapter serve` on
SQLite in a scratch folder, with a realm of its own that signs its calls. Each answer is a signed, durably recorded
decision about one of 500 users. Beside it stand what the machine itself costs at that time: one `fdatasync`, and how
late a sleep wakes up; with other work on the machine those rise, and every latency with them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import figures

USERS = 500
BARS_MS = {"1 caller p50": 3.0, "8 callers p99": 20.0}
MEMORY_BAR_MB = 120
REQUEST = Path(__file__).parent.parent / "tests" / "contract" / "evaluation-request.json"


class _Realm(BaseHTTPRequestHandler):
    """Publishes one key."""

    keys = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.keys)))
        self.end_headers()
        self.wfile.write(self.keys)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        return


class Stack:
    """A realm and a service."""

    def __init__(self, folder: Path, *, workers: int, threads: int) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        _Realm.keys = json.dumps({"keys": [{**jwk, "kid": "rsa", "use": "sig", "alg": "RS256"}]}).encode()
        self._realm = ThreadingHTTPServer(("127.0.0.1", 0), _Realm)
        threading.Thread(target=self._realm.serve_forever, daemon=True).start()
        self.issuer = f"http://127.0.0.1:{self._realm.server_address[1]}/realms/bench"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {
            "ISSUERS": self.issuer, "BIND": f"127.0.0.1:{self.port}", "PUBLIC_URL": self.url,
            "DATA_DIR": str(folder / "data"), "WORKERS": str(workers), "THREADS": str(threads),
            "DATABASE_BUDGET_MS": "5000",
        }  # fmt: skip
        self._log = (folder / "service.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "idp_adapter", "serve"],
            env={**os.environ, **{f"IDP_ADAPTER_{name}": value for name, value in settings.items()}},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def ready(self) -> None:
        """Wait until the service says so."""
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        raise SystemExit("the service did not get ready in 30 s")

    def bearer(self) -> str:
        """A caller's token for the next minute."""
        now_s = int(time.time())
        claims = {
            "iss": self.issuer, "aud": self.url, "sub": "risk-extension", "iat": now_s, "exp": now_s + 60, "jti": "1",
        }  # fmt: skip
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "rsa", "typ": "pep+jwt"})

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of the service's processes."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        sizes = {"arbiter": _rss_mb(pid)}
        return sizes | {f"worker {number}": _rss_mb(int(child)) for number, child in enumerate(children, start=1)}

    def cpu_s(self) -> float:
        """CPU seconds that the service's processes have used."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ticks = 0
        for one in (pid, *map(int, children)):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Stop both."""
        self.process.terminate()
        self.process.wait(timeout=30)
        self._realm.shutdown()
        self._log.close()


@contextmanager
def serving(*, workers: int, threads: int) -> Iterator[Stack]:
    """A stack in a scratch folder."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), workers=workers, threads=threads)
        try:
            stack.ready()
            yield stack
        finally:
            stack.close()


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def call(port: int, bearer: str, first: int, count: int) -> list[float]:
    """One caller on one connection; milliseconds of each call. The client costs about .05 ms of each."""
    question = json.loads(REQUEST.read_text(encoding="utf-8"))
    taken = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(first, first + count):
            question["subject"]["id"] = f"user-{number % USERS}"
            body = json.dumps(question).encode()
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


def measure(stack: Stack, *, callers: int, calls: int) -> dict[str, float]:
    """So many callers, each in a process of its own."""
    bearer = stack.bearer()
    cpu_s = stack.cpu_s()
    with multiprocessing.get_context("fork").Pool(callers) as pool:
        begun = time.perf_counter()
        share = calls // callers
        jobs = [(stack.port, bearer, number * share, share) for number in range(callers)]
        taken = [ms for one in pool.starmap(call, jobs, chunksize=1) for ms in one]
        wall_s = time.perf_counter() - begun
    return {
        **figures.summary(taken),
        "max": round(max(taken), 3),
        "per_s": round(len(taken) / wall_s),
        "cpu_ms": round((stack.cpu_s() - cpu_s) * 1000 / len(taken), 3),
    }


def noise() -> dict[str, float]:
    """What the machine costs by itself, milliseconds at p99."""
    late = []
    for _ in range(500):
        begun = time.perf_counter()
        time.sleep(0.001)
        late.append((time.perf_counter() - begun) * 1000 - 1)
    synced = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(200):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 4096, 0)
            os.fdatasync(file.fileno())
            synced.append((time.perf_counter() - begun) * 1000)
    return {
        "fdatasync_p50": round(figures.percentile(synced, 0.5), 3),
        "fdatasync_p99": round(figures.percentile(synced, 0.99), 3),
        "sleep_late_p99": round(figures.percentile(late, 0.99), 3),
    }


def run(*, workers: int, threads: int, quick: bool) -> dict[str, Any]:
    """All figures. 10,000 decisions in all unless `quick`."""
    calls = 1_000 if quick else 5_000
    before = noise()
    with serving(workers=workers, threads=threads) as stack:
        measure(stack, callers=1, calls=200)  # warm up
        results = {f"{n} caller{'s' if n > 1 else ''}": measure(stack, callers=n, calls=calls) for n in (1, 8)}
        memory = stack.memory_mb()
    return {"decision_ms": results, "memory_mb": memory, "noise_ms": before, "noise_after_ms": noise()}


def text(result: dict[str, Any]) -> str:
    """The tables."""
    header = ("decision over HTTP, ms", "p50", "p90", "p99", "max", "per s", "CPU ms")
    rows: Sequence[Sequence[object]] = [
        (name, r["p50"], r["p90"], r["p99"], r["max"], r["per_s"], r["cpu_ms"])
        for name, r in result["decision_ms"].items()
    ]
    bars = "; ".join(f"{name} <= {bar:g} ms" for name, bar in BARS_MS.items())
    memory = ", ".join(f"{name} {size} MB" for name, size in result["memory_mb"].items())
    return "\n".join(
        (
            figures.table(header, rows),
            f"bars: {bars}",
            f"memory: {memory} (bar {MEMORY_BAR_MB} MB each)",
            f"the machine itself, ms: before {result['noise_ms']}, after {result['noise_after_ms']}",
        )
    )


def main() -> None:
    """Measure and print."""
    parser = figures.parser("How long one decision takes over HTTP.")
    parser.add_argument("--quick", action="store_true", help="2,000 decisions rather than 10,000")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=8)
    arguments = parser.parse_args()
    result = run(workers=arguments.workers, threads=arguments.threads, quick=arguments.quick)
    figures.report(result, text(result), as_json=arguments.json)


if __name__ == "__main__":
    main()
