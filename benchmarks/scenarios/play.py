"""Playing steps on a stage, each at its time."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from benchmarks.scenarios import forms
from benchmarks.scenarios.answers import Answer
from benchmarks.scenarios.appearance import Appearance
from benchmarks.scenarios.memory import Memory
from benchmarks.scenarios.scenario import Step
from benchmarks.scenarios.stage import Stage
from benchmarks.scenarios.turn import Turn


@dataclass(frozen=True, slots=True)
class Played:
    """One attempt as it went."""

    step: Step
    answer: Answer


class Player:
    """Plays one scenario on one stage."""

    def __init__(self, stage: Stage, filler: forms.Forms, memory: Memory | None = None) -> None:
        self.stage, self.forms = stage, filler
        self.memory = copy.deepcopy(memory) if memory else Memory()

    def play(self, steps: Sequence[Step], *, seed: object) -> list[Played]:
        """Everything that the steps say, in order; what those that ask were answered."""
        return [played for number, step in enumerate(steps) for played in self._play(step, f"{seed}/{number}")]

    def _play(self, step: Step, seed: str) -> Iterator[Played]:
        chance = forms.seeded(seed)
        turns = itertools.product(range(step.times), range(step.people))
        for time, (turn, person) in zip(self._times(step, chance), turns, strict=True):
            self.stage.wait_until(time)
            if step.expect or turn == person == 0:
                self.stage.look()
            shown = Appearance(
                self.stage,
                self.forms,
                self.memory,
                step,
                number=turn * step.people + person,
                person=person,
                chance=chance.randrange(1 << 30),
            )
            answer = Turn(shown).happens()
            if answer is not None:
                yield Played(step, answer)

    def _times(self, step: Step, chance: Random) -> list[datetime]:
        zone = self.stage.cast.people[step.who].zone
        start = self.stage.clock.time + step.after
        if step.at is not None:
            local = datetime.combine(start.astimezone(zone).date(), step.at, zone)
            start = local if local >= self.stage.clock.time else local + timedelta(days=1)
        total = step.times * step.people
        times = [start + step.over * number / total for number in range(total)]
        if step.hours:
            first, end = step.hours
            width_s = ((end - first) % 24 or 24) * 3600
            midnights = [time.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) for time in times]
            moved = [time + timedelta(hours=first, seconds=chance.randrange(width_s)) for time in midnights]
            times = [time if time > self.stage.clock.time else time + timedelta(days=1) for time in moved]
        return sorted(time.astimezone(UTC) for time in times)
