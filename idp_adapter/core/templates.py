"""What is kept of one profile key: a model's profile, what it was before, and how it went.

An envelope is one stored row, so that a decision reads all of a subject at once. It holds the current profile, up to
two former ones to go back to after a takeover, and how the confirmed samples scored. A former one is kept where it
reaches back: the first as soon as the profile is enrolled, then one in two weeks, the older of two staying until it is
six weeks behind. So what two weeks of a takeover taught can always be undone, and up to eight weeks at times; the two
states before the last two logins would be of no use to somebody who finds out days later.

Learning is bounded: one row a login, six a day (UTC). Everything of a subject fits in `MOST_BYTES`: former profiles
leave first, then whole envelopes, the longest unlearnt first. Nothing here knows what a model's bytes mean.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from idp_adapter.errors import ProfileDamaged

MOST_ROWS_A_DAY: Final = 6
MOST_BYTES: Final = 7_500  # of all envelopes of one subject: with habits and devices below 16 kB
MOST_ENVELOPES: Final = 12  # of one subject: fields, languages, keyboards and pointers
BULKY_BYTES: Final = 2_000  # of a profile, from where its former ones come after all others
ENROLLED: Final = 10  # rows, from where a profile is worth going back to
SNAPSHOT_EVERY: Final = timedelta(days=14)
REACH: Final = timedelta(days=42)  # how far the older former profile falls behind before a younger one replaces it
_FEWEST_NEW_ROWS: Final = 5
_SLOWEST: Final = 0.05  # weight of a new score in the running mean, once there are twenty
_MAGIC: Final = b"TP1"
_HEAD: Final = struct.Struct("<3sI")
_BODY: Final = struct.Struct("<qHB")  # since, refused, snapshots
_SNAPSHOT: Final = struct.Struct("<qIBHddI")  # learnt at, rows, of the day, scores, mean, variance, bytes
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MOST: Final = 65_535


@dataclass(frozen=True, slots=True)
class Scores:
    """Exponentially weighted mean and variance, in nats, of what confirmed samples scored (genuine positive)."""

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0

    def with_one(self, nats: float) -> Scores:
        """One more score (Finch, Incremental calculation of weighted mean and variance, 2009, section 9)."""
        weight = max(1 / (self.count + 1), _SLOWEST)
        away = nats - self.mean
        step = weight * away
        return Scores(min(self.count + 1, _MOST), self.mean + step, (1 - weight) * (self.variance + away * step))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A profile as it was when it last learnt. `of_day` counts the rows of that day, `rows` those of the baseline."""

    profile: bytes
    learnt_at: datetime
    rows: int = 1
    of_day: int = 1
    scores: Scores = Scores()


@dataclass(frozen=True, slots=True)
class Envelope:
    """One profile key. `since`: when its baseline began; `refused`: rows since the last learnt that it did not admit.

    `formers` are snapshots to go back to, newest first, at most two.
    """

    since: datetime
    current: Snapshot
    formers: tuple[Snapshot, ...] = ()
    refused: int = 0


def started(profile: bytes, *, at: datetime) -> Envelope:
    """A new baseline with its first row."""
    return Envelope(at, Snapshot(profile, at))


def is_full(envelope: Envelope, *, at: datetime) -> bool:
    """Whether the day of `at` has taught enough; a row from before the last one counts on the last one's day."""
    last = envelope.current
    return at.date() <= last.learnt_at.date() and last.of_day >= MOST_ROWS_A_DAY


def is_expired(envelope: Envelope, *, valid_from: datetime) -> bool:
    """Whether the baseline was last confirmed too long ago to say how the subject behaves now."""
    return envelope.current.learnt_at < valid_from


def scored(envelope: Envelope, nats: float | None, *, refused: bool) -> Envelope:
    """The envelope after a confirmed sample that is not learnt."""
    current = _with_score(envelope.current, nats)
    return replace(envelope, current=current, refused=min(envelope.refused + refused, _MOST))


def learnt(envelope: Envelope, profile: bytes, *, at: datetime, nats: float | None) -> Envelope:
    """The envelope after its profile learnt one more row, which scored `nats` before."""
    last = envelope.current
    formers = envelope.formers
    if _is_due(envelope):
        formers = _thinned((last, *formers))
    same_day = at.date() <= last.learnt_at.date()
    current = Snapshot(
        profile,
        max(at, last.learnt_at),
        rows=last.rows + 1,
        of_day=last.of_day + 1 if same_day else 1,
        scores=last.scores,
    )
    return Envelope(envelope.since, _with_score(current, nats), formers)


def rolled_back(envelope: Envelope, *, since: datetime) -> Envelope | None:
    """The envelope as it was before `since`; None where nothing so old is kept. Doing it again changes nothing."""
    clean = [snapshot for snapshot in (envelope.current, *envelope.formers) if snapshot.learnt_at < since]
    if not clean:
        return None
    refused = envelope.refused if clean[0] is envelope.current else 0
    return Envelope(envelope.since, clean[0], tuple(clean[1:]), refused)


def fitted(envelopes: Mapping[str, Envelope], *, first: Iterable[str] = ()) -> dict[str, Envelope]:
    """What of a subject's envelopes fits in `MOST_BYTES`: at most twelve, those named first, then the latest learnt.

    Former profiles are kept while there is room, the smaller first: a pointer's take the room of two texts'.
    """
    named = frozenset(first)
    order = sorted(envelopes.items(), key=lambda item: (item[0] in named, item[1].current.learnt_at), reverse=True)
    del order[MOST_ENVELOPES:]
    left = MOST_BYTES - sum(_size(_bare(envelope)) for _, envelope in order)
    kept: dict[str, Envelope] = {}
    while left < 0 and order:
        left += _size(_bare(order.pop()[1]))
    kept |= {key: _bare(envelope) for key, envelope in order}
    for key, envelope in sorted(order, key=lambda item: _size(_bare(item[1])) >= BULKY_BYTES):
        for count in range(len(envelope.formers), 0, -1):
            fuller = replace(envelope, formers=envelope.formers[:count])
            if (more := _size(fuller) - _size(kept[key])) <= left:
                left, kept[key] = left - more, fuller
                break
    return kept


def to_bytes(envelope: Envelope) -> bytes:
    """Serialise: magic with version, CRC-32; the baseline's numbers; each snapshot's numbers and profile."""
    snapshots = (envelope.current, *envelope.formers)
    parts = [_BODY.pack(_to_us(envelope.since), envelope.refused, len(snapshots))]
    for kept in snapshots:
        scores = kept.scores
        parts.append(
            _SNAPSHOT.pack(
                _to_us(kept.learnt_at),
                kept.rows,
                kept.of_day,
                scores.count,
                scores.mean,
                scores.variance,
                len(kept.profile),
            )
        )
        parts.append(kept.profile)
    body = b"".join(parts)
    return _HEAD.pack(_MAGIC, zlib.crc32(body)) + body


@lru_cache(maxsize=64)
def from_bytes(data: bytes) -> Envelope:
    """Read what `to_bytes` wrote. Raises `ProfileDamaged` for anything else.

    Two sources read the same envelope in one decision; the second finds it here.
    """
    try:
        magic, checksum = _HEAD.unpack_from(data)
        if magic != _MAGIC or zlib.crc32(data[_HEAD.size :]) != checksum:
            raise _damaged()
        since_us, refused, count = _BODY.unpack_from(data, _HEAD.size)
        at, snapshots = _HEAD.size + _BODY.size, []
        for _ in range(count):
            snapshot, at = _snapshot(data, at)
            snapshots.append(snapshot)
        current, *formers = snapshots
        since = _from_us(since_us)
    except (struct.error, ValueError, OverflowError):
        raise _damaged() from None
    if at != len(data) or len(formers) > 2:
        raise _damaged()
    return Envelope(since, current, tuple(formers), refused)


def _snapshot(data: bytes, at: int) -> tuple[Snapshot, int]:
    learnt_us, rows, of_day, count, mean, variance, length = _SNAPSHOT.unpack_from(data, at)
    start = at + _SNAPSHOT.size
    profile = data[start : start + length]
    if len(profile) != length or not (abs(mean) < float("inf") and 0 <= variance < float("inf")):
        raise _damaged()
    return Snapshot(profile, _from_us(learnt_us), rows, of_day, Scores(count, mean, variance)), start + length


def _with_score(snapshot: Snapshot, nats: float | None) -> Snapshot:
    return snapshot if nats is None else replace(snapshot, scores=snapshot.scores.with_one(nats))


def _is_due(envelope: Envelope) -> bool:
    """Whether the current profile is worth keeping as it is, before it learns more."""
    last = envelope.current
    if not envelope.formers:
        return last.rows >= ENROLLED
    newest = envelope.formers[0]
    return last.learnt_at - newest.learnt_at >= SNAPSHOT_EVERY and last.rows - newest.rows >= _FEWEST_NEW_ROWS


def _thinned(snapshots: tuple[Snapshot, ...]) -> tuple[Snapshot, ...]:
    """The newest, and of the others the older one while it does not fall too far behind."""
    newest, *older = snapshots
    if len(older) < 2:
        return newest, *older
    middle, oldest = older
    return newest, oldest if newest.learnt_at - oldest.learnt_at < REACH else middle


def _bare(envelope: Envelope) -> Envelope:
    return replace(envelope, formers=())


def _size(envelope: Envelope) -> int:
    profiles = [snapshot.profile for snapshot in (envelope.current, *envelope.formers)]
    return _HEAD.size + _BODY.size + sum(_SNAPSHOT.size + len(profile) for profile in profiles)


def _to_us(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _from_us(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


def _damaged() -> ProfileDamaged:
    return ProfileDamaged("a template is damaged", hint="erase it; it is learnt again")
