"""The composition root: settings -> adapters -> services -> the HTTP face. The sole owner of clock and randomness."""

from __future__ import annotations

import itertools
import logging
import math
import random
import secrets
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from idp_adapter.adapters import background_files, policy_file
from idp_adapter.adapters.checkpoints import CheckpointFolder
from idp_adapter.adapters.feeds import FeedFiles
from idp_adapter.adapters.geoip import GeoFiles
from idp_adapter.adapters.http import api, frame, wire
from idp_adapter.adapters.http.auth import Authenticator
from idp_adapter.adapters.http.connectors import Connectors
from idp_adapter.adapters.jose_jwks import KeySets, fetch_from_file_or_net
from idp_adapter.adapters.jose_keys import FolderSigner, KeyFolder
from idp_adapter.adapters.jose_posture import Assertions
from idp_adapter.adapters.logs import Log
from idp_adapter.adapters.metrics import Metrics
from idp_adapter.adapters.notary import JoseNotary
from idp_adapter.adapters.pseudonyms import Pseudonyms
from idp_adapter.adapters.sealing import Sealer
from idp_adapter.adapters.sealing_keys import FolderKeys, GivenKeys, TemplateKeyFolder
from idp_adapter.adapters.sql import SqlStore, open_store
from idp_adapter.adapters.telemetry import Opener
from idp_adapter.config import Settings
from idp_adapter.core.audit import Checkpoint, Segment
from idp_adapter.core.policy import Policy
from idp_adapter.core.policy_explain import Explanation, explain_record
from idp_adapter.core.replay import Report
from idp_adapter.core.types import Json, Origin, SubjectId
from idp_adapter.errors import NotFound, Unavailable
from idp_adapter.services.audit import Sealing, Watch
from idp_adapter.services.audit_pruning import Pruning
from idp_adapter.services.audit_verification import Verdict, Verification
from idp_adapter.services.decide import Decider
from idp_adapter.services.devices import DeviceKeeper
from idp_adapter.services.outcomes import OutcomeReporter
from idp_adapter.services.population import Populations
from idp_adapter.services.ports import Retention, Store
from idp_adapter.services.replay import Replayer

LOOK_AT_FEEDS_EVERY_S: Final = 10.0
LOOK_AT_PLACES_EVERY_S: Final = 3.0
LOOK_AT_POPULATION_EVERY_S: Final = 60.0
RETAIN_EVERY_S: Final = 3600.0
AFTER_A_FAILURE_S: Final = 60.0
SEAL_EVERY_S: Final = 10.0
BETWEEN_SEGMENTS_S: Final = 0.04  # decisions go first: what was decided in ten seconds is sealed in one or two
LOOKED_FOR_S: Final = 1.0
COMMAND_BUDGET_S: Final = 30.0  # a person waits longer than a login


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def new_token() -> str:
    """A secret that can't be guessed or searched, 43 characters."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """An unguessable id, 22 characters."""
    return secrets.token_urlsafe(16)


class Jobs:
    """What runs beside the requests: each job in a thread of its own, saying after how many seconds to run again.

    A run that fails, whatever the reason, is told of and followed by the next.
    """

    def __init__(self, failed: Callable[[Exception], None] = lambda error: None) -> None:
        self._failed = failed
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, job: Callable[[], float | None], *, first_s: float) -> None:
        """Run a job after `first_s`, then after whatever it answers, until that is None."""

        def run() -> None:
            wait_s: float | None = first_s
            while wait_s is not None and not self._stopping.wait(wait_s):
                try:
                    wait_s = job()
                except Exception as error:
                    self._failed(error)
                    wait_s = AFTER_A_FAILURE_S

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def pause(self, seconds: float) -> bool:
        """Wait within a run. False, and no more waiting, where the run is to end."""
        return not self._stopping.wait(seconds)

    def stop(self) -> None:
        """Let jobs under way finish, within seconds."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)


@dataclass(slots=True)
class Service:
    """One running service: a WSGI application with jobs beside it."""

    wsgi: Callable[..., Iterable[bytes]]
    store: Store
    jobs: Jobs
    geo: GeoFiles

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        return self.wsgi(environ, start_response)

    def close(self) -> None:
        """Stop the jobs, finish pending writes, close files."""
        self.jobs.stop()
        self.store.close()
        self.geo.close()


def build(settings: Settings, *, now: Callable[[], datetime] = now, jobs: Jobs | None = None) -> Service:
    """Make the service of this process. Raises `AdapterError` where it can't start.

    A simulation gives a clock of its own, and jobs that it runs by that clock.
    """
    log = Log(sys.stdout.buffer, level=settings.log_level, now=now)
    policy = policy_file.load(settings.policy)
    candidate = policy_file.load(settings.shadow_policy) if settings.shadow_policy else None
    backgrounds, fitted = background_files.load(
        any_text_file=settings.any_text_background, pointer_file=settings.pointer_background
    )
    _make_data_folder(settings)
    signer = _opened_signer(settings, now)
    geo = GeoFiles(city=settings.geoip_city, asn=settings.geoip_asn)
    feeds = FeedFiles(settings.feeds)
    pseudonyms = Pseudonyms.from_file(settings.pseudonym_key_file)
    metrics = Metrics(shared_folder=str(settings.metrics_dir) if settings.metrics_dir else None)
    template_keys = opened_template_keys(settings, now=now)
    notary = JoseNotary(signer, service=settings.public_url, now=now, new_id=new_id)
    store = open_store(
        settings.database_url,
        sealer=Sealer(template_keys),
        budget_s=settings.database_budget_s,
        on_damaged=lambda damage: metrics.profile_damaged(),
        attest=notary,
    )
    populations = Populations(store, settings.issuers)
    key_sets = KeySets(settings.issuers, timer=time.monotonic)
    posture_urls = {issuer: trusted.keys for issuer, trusted in settings.posture_issuers.items()}
    posture_keys = KeySets(posture_urls, timer=time.monotonic, fetch=fetch_from_file_or_net)
    assertions = Assertions(
        audience=settings.public_url,
        realms={issuer: trusted.issuers for issuer, trusted in settings.posture_issuers.items()},
        keys=posture_keys,
    )

    policies = [f"{policy.id} {policy.version}"]
    if candidate is not None:
        policies.append(f"in the shadow: {candidate.id} {candidate.version}")

    def policy_for(issuer: str) -> Policy:
        return policy

    def origin_of(issuer: str, ip: str) -> Origin:
        return pseudonyms.origin(issuer, ip, geo.locate(ip))

    database = _Looked(store.ping, timer=time.monotonic)

    def dependencies() -> Sequence[api.Dependency]:
        return (
            api.Dependency("database", problem=database.problem()),
            api.Dependency("template_keys", problem=_problem(template_keys.ping) or _problem(store.template_keys.ping)),
            api.Dependency("signing_keys", problem=_problem(signer.ping)),
            api.Dependency("realm_keys", notes=_notes(key_sets)),
            api.Dependency("posture_keys", notes=_notes(posture_keys)),
            api.Dependency("geoip", notes=tuple(geo.problems())),
            api.Dependency("feeds", notes=tuple(feeds.problems())),
            api.Dependency("policy", notes=tuple(policies)),
            api.Dependency("backgrounds", notes=tuple(f"{each.model}: {each}" for each in fitted)),
        )

    flask = api.create(
        api.Parts(
            public_url=settings.public_url,
            authenticator=Authenticator(audience=settings.public_url, issuers=settings.issuers.keys(), keys=key_sets),
            decider=Decider(
                store,
                geo,
                feeds,
                pseudonyms,
                Opener(),
                metrics,
                policy_for,
                populations.of,
                assertions=assertions,
                shadow_for=lambda issuer: candidate,
                backgrounds=backgrounds,
            ),
            reporter=OutcomeReporter(store, metrics, policy_for, backgrounds, Opener()),
            signer=signer,
            watcher=metrics,
            log=log,
            origin_of=origin_of,
            dependencies=dependencies,
            devices=DeviceKeeper(store.devices, policy_for),
            connectors=Connectors(settings.connectors),
            now=now,
            timer=time.perf_counter,
            new_id=new_id,
            on_unavailable=policy.on_unavailable,
        )
    )
    logging.getLogger("idp_adapter").disabled = True  # Flask's own: its lines may quote a request
    unreadable = _problem(store.template_keys.ping)
    notes = [*geo.problems(), *feeds.problems(), *([unreadable] if unreadable else [])]
    log.started(public_url=settings.public_url, policy=policy.version, notes=notes)
    jobs = jobs or Jobs(lambda error: log.failed(error=type(error).__name__, where=frame.where(error)))
    limits = retention(settings, policy)

    def retain() -> None:
        log.retained(store.retain(limits, now=now()))

    def renew() -> None:
        populations.renew(now=now())

    jobs.start(_every(RETAIN_EVERY_S, retain), first_s=random.uniform(30, 300))  # noqa: S311 - guards nothing
    sealing, watch = Sealing(store.audit, notary), Watch(store.audit, checkpoints(settings))
    seal = _sealing(sealing, watch, settings.issuers, metrics, log, now, jobs.pause)
    jobs.start(_every(SEAL_EVERY_S, seal), first_s=random.uniform(1, SEAL_EVERY_S))  # noqa: S311
    jobs.start(_warming(key_sets), first_s=0)
    jobs.start(_warming(posture_keys), first_s=0)
    jobs.start(_every(LOOK_AT_POPULATION_EVERY_S, renew), first_s=1)
    if any(settings.feeds.values()):
        jobs.start(_every(LOOK_AT_FEEDS_EVERY_S, feeds.refresh, spread=0), first_s=LOOK_AT_FEEDS_EVERY_S)
    if settings.geoip_city or settings.geoip_asn:
        jobs.start(_every(LOOK_AT_PLACES_EVERY_S, geo.refresh, spread=0), first_s=LOOK_AT_PLACES_EVERY_S)
    return Service(flask.wsgi_app, store, jobs, geo)


def _make_data_folder(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            "data_folder",
            f"the data folder {settings.data_dir} can't be made: {error.strerror}",
            hint="Name a folder that this user may write, by IDP_ADAPTER_DATA_DIR.",
        ) from None


def opened_template_keys(settings: Settings, *, now: Callable[[], datetime] = now) -> FolderKeys:
    """The keys that wrap data keys, the first of them made where there is none."""
    folder = template_key_folder(settings)
    folder.prepare(now())
    return FolderKeys(folder, timer=time.monotonic)


def template_key_folder(settings: Settings) -> TemplateKeyFolder:
    """Where the keys are that wrap data keys."""
    return TemplateKeyFolder(settings.template_key_dir)


def opened_store(settings: Settings) -> AbstractContextManager[SqlStore]:
    """The settings' store, for one command."""
    _make_data_folder(settings)
    sealer = Sealer(opened_template_keys(settings))
    attest = opened_notary(settings)
    return closing(open_store(settings.database_url, sealer=sealer, budget_s=COMMAND_BUDGET_S, attest=attest))


def opened_notary(settings: Settings, keys: tuple[Mapping[str, Json], ...] = ()) -> JoseNotary:
    """Who signs checkpoints and statements of removal. `keys` are more public keys to accept."""
    return JoseNotary(_opened_signer(settings, now), service=settings.public_url, now=now, new_id=new_id, keys=keys)


def _opened_signer(settings: Settings, now: Callable[[], datetime]) -> FolderSigner:
    """The keys that sign, the first of them made where there is none."""
    folder = KeyFolder(settings.key_dir)
    folder.prepare(now())
    return FolderSigner(folder, now=now, timer=time.monotonic)


def checkpoints(settings: Settings) -> CheckpointFolder:
    """Where this host keeps the newest checkpoint of each realm."""
    return CheckpointFolder(settings.data_dir / "checkpoints")


def sealed(settings: Settings, issuer: str) -> Segment | None:
    """Seal what a realm decided and reported; its newest segment."""
    with opened_store(settings) as store:
        for _ in Sealing(store.audit, opened_notary(settings)).seal(issuer, now=now()):
            pass
        return store.audit.last(issuer)


def verified(
    settings: Settings, issuer: str, *, known: Collection[Checkpoint], keys: tuple[Mapping[str, Json], ...]
) -> Verdict:
    """What is wrong with a realm's audit chain, which must still hold the `known` checkpoints."""
    with opened_store(settings) as store:
        return Verification(store.audit, opened_notary(settings, keys)).verify(issuer, known=known)


def pruned(settings: Settings, issuer: str, *, known: Collection[Checkpoint]) -> tuple[Verdict, int]:
    """Verify a realm's audit chain and, without findings, forget what it keeps of records that are gone.

    What was found, and how many digests went. The checkpoint that this host keeps goes on to the newest before.
    """
    with opened_store(settings) as store:
        notary = opened_notary(settings)
        verdict = Verification(store.audit, notary).verify(issuer, known=known)
        if verdict.faults:
            return verdict, 0
        Watch(store.audit, checkpoints(settings)).is_continued(issuer)
        return verdict, Pruning(Sealing(store.audit, notary), new_id).prune(issuer, verdict, now=now())


def subject_id(type_: str, id_: str) -> SubjectId:
    """Whom a command is about."""
    return SubjectId(type_, id_)


def explain_stored(settings: Settings, policy: Policy, issuer: str, decision_id: str) -> Explanation:
    """A policy's answer to a stored decision's evidence. Raises `NotFound` where there is none of that id."""
    with opened_store(settings) as store:
        record = store.decision(issuer, decision_id)
    if record is None:
        raise NotFound(f"no decision {decision_id} of {issuer} is stored", hint=settings.hint_about(issuer))
    return explain_record(policy, record)


def replayed(
    settings: Settings,
    candidate: Policy,
    live: Policy,
    issuer: str,
    span: tuple[datetime, datetime],
    *,
    on_progress: Callable[[int, int], None],
) -> Report:
    """What a candidate policy would have changed of a realm's stored decisions."""
    since, until = span
    with opened_store(settings) as store:
        replayer = Replayer(store.replays, live)
        return replayer.replay(candidate, issuer, since=since, until=until, on_progress=on_progress)


def dry_run(policy: Policy, body: bytes, *, issuer: str) -> Explanation:
    """Decide one request under a policy, without history and without places; nothing is kept."""
    request = wire.read_question(wire.read_body(body), issuer=issuer)
    sealer = Sealer(GivenKeys(secrets.token_bytes(32)))
    with closing(open_store("sqlite://", sealer=sealer, budget_s=COMMAND_BUDGET_S)) as store:
        pseudonyms = Pseudonyms(secrets.token_bytes(32))
        places, feeds = GeoFiles(city=None, asn=None), FeedFiles({})
        decider = Decider(store, places, feeds, pseudonyms, Opener(), Metrics(), lambda _: policy)
        decider.decide(request, now=request.time or now(), decision_id="dry-run")
        record = store.decision(issuer, "dry-run")
    if record is None:
        raise NotFound("the request was not decided")
    return explain_record(policy, record)


def retention(settings: Settings, policy: Policy) -> Retention:
    """How long rows live: the shorter of the settings' days and the policy's."""
    days = settings.retention

    def kept(name: str, set_days: int) -> timedelta:
        return timedelta(days=min(set_days, policy.retention_days.get(name, set_days)))

    return Retention(
        decisions=kept("decisions", days.decisions),
        outcomes=kept("outcomes", days.outcomes),
        failures=kept("failures", days.failures),
        profiles_unused=kept("profiles", days.profiles),
        learnables=kept("learnables", days.learnables),
    )


def _notes(key_sets: KeySets) -> tuple[str, ...]:
    return tuple(f"{issuer}: {problem}" for issuer, problem in key_sets.problems().items())


class _Looked:
    """What a look at a dependency found, at most a second ago.

    Whoever reaches the port may ask for readiness: not so often does the database write to answer it.
    """

    def __init__(self, ping: Callable[[], None], *, timer: Callable[[], float]) -> None:
        self._ping, self._timer = ping, timer
        self._lock = threading.Lock()
        self._until, self._found = -math.inf, ""

    def problem(self) -> str:
        """Why it can't be used, or nothing."""
        with self._lock:
            if self._timer() >= self._until:
                self._found = _problem(self._ping)
                self._until = self._timer() + LOOKED_FOR_S
            return self._found


def _problem(ping: Callable[[], None]) -> str:
    try:
        ping()
    except Unavailable as error:
        return error.sentences
    return ""


def _every(every_s: float, work: Callable[[], object], *, spread: float = 0.2) -> Callable[[], float]:
    """Do some work about every so many seconds; by the spread, several workers drift apart."""

    def run() -> float:
        work()
        return every_s * random.uniform(1 - spread, 1 + spread)  # noqa: S311 - spreads work, guards nothing

    return run


def _sealing(
    sealing: Sealing,
    watch: Watch,
    issuers: Iterable[str],
    metrics: Metrics,
    log: Log,
    now: Callable[[], datetime],
    pause: Callable[[float], bool],
) -> Callable[[], None]:
    """Seal what was stored, as far as it gets until it is to end. Of several workers at once one wins."""

    def run() -> None:
        for issuer in issuers:
            try:
                for segment in sealing.seal(issuer, now=now()):
                    metrics.sealed(segment.count)
                    log.sealed(issuer=issuer, number=segment.number, count=segment.count, head=segment.head.hex())
                    if not pause(BETWEEN_SEGMENTS_S):
                        return
                if not watch.is_continued(issuer):
                    metrics.sealing_failed("truncated")
                    log.failed(error="truncated", where=["audit", issuer])
            except Exception as error:  # whatever it is, the next run looks again: a chain must not end in silence
                metrics.sealing_failed("error")
                log.failed(error=type(error).__name__, where=["audit", issuer, *frame.where(error)])

    return run


def _warming(key_sets: KeySets) -> Callable[[], float | None]:
    """Fetch the realms' keys before the first login asks for them; a realm that isn't up yet is tried again."""
    waits = itertools.chain((3, 3, 5, 5, 10, 20), itertools.repeat(60))

    def run() -> float | None:
        return None if key_sets.renew() else next(waits)

    return run
