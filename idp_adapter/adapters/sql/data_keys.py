"""Data keys as rows: made with the first row that needs one, in its transaction; read with what they open.

Of two writers that make a subject's first data key at once, both go on with the one that was stored. A data key that
does not unwrap stays as it is: whoever would write under it is told `ProfileLocked`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from idp_adapter.adapters.sealing import DataKey, Sealer, WrappedKey
from idp_adapter.adapters.sql.codec import Bound
from idp_adapter.adapters.sql.database import Database, Execute, unavailable
from idp_adapter.adapters.sql.statements import Statements

MOST_AT_HAND: Final = 1024
_MOST_TRIES: Final = 3

# Whose: the columns `issuer`, `subject_type` and `subject_id`.
Subject: TypeAlias = Mapping[str, Bound]
SubjectName: TypeAlias = tuple[str, str, str]


class DataKeys:
    """The data keys of a database. Safe between threads."""

    def __init__(self, database: Database, statements: Statements, sealer: Sealer) -> None:
        self._database = database
        self._sql = statements
        self._sealer = sealer
        # What `load` unwrapped, for the `record` that follows at once: asking again would be its second round trip.
        # None is a data key that does not unwrap.
        self._at_hand: dict[SubjectName, DataKey | None] = {}

    def unwrap(self, of: Subject, kek_id: str | None, wrapped: Any) -> DataKey | None:
        """The data key in columns of a row; None where they are null. Raises `ProfileLocked`."""
        if kek_id is None or wrapped is None:
            return None
        return self._sealer.unwrap(WrappedKey(kek_id, bytes(wrapped)), name_of(of))

    def read(self, of: Subject) -> DataKey | None:
        """A subject's data key, None where there is none. Raises `ProfileLocked`."""
        found = self._database.read(self._sql.data_key, of)
        return self.unwrap(of, *found[0]) if found else None

    def use(self, execute: Execute, of: Subject, *, at_us: int) -> DataKey:
        """A subject's data key for a write in this transaction, made where there is none. Raises `ProfileLocked`."""
        name = name_of(of)
        for _ in range(_MOST_TRIES):  # again only where another's was erased between two statements
            found = execute(self._sql.use_data_key, {**of, "at_us": at_us}).fetchall()
            if found:
                return self._sealer.unwrap(WrappedKey(found[0][0], bytes(found[0][1])), name)
            key, stored = self._sealer.make(name)
            times = {"created_at_us": at_us, "updated_at_us": at_us}
            columns = {**of, "kek_id": stored.kek_id, "wrapped": stored.wrapped, **times}
            if execute(self._sql.insert_data_key, columns).rowcount == 1:
                return key
        raise unavailable("the subject is being erased")

    # --- at hand ------------------------------------------------------------------------------------------

    def keep(self, of: Subject, key: DataKey | None) -> None:
        """Have a data key at hand, or know that it is locked."""
        if len(self._at_hand) >= MOST_AT_HAND:
            self._at_hand.clear()  # a decision under way then asks the database
        self._at_hand[name_of(of)] = key

    def drop(self, of: Subject) -> None:
        """No longer have a subject's data key at hand."""
        self._at_hand.pop(name_of(of), None)

    def at_hand(self, of: Subject) -> tuple[bool, DataKey | None]:
        """Whether a subject's data key is known here, and that key; None with True is one that is locked."""
        name = name_of(of)
        key = self._at_hand.get(name)
        return key is not None or name in self._at_hand, key


def name_of(of: Subject) -> SubjectName:
    """The subject as `sealing` takes it."""
    return str(of["issuer"]), str(of["subject_type"]), str(of["subject_id"])
