"""The endpoints: who calls, what is asked, one service call, the answer written.

Nothing is judged here. `create` makes a Flask application from its parts; there are no globals. Paths are described in
`openapi.json`, which a test compares with the routes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from typing import Final, Protocol

from flask import Flask, Response, request

from idp_adapter.adapters import strict_json
from idp_adapter.adapters.http import frame, wire, wire_outcomes
from idp_adapter.adapters.http.auth import Authenticator, Caller
from idp_adapter.adapters.http.connectors import Connectors
from idp_adapter.adapters.http.devices import DeviceEndpoints, KeepsDevices
from idp_adapter.adapters.http.reader import Reader
from idp_adapter.core.types import Decision, Hook, Json, Origin, Outcome, OutcomeType, Request
from idp_adapter.errors import RequestInvalid
from idp_adapter.services.ports import Observer

JWT: Final = "application/evaluation+jwt"
JWT_TYPE: Final = "evaluation+jwt"
JWT_LIFE_S: Final = 30
_HOOKS: Final = frozenset(Hook)


class Decides(Protocol):
    """Answers questions."""

    def decide(self, request: Request, *, now: datetime, decision_id: str) -> Decision:
        """One question to one recorded decision."""
        ...


class Reports(Protocol):
    """Takes outcomes."""

    def report(self, outcome: Outcome, *, now: datetime) -> bool:
        """True when the outcome is new."""
        ...


class Signs(Protocol):
    """Signs answers."""

    def sign(self, claims: Mapping[str, Json], *, typ: str) -> str:
        """A compact JWS of the claims."""
        ...

    def jwks(self) -> dict[str, Json]:
        """The published keys."""
        ...


class Watches(frame.Watches, Observer, Protocol):
    """Counts what the services and this face do."""

    def took(self, hook: str, seconds: float) -> None:
        """One evaluation was answered in so long."""
        ...

    def exposition(self) -> tuple[bytes, str]:
        """All metrics and their media type."""
        ...


class Logs(frame.Logs, Protocol):
    """Writes log lines without personal data."""

    def decided(self, decision: Decision, *, issuer: str, hook: str, seconds: float) -> None:
        """One decision was answered."""
        ...

    def rolled_back(self, *, issuer: str) -> None:
        """A reported takeover was undone."""
        ...


@dataclass(frozen=True, slots=True)
class Dependency:
    """The state of one dependency. An absent `problem` is good news; `notes` never make the service unready."""

    name: str
    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """All that the endpoints use."""

    public_url: str
    authenticator: Authenticator
    decider: Decides
    reporter: Reports
    signer: Signs
    watcher: Watches
    log: Logs
    origin_of: Callable[[str, str], Origin]
    dependencies: Callable[[], Sequence[Dependency]]
    devices: KeepsDevices
    connectors: Connectors
    now: Callable[[], datetime]
    timer: Callable[[], float]
    new_id: Callable[[], str]
    on_unavailable: Mapping[str, str] = field(default_factory=dict)  # the policy's wish, for enforcers that read it


def create(parts: Parts) -> Flask:
    """The WSGI application."""
    app = Flask("idp_adapter", static_folder=None, template_folder=None)
    frame.apply(app, watcher=parts.watcher, log=parts.log, new_id=parts.new_id, max_body=wire.MAX_BODY)
    endpoints = _Endpoints(parts)
    devices = DeviceEndpoints(parts.devices, parts.authenticator, parts.connectors, parts.now)
    for method, path, view in (
        ("POST", "/access/v1/evaluation", endpoints.evaluation),
        ("POST", "/access/v1/evaluations", endpoints.evaluations),
        ("POST", "/v1/outcomes", endpoints.outcomes),
        ("PUT", "/v1/devices/<id>/posture", devices.report_posture),
        ("GET", "/v1/subjects/<type>/<id>/devices", devices.list_devices),
        ("DELETE", "/v1/subjects/<type>/<id>/devices/<kind>/<device_id>", devices.remove_device),
        ("GET", "/.well-known/authzen-configuration", endpoints.configuration),
        ("GET", "/.well-known/jwks.json", endpoints.keys),
        ("GET", "/livez", endpoints.livez),
        ("GET", "/readyz", endpoints.readyz),
        ("GET", "/metrics", endpoints.metrics),
        ("GET", "/openapi.json", endpoints.openapi),
    ):
        app.add_url_rule(path, endpoint=view.__name__, view_func=view, methods=[method])
    return app


class _Endpoints:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._openapi = resources.files(__package__).joinpath("openapi.json").read_bytes()
        self._configuration = strict_json.dumps(_configuration(parts.public_url, parts.on_unavailable))

    def evaluation(self) -> Response:
        """One decision."""
        started = self._parts.timer()
        now = self._parts.now()
        caller = self._caller(now)
        body = wire.read_body(frame.json_body())
        return self._answer_one(body, caller, now, started)

    def evaluations(self) -> Response:
        """Several decisions, or one where the body holds one."""
        started = self._parts.timer()
        now = self._parts.now()
        caller = self._caller(now)
        body = wire.read_body(frame.json_body())
        boxcar = wire.read_boxcar(body)
        if boxcar is None:
            return self._answer_one(body, caller, now, started)
        answers: list[Json] = []
        for question in boxcar.questions:
            answer = self._answer(question, caller, now)
            answers.append(answer)
            if answer["decision"] is boxcar.stop_at:
                break
        return self._written({"evaluations": answers}, caller, "", now)

    def outcomes(self) -> Response:
        """A batch of outcomes."""
        now = self._parts.now()
        caller = self._caller(now)
        body = wire.read_body(frame.json_body())
        accepted: list[str] = []
        duplicate: list[str] = []
        rejected: list[tuple[wire_outcomes.Report, str]] = []
        for report in wire_outcomes.read_reports(body, issuer=caller.issuer, origin_of=self._parts.origin_of):
            if isinstance(report.outcome, RequestInvalid):
                rejected.append((report, report.outcome.message))
                continue
            try:
                new = self._parts.reporter.report(report.outcome, now=now)
            except RequestInvalid as error:  # what can't be stored
                rejected.append((report, error.message))
                continue
            (accepted if new else duplicate).append(report.outcome.id)
            if new and report.outcome.type is OutcomeType.TAKEOVER_REPORTED:
                self._parts.log.rolled_back(issuer=caller.issuer)
        return frame.json_response(strict_json.dumps(wire_outcomes.summary(accepted, duplicate, rejected)))

    def configuration(self) -> Response:
        """AuthZEN metadata."""
        return frame.json_response(self._configuration)

    def keys(self) -> Response:
        """The keys that sign decisions."""
        response = frame.json_response(strict_json.dumps(self._parts.signer.jwks()))
        response.headers["Cache-Control"] = "public, max-age=60"
        return response

    def livez(self) -> Response:
        """Whether the process answers at all."""
        return frame.json_response('{"live":true}')

    def readyz(self) -> Response:
        """Whether a decision could be made now, with a reason per dependency."""
        dependencies = self._parts.dependencies()
        ready = not any(dependency.problem for dependency in dependencies)
        listed = {dependency.name: _state(dependency) for dependency in dependencies}
        return frame.json_response(
            strict_json.dumps({"ready": ready, "dependencies": listed}), status=200 if ready else 503
        )

    def metrics(self) -> Response:
        """Prometheus metrics."""
        body, media_type = self._parts.watcher.exposition()
        return Response(body, content_type=media_type)

    def openapi(self) -> Response:
        """The interface, described."""
        return frame.json_response(self._openapi)

    def _caller(self, now: datetime) -> Caller:
        return self._parts.authenticator.authenticate(request.headers.get("Authorization"), now=now)

    def _answer_one(self, body: Reader, caller: Caller, now: datetime, started: float) -> Response:
        question, decision = self._decide(body, caller, now)
        response = self._written(wire.answer(decision), caller, question.txn, now)
        self._decided(question, decision, started)
        return response

    def _answer(self, body: Reader | RequestInvalid, caller: Caller, now: datetime) -> dict[str, Json]:
        """The answer to one question of several, of which one that is not valid loses itself only."""
        started = self._parts.timer()
        if isinstance(body, RequestInvalid):
            return wire.refusal(400, body.message)
        try:
            question, decision = self._decide(body, caller, now)
        except RequestInvalid as error:
            return wire.refusal(400, error.message)
        self._decided(question, decision, started)
        return wire.answer(decision)

    def _decide(self, body: Reader, caller: Caller, now: datetime) -> tuple[Request, Decision]:
        question = wire.read_question(body, issuer=caller.issuer)
        if wire.telemetry_was_dropped(body):
            self._parts.watcher.telemetry_rejected("dropped")
        return question, self._parts.decider.decide(question, now=now, decision_id=self._parts.new_id())

    def _decided(self, question: Request, decision: Decision, started: float) -> None:
        hook = question.action if question.action in _HOOKS else "other"
        seconds = self._parts.timer() - started
        self._parts.watcher.took(hook, seconds)
        self._parts.log.decided(decision, issuer=question.issuer, hook=hook, seconds=seconds)

    def _written(self, answer: dict[str, Json], caller: Caller, txn: str, now: datetime) -> Response:
        if not _wants_jwt(request.headers.get("Accept", "")):
            response = frame.json_response(strict_json.dumps(answer))
        else:
            issued_s = int(now.timestamp())
            claims: dict[str, Json] = {
                "iss": self._parts.public_url,
                "aud": caller.issuer,
                "iat": issued_s,
                "exp": issued_s + JWT_LIFE_S,
                "evaluation": answer,
            }
            if txn:
                claims["txn"] = txn
            response = Response(self._parts.signer.sign(claims, typ=JWT_TYPE), content_type=JWT)
        response.headers["Vary"] = "Accept"
        return response


def _wants_jwt(accept: str) -> bool:
    if accept == JWT:
        return True
    return JWT in accept and request.accept_mimetypes.best_match([frame.JSON, JWT]) == JWT


def _state(dependency: Dependency) -> dict[str, Json]:
    state: dict[str, Json] = {"ready": not dependency.problem}
    if dependency.problem:
        state["problem"] = dependency.problem
    if dependency.notes:
        state["notes"] = list(dependency.notes)
    return state


def _configuration(public_url: str, on_unavailable: Mapping[str, str]) -> dict[str, Json]:
    return {
        "policy_decision_point": public_url,
        "access_evaluation_endpoint": f"{public_url}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{public_url}/access/v1/evaluations",
        "jwks_uri": f"{public_url}/.well-known/jwks.json",
        "outcomes_endpoint": f"{public_url}/v1/outcomes",
        "on_unavailable": dict(on_unavailable),
    }
