"""Conditions, effects and rules of a policy's document, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.evidence.codes import CODES
from idp_adapter.core.evidence.network_feeds import TAGS
from idp_adapter.core.origins import KINDS
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.policy_table import Table
from idp_adapter.core.types import SUBJECT_TYPES, Hook, Level, Scalar, SessionFate, Unenrolled, meant
from idp_adapter.core.types.facts import NONE, Names

MAX_RULES: Final = 500
_FREE: Final = ("realm", "client", "subject", "role", "group", "factor", "scope")
_CLOSED: Final[Mapping[str, tuple[Iterable[str], str]]] = {
    "network": ((*TAGS, *KINDS), f"network: {', '.join((*TAGS, *KINDS))}"),
    "reason": (CODES, "code that any source gives; docs/signals.md lists them"),
}
_OPEN: Final[Mapping[str, Iterable[str]]] = {"hook": Hook, "subject_type": SUBJECT_TYPES}
_DEFINED: Final = ("zone", "site", "device", "environment")
_AGES: Final = ("session_age_over_s", "auth_age_over_s")
FACTS: Final = (
    "hook", "subject_type", "network", *_FREE, *_DEFINED, *_AGES,
    "country", "place_known", "hour", "day", "offline", "properties",
)  # fmt: skip
WHEN: Final = (*FACTS, "reason", "level_at_least")


@dataclass(frozen=True, slots=True)
class Defined:
    """What the policy defines, and conditions may name."""

    zone: Names = NONE
    site: Names = NONE
    device: Names = NONE
    environment: Names = NONE


def read_rules(document: Table, ladder: Ladder, defined: Defined) -> tuple[Rule, ...]:
    """`[[rule]]`, each name once."""
    rules = tuple(_rule(table, ladder, defined) for table in document.tables("rule", most=MAX_RULES))
    seen: set[str] = set()
    for i, rule in enumerate(rules):
        if rule.name in seen:
            document.wrong(f"rule[{i}].name", f"is the second rule named `{rule.name}`; name it otherwise")
        seen.add(rule.name)
    return rules


def read_condition(table: Table, defined: Defined, allowed: Iterable[str] = WHEN) -> Condition:
    """One condition table, of the allowed parts."""
    allowed = frozenset(allowed)
    parts: dict[str, object] = {name: frozenset(table.texts(name)) for name in _FREE if name in allowed}
    parts |= {name: table.known(name, *_CLOSED[name]) for name in _CLOSED if name in allowed}
    for name in _DEFINED:
        if name in allowed:
            parts[name] = table.known(name, getattr(defined, name), f"{name} of this policy")
    parts |= {name: _open(table, name, _OPEN[name]) for name in _OPEN if name in allowed}
    parts |= {name: table.optional_integer(name, least=0) for name in _AGES if name in allowed}
    if "country" in allowed:
        parts["country"] = _countries(table)
    if "hour" in allowed:
        parts |= {"hour": table.hours("hour"), "day": table.days("day")}
    for name in ("place_known", "offline"):
        if name in allowed:
            parts[name] = table.flag(name) if table.has(name) else None
    if "properties" in allowed:
        parts["properties"] = _properties(table)
    if "level_at_least" in allowed:
        parts["level_at_least"] = table.choice("level_at_least", Level, Level.LOW)
    table.done()
    return Condition(**parts)  # type: ignore[arg-type]


def is_empty(condition: Condition) -> bool:
    """Whether a condition asks nothing."""
    return condition == Condition()


def _rule(table: Table, ladder: Ladder, defined: Defined) -> Rule:
    name = table.title("name")
    when = read_condition(table.table("when"), defined)
    unless = read_condition(table.table("unless"), defined, FACTS) if table.has("unless") else None
    if unless is not None and is_empty(unless):
        table.wrong("unless", "is empty, so the rule never applies; remove it")
    effect = _effect(table, ladder)
    table.done()
    return Rule(name, when, effect, unless)


def _effect(owner: Table, ladder: Ladder) -> Effect:
    value = owner.take("effect")
    if value == "deny":
        return Effect(refuse=True)
    if not isinstance(value, Mapping):
        owner.wrong("effect", 'must be "deny" or a table, such as { require_acr = "..." }')
        return Effect()
    table = Table(owner.at("effect"), value, owner.problems)
    effect = Effect(
        refuse=table.flag("refuse"),
        limit=table.flag("limit"),
        require_acr=table.acr("require_acr", ladder, optional=True),
        max_age_s=table.optional_integer("max_age_s"),
        max_acr=table.acr("max_acr", ladder, optional=True),
        access_token_lifespan_s=table.optional_integer("access_token_lifespan_s"),
        refresh_token_lifespan_s=table.optional_integer("refresh_token_lifespan_s"),
        reuse_s=table.optional_integer("reuse_s", least=0, most=60),
        session=table.choice("session", SessionFate, SessionFate.KEEP),
        unenrolled=table.optional_choice("unenrolled", Unenrolled),
    )
    table.done()
    if not value:
        owner.wrong("effect", 'is empty; say what the rule asks, such as { require_acr = "..." }')
    return effect


def _open(table: Table, part: str, known: Iterable[str]) -> Names:
    """Names of Keycloak's, or of another AuthZEN caller's own; one that is almost Keycloak's would never be asked."""
    given = frozenset(table.texts(part))
    for name in sorted(given.difference(known)):
        if near := meant(name, known):
            table.wrong(part, f"names `{name}`, which Keycloak never asks about; did you mean `{near}`?")
    return given


def _countries(table: Table) -> Names:
    given = frozenset(table.texts("country"))
    if any(len(code) != 2 or not code.isalpha() or not code.isupper() for code in given):
        table.wrong("country", "must hold ISO 3166 codes of two capital letters, such as 'PT'")
    return given


def _properties(table: Table) -> tuple[tuple[str, Scalar], ...]:
    pairs: list[tuple[str, Scalar]] = []
    for path, wanted in table.table("properties").items(most=32):
        owner, _, name = path.partition(".")
        if owner not in ("subject", "resource", "action") or not name or not isinstance(wanted, str | int | float):
            table.wrong("properties", f"`{path}` must be `subject.`, `resource.` or `action.` and a name, with a value")
        else:
            pairs.append((path, wanted))
    return tuple(pairs)
