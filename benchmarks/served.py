"""The service as it is served, with a realm that signs its calls, and callers that ask over HTTP."""

from __future__ import annotations

import multiprocessing
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import figures, proc, publisher
from tools.console import Stop
from tools.paths import ROOT
from tools.processes import LOOPBACK, Child, answers, clean_environment, free_port

READY_S = 30
TOKEN_S = 60
SERVICE = ("idp_adapter", "serve")


class Realm:
    """An issuer on this machine: publishes one key, signs the callers' tokens with it."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._port = free_port()
        self.issuer = f"http://{LOOPBACK}:{self._port}/realms/bench"

    @cached_property
    def jwk(self) -> Mapping[str, Any]:
        """The public key."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {**jwk, "kid": "rsa", "use": "sig", "alg": "RS256"}

    def bearer(self, audience: str, now_s: int) -> str:
        """A caller's token for a minute."""
        claims = {
            "iss": self.issuer, "aud": audience, "sub": "risk-extension", "iat": now_s, "exp": now_s + TOKEN_S,
            "jti": "1",
        }  # fmt: skip
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "rsa", "typ": "pep+jwt"})

    def published(self) -> AbstractContextManager[str]:
        """Answer for the key while the block runs, where Keycloak would."""
        return publisher.published({"/realms/bench/protocol/openid-connect/certs": [self.jwk]}, port=self._port)


class Served:
    """A running service."""

    def __init__(self, realm: Realm, port: int, process: Child) -> None:
        self.port = port
        self._realm = realm
        self._process = process

    def bearer(self) -> str:
        """A caller's token for the next minute."""
        return self._realm.bearer(f"http://{LOOPBACK}:{self.port}", int(time.time()))

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of the service's processes."""
        arbiter, *workers = proc.family(self._process.pid)
        sizes = {"arbiter": proc.rss_mb(arbiter)}
        return sizes | {f"worker {number}": proc.rss_mb(pid) for number, pid in enumerate(workers, start=1)}

    def cpu_s(self) -> float:
        """CPU seconds that the service's processes have used."""
        return sum(proc.cpu_s(pid) for pid in proc.family(self._process.pid))


@contextmanager
def serving(
    realm: Realm, settings: Mapping[str, str], log: Path, *, port: int, command: Sequence[str] = SERVICE
) -> Iterator[Served]:
    """The service with these variables and no others of its own, ready to answer, until the block ends.

    `command` is a module and its arguments. Raises `Stop` with the end of its log where it does not get ready.
    """
    asked = [sys.executable, "-m", *command]
    process = Child("The service", asked, log=log, env=clean_environment(**settings), cwd=ROOT)
    try:
        process.wait_until(lambda: answers(f"http://{LOOPBACK}:{port}/readyz"), timeout_s=READY_S)
        yield Served(realm, port, process)
    finally:
        process.stop(grace_s=READY_S)


def ask(port: int, bearer: str, bodies: Sequence[bytes]) -> list[float]:
    """One caller on one connection; milliseconds of each call. The client itself costs about .05 ms of each.

    Raises `Stop` where the service answers anything but 200, or hangs up.
    """
    taken = []
    with socket.create_connection((LOOPBACK, port)) as connection:
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
                raise Stop(f"The service answered {status.decode()}.")
    return taken


def _read_answer(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += _received(connection)
    return lines[0].split()[1]


def _received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise Stop("The service closed the connection in the middle of an answer.")
    return data


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
