"""The theatre: plays scenarios, each on a stage of its own, histories that are equal played once and copied."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.scenarios import forms, stage
from benchmarks.scenarios.cast import cast
from benchmarks.scenarios.memory import Memory
from benchmarks.scenarios.play import Played, Player
from benchmarks.scenarios.scenario import Scenario, Step, realm_before

STOPS: Final = ("step-up", "refuse", "end", "reject", "unheard")
STOPS_TOKENS: Final = (*STOPS, "shorten", "limit")  # a token can't step up; a short one is soon asked about again


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario as it went: what failed, in words, and every attempt that was expected something of."""

    scenario: Scenario
    played: tuple[Played, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was as expected."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class _Past:
    """What a history left: data, the time, and what people remember."""

    folder: Path
    time: datetime
    memory: Memory


class Theatre:
    """Plays scenarios in a folder of its own."""

    def __init__(self, folder: Path, keys: stage.Keys) -> None:
        self._folder, self._keys = folder, keys
        self._filler = forms.Forms(cast())
        self._pasts: dict[tuple[str, tuple[Step, ...]], _Past] = {}

    def play(self, scenario: Scenario) -> Result:
        """One scenario, from its history on."""
        past = self._past(scenario.policy, scenario.history)
        with self._on_stage(past, scenario.policy) as (scene, _):
            player = Player(scene, self._filler, past.memory)
            played = player.play(scenario.attempts, seed=scenario.name)
        asked = tuple(item for item in played if item.step.expect)
        problems = tuple(problem for item in asked for problem in wrong(item))
        return Result(scenario, asked, tuple(dict.fromkeys(problems)))

    def _past(self, policy: str, history: tuple[Step, ...]) -> _Past:
        """The data after a history; what every realm has seen before comes first."""
        key = (policy, history)
        if key in self._pasts:
            return self._pasts[key]
        before = self._past(policy, ()) if history else None
        with self._on_stage(before, policy) as (scene, folder):
            player = Player(scene, self._filler, before.memory if before else None)
            player.play(history if history else realm_before(), seed="history")
            if not history:
                player.memory.began = scene.clock.time
            past = _Past(folder, scene.clock.time, player.memory)
        self._pasts[key] = past
        return past

    @contextmanager
    def _on_stage(self, past: _Past | None, policy: str) -> Iterator[tuple[stage.Stage, Path]]:
        folder = Path(tempfile.mkdtemp(dir=self._folder)) / "data"
        clock = stage.Clock()
        if past is None:
            folder.mkdir()
            stage.prepare(folder, policy, self._keys)
        else:
            stage.copy(past.folder, folder)
            clock.time = past.time
        scene = stage.Stage(folder, self._keys, clock)
        try:
            yield scene, folder
        finally:
            scene.close()


@contextmanager
def opened() -> Iterator[Theatre]:
    """A theatre in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="scenarios-") as folder, stage.published_keys() as keys:
        yield Theatre(Path(folder), keys)


def wrong(played: Played) -> list[str]:
    """What an attempt did not do as expected, in words."""
    expected, answer = played.step.expect, played.answer
    assert expected is not None
    problems = []
    if answer.action not in expected.actions:
        problems.append(f"expected {' or '.join(expected.actions)}, got {answer.action}: {answer.strongest(5)}")
    if expected.acr and answer.acr.rpartition(":")[2] != expected.acr:
        problems.append(f"expected a step-up to {expected.acr}, got {answer.acr or 'none'}")
    problems += [f"the reason `{code}` is not given" for code in expected.reasons if code not in answer.codes]
    problems += [f"the reason `{code}` is given, but must not be" for code in expected.without if code in answer.codes]
    return problems


def is_stopped(played: Played) -> bool:
    """Whether an attack got no further, or got a token that soon ends."""
    is_login = played.step.do in ("log in", "open application")
    return played.answer.action in (STOPS if is_login else STOPS_TOKENS)


def rates(results: Sequence[Result]) -> dict[str, Any]:
    """The share of honest attempts that were stepped up or worse, and of attacks that were stopped."""
    attempts = [item for result in results for item in result.played]
    honest = [item for item in attempts if item.step.is_honest]
    attacks = [item for item in attempts if not item.step.is_honest]
    return {
        "honest_attempts": len(honest),
        "honest_step_up_rate": _share(item.answer.action in (*STOPS, "limit") for item in honest),
        "attack_attempts": len(attacks),
        "attack_stop_rate": _share(is_stopped(item) for item in attacks),
    }


def _share(found: Iterator[bool] | Any) -> float:
    values = list(found)
    return round(sum(values) / len(values), 4) if values else 0.0
