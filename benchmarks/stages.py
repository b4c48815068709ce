"""One decision, stage by stage, in one process without HTTP: what each step of it takes.

The parts are those of `idp_adapter/app.py`; ports and sources are wrapped so that each call is timed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from benchmarks import figures
from idp_adapter import config
from idp_adapter.adapters import policy_file
from idp_adapter.adapters.feeds import FeedFiles
from idp_adapter.adapters.geoip import GeoFiles
from idp_adapter.adapters.http import api, wire
from idp_adapter.adapters.jose_keys import FolderSigner, KeyFolder
from idp_adapter.adapters.metrics import Metrics
from idp_adapter.adapters.pseudonyms import Pseudonyms
from idp_adapter.adapters.sealing import Sealer
from idp_adapter.adapters.sql import open_store
from idp_adapter.adapters.telemetry import Opener
from idp_adapter.app import new_id, now, opened_template_keys
from idp_adapter.config import Settings
from idp_adapter.core.fusion import SOURCES
from idp_adapter.core.types import Request, Signals
from idp_adapter.services.decide import Decider
from idp_adapter.services.population import Populations

T = TypeVar("T")
STAGES = ("parse", "observe", "load", "sources", "fuse and decide", "store", "sign")


class Stopwatch:
    """Milliseconds by stage of the decision under way, and of all that ended."""

    def __init__(self) -> None:
        self.ended: dict[str, list[float]] = defaultdict(list)
        self._under_way: dict[str, float] = defaultdict(float)

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Add what the block takes to a stage."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._under_way[stage] += (time.perf_counter() - begun) * 1000

    def timed(self, stage: str, call: Callable[..., T]) -> Callable[..., T]:
        """A function whose calls count for a stage."""

        def timed(*arguments: Any, **named: Any) -> T:
            with self.timing(stage):
                return call(*arguments, **named)

        return timed

    def end(self) -> None:
        """The decision is answered: what of it no other stage took was fusing and deciding."""
        took = self._under_way
        took["sources"] = sum(ms for stage, ms in took.items() if stage.startswith("source: "))
        inner = sum(took[stage] for stage in ("observe", "load", "sources", "store"))
        took["fuse and decide"] = took.pop("decide") - inner
        took["whole"] = sum(took[stage] for stage in STAGES)
        for stage, ms in took.items():
            self.ended[stage].append(ms)
        took.clear()


class _Ported:
    """A port whose named methods are timed; the others pass through."""

    def __init__(self, port: Any, watch: Stopwatch, **stages: str) -> None:
        self._port = port
        for method, stage in stages.items():
            setattr(self, method, watch.timed(stage, getattr(port, method)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def by_stage(
    environment: Mapping[str, str], issuer: str, bodies: Sequence[bytes], *, warm_up: int
) -> dict[str, dict[str, float]]:
    """p50, p90 and p99 by stage and by source, one decision after the other; the first `warm_up` are asked before."""
    settings, watch = config.load(environment=environment), Stopwatch()
    places = GeoFiles(city=settings.geoip_city, asn=settings.geoip_asn)
    with closing(places), closing(_store(settings)) as store:
        decider = _decider(settings, store, places, watch)
        folder = KeyFolder(settings.key_dir)
        signer = FolderSigner(folder, now=now, timer=time.monotonic)
        for number, body in enumerate((*bodies[:warm_up], *bodies)):
            if number == warm_up:
                watch.ended.clear()
            with watch.timing("parse"):
                question = wire.read_question(wire.read_body(body), issuer=issuer)
            with watch.timing("decide"):
                decision = decider.decide(question, now=now(), decision_id=new_id())
            with watch.timing("sign"):
                signer.sign({"evaluation": wire.answer(decision)}, typ=api.JWT_TYPE)
            watch.end()
    return {stage: figures.summary(taken) for stage, taken in watch.ended.items()}


def _store(settings: Settings) -> Any:
    sealer = Sealer(opened_template_keys(settings))
    return open_store(settings.database_url, sealer=sealer, budget_s=settings.database_budget_s)


def _decider(settings: Settings, store: Any, places: GeoFiles, watch: Stopwatch) -> Decider:
    policy = policy_file.load(settings.policy)
    populations = Populations(store, settings.issuers)
    populations.renew(now=now())

    class Watched(Decider):
        """Times what a request is turned into before anything is loaded."""

        def observe(self, request: Request, *, now: datetime) -> Signals:
            with watch.timing("observe"):
                return super().observe(request, now=now)

    return Watched(
        _Ported(store, watch, load="load", record="store"),
        places,
        FeedFiles(settings.feeds),
        Pseudonyms.from_file(settings.pseudonym_key_file),
        Opener(),
        Metrics(),
        lambda issuer: policy,
        populations.of,
        sources=[replace(one, score=watch.timed(f"source: {one.name}", one.score)) for one in SOURCES],
    )
