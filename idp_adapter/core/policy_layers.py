"""Layers: a policy's settings, and how realm, client, role or group, environment and hook change them.

The most specific layer is applied last. A layer tightens; only where it says so (`may_loosen`) may it loosen, and then
only what less specific layers set. Of several that match on one layer the strictest counts, so their order never
matters. Each setting has its direction of strictness in one table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import groupby
from typing import Any, Final

from idp_adapter.core.assurance import Ladder
from idp_adapter.core.fusion import Scale
from idp_adapter.core.policy_rules import Condition, stricter_fate, stricter_unenrolled
from idp_adapter.core.types import SessionFate, Unenrolled
from idp_adapter.core.types.facts import Facts


class Layer(IntEnum):
    """From the least to the most specific."""

    REALM = 1
    CLIENT = 2
    MEMBERSHIP = 3  # role or group
    ENVIRONMENT = 4
    HOOK = 5


@dataclass(frozen=True, slots=True)
class Settings:
    """What layers may change: thresholds, required classes, lifetimes (seconds) and ways of answering."""

    prior: float
    floor: float
    quorum: int
    medium: float
    high: float
    refuse: float
    refuse_token: float  # at token requests, where a refusal costs a login and not the account
    acr_low: str
    acr_medium: str
    acr_high: str
    step_up_max_age_s: int
    lower_acr_on_refresh: bool
    unenrolled: Unenrolled
    access_token_floor_s: int
    access_token_max_s: int
    refresh_token_floor_s: int
    refresh_token_max_s: int
    refresh_reuse_s: int
    client_credentials_reuse_s: int
    session_at_refuse: SessionFate

    @property
    def scale(self) -> Scale:
        """How risk is read."""
        return Scale(self.prior, self.floor, self.quorum, self.medium, self.high)

    @property
    def required(self) -> tuple[str, str, str]:
        """The class that each level needs at login."""
        return self.acr_low, self.acr_medium, self.acr_high


_Stricter = Callable[[Ladder, Any, Any], Any]


def _lesser(_: Ladder, one: Any, other: Any) -> Any:
    return min(one, other)


def _greater(_: Ladder, one: Any, other: Any) -> Any:
    return max(one, other)


STRICTER: Final[Mapping[str, _Stricter]] = {
    **dict.fromkeys(("prior", "floor", "quorum", "lower_acr_on_refresh"), _greater),
    **dict.fromkeys(("medium", "high", "refuse", "refuse_token", "step_up_max_age_s"), _lesser),
    **dict.fromkeys(("access_token_floor_s", "access_token_max_s"), _lesser),
    **dict.fromkeys(("refresh_token_floor_s", "refresh_token_max_s"), _lesser),
    **dict.fromkeys(("refresh_reuse_s", "client_credentials_reuse_s"), _lesser),
    **dict.fromkeys(("acr_low", "acr_medium", "acr_high"), lambda ladder, one, other: ladder.stricter(one, other)),
    "unenrolled": lambda _, one, other: stricter_unenrolled(one, other),
    "session_at_refuse": lambda _, one, other: stricter_fate(one, other),
}


@dataclass(frozen=True, slots=True)
class Override:
    """One entry of a layer: when it applies (facts alone), and the settings that it changes, by name."""

    name: str
    layer: Layer
    when: Condition
    changes: Mapping[str, Any]
    may_loosen: bool = False

    def applied(self, facts: Facts) -> Override | None:
        """Itself where it applies, else None; where it may only be that it does, it tightens and loosens nothing."""
        if self.when.unmet_fact(facts) is not None:
            return None
        if self.may_loosen and self.when.unmet_fact(facts.certain) is not None:
            return replace(self, may_loosen=False)
        return self


def ordered(overrides: Iterable[Override]) -> tuple[Override, ...]:
    """By layer, as `settle` wants them."""
    return tuple(sorted(overrides, key=lambda override: (override.layer, override.name)))


def settle(base: Settings, overrides: Iterable[Override], facts: Facts, ladder: Ladder) -> Settings:
    """The settings for one request. `overrides` are `ordered`."""
    matching = [applied for override in overrides if (applied := override.applied(facts)) is not None]
    settings = base
    for _, peers in groupby(matching, key=lambda override: override.layer):
        settings = _changed(settings, list(peers), ladder)
    return _levelled(settings, ladder) if matching else settings


def _changed(below: Settings, peers: Iterable[Override], ladder: Ladder) -> Settings:
    """One layer over those below it."""
    asked: dict[str, Any] = {}
    for peer in peers:
        for name, value in peer.changes.items():
            stricter = STRICTER[name]
            effective = value if peer.may_loosen else stricter(ladder, getattr(below, name), value)
            asked[name] = stricter(ladder, asked[name], effective) if name in asked else effective
    return replace(below, **asked)


def _levelled(settings: Settings, ladder: Ladder) -> Settings:
    """Thresholds and classes back in their order, by tightening, where layers changed some of them."""
    refuse_token = min(settings.refuse_token, settings.refuse)
    high = min(settings.high, refuse_token)
    acr_medium = ladder.stricter(settings.acr_medium, settings.acr_low) or settings.acr_medium
    return replace(
        settings,
        refuse_token=refuse_token,
        high=high,
        medium=min(settings.medium, high),
        acr_medium=acr_medium,
        acr_high=ladder.stricter(settings.acr_high, acr_medium) or settings.acr_high,
        access_token_floor_s=min(settings.access_token_floor_s, settings.access_token_max_s),
        refresh_token_floor_s=min(settings.refresh_token_floor_s, settings.refresh_token_max_s),
    )
