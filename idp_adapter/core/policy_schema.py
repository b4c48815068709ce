"""A policy's text, already parsed to a mapping, to a checked `Policy`: names every field that is wrong, and the fix.

Every problem is collected before anything is raised, so that one run of `idp-adapter policy check` shows them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.fusion import Scale
from idp_adapter.core.learning import Learning
from idp_adapter.core.policy import Condition, Effect, Exemption, Lifetimes, Policy, Rule
from idp_adapter.core.policy_schema_devices import read_devices, read_posture
from idp_adapter.core.types import Level, Scalar, SessionFate, Unenrolled
from idp_adapter.errors import PolicyInvalid

Name = TypeVar("Name", bound=str)
MAX_RULES: Final = 500
VALID_DAYS: Final = 180
_NO_MORE_S: Final = 30 * 24 * 3600
_WHEN: Final = ("hook", "client", "subject", "subject_type", "role", "group", "reason")
_TOP: Final = frozenset(
    {"id", "version", "risk", "acr", "lifetimes", "reuse", "learning", "behaviour", "session", "unknown_action", "rule"}
) | {"devices", "posture"}


class _Table:
    """One table being read: takes each field once, notes what is wrong, and at the end what was not asked for."""

    def __init__(self, where: str, value: object, problems: list[str]) -> None:
        self._where, self._problems = where, problems
        self._left = dict(value) if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            problems.append(f"`{where}` must be a table")

    def take(self, name: str, default: Any = None) -> Any:
        return self._left.pop(name, default)

    def wrong(self, name: str, what: str) -> None:
        self._problems.append(f"`{self._where}.{name}` {what}")

    def probability(self, name: str) -> float:
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            self.wrong(name, "must be a probability between 0 and 1, such as 0.05")
            return 0.5
        return float(value)

    def integer(self, name: str, *, least: int = 0, most: int = _NO_MORE_S) -> int:
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(name, f"must be a whole number from {least} to {most}")
            return least
        return value

    def optional_integer(self, name: str, *, most: int = _NO_MORE_S) -> int | None:
        return self.integer(name, least=1, most=most) if name in self._left else None

    def choice(self, name: str, among: Iterable[Name], default: Name | None = None) -> Name:
        values = tuple(among)
        value = self.take(name, default)
        if value not in values:
            self.wrong(name, f"must be one of {', '.join(repr(str(choice)) for choice in values)}")
            return values[0]
        return values[values.index(value)]

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.take(name, [])
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.wrong(name, "must be a list of texts")
            return ()
        return tuple(value)

    def acr(self, name: str, ladder: Ladder, *, optional: bool = False) -> str | None:
        value = self.take(name)
        if value is None and optional:
            return None
        if value not in ladder.steps:
            self.wrong(name, f"must be a step of `acr.ladder`: {', '.join(ladder.steps) or 'which is empty'}")
            return None
        return str(value)

    def done(self) -> None:
        for name in self._left:
            self.wrong(name, "is not known; remove it or check the spelling")


def parse_policy(document: Mapping[str, object], *, subject: str, digest: str) -> Policy:
    """Check a policy document. `digest` is a hash of its text and becomes part of the version.

    Raises `PolicyInvalid` that lists every problem.
    """
    problems: list[str] = []
    problems += [f"`{name}` is not known; remove it or check the spelling" for name in document if name not in _TOP]
    for name in ("id", "version"):
        if not isinstance(document.get(name), str) or not document.get(name):
            problems.append(f"`{name}` must be a text that is not empty")
    ladder, required, acr = _acr(document.get("acr"), problems)
    scale, refuse, refuse_token = _scale(document.get("risk"), problems)
    reuse = _Table("reuse", document.get("reuse", {"refresh_s": 0, "client_credentials_s": 0}), problems)
    learning = _Table("learning", document.get("learning", {"first_logins": 3}), problems)
    behaviour = _Table("behaviour", document.get("behaviour", {}), problems)
    session = _Table("session", document.get("session", {}), problems)
    unknown = _Table("unknown_action", document.get("unknown_action", {}), problems)
    policy = Policy(
        id=str(document.get("id")),
        version=f"{document.get('version')}+{digest[:12]}",
        scale=scale,
        refuse=refuse,
        refuse_token=refuse_token,
        ladder=ladder,
        required=required,
        step_up_max_age_s=acr.integer("step_up_max_age_s", least=1),
        lower_acr_on_refresh=acr.choice("acr_on_refresh", ("lower", "keep"), "lower") == "lower",
        unenrolled=acr.choice("unenrolled", Unenrolled, Unenrolled.DENY),
        lifetimes=_lifetimes(document.get("lifetimes"), problems),
        refresh_reuse_s=reuse.integer("refresh_s", most=60),
        client_credentials_reuse_s=reuse.integer("client_credentials_s", most=60),
        learning=Learning(
            learning.integer("first_logins", most=20),
            timedelta(days=learning.optional_integer("baseline_valid_days", most=3650) or VALID_DAYS),
        ),
        exempt=Exemption(behaviour.texts("exempt_roles"), behaviour.texts("exempt_groups")),
        session_at_refuse=session.choice("at_refuse", SessionFate, SessionFate.KEEP),
        unknown_action_permitted=unknown.choice("effect", ("deny", "permit"), "deny") == "permit",
        rules=_rules(document.get("rule", []), ladder, problems),
        devices=read_devices(_Table("devices", document.get("devices", {}), problems)),
        posture=read_posture(_Table("posture", document.get("posture", {}), problems)),
    )
    for table in (acr, reuse, learning, behaviour, session, unknown):
        table.done()
    if problems:
        raise PolicyInvalid(subject, problems)
    return policy


def _scale(value: object, problems: list[str]) -> tuple[Scale, float, float]:
    table = _Table("risk", value, problems)
    scale = Scale(
        prior=table.probability("prior"),
        floor=table.probability("floor"),
        quorum=table.integer("quorum", most=20),
        medium=table.probability("medium"),
        high=table.probability("high"),
    )
    refuse, refuse_token = table.probability("refuse"), table.probability("refuse_token")
    table.done()
    if not problems and not scale.medium < scale.high <= refuse_token <= refuse:
        problems.append("`risk` must have medium < high <= refuse_token <= refuse")
    return scale, refuse, refuse_token


def _acr(value: object, problems: list[str]) -> tuple[Ladder, tuple[str, str, str], _Table]:
    table = _Table("acr", value, problems)
    steps = table.texts("ladder")
    if not steps or len(set(steps)) != len(steps):
        table.wrong("ladder", "must list at least one acr value, each once, weakest first")
    ladder = Ladder(steps)
    low, medium, high = (table.acr(level.lower(), ladder) or "" for level in Level)
    if steps and not ladder.rank(low) <= ladder.rank(medium) <= ladder.rank(high):
        table.wrong("high", "must not be weaker than `acr.medium`, nor that than `acr.low`")
    return ladder, (low, medium, high), table


def _lifetimes(value: object, problems: list[str]) -> Lifetimes:
    table = _Table("lifetimes", value, problems)
    names = ("access_token_floor_s", "access_token_max_s", "refresh_token_floor_s", "refresh_token_max_s")
    lifetimes = Lifetimes(**{name: table.integer(name, least=1) for name in names})
    table.done()
    if lifetimes.access_token_floor_s > lifetimes.access_token_max_s:
        table.wrong("access_token_floor_s", "must not be over `lifetimes.access_token_max_s`")
    if lifetimes.refresh_token_floor_s > lifetimes.refresh_token_max_s:
        table.wrong("refresh_token_floor_s", "must not be over `lifetimes.refresh_token_max_s`")
    return lifetimes


def _rules(value: object, ladder: Ladder, problems: list[str]) -> tuple[Rule, ...]:
    if not isinstance(value, list) or len(value) > MAX_RULES:
        problems.append(f"`rule` must be a list of at most {MAX_RULES} tables: write [[rule]]")
        return ()
    return tuple(_rule(f"rule[{i}]", item, ladder, problems) for i, item in enumerate(value))


def _rule(where: str, value: object, ladder: Ladder, problems: list[str]) -> Rule:
    table = _Table(where, value, problems)
    name = table.take("name")
    if not isinstance(name, str) or not name:
        table.wrong("name", "must be a text that is not empty")
    condition = _condition(f"{where}.when", table.take("when", {}), problems)
    effect = _effect(f"{where}.effect", table.take("effect"), ladder, problems)
    table.done()
    return Rule(str(name), condition, effect)


def _condition(where: str, value: object, problems: list[str]) -> Condition:
    table = _Table(where, value, problems)
    parts = {name: table.texts(name) for name in _WHEN}
    level = table.choice("level_at_least", Level, Level.LOW)
    properties = table.take("properties", {})
    pairs: list[tuple[str, Scalar]] = []
    for path, wanted in properties.items() if isinstance(properties, Mapping) else ():
        if path.partition(".")[0] not in ("subject", "resource", "action") or not isinstance(wanted, str | int | float):
            table.wrong("properties", f"`{path}` must be `subject.`, `resource.` or `action.` and a name, with a value")
        else:
            pairs.append((path, wanted))
    table.done()
    return Condition(**parts, level_at_least=level, properties=tuple(pairs))


def _effect(where: str, value: object, ladder: Ladder, problems: list[str]) -> Effect:
    if value == "deny":
        return Effect(refuse=True)
    table = _Table(where, value, problems)
    refuse = table.take("refuse", False)
    if not isinstance(refuse, bool):
        table.wrong("refuse", "must be true or false")
    unenrolled = table.take("unenrolled")
    if unenrolled is not None and unenrolled not in tuple(Unenrolled):
        table.wrong("unenrolled", "must be 'deny' or 'limit'")
        unenrolled = None
    effect = Effect(
        refuse=refuse is True,
        require_acr=table.acr("require_acr", ladder, optional=True),
        max_acr=table.acr("max_acr", ladder, optional=True),
        access_token_lifespan_s=table.optional_integer("access_token_lifespan_s"),
        refresh_token_lifespan_s=table.optional_integer("refresh_token_lifespan_s"),
        session=table.choice("session", SessionFate, SessionFate.KEEP),
        unenrolled=None if unenrolled is None else Unenrolled(unenrolled),
    )
    table.done()
    return effect
