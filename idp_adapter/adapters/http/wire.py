"""AuthZEN evaluation JSON <-> core types: the only place that knows the members of questions and answers.

Unknown members are ignored. Any AuthZEN subject, action and resource can be asked about; those that Keycloak sends
have typed members, and every scalar property is kept for rules. A browser's telemetry is passed on untouched: it is
judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from idp_adapter.adapters import strict_json
from idp_adapter.adapters.http.reader import Reader
from idp_adapter.core.types import (
    Binding,
    Decision,
    Json,
    Network,
    Obligations,
    Reason,
    Request,
    Resource,
    Scalar,
    Session,
    Subject,
    SubjectId,
)
from idp_adapter.errors import RequestInvalid, RequestTooLarge

MAX_BODY: Final = 64 * 1024
MAX_DEPTH: Final = 8
MAX_EVALUATIONS: Final = 50
MAX_MEMBERSHIPS: Final = 512
MAX_ASSERTION: Final = 8 * 1024
EXECUTE_ALL: Final = "execute_all"
STOP_AT: Final[Mapping[str, bool | None]] = {
    EXECUTE_ALL: None,
    "deny_on_first_deny": False,
    "permit_on_first_permit": True,
}
_CLIENT: Final = "oidc_client"
_PARTS: Final = ("subject", "action", "resource", "context")


@dataclass(frozen=True, slots=True)
class Boxcar:
    """Several questions of one request, yet to be read. `stop_at` is the answer that ends them."""

    questions: tuple[Reader | RequestInvalid, ...]
    stop_at: bool | None


def read_body(data: bytes) -> Reader:
    """A request's body, which must be a JSON object. Raises `RequestInvalid` or `RequestTooLarge`."""
    if not data:
        raise RequestInvalid("the body is empty", hint="Send a JSON object.")
    try:
        value = strict_json.loads(data, max_bytes=MAX_BODY, max_depth=MAX_DEPTH)
    except strict_json.JsonFault as fault:
        kind = RequestTooLarge if fault.reason == "oversized" else RequestInvalid
        raise kind(f"the body is {fault.reason}: {fault.message}", hint="Send one JSON object, as UTF-8.") from None
    if not isinstance(value, dict):
        raise RequestInvalid("the body must be a JSON object", hint="Send an object, not a list or a scalar.")
    return Reader(value, "")


def read_question(body: Reader, *, issuer: str) -> Request:
    """One evaluation request of a realm. Raises `RequestInvalid` naming the member at fault."""
    subject, action, resource = body.required("subject"), body.required("action"), body.required("resource")
    context = body.object("context")
    session, network, binding = context.object("session"), context.object("network"), context.object("binding")
    device = context.object("device")
    return Request(
        issuer=issuer,
        subject=_subject(subject),
        action=action.identifier("name", longest=128),
        resource=_resource(resource),
        txn=context.text("txn", longest=128) or "",
        time=context.time("time"),
        session=_session(session),
        network=Network(
            ip=network.address("ip"),
            of_end_user=network.flag("of_end_user", default=True) is not False,
            user_agent=network.from_browser("user_agent", longest=512),
            accept_language=network.from_browser("accept_language", longest=256),
        ),
        binding=Binding(jkt=binding.text("jkt", longest=128), x5t_s256=binding.text("x5t_s256", longest=128)),
        telemetry=context.raw("telemetry"),
        telemetry_challenge=context.text("telemetry_challenge", longest=512),
        cookie_id=device.from_browser("cookie_id", longest=128),
        posture_assertion=device.from_browser("posture", longest=MAX_ASSERTION + 1),  # so that too long shows
        reused=context.count("reused", most=1_000_000_000) or 0,
        action_properties=action.object("properties").scalars(),
    )


def telemetry_was_dropped(body: Reader) -> bool:
    """Whether the enforcer says that it left telemetry out, say as too long."""
    return body.object("context").has("telemetry_dropped")


def read_boxcar(body: Reader) -> Boxcar | None:
    """Several evaluation requests; None where the body holds a single one.

    Members of an item replace the defaults whole.
    """
    if not body.has("evaluations"):
        return None
    items = body.items("evaluations", most=MAX_EVALUATIONS)
    if not items:
        return None
    semantic = body.object("options").text("evaluations_semantic", longest=64) or EXECUTE_ALL
    if semantic not in STOP_AT:
        raise RequestInvalid(
            "`options.evaluations_semantic` is not known", hint=f"Send one of {', '.join(STOP_AT)}, or leave it out."
        )
    defaults = {name: value for name in _PARTS if (value := body.member(name)) is not None}
    questions = tuple(_item(item, index, defaults) for index, item in enumerate(items))
    return Boxcar(questions, STOP_AT[semantic])


def answer(decision: Decision) -> dict[str, Json]:
    """A decision as the AuthZEN response."""
    context: dict[str, Json] = {"decision_id": decision.id}
    if decision.txn:
        context["txn"] = decision.txn
    context["policy"] = {"id": decision.policy_id, "version": decision.policy_version}
    context["risk"] = {"level": decision.risk.level.value, "score": round(decision.risk.probability, 6)}
    if decision.acr_values:
        context["acr_values"] = list(decision.acr_values)
    context["obligations"] = _obligations(decision.obligations)
    context["unenrolled"] = decision.unenrolled.value
    context["reason_admin"] = _for_admin(decision)
    context["reason_user"] = _for_user(decision)
    return {"decision": decision.permitted, "context": context}


def refusal(status: int, message: str) -> dict[str, Json]:
    """The answer to one question of several that could not be evaluated."""
    return {"decision": False, "context": {"error": {"status": status, "message": message}}}


def _subject(subject: Reader) -> Subject:
    properties = subject.object("properties")
    return Subject(
        key=SubjectId(subject.identifier("type", longest=64), subject.identifier("id")),
        roles=properties.texts("roles", most=MAX_MEMBERSHIPS),
        groups=properties.texts("groups", most=MAX_MEMBERSHIPS),
        roles_cut=properties.flag("roles_cut", default=False) is True,
        groups_cut=properties.flag("groups_cut", default=False) is True,
        factors=properties.texts("factors"),
        created_at=properties.time("created_at"),
        properties=properties.scalars(),
    )


def _resource(resource: Reader) -> Resource:
    type_, id_ = resource.identifier("type", longest=64), resource.identifier("id")
    properties = resource.object("properties")
    if type_ != _CLIENT:  # another vocabulary: its members mean what its own rules say
        return Resource(type_, id_, properties=properties.scalars())
    return Resource(
        type=type_,
        id=id_,
        public=properties.flag("public", default=None),
        requested_acr=properties.texts("requested_acr"),
        scope=properties.text("scope", longest=4096) or "",
        access_token_lifespan_s=properties.count("access_token_lifespan_s"),
        refresh_token_lifespan_s=properties.count("refresh_token_lifespan_s"),
        client_auth_method=properties.text("client_auth_method", longest=128),
        properties=properties.scalars(),
    )


def _session(session: Reader) -> Session:
    return Session(
        sid=session.text("sid", longest=256),
        acr=session.text("acr", longest=256),
        amr=session.texts("amr", longest=64),
        auth_time=session.unix_time("auth_time"),
        offline=session.flag("offline", default=False) is True,
        age_s=session.count("age_s"),
    )


def _item(item: Json, index: int, defaults: Mapping[str, Json]) -> Reader | RequestInvalid:
    path = f"evaluations[{index}]"
    if not isinstance(item, dict):
        return RequestInvalid(f"`{path}` must be a JSON object", hint="Send an object there.")
    return Reader({**defaults, **item}, path)


def _obligations(obligations: Obligations) -> dict[str, Json]:
    members: dict[str, Json] = {
        "access_token_lifespan_s": obligations.access_token_lifespan_s,
        "refresh_token_lifespan_s": obligations.refresh_token_lifespan_s,
        "max_acr": obligations.max_acr,
        "max_age_s": obligations.max_age_s,
        "session": obligations.session.value,
        "optional": {"reuse_s": obligations.reuse_s} if obligations.reuse_s > 0 else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _for_admin(decision: Decision) -> list[Json]:
    """The prior and every reason: together they sum to the score in log-odds (law 9).

    Those that abstain are left out.
    """
    prior = Reason("prior", decision.risk.prior_nats)
    spoken = [reason for item in decision.risk.contributions if not item.abstains for reason in item.reasons]
    return [_reason(reason) for reason in (prior, *spoken, *decision.reasons)]


def _reason(reason: Reason) -> dict[str, Json]:
    members: dict[str, Json] = {"code": reason.code, "nats": round(reason.nats, 6)}
    if reason.params:
        members["params"] = {name: _json(value) for name, value in reason.params.items()}
    return members


def _for_user(decision: Decision) -> list[Json]:
    reasons = [reason for item in decision.risk.contributions for reason in item.reasons]
    return list(dict.fromkeys(reason.for_user for reason in (*reasons, *decision.reasons) if reason.for_user))


def _json(value: Scalar) -> Json:
    return list(value) if isinstance(value, tuple) else value
