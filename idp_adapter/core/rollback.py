"""Roll-back: what is known of a subject, without what was learnt since a takeover began.

Templates go back to their newest state from before; one without is forgotten. Devices and habit values first seen since
are forgotten. Counters that carry no times (logins, hours of the week, how often a value was seen) stay: they can't be
undone, and fewer logins would open the first quiet logins of a new subject again. So whoever took over becomes a
stranger, and the subject never a new one. Doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from idp_adapter.core import templates
from idp_adapter.core.types import Device, Habits, History, Sighting
from idp_adapter.errors import ProfileDamaged


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What changes: whole new habits, if any; devices that leave; templates by profile key, None for forgotten ones."""

    habits: Habits | None
    forgotten: tuple[Device, ...]
    templates: Mapping[str, bytes | None]

    @property
    def restored(self) -> int:
        """How many templates went back to an earlier state."""
        return len(self.templates) - self.erased

    @property
    def erased(self) -> int:
        """How many templates had no state to go back to."""
        return sum(1 for data in self.templates.values() if data is None)


def roll_back(history: History, *, since: datetime) -> RolledBack:
    """Undo what was learnt from `since` on (an aware UTC time)."""
    back = {key: _restored(stored, since) for key, stored in history.templates.items()}
    habits = _habits(history.habits, since)
    return RolledBack(
        habits=habits if habits != history.habits else None,
        forgotten=tuple(device for device in history.devices if device.first_seen >= since),
        templates={key: data for key, data in back.items() if data != history.templates[key]},
    )


def _restored(stored: bytes, since: datetime) -> bytes | None:
    try:
        back = templates.rolled_back(templates.from_bytes(stored), since=since)
    except ProfileDamaged:
        return None
    return None if back is None else templates.to_bytes(back)


def _habits(habits: Habits, since: datetime) -> Habits:
    def before(sightings: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
        return tuple(
            replace(seen, last_seen=min(seen.last_seen, since)) for seen in sightings if seen.first_seen < since
        )

    return replace(
        habits,
        addresses=before(habits.addresses),
        prefixes=before(habits.prefixes),
        networks=before(habits.networks),
        countries=before(habits.countries),
        user_agents=before(habits.user_agents),
        clients=before(habits.clients),
        places=tuple(
            replace(place, last_seen=min(place.last_seen, since)) for place in habits.places if place.first_seen < since
        ),
        last=habits.last if habits.last is not None and habits.last.time < since else None,
    )
