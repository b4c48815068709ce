"""The rows of one `load` to a `History`: uniform rows, told apart by their tag. A damaged one counts as absent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from idp_adapter.adapters.sealing import DataKey
from idp_adapter.adapters.sql import codec, rows, statements
from idp_adapter.adapters.sql.codec import Row
from idp_adapter.core.types import Binding, Device, Failures, Habits, History, Posture
from idp_adapter.errors import ProfileDamaged

DAMAGED: Final = (ValueError, TypeError, KeyError, IndexError, OverflowError)  # what bad data raises
_TEXTS: Final = slice(1, 5)
_BODY: Final = 5
_NUMBERS: Final = slice(6, 10)


class HistoryReader:
    """Takes rows one by one. `data_key` opens profiles; `on_damaged` hears of each row that can't be read."""

    def __init__(self, data_key: DataKey | None, *, on_damaged: Callable[[ProfileDamaged], None]) -> None:
        self._data_key, self._on_damaged = data_key, on_damaged
        self._habits = Habits()
        self._devices: list[Device] = []
        self._failed: list[int] = []
        self._of_prefix: Sequence[int] = (0, 0, 0, 0)
        self._credential_changed: datetime | None = None
        self._templates: dict[str, bytes] = {}
        self._binding = Binding()
        self._demands = 0
        self._postures: list[Posture] = []
        self._takes: dict[int, Callable[[Sequence[Any], Any, Sequence[Any]], None]] = {
            statements.PROFILE: self._profile,
            statements.DEVICE: lambda texts, _, numbers: self._devices.append(rows.device(texts, numbers)),
            statements.FAILURE: lambda _, __, numbers: self._failed.append(numbers[0]),
            statements.PREFIX: self._prefix,
            statements.CREDENTIAL: self._changed,
            statements.POSTURE: lambda texts, _, numbers: self._postures.append(rows.posture(texts, numbers)),
            statements.BINDING: self._bound,
            statements.DEMANDS: self._demanded,
        }

    def take(self, row: Row) -> None:
        """One row of any tag."""
        take = self._takes.get(row[0])
        if take is None:
            return
        try:
            take(row[_TEXTS], row[_BODY], row[_NUMBERS])
        except ProfileDamaged as error:
            self._on_damaged(error)
        except DAMAGED:
            self._on_damaged(ProfileDamaged("a stored row is damaged"))

    def history(self) -> History:
        """All that was taken."""
        times = tuple(codec.from_us(time_us) for time_us in self._failed)
        failures = Failures(times, *self._of_prefix)
        return History(
            habits=self._habits,
            devices=tuple(self._devices),
            failures=failures,
            credential_changed=self._credential_changed,
            templates=self._templates,
            first_binding=self._binding,
            postures=tuple(self._postures),
            demands=self._demands,
        )

    def _profile(self, texts: Sequence[Any], body: Any, numbers: Sequence[Any]) -> None:
        kind, key = texts[:2]
        opened = rows.profile_body(kind, key, numbers[0], body, self._data_key)
        if kind == "habits":
            self._habits = codec.habits_from_bytes(opened)
        else:
            self._templates[key] = opened

    def _prefix(self, _texts: Sequence[Any], _body: Any, numbers: Sequence[Any]) -> None:
        self._of_prefix = tuple(numbers)

    def _changed(self, _texts: Sequence[Any], _body: Any, numbers: Sequence[Any]) -> None:
        self._credential_changed = codec.from_us(numbers[0])

    def _demanded(self, _texts: Sequence[Any], _body: Any, numbers: Sequence[Any]) -> None:
        self._demands = numbers[0]

    def _bound(self, texts: Sequence[Any], _body: Any, _numbers: Sequence[Any]) -> None:
        self._binding = codec.binding_from(texts[0])
