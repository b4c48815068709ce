"""A policy's text, already parsed to a mapping, to a checked `Policy`: names every field that is wrong, and the fix.

Every problem is collected before anything is raised, so that one run of `idp-adapter policy check` shows them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, timedelta, tzinfo
from typing import Final

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.learning import Learning
from idp_adapter.core.policy import BreakGlass, Budget, Members, Policy, Recorded
from idp_adapter.core.policy_schema_devices import read_devices, read_posture
from idp_adapter.core.policy_schema_layers import read_overrides, read_settings
from idp_adapter.core.policy_schema_places import read_environments, read_whereabouts
from idp_adapter.core.policy_schema_rules import Defined, read_rules
from idp_adapter.core.policy_table import Table
from idp_adapter.core.types import SUBJECT_TYPES, SubjectId, Unenrolled
from idp_adapter.errors import PolicyInvalid

VALID_DAYS: Final = 180
MAX_BREAK_GLASS: Final = 16
_RECORDED: Final = ("roles", "groups", "scopes", "properties")
_RETAINED: Final = ("decisions", "outcomes", "failures", "profiles", "learnables")
# As the enforcer's own options spell them.
_WHEN_UNAVAILABLE: Final = {
    "login": ("step-up", "allow", "deny"),
    "refresh": ("limit", "allow", "deny"),
    "machine": ("limit", "allow", "deny"),
}


def parse_policy(
    document: Mapping[str, object],
    *,
    subject: str,
    digest: str,
    clock: Callable[[str], tzinfo | None] = lambda name: UTC if name == "UTC" else None,
) -> Policy:
    """Check a policy document. `digest` is a hash of its text and becomes part of the version.

    `clock` finds a time zone by its name, None for one that there is not. Raises `PolicyInvalid` that lists every
    problem.
    """
    problems: list[str] = []
    top = Table("", document, problems)
    tables = {name: top.table(name) for name in ("risk", "acr", "lifetimes", "reuse", "session")}
    ladder = _ladder(tables["acr"])
    settings = read_settings(tables, ladder)
    acr_factors = {step: frozenset(factors) for step, factors in _acr_factors(tables["acr"], ladder)}
    whereabouts = read_whereabouts(top)
    zones, sites, devices = whereabouts.zones, whereabouts.sites, whereabouts.devices
    places = Defined(
        zone=frozenset(name for name, _ in zones),
        site=frozenset(site.name for site in sites),
        device=frozenset(name for name, _ in devices),
    )
    environments = read_environments(top, places)
    defined = Defined(places.zone, places.site, places.device, frozenset(item.name for item in environments))
    exempt, volunteers = _behaviour(top)
    policy = Policy(
        id=top.title("id"),
        version=f"{top.title('version')}+{digest[:12]}",
        ladder=ladder,
        settings=settings,
        learning=_learning(top),
        exempt=exempt,
        unknown_action_permitted=_unknown_action(top),
        rules=read_rules(top, ladder, defined),
        overrides=read_overrides(top, ladder, defined),
        environments=environments,
        whereabouts=whereabouts,
        acr_factors=acr_factors,
        budget=_budget(top),
        break_glass=tuple(_break_glass(table, ladder) for table in top.tables("break_glass", most=MAX_BREAK_GLASS)),
        clock=_clock(top, clock),
        on_unavailable=_on_unavailable(top),
        retention_days=_retention(top),
        devices=read_devices(top.table("devices")),
        posture=read_posture(top.table("posture")),
        volunteers=volunteers,
    )
    recorded = _recorded(top, policy)
    _check_factors(policy, tables["acr"])
    for table in (*tables.values(), top):
        table.done()
    if problems:
        raise PolicyInvalid(subject, problems)
    return recorded


def _ladder(table: Table) -> Ladder:
    steps = table.texts("ladder")
    if not steps or len(set(steps)) != len(steps):
        table.wrong("ladder", "must list at least one acr value, each once, weakest first")
    return Ladder(steps)


def _acr_factors(acr: Table, ladder: Ladder) -> Iterator[tuple[str, tuple[str, ...]]]:
    table = acr.table("factors")
    for step in ladder.steps:
        if table.has(step):
            yield step, table.texts(step)
    table.done()


def _check_factors(policy: Policy, acr: Table) -> None:
    """An environment that names its factors needs to know what each step takes."""
    if any(item.factors is not None for item in policy.environments):
        missing = [step for step in policy.ladder.steps[1:] if not policy.acr_factors.get(step)]
        if missing:
            acr.wrong("factors", f"must say which factors reach {', '.join(missing)}, as an environment names its own")


def _learning(top: Table) -> Learning:
    table = top.table("learning", {"first_logins": 3})
    first_logins = table.integer("first_logins", most=20)
    days = table.optional_integer("baseline_valid_days", most=3650) or VALID_DAYS
    table.done()
    return Learning(first_logins, timedelta(days=days))


def _behaviour(top: Table) -> tuple[Members, Members]:
    """Who is exempt, and who counts in a background."""
    table = top.table("behaviour")
    exempt = Members(table.texts("exempt_roles"), table.texts("exempt_groups"))
    volunteers = Members(table.texts("background_roles"), table.texts("background_groups"))
    table.done()
    return exempt, volunteers


def _unknown_action(top: Table) -> bool:
    table = top.table("unknown_action")
    permitted = table.choice("effect", ("deny", "permit"), "deny") == "permit"
    table.done()
    return permitted


def _budget(top: Table) -> Budget | None:
    if not top.has("step_up_budget"):
        top.take("step_up_budget")
        return None
    table = top.table("step_up_budget")
    budget = Budget(
        demands=table.integer("demands", least=1, most=50),
        window_s=table.integer("window_s", least=60, most=24 * 3600),
        past=Unenrolled.LIMIT if table.choice("past", ("refuse", "limit"), "refuse") == "limit" else Unenrolled.DENY,
    )
    table.done()
    return budget


def _break_glass(table: Table, ladder: Ladder) -> BreakGlass:
    subject = SubjectId(table.choice("type", SUBJECT_TYPES, "user"), table.title("subject"))
    glass = BreakGlass(table.title("name"), subject, table.text("realm"), table.acr("acr", ladder, optional=True))
    table.done()
    return glass


def _clock(top: Table, find: Callable[[str], tzinfo | None]) -> tzinfo:
    table = top.table("clock", {"timezone": "UTC"})
    name = table.title("timezone")
    table.done()
    found = find(name)
    if found is None:
        table.wrong("timezone", "must be a name of the IANA time zones, such as 'Europe/Paris'")
    return found or UTC


def _on_unavailable(top: Table) -> dict[str, str]:
    table = top.table("on_unavailable")
    modes = {hook: table.optional_choice(hook, values) for hook, values in _WHEN_UNAVAILABLE.items()}
    for hook in modes:
        table.take(hook)
    table.done()
    return {hook: mode for hook, mode in modes.items() if mode is not None}


def _retention(top: Table) -> dict[str, int]:
    table = top.table("retention")
    days = {name: table.optional_integer(f"{name}_days", most=3650) for name in _RETAINED}
    table.done()
    return {name: value for name, value in days.items() if value is not None}


def _recorded(top: Table, policy: Policy) -> Policy:
    """The policy with the names that its decisions keep: those it asks about, and those that it lists for replays."""
    table = top.table("record")
    listed = {name: frozenset(table.texts(name)) for name in _RECORDED}
    table.done()
    conditions = [part for rule in policy.rules for part in (rule.when, rule.unless) if part is not None]
    conditions += [override.when for override in policy.overrides]
    recorded = Recorded(
        roles=listed["roles"].union(*(item.role for item in conditions)),
        groups=listed["groups"].union(*(item.group for item in conditions)),
        scopes=listed["scopes"].union(*(item.scope for item in conditions)),
        properties=listed["properties"].union(path for item in conditions for path, _ in item.properties),
    )
    return replace(policy, recorded=recorded)
