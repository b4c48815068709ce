"""The course of events: all visits of all people and all attempts, in the order of time, asked of one house.

A login that is let in is confirmed; one that is stepped up is confirmed by the second factor, which every honest person
has here. Attempts are asked about and never confirmed: what a takeover teaches is measured elsewhere.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

import numpy as np

from benchmarks.population import attackers, people, things
from benchmarks.population.attackers import Attempt
from benchmarks.population.house import ISSUER, Answer, House
from benchmarks.population.persons import DAYS, Person, Visit
from benchmarks.population.things import Hand
from idp_adapter.core.fusion import WEIGHTS
from idp_adapter.core.policy import Policy
from idp_adapter.core.strictness import kind_of
from idp_adapter.core.types import (
    Evidence,
    Hook,
    Level,
    Network,
    OutcomeType,
    Request,
    Resource,
    Session,
    Subject,
    SubjectId,
)

MEASURED_FROM: Final = things.EPOCH + timedelta(days=55)
FEWEST_VISITS: Final = 5  # of a victim before an attempt; a stranger's first logins are weighed by nothing
REFRESHED: Final = 0.35  # of visits, by the same browser a while later
MISTYPED: Final = 0.05  # of visits, once or twice
FORGOTTEN: Final = 0.004  # of visits: some wrong passwords, a new one, a login
LOOK_EVERY: Final = timedelta(hours=6)  # at the realm's population
BASIC: Final = "urn:idp-adapter:acr:basic"


@dataclass(frozen=True, slots=True)
class Judged:
    """One decision of the measured time, whose it was, and what came of it."""

    kind: str
    honest: bool
    hook: str
    subject: str
    at: datetime
    logins: int
    nats: float  # log-odds before the floor, less the prior
    probability: float
    level: Level
    answer: str  # "permit", "step_up" or "refuse"
    evidence: tuple[Evidence, ...]

    @property
    def is_met(self) -> bool:
        """Whether more was asked than a password: a step-up, a refusal, or at a refresh a class that is lowered."""
        return self.answer != "permit" or self.level is Level.HIGH


@dataclass
class Course:
    """What was judged, and the most that is stored of anybody."""

    judged: list[Judged] = field(default_factory=list)
    early: list[Judged] = field(default_factory=list)  # honest logins before MEASURED_FROM
    most_bytes: int = 0
    mean_bytes: float = 0.0
    failed: list[str] = field(default_factory=list)


Event = tuple[datetime, int, Person, "Visit | Attempt", str]


def run(
    seed: int,
    *,
    subjects: int,
    attempts: int = 1,
    policy: Policy | None = None,
    weights: Mapping[str, float] = WEIGHTS,
) -> Course:
    """One course; `attempts` is how often each subject is attacked by each kind."""
    rng = Random(seed)
    everybody = people.people(subjects, rng)
    coming = list(events(everybody, attempts, rng))
    heapq.heapify(coming)
    house = House(seed, policy=policy, weights=weights)
    try:
        course = _followed(house, coming, Random(rng.random()))
        sizes = list(house.stored_bytes().values())
        course.most_bytes, course.mean_bytes = max(sizes), sum(sizes) / len(sizes)
        course.failed = house.observer.failed
    finally:
        house.close()
    return course


def events(everybody: Sequence[Person], attempts: int, rng: Random) -> Iterator[Event]:
    """All visits and attempts, person by person."""
    kinds = {kind.name: kind for kind in people.KINDS}
    number = 0
    for person in everybody:
        known = list(people.visits(person, kinds[person.kind], rng))
        for visit in known:
            yield visit.at, (number := number + 1), person, visit, ""
        targets = [visit for visit in known[FEWEST_VISITS:] if visit.at >= MEASURED_FROM]
        if not targets:
            continue
        for kind in attackers.KINDS:
            for _ in range(attempts):
                hand = Hand(np.random.default_rng(rng.getrandbits(64)))
                attempt = kind.plan(person, rng.choice(targets), hand, rng)
                if attempt.at < things.EPOCH + timedelta(days=DAYS):
                    yield attempt.at, (number := number + 1), person, attempt, kind.name


def _followed(house: House, events: list[Event], rng: Random) -> Course:
    course = Course()
    looked = things.EPOCH
    while events:
        at, number, person, event, attacker = heapq.heappop(events)
        if at - looked >= LOOK_EVERY:
            house.populations.renew(now=at)
            looked = at
        if isinstance(event, Attempt):
            answer = _attempted(house, person, event, number, rng)
            course.judged.append(_judged(answer, person, attacker, event.hook, at, honest=False))
        elif isinstance(event, _Refresh):
            answer = house.ask(_request(person, event, number, hook=Hook.REFRESH, age=event.age), now=at)
            if at >= MEASURED_FROM:
                course.judged.append(_judged(answer, person, person.kind, Hook.REFRESH, at, honest=True))
        else:
            answer = _visited(house, person, event, number, rng)
            kept = course.judged if at >= MEASURED_FROM else course.early
            kept.append(_judged(answer, person, person.kind, Hook.LOGIN, at, honest=True))
            if rng.random() < REFRESHED:
                heapq.heappush(events, (*_refresh(event, number, person, rng), ""))
    return course


@dataclass(frozen=True, slots=True)
class _Refresh(Visit):
    """Tokens renewed some time after a visit."""

    age: timedelta = timedelta()


def _refresh(visit: Visit, number: int, person: Person, rng: Random) -> tuple[datetime, int, Person, Visit]:
    age = timedelta(minutes=rng.uniform(5, 240))
    kind = next(kind for kind in people.KINDS if kind.name == person.kind)
    moved = rng.random() < 0.3  # the laptop or phone is somewhere else by now
    ip = kind.where(person, visit.at + age, rng)[1] if moved else visit.ip
    return visit.at + age, -number, person, _Refresh(visit.at + age, visit.browser, ip, visit.client, age=age)


def _visited(house: House, person: Person, visit: Visit, number: int, rng: Random) -> Answer:
    subject = SubjectId("user", person.id)
    draw = rng.random()
    if draw < FORGOTTEN:
        _fail(house, subject, visit.ip, visit.at, rng.choice((2, 3, 4)))
        house.tell(OutcomeType.CREDENTIAL_CHANGED, subject, now=visit.at - timedelta(minutes=1), ip=visit.ip)
    elif draw < FORGOTTEN + MISTYPED:
        _fail(house, subject, visit.ip, visit.at, rng.choice((1, 1, 1, 2, 3)))
    hand = person.hand if person.types else None
    answer = house.ask(_request(person, visit, number, hand=hand), now=visit.at)
    permitted = answer.decision.permitted
    type_ = OutcomeType.LOGIN_SUCCEEDED if permitted else OutcomeType.STEP_UP_SUCCEEDED
    if permitted or answer.decision.acr_values:
        house.tell(type_, subject, now=visit.at, decision=answer.decision, ip=visit.ip)
    return answer


def _attempted(house: House, person: Person, attempt: Attempt, number: int, rng: Random) -> Answer:
    subject = SubjectId("user", person.id)
    _fail(house, subject, attempt.ip, attempt.at, attempt.guesses)
    if attempt.resets:
        house.tell(OutcomeType.CREDENTIAL_CHANGED, subject, now=attempt.at - timedelta(minutes=2), ip=attempt.ip)
    client = rng.choices([name for name, _ in attackers.CLIENTS], [share for _, share in attackers.CLIENTS])[0]
    visit = Visit(attempt.at, attempt.browser, attempt.ip, client, attempt.has_script)
    request = _request(
        person, visit, number, hook=attempt.hook, hand=attempt.hand, is_bot=attempt.is_bot, age=attempt.age
    )
    return house.ask(replace(request, cookie_id=attempt.cookie or request.cookie_id), now=attempt.at)


def _fail(house: House, subject: SubjectId, ip: str, at: datetime, times: int) -> None:
    for i in range(times):
        house.tell(OutcomeType.LOGIN_FAILED, subject, now=at - timedelta(minutes=1, seconds=20 * (times - i)), ip=ip)


def _request(
    person: Person,
    visit: Visit,
    number: int,
    *,
    hook: Hook = Hook.LOGIN,
    hand: Hand | None = None,
    is_bot: bool = False,
    age: timedelta | None = None,
) -> Request:
    """The question that Keycloak would ask."""
    challenge = f"c{number}"
    text = None
    if hook is Hook.LOGIN and visit.has_script and age is None:
        fields = [] if hand is None or visit.browser.is_mobile else [hand.type(text) for text in person.texts]
        text = things.telemetry(visit.browser, visit.at, fields, challenge, is_bot=is_bot)
    seconds = None if age is None else int(age.total_seconds())
    auth_time = None if age is None else visit.at - age
    return Request(
        issuer=ISSUER,
        subject=Subject(SubjectId("user", person.id), factors=("otp",), created_at=person.begins),
        action=hook,
        resource=Resource("oidc_client", visit.client, access_token_lifespan_s=300, refresh_token_lifespan_s=1800),
        txn=f"t{number}",
        time=visit.at,
        session=Session(sid=f"s-{person.id}", acr=BASIC, auth_time=auth_time, age_s=seconds),
        network=Network(ip=visit.ip, user_agent=visit.browser.user_agent(visit.at)),
        telemetry=text,
        telemetry_challenge=challenge,
        cookie_id=visit.browser.cookie if hook is Hook.LOGIN else None,
    )


def _judged(answer: Answer, person: Person, kind: str, hook: Hook, at: datetime, *, honest: bool) -> Judged:
    decision = answer.decision
    risk = decision.risk
    shares = sum(item.nats for item in risk.contributions if item.source != "floor")
    said = kind_of(decision, hook).name.lower()
    return Judged(
        kind, honest, hook, person.id, at, answer.logins, shares, risk.probability, risk.level, said, answer.evidence
    )
