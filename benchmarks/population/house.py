"""The service without HTTP: its own decider, reporter, learning and store; made-up places and feeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any, Final

from benchmarks.population.world import MapOfFeeds, MapOfPlaces
from idp_adapter.adapters.policy_file import load
from idp_adapter.adapters.pseudonyms import Pseudonyms
from idp_adapter.adapters.sealing import Sealer
from idp_adapter.adapters.sealing_keys import GivenKeys
from idp_adapter.adapters.sql import open_store
from idp_adapter.adapters.telemetry import Opener
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.fusion import SOURCES, WEIGHTS, Source
from idp_adapter.core.policy import Policy
from idp_adapter.core.types import Decision, Evidence, Outcome, OutcomeType, Request, SubjectId
from idp_adapter.services.decide import Decider
from idp_adapter.services.outcomes import OutcomeReporter
from idp_adapter.services.population import Populations

ISSUER: Final = "https://id.example/realms/synthetic"


class Silent:
    """An observer that counts what must not happen."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def decided(self, *, hook: str, level: str, answer: str, abstained: Sequence[str]) -> None:
        """Nothing."""

    def break_glass_used(self, *, hook: str) -> None:
        """Nothing."""

    def shadowed(self, difference: str) -> None:
        """Nothing."""

    def telemetry_rejected(self, reason: str) -> None:
        """No telemetry made here is rejected."""
        self.failed.append(f"telemetry rejected: {reason}")

    def posture_rejected(self, reason: str) -> None:
        """Nothing."""

    def source_failed(self, source: str) -> None:
        """No source fails."""
        self.failed.append(f"source failed: {source}")

    def dependency_unavailable(self, dependency: str) -> None:
        """Everything is there."""
        self.failed.append(f"unavailable: {dependency}")

    def outcome(self, type_: OutcomeType, *, learnt: bool, duplicate: bool) -> None:
        """Nothing."""

    def rolled_back(self, *, restored: int, erased: int, devices: int) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision, what each source said before it was weighed, and the confirmed logins known by then."""

    decision: Decision
    evidence: tuple[Evidence, ...]
    logins: int


class House:
    """One realm of the service under the policy that ships, or another, on a store that ends with the process."""

    def __init__(self, seed: int, *, policy: Policy | None = None, weights: Mapping[str, float] = WEIGHTS) -> None:
        rng = Random(seed)
        secrets = rng.randbytes(32), rng.randbytes(32)
        self.policy = policy or load(None)
        self.store = open_store("sqlite://", sealer=Sealer(GivenKeys(secrets[0])), budget_s=60.0)
        self.populations = Populations(self.store, [ISSUER])
        self.observer = Silent()
        self._pseudonyms = Pseudonyms(secrets[1])
        self._places = MapOfPlaces()
        self._heard: list[Evidence] = []
        self._logins = 0
        self._count = 0
        self._decider = Decider(
            self.store,
            self._places,
            MapOfFeeds(),
            self._pseudonyms,
            Opener(),
            self.observer,
            lambda _: self.policy,
            self.populations.of,
            sources=tuple(replace(source, score=self._listening(source)) for source in SOURCES),
            weights=weights,
        )
        self._reporter = OutcomeReporter(self.store, self.observer, lambda _: self.policy)

    def ask(self, request: Request, *, now: datetime) -> Answer:
        """One question to one recorded decision."""
        self._heard.clear()
        self._count += 1
        decision = self._decider.decide(request, now=now, decision_id=f"d{self._count}")
        return Answer(decision, tuple(self._heard), self._logins)

    def tell(
        self, type_: OutcomeType, subject: SubjectId, *, now: datetime, decision: Decision | None = None, ip: str = ""
    ) -> None:
        """Report an outcome: of a decision, or of what came without one from an address."""
        self._count += 1
        outcome = Outcome(f"o{self._count}", ISSUER, type_, now, decision.id if decision else None, subject)
        if ip:
            outcome = replace(outcome, origin=self._pseudonyms.origin(ISSUER, ip, self._places.locate(ip)))
        self._reporter.report(outcome, now=now)

    def stored_bytes(self) -> Mapping[str, int]:
        """What is kept of each subject for the next decision, as stored: habits, templates, devices, data key."""
        sizes: Counter[str] = Counter()
        for table in ("profile", "device", "data_key"):
            names = [str(row[1]) for row in self._rows(f"PRAGMA table_info({table})")]
            widths = " + ".join(f"length(cast(coalesce({name}, '') AS BLOB))" for name in names)
            sizes.update(dict(self._rows(f"SELECT subject_id, sum({widths}) FROM {table} GROUP BY subject_id")))
        return sizes

    def _rows(self, statement: str) -> list[Any]:
        """Past the store, which has no reason to measure itself."""
        return self.store._database.read(statement, {})

    def close(self) -> None:
        """Forget everything."""
        self.store.close()

    def _listening(self, source: Source) -> Callable[[Situation], Evidence]:
        def score(situation: Situation) -> Evidence:
            said = source.score(situation)
            self._heard.append(said)
            self._logins = situation.history.habits.logins
            return said

        return score
