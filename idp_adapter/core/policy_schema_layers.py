"""Settings of a policy's document, and the layers that change them, checked.

One table of fields serves both: a policy's own tables must hold each field that has no default, a layer any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.policy_layers import Layer, Override, Settings, ordered
from idp_adapter.core.policy_schema_rules import Defined, is_empty, read_condition
from idp_adapter.core.policy_table import Table
from idp_adapter.core.types import SessionFate, Unenrolled

MAX_LAYERS: Final = 200
_Reader: TypeAlias = Callable[[Table, str, Ladder], Any]
_SELECTORS: Final = ("realm", "client", "role", "group", "environment", "hook")
_LAYER_OF: Final = {
    "realm": Layer.REALM,
    "client": Layer.CLIENT,
    "role": Layer.MEMBERSHIP,
    "group": Layer.MEMBERSHIP,
    "environment": Layer.ENVIRONMENT,
    "hook": Layer.HOOK,
}


def _probability(table: Table, name: str, _: Ladder) -> float:
    return table.probability(name)


def _seconds(table: Table, name: str, _: Ladder) -> int:
    return table.integer(name, least=1)


def _reuse(table: Table, name: str, _: Ladder) -> int:
    return table.integer(name, most=60)


def _acr(table: Table, name: str, ladder: Ladder) -> str:
    return table.acr(name, ladder) or ""


# table -> field -> setting, how it is read, and its default (`...` where it must be given)
_FIELDS: Final[Mapping[str, Mapping[str, tuple[str, _Reader, Any]]]] = {
    "risk": {
        **{name: (name, _probability, ...) for name in ("prior", "floor", "medium", "high", "refuse", "refuse_token")},
        "quorum": ("quorum", lambda table, name, _: table.integer(name, most=20), ...),
    },
    "acr": {
        **{name: (f"acr_{name}", _acr, ...) for name in ("low", "medium", "high")},
        "step_up_max_age_s": ("step_up_max_age_s", _seconds, ...),
        "acr_on_refresh": (
            "lower_acr_on_refresh", lambda table, name, _: table.choice(name, ("lower", "keep")) == "lower", True
        ),
        "unenrolled": ("unenrolled", lambda table, name, _: table.choice(name, Unenrolled), Unenrolled.DENY),
    },
    "lifetimes": {
        name: (name, _seconds, ...)
        for name in ("access_token_floor_s", "access_token_max_s", "refresh_token_floor_s", "refresh_token_max_s")
    },
    "reuse": {"refresh_s": ("refresh_reuse_s", _reuse, 0),
              "client_credentials_s": ("client_credentials_reuse_s", _reuse, 0)},
    "session": {"at_refuse": ("session_at_refuse", lambda table, name, _: table.choice(name, SessionFate),
                              SessionFate.KEEP)},
}  # fmt: skip


def read_settings(tables: Mapping[str, Table], ladder: Ladder) -> Settings:
    """The settings of the policy itself. `tables` by name; fields that are not settings are left in them."""
    values: dict[str, Any] = {}
    for name, specs in _FIELDS.items():
        table = tables[name]
        for field, (setting, read, default) in specs.items():
            values[setting] = read(table, field, ladder) if default is ... or table.has(field) else default
    settings = Settings(**values)
    _check_order(tables, settings, ladder)
    return settings


def read_overrides(document: Table, ladder: Ladder, defined: Defined) -> tuple[Override, ...]:
    """`[[layer]]`, from the least specific to the most."""
    return ordered(_override(table, ladder, defined) for table in document.tables("layer", most=MAX_LAYERS))


def _override(table: Table, ladder: Ladder, defined: Defined) -> Override:
    name, may_loosen = table.title("name"), table.flag("may_loosen")
    changes: dict[str, Any] = {}
    for part, specs in _FIELDS.items():
        within = table.table(part)
        readers = {
            field: (lambda name, read=read, within=within: read(within, name, ladder))
            for field, (_, read, _) in specs.items()
        }
        changes |= {specs[field][0]: value for field, value in within.given(readers).items()}
        within.done()
    given = [selector for selector in _SELECTORS if table.has(selector)]
    when = read_condition(table, defined, _SELECTORS)
    if not given or is_empty(when):
        table.wrong("name", f"selects nothing: add one of {', '.join(_SELECTORS)}")
    if not changes:
        table.wrong("name", f"changes nothing: add one of {', '.join(_FIELDS)}")
    layer = max((_LAYER_OF[selector] for selector in given), default=Layer.REALM)
    return Override(name, layer, when, changes, may_loosen)


def _check_order(tables: Mapping[str, Table], settings: Settings, ladder: Ladder) -> None:
    problems = tables["risk"].problems
    in_order = settings.medium < settings.high <= settings.refuse_token <= settings.refuse
    if not in_order and not any(problem.startswith("`risk.") for problem in problems):
        problems.append("`risk` must have medium < high <= refuse_token <= refuse")
    if ladder.steps and not ladder.rank(settings.acr_low) <= ladder.rank(settings.acr_medium) <= ladder.rank(
        settings.acr_high
    ):
        tables["acr"].wrong("high", "must not be weaker than `acr.medium`, nor that than `acr.low`")
    for kind in ("access", "refresh"):
        if getattr(settings, f"{kind}_token_floor_s") > getattr(settings, f"{kind}_token_max_s"):
            tables["lifetimes"].wrong(f"{kind}_token_floor_s", f"must not be over `lifetimes.{kind}_token_max_s`")
