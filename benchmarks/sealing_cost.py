"""What sealing costs: `python -m benchmarks.sealing_cost [--json] [--database URL] [--rounds N]`.

One load and one record, as a decision does them, of a subject with three templates, on SQLite in a scratch folder or on
the given PostgreSQL. Three stores take turns in one run: sealed, the same with bodies left plain, and sealed without
data keys at hand, so that each record asks the database for its subject's.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from benchmarks import figures
from idp_adapter.adapters.sealing import DataKey, Sealer, WrappedKey
from idp_adapter.adapters.sealing_keys import GivenKeys
from idp_adapter.adapters.sql import SqlStore, data_keys, open_store
from idp_adapter.core.evidence.keystroke import FixedText, to_bytes
from idp_adapter.core.types import (
    Decision,
    DecisionRecord,
    Device,
    Habits,
    Learnable,
    Level,
    Obligations,
    Origin,
    Outcome,
    OutcomeType,
    Risk,
    Sighting,
    SubjectId,
    Typing,
    Unenrolled,
)
from idp_adapter.services.ports import HistoryQuery, Lesson

ISSUER = "https://bench.example/realms/bench"
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
PREFIX = "p" * 22


class _PlainKey(DataKey):
    """Seals nothing."""

    def seal(self, body: bytes, *place: str) -> bytes:
        return body

    def open(self, sealed: bytes, *place: str) -> bytes:
        return sealed


class _Plain(Sealer):
    """Leaves everything as it is."""

    def make(self, subject: Sequence[str]) -> tuple[DataKey, WrappedKey]:
        return _PlainKey(bytes(32), subject), WrappedKey("plain", b"plain")

    def unwrap(self, stored: WrappedKey, subject: Sequence[str]) -> DataKey:
        return _PlainKey(bytes(32), subject)


def subject(name: str, number: int) -> SubjectId:
    """One of a hundred subjects of each store."""
    return SubjectId("user", f"{name}-{number % 100}")


def lesson(name: str, number: int) -> Lesson:
    """What a subject has taught after a while: habits, two devices, three templates of eleven keys."""
    model, rng = FixedText(), np.random.default_rng(number)
    template = to_bytes(model.profile(rng.lognormal(-2.0, 0.3, (30, 21))))
    seen = tuple(Sighting(f"{i:022}", i, NOW - timedelta(days=i), NOW) for i in range(12))
    of = subject(name, number)
    return Lesson(
        Outcome(f"{name}-{number}", ISSUER, OutcomeType.LOGIN_SUCCEEDED, NOW, subject=of),
        Habits(50, NOW, seen, seen, seen, seen, seen, seen, hours=(1,) * 168),
        tuple(Device(f"{i:043}", "key", NOW, NOW, 1, "Firefox/145 on Linux", confirmed=True) for i in range(2)),
        {f"{field}/1/11": template for field in ("username", "password", "otp")},
    )


def record(name: str, number: int) -> DecisionRecord:
    """A decision that may teach two typings."""
    typing = Typing("password", tuple(i * 0.15 for i in range(11)), tuple(i * 0.15 + 0.09 for i in range(11)))
    risk = Risk(-3.0, 0.05, Level.LOW, -3.0, (), 0.05)
    decision = Decision(
        id=f"{name}-{number}", txn="txn", permitted=True, risk=risk, policy_id="p", policy_version="1",
        acr_values=(), obligations=Obligations(), unenrolled=Unenrolled.DENY, reasons=(),
    )  # fmt: skip
    return DecisionRecord(
        issuer=ISSUER, decision=decision, subject=subject(name, number), hook="login", client="app", sid=None, time=NOW,
        origin=Origin("a" * 22, PREFIX), user_agent="Firefox/145 on Linux", device_ids=("k" * 43,),
        learnable=Learnable("k" * 43, "c" * 22, {"username/1": typing, "password/1": typing}),
    )  # fmt: skip


@contextmanager
def stores(url: str | None) -> Iterator[dict[str, SqlStore]]:
    """The three, each with a hundred subjects; on PostgreSQL they share the tables."""
    secret = bytes(range(32))
    sealers: dict[str, Sealer] = {
        "plain": _Plain(GivenKeys(secret)),
        "sealed": Sealer(GivenKeys(secret)),
        "sealed, no key at hand": Sealer(GivenKeys(secret)),
    }
    with tempfile.TemporaryDirectory() as folder:
        made = {
            name: open_store(url or f"sqlite:///{folder}/{number}.sqlite3", sealer=sealer, budget_s=5)
            for number, (name, sealer) in enumerate(sealers.items())
        }
        for name, store in made.items():
            for number in range(100):
                store.teach(lesson(name, number))
        yield made
        for name, store in made.items():
            with closing(store):
                for number in range(100):
                    store.erase(ISSUER, subject(name, number))


def run(url: str | None, rounds: int) -> dict[str, Any]:
    """Milliseconds of each call, and the ratio of medians."""
    taken: dict[str, dict[str, list[float]]] = {}
    with stores(url) as made:
        for number in range(-100, rounds):  # the first hundred warm up
            for name, store in made.items():
                query = HistoryQuery(ISSUER, subject(name, number), PREFIX, NOW)
                begun = time.perf_counter()
                store.load(query)
                loaded = time.perf_counter()
                if name.endswith("at hand"):
                    store._data_keys.drop(_columns(query))
                decided = record(name, number + 100)
                started = time.perf_counter()
                store.record(decided)
                ended = time.perf_counter()
                if number >= 0:
                    calls = taken.setdefault(name, {"load": [], "record": []})
                    calls["load"].append((loaded - begun) * 1000)
                    calls["record"].append((ended - started) * 1000)
    found: dict[str, Any] = {
        name: {call: figures.summary(times) for call, times in calls.items()} for name, calls in taken.items()
    }
    for name in found:
        both, plain = (sum(found[one][call]["p50"] for call in ("load", "record")) for one in (name, "plain"))
        found[name]["ratio"] = round(both / plain, 3)
    return found


def _columns(query: HistoryQuery) -> data_keys.Subject:
    return {"issuer": query.issuer, "subject_type": query.subject.type, "subject_id": query.subject.id}


def text(found: dict[str, Any]) -> str:
    """The table."""
    rows = [
        (name, one["load"]["p50"], one["load"]["p99"], one["record"]["p50"], one["record"]["p99"], one["ratio"])
        for name, one in found.items()
    ]
    header = ("ms", "load p50", "p99", "record p50", "p99", "both to plain, p50")
    return figures.table(header, rows)


def main() -> None:
    """Measure and print."""
    parser = figures.parser("What sealing costs one load and one record.")
    parser.add_argument("--database", help="a PostgreSQL URL; SQLite in a scratch folder without it")
    parser.add_argument("--rounds", type=int, default=2000)
    arguments = parser.parse_args()
    found = run(arguments.database, arguments.rounds)
    figures.report({"sealing_ms": found}, text(found), as_json=arguments.json)


if __name__ == "__main__":
    main()
