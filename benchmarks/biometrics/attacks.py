"""Attacks on fixed text: bots that know no one's rhythm, replay of an observed typing, and slow poisoning.

A bot with the victim's own statistics passes a single login; nothing here measures that, and the documentation says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.biometrics.data import Rows, Subjects
from benchmarks.biometrics.protocols import half
from idp_adapter.core import templates
from idp_adapter.core.evidence.keystroke import FixedText
from idp_adapter.core.learning import template_after

HUMAN_ALARMS = 0.01
LOGINS = 150
ONE_IN = 5
A_DAY = 10  # logins, so that the bound of rows a day is met
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
ALWAYS = datetime.min.replace(tzinfo=UTC)


def naive_bots(width: int, count: int, rng: np.random.Generator) -> Rows:
    """Constant delays, uniform delays, and delays drawn from a textbook's averages, in equal parts."""
    holds = np.arange(width) % 2 == 0
    constant = np.where(holds, rng.uniform(0.005, 0.1, (count, 1)), rng.uniform(0.02, 0.3, (count, 1)))
    uniform = np.where(holds, rng.uniform(0.03, 0.15, (count, width)), rng.uniform(0.05, 0.4, (count, width)))
    drawn = np.where(holds, rng.normal(0.09, 0.02, (count, width)), rng.normal(0.2, 0.06, (count, width)))
    return np.vstack([constant, uniform, np.maximum(drawn, 0.005)])


def replayed(rows: Rows, jitter_s: float, rng: np.random.Generator) -> Rows:
    """The same typings with every press and release moved by up to `jitter_s`."""
    downs = np.cumsum(np.hstack([np.zeros((len(rows), 1)), rows[:, 1::2]]), axis=1)
    ups = downs + rows[:, 0::2]
    downs, ups = (times + rng.uniform(-jitter_s, jitter_s, times.shape) for times in (downs, ups))
    out = np.empty_like(rows)
    out[:, 0::2], out[:, 1::2] = ups - downs, np.diff(downs, axis=1)
    return out


def bots_caught(subjects: Subjects, seed: int = 0) -> float:
    """Share of naive bots less like a hand than all but 1 % of genuine rows; enrolled on 30 rows."""
    model, rng = FixedText(), np.random.default_rng(seed)
    own, bots = [], []
    for rows in subjects:
        end = half(rows)
        profile = model.profile(rows[:end])
        own.append(model.hand_rows(profile, rows[end : end + 100]))
        bots.append(model.hand_rows(profile, naive_bots(rows.shape[1], 30, rng)))
    threshold = np.quantile(np.concatenate(own), HUMAN_ALARMS)
    return float((np.concatenate(bots) < threshold).mean())


def replays_caught(subjects: Subjects, jitter_s: float, seed: int = 0) -> float:
    """Share of replayed stored rows that are closer to the window than all but 1 % of genuine rows."""
    model, rng = FixedText(), np.random.default_rng(seed)
    own, copies = [], []
    for rows in subjects:
        end = half(rows)
        profile = model.profile(rows[:end])
        own.append(model.replay_distance_s(profile, rows[end : end + 100]))
        copies.append(model.replay_distance_s(profile, replayed(rows[end - 30 : end], jitter_s, rng)))
    threshold = np.quantile(np.concatenate(own), HUMAN_ALARMS)
    return float((np.concatenate(copies) < threshold).mean())


@dataclass(frozen=True)
class Poisoning:
    """Means over subjects: the attacker's pass rate before and after, the owner's meanwhile."""

    attacker_before: float
    attacker_after: float
    owner: float


def poisoned(subjects: Subjects, threshold_nats: float = 0.0, seed: int = 0) -> Poisoning:
    """150 logins, ten a day, one in five by a practised attacker; one that passes teaches by the service's rules."""
    rng = np.random.default_rng(seed)
    model = FixedText()
    before, after, owner = [], [], []
    for who, rows in enumerate(subjects):
        attacker = subjects[(who + 1 + int(rng.integers(len(subjects) - 1))) % len(subjects)]
        end = half(rows)
        profile, held_back, tries = model.profile(rows[:end]), attacker[-40:], attacker[-160:-40]
        kept = templates.started(model.to_bytes(profile), at=START)
        before.append((model.score_rows(profile, held_back) > threshold_nats).mean())
        passed, logins, owns = 0, iter(rows[end:]), 0
        for login in range(LOGINS):
            hostile = rng.integers(ONE_IN) == 0
            row = tries[rng.integers(len(tries))] if hostile else next(logins, None)
            if row is None:
                break
            through = bool(model.score_rows(profile, row)[0] > threshold_nats)
            if through:
                at = START + timedelta(days=1 + login // A_DAY, minutes=login % A_DAY)
                kept = template_after(model, kept, row, at=at, valid_from=ALWAYS, proved=False)
                profile = model.from_bytes(kept.current.profile)
            if not hostile:
                owns, passed = owns + 1, passed + through
        after.append((model.score_rows(profile, held_back) > threshold_nats).mean())
        owner.append(passed / owns)
    return Poisoning(float(np.mean(before)), float(np.mean(after)), float(np.mean(owner)))
