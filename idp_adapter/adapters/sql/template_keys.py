"""Template keys in use: which key-encryption keys wrap the data keys of a database, and moving them to the newest one.

Both kinds of work go in bounded batches, so that neither holds up decisions; interrupted, they are run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from idp_adapter.adapters.sealing import Sealer, WrappedKey
from idp_adapter.adapters.sql.data_keys import Subject, name_of
from idp_adapter.adapters.sql.database import Database, Execute
from idp_adapter.adapters.sql.statements import Statements
from idp_adapter.errors import ProfileLocked, RequestInvalid, Unavailable

MOST_IN_BATCH: Final = 100
_FIRST: Final = {"issuer": "", "subject_type": "", "subject_id": ""}


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What a rotation did: data keys rewrapped, and those that did not unwrap, by the id of their template key."""

    done: int
    locked: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Batch:
    done: int
    locked: int
    last: Subject
    full: bool


class TemplateKeys:
    """The template keys that a database needs."""

    def __init__(self, database: Database, statements: Statements, sealer: Sealer) -> None:
        self._database = database
        self._sql = statements
        self._sealer = sealer

    def ping(self) -> None:
        """Raise `Unavailable` where data keys are wrapped by a template key that isn't here."""
        missing = [id_ for id_ in self._in_use() if not self._sealer.knows(id_)]
        if missing:
            raise Unavailable(
                "template_keys",
                f"what was learnt can't be read: the template key {', '.join(missing)} isn't here",
                hint="Put its file back into the folder of template keys; until then nothing is learnt over it.",
            )

    def count(self, id_: str) -> int:
        """How many data keys a template key wraps."""
        asked = {"kek_id": id_}
        found = self._database.transact(lambda execute: execute(self._sql.count_of_kek, asked).fetchall(), slow=True)
        return int(found[0][0])

    def rewrap(self, *, on_batch: Callable[[int, int], None]) -> Rewrapped:
        """Wrap every data key by the newest template key; `on_batch` hears how many so far, and of how many.

        Each stays readable throughout, for whoever has both keys.
        """
        newest, done, locked = self._sealer.newest_id(), 0, {}
        older = {id_: self.count(id_) for id_ in self._in_use() if id_ != newest}
        for id_ in older:
            refused = 0
            for batch in self._batches(id_):
                done, refused = done + batch.done, refused + batch.locked
                on_batch(done, sum(older.values()))
            if refused:
                locked[id_] = refused
        return Rewrapped(done, locked)

    def forget(self, id_: str) -> int:
        """Delete the data keys that a lost template key wrapped, so that what they sealed is learnt anew. How many."""
        if self._sealer.knows(id_):
            raise RequestInvalid(f"the template key {id_} is here: what it wraps can be read")
        total = 0
        while deleted := self._database.transact(
            lambda execute: execute(self._sql.forget_kek, {"kek_id": id_, "most": MOST_IN_BATCH}).rowcount, slow=True
        ):
            total += deleted
        return total

    def _in_use(self) -> list[str]:
        return [row[0] for row in self._database.read(self._sql.keks, {})]

    def _batches(self, id_: str) -> Iterator[_Batch]:
        last: Subject = _FIRST
        while True:
            batch = self._database.transact(self._job(id_, last), slow=True)
            yield batch
            if not batch.full:
                return
            last = batch.last

    def _job(self, id_: str, after: Subject) -> Callable[[Execute], _Batch]:
        def job(execute: Execute) -> _Batch:
            found = execute(self._sql.data_keys_of_kek, {**after, "kek_id": id_, "most": MOST_IN_BATCH}).fetchall()
            done, locked, of = 0, 0, after
            for issuer, type_, subject_id, wrapped in found:
                of = {"issuer": issuer, "subject_type": type_, "subject_id": subject_id}
                try:
                    new = self._sealer.rewrap(WrappedKey(id_, bytes(wrapped)), name_of(of))
                except ProfileLocked:
                    locked += 1
                    continue
                changes: Subject = {"kek_id": new.kek_id, "wrapped": new.wrapped, "old_wrapped": bytes(wrapped)}
                done += execute(self._sql.rewrap, {**of, **changes}).rowcount
            return _Batch(done, locked, of, full=len(found) == MOST_IN_BATCH)

        return job
