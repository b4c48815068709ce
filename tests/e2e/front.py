"""The switchable front: Keycloak always talks to it, so what answers can be changed without a restart.

In mode `PROXY` the real service answers. Every other mode is a **double**: a scripted decision, or a fault that a real
service can't be told to have. Either way the front verifies the caller's token with the realm's keys, and counts.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

EVALUATION = "/access/v1/evaluation"
OUTCOMES = "/v1/outcomes"
JWKS = "/.well-known/jwks.json"
ACR_MFA = "urn:idp-adapter:acr:mfa"


class Mode(Enum):
    """What answers an evaluation."""

    PROXY = "the real service"
    SCRIPTED = "a set decision"
    HANG = "nothing: the connection stays open"
    DRIP = "a good answer, one byte at a time"
    DROP = "a connection that closes without an answer"
    REFUSE = "nobody: the connection is refused"
    GARBAGE = "bytes that are no token"
    EMPTY = "200 without a body"
    ERROR = "500"
    PLAIN = "the decision unsigned, as JSON"
    UNSIGNED = "a token with alg none"
    WRONG_KEY = "a token signed by a key that nobody published"
    TAMPERED = "a token whose decision was changed after signing"
    STALE = "a token that is ten minutes old"
    WRONG_TXN = "a good token for another transaction"
    WRONG_AUDIENCE = "a good token for another realm"
    WRONG_TYPE = "a good signature over a token of another type"
    REPLAY = "the real service's answer to the first question, to every question"


FAULTS = tuple(mode for mode in Mode if mode not in (Mode.PROXY, Mode.SCRIPTED, Mode.REPLAY))


@dataclass(frozen=True)
class Answer:
    """A decision to be given, in the contract's words."""

    decision: bool = True
    level: str = "LOW"
    score: float = 0.01
    acr_values: tuple[str, ...] = ()
    obligations: Mapping[str, Any] = field(default_factory=dict)
    unenrolled: str = "deny"
    reason_user: tuple[str, ...] = ()

    def evaluation(self, txn: str) -> dict[str, Any]:
        """Return the AuthZEN response."""
        return {
            "decision": self.decision,
            "context": {
                "decision_id": f"dec-{uuid.uuid4()}",
                "txn": txn,
                "policy": {"id": "double", "version": "1"},
                "risk": {"level": self.level, "score": self.score},
                "acr_values": list(self.acr_values),
                "obligations": {"session": "keep", **self.obligations},
                "unenrolled": self.unenrolled,
                "reason_admin": [],
                "reason_user": list(self.reason_user),
            },
        }


ALLOW = Answer()
STEP_UP = Answer(decision=False, level="HIGH", score=0.7, acr_values=(ACR_MFA,), reason_user=("new_place",))
DENY = Answer(decision=False, level="HIGH", score=0.99)
END = Answer(decision=False, level="HIGH", score=0.99, obligations={"session": "end"})
SHORT = Answer(level="MEDIUM", score=0.1, obligations={"access_token_lifespan_s": 60, "refresh_token_lifespan_s": 600})


@dataclass(frozen=True)
class Call:
    """One question as it arrived; `problems` names what is wrong with its caller token."""

    action: str
    client: str
    subject: str
    body: dict[str, Any]
    caller: dict[str, Any]
    bearer: str
    problems: tuple[str, ...]

    @property
    def context(self) -> dict[str, Any]:
        """The question's context."""
        found: dict[str, Any] = self.body.get("context", {})
        return found


class Waiting:
    """The questions whose callers wait now, and the most that ever did at once."""

    def __init__(self) -> None:
        self.most = 0
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return self._present()

    def _present(self) -> int:
        return sum(not has_gone(connection) for connection in self._connections)

    @contextmanager
    def with_one_more(self, connection: socket.socket) -> Iterator[None]:
        """Count a question until it is answered."""
        with self._lock:
            self._connections.add(connection)
            self.most = max(self.most, self._present())
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)


def has_gone(connection: socket.socket, within_s: float = 0) -> bool:
    """Whether a caller that still has no answer, and so nothing to say, has hung up."""
    try:
        return bool(select.select([connection], [], [], within_s)[0])
    except (OSError, ValueError):  # closed here already
        return True


class Front:
    """The server, and the switch."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self.upstream: str | None = None
        self.mode = Mode.SCRIPTED
        self.drip_pause_s = 0.05
        self._script: Callable[[Call], Answer] = lambda _call: ALLOW
        self._recorded: tuple[int, str, bytes] | None = None
        self.calls: list[Call] = []
        self.waiting = Waiting()
        self.outcomes: list[dict[str, Any]] = []
        self.lose_outcomes = 0  # answer so many reports with 503
        self.problems: list[str] = []  # of caller tokens, ever
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._stranger = ec.generate_private_key(ec.SECP256R1())
        self._realms: dict[str, jwt.PyJWKClient] = {}
        self.release = threading.Event()
        self._server: _Server | None = None
        self._session = requests.Session()
        self.listen()

    # --- the switch ---------------------------------------------------------------------------------------------------

    def answer(self, answer: Answer | Callable[[Call], Answer]) -> None:
        """Give this decision, or the one that the function finds for a question, from now on."""
        self._script = answer if callable(answer) else lambda _call: answer
        self.switch(Mode.SCRIPTED)

    def switch(self, mode: Mode) -> None:
        """Change what answers; forget what was asked so far."""
        self.release.set()
        self.release = threading.Event()
        self.mode = mode
        self._recorded = None
        if mode is Mode.REFUSE:
            self.close()
        elif self._server is None:
            self.listen()
        self.forget()

    def wear(self, tls: ssl.SSLContext) -> None:
        """Show another certificate from now on, to connections that are all new."""
        self.close()
        self.tls = tls
        self.listen()

    def forget(self) -> None:
        """Begin counting anew."""
        self.calls.clear()
        self.waiting.most = 0
        self.outcomes.clear()

    def actions(self) -> list[str]:
        """Return the actions asked about since the count began."""
        return [call.action for call in self.calls]

    # --- the server ---------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Accept connections."""
        self._server = _Server(("127.0.0.1", self.port), self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections, and cut those that are open."""
        self.release.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._server = None

    # --- what it says -------------------------------------------------------------------------------------------------

    def keys(self) -> dict[str, Any]:
        """Return the double's key, and the real service's where there is one."""
        own = json.loads(ECAlgorithm.to_jwk(self._key.public_key())) | {"kid": "double", "use": "sig", "alg": "ES256"}
        keys = [own]
        if self.upstream:
            keys += requests.get(self.upstream + JWKS, timeout=5).json()["keys"]
        return {"keys": keys}

    def read(self, body: dict[str, Any], bearer: str) -> Call:
        """Verify the caller as the contract says; return the question."""
        caller, problems = self._verify(bearer)
        subject, resource = body.get("subject", {}), body.get("resource", {})
        action = body.get("action", {}).get("name", "?")
        self.problems += problems
        return Call(action, resource.get("id", "?"), subject.get("id", "?"), body, caller, bearer, tuple(problems))

    def _verify(self, bearer: str) -> tuple[dict[str, Any], list[str]]:
        try:
            header = jwt.get_unverified_header(bearer)
            issuer = str(jwt.decode(bearer, options={"verify_signature": False}).get("iss"))
            realm = self._realms.setdefault(issuer, jwt.PyJWKClient(f"{issuer}/protocol/openid-connect/certs"))
            key = realm.get_signing_key_from_jwt(bearer)
            required = ["iss", "aud", "sub", "iat", "exp", "jti"]
            claims: dict[str, Any] = jwt.decode(
                bearer, key, algorithms=[header["alg"]], audience=self.url, issuer=issuer, options={"require": required}
            )
        except jwt.PyJWTError as error:
            return {}, [f"{type(error).__name__}: {error}"]
        problems = []
        if header.get("typ") != "pep+jwt":
            problems.append(f"typ is {header.get('typ')}")
        if claims["sub"] != "risk-extension":
            problems.append(f"sub is {claims['sub']}")
        if claims["exp"] - claims["iat"] > 60:
            problems.append("lives longer than 60 s")
        return claims, problems

    def scripted(self, call: Call) -> tuple[int, str, bytes]:
        """Return status, content type and body for a question, spoilt as the mode says."""
        now = int(time.time())
        evaluation = self._script(call).evaluation(str(call.context.get("txn", "")))
        claims = {
            "iss": self.url,
            "aud": call.caller.get("iss", "nobody"),
            "txn": call.context.get("txn"),
            "iat": now,
            "exp": now + 60,
            "evaluation": evaluation,
        }
        unsealed = {
            Mode.GARBAGE: (200, "application/evaluation+jwt", b"\x00\xffnot a token"),
            Mode.EMPTY: (200, "application/evaluation+jwt", b""),
            Mode.ERROR: (500, "application/problem+json", b'{"title":"boom"}'),
            Mode.PLAIN: (200, "application/json", json.dumps(evaluation).encode()),
        }
        return unsealed.get(self.mode) or (200, "application/evaluation+jwt", self._sealed(claims).encode())

    def _sealed(self, claims: dict[str, Any]) -> str:
        spoilt = {
            Mode.STALE: {"iat": claims["iat"] - 600, "exp": claims["exp"] - 600},
            Mode.WRONG_TXN: {"txn": "another-transaction"},
            Mode.WRONG_AUDIENCE: {"aud": "https://elsewhere.example/realms/other"},
        }
        claims = claims | spoilt.get(self.mode, {})
        headers = {"typ": "JWT" if self.mode is Mode.WRONG_TYPE else "evaluation+jwt", "kid": "double"}
        if self.mode is Mode.UNSIGNED:
            return jwt.encode(claims, "", algorithm="none", headers=headers)
        key = self._stranger if self.mode is Mode.WRONG_KEY else self._key
        token = jwt.encode(claims, key, algorithm="ES256", headers=headers)
        if self.mode is Mode.TAMPERED:
            other = jwt.encode(claims | {"exp": claims["exp"] + 1}, key, algorithm="ES256", headers=headers)
            token = ".".join([*other.split(".")[:2], token.split(".")[2]])
        return token

    def replayed(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        """Ask the real service once; then say the same again."""
        self._recorded = self._recorded or self.forward(path, body, headers)
        return self._recorded

    def forward(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        """Ask the real service."""
        passed = {name: headers[name] for name in ("Authorization", "Content-Type", "Accept") if name in headers}
        answer = self._session.post(f"{self.upstream}{path}", data=body, headers=passed, timeout=10)
        return answer.status_code, answer.headers.get("Content-Type", ""), answer.content


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], front: Front) -> None:
        self.front = front
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        tls = self.front.tls
        if tls:  # the handshake is the handler's: here it would hold up everybody
            connection = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that gave up is what the faults are for."""

    def cut(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        front = self.server.front
        if self.path == JWKS:
            self._send(200, "application/json", json.dumps(front.keys()).encode())
        elif front.upstream:
            answer = requests.get(front.upstream + self.path, timeout=5)
            self._send(answer.status_code, answer.headers.get("Content-Type", ""), answer.content)
        else:
            self._send(404, "application/problem+json", b"{}")

    def do_POST(self) -> None:
        front = self.server.front
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == OUTCOMES:
            self._outcomes(raw)
            return
        with front.waiting.with_one_more(self.connection):
            self._evaluate(front, raw)

    def _evaluate(self, front: Front, raw: bytes) -> None:
        call = front.read(json.loads(raw), self.headers.get("Authorization", "").removeprefix("Bearer "))
        front.calls.append(call)
        if front.mode is Mode.PROXY:
            self._send(*front.forward(self.path, raw, dict(self.headers)))
        elif front.mode is Mode.REPLAY:
            self._send(*front.replayed(self.path, raw, dict(self.headers)))
        elif front.mode is Mode.HANG:
            while not front.release.is_set() and not has_gone(self.connection, within_s=0.05):
                continue
            self.close_connection = True
        elif front.mode is Mode.DROP:
            self.close_connection = True
        else:
            self._send(*front.scripted(call))

    def _outcomes(self, raw: bytes) -> None:
        front = self.server.front
        if front.lose_outcomes:
            front.lose_outcomes -= 1
            self._send(503, "application/problem+json", b"{}")
            return
        body = json.loads(raw)
        front.outcomes += body if isinstance(body, list) else body.get("outcomes", [body])
        if front.mode is Mode.PROXY:
            self._send(*front.forward(self.path, raw, dict(self.headers)))
        else:
            self._send(202, "application/json", b"{}")

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        front = self.server.front
        if front.mode is Mode.DRIP and self.command == "POST":
            for place in range(len(body)):
                self.wfile.write(body[place : place + 1])
                self.wfile.flush()
                if front.release.wait(front.drip_pause_s):
                    return
        else:
            self.wfile.write(body)
