"""A scenario: what came before, what is attempted, and what a thoughtful administrator expects of it.

The fields of a file are described in `docs/scenarios.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from benchmarks.scenarios.cast import FEEDS, Cast, cast
from benchmarks.scenarios.reading import ScenarioInvalid, Table

FOLDER: Final = Path(__file__).parent
KINDS: Final = {"honest": "honest", "attacks": "attack"}  # by folder
ACTIONS: Final = ("permit", "shorten", "limit", "step-up", "refuse", "end", "reject", "unheard")
QUESTIONS: Final = (
    "log in", "open application", "redeem code", "refresh", "machine token", "password grant",
)  # fmt: skip
EVENTS: Final = (
    "mistype", "change password", "report takeover", "report posture", "list in feed", "repeat outcome",
    "confirm for another",
)  # fmt: skip
THEN: Final = ("prove", "walk away", "fail")
TELEMETRY: Final = (
    "fresh", "none", "of an old form", "with a repeated typing", "with a broken signature", "of 20 KB", "nested",
    "with NaN", "running backwards",
)  # fmt: skip
CALLERS: Final = ("realm", "another realm", "nobody", "a user", "a forger", "late", "early", "with altered headers")
POSTURES: Final = ("", "compliant", "not-compliant", "forged", "of another device")
ANSWERS: Final = ("own", "of an earlier question", "altered", "too late")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_HOURS: Final = re.compile(r"(\d{1,2})-(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come of an attempt: one of some actions, and reason codes that are there, or are not."""

    actions: tuple[str, ...]
    acr: str
    reasons: tuple[str, ...]
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, `times` over; where several people, places, browsers or hands are named, in turns."""

    do: str
    who: str
    people: int
    places: tuple[str, ...]
    browsers: tuple[str, ...]
    hands: tuple[str, ...]
    client: str
    times: int
    over: timedelta
    hours: tuple[int, int] | None
    after: timedelta
    at: time | None
    then: str
    telemetry: str
    cookie_of: str
    user_agent: str
    bound_to: str
    acr: str
    caller: str
    posture: str
    answer: str
    status: str
    feed: str
    lines: tuple[str, ...]
    nameless: bool
    is_honest: bool
    expect: Expectation | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file. `keycloak` names the flow test that drives the same through a real Keycloak, where there is one."""

    name: str
    kind: str
    title: str
    why: str
    keycloak: str
    policy: str
    history: tuple[Step, ...]
    attempts: tuple[Step, ...]

    @property
    def expected(self) -> str:
        """The expected actions, in a few words."""
        told = ["/".join(step.expect.actions) for step in self.attempts if step.expect]
        return ", ".join(dict.fromkeys(told))


def load_all(folder: Path = FOLDER) -> tuple[Scenario, ...]:
    """Every scenario, honest ones first, by name. Raises `ScenarioInvalid`."""
    paths = [path for kind in KINDS for path in sorted((folder / kind).glob("*.toml"))]
    return tuple(load(path) for path in paths)


@cache
def realm_before() -> tuple[Step, ...]:
    """What every realm has seen before a scenario begins, from `realm.toml`."""
    table = Table.of_file(FOLDER / "realm.toml")
    steps = tuple(_step(item, cast(), "citizen", "honest", first=False) for item in table.tables("history"))
    table.done()
    return steps


def load(path: Path) -> Scenario:
    """One scenario. Raises `ScenarioInvalid`, naming file, field and fix."""
    name = f"{path.parent.name}/{path.stem}"
    table = Table.of_file(path, f"{name}.toml")
    if path.parent.name not in KINDS:
        raise ScenarioInvalid(name, f"lies in no folder of the pack; put it into {' or '.join(KINDS)}")
    kind = table.text("kind", of=tuple(KINDS.values()))
    if kind != KINDS[path.parent.name]:
        raise table.wrong("kind", f"is {kind!r} in the folder `{path.parent.name}`; move the file or correct it")
    who = table.text("who", "alice")
    members = cast()
    scenario = Scenario(
        name=name,
        kind=kind,
        title=table.text("title"),
        why=" ".join(table.text("why").split()),
        keycloak=table.text("keycloak", ""),
        policy=table.text("policy", ""),
        history=tuple(_step(item, members, who, "honest", first=False) for item in table.tables("history")),
        attempts=tuple(
            _step(item, members, who, kind, first=number == 0) for number, item in enumerate(table.tables("attempt"))
        ),
    )
    table.done()
    if not any(step.expect for step in scenario.attempts):
        raise table.wrong("attempt", "expects nothing; give at least one of them an `expect`")
    if any(step.expect for step in scenario.history):
        raise table.wrong("history", "expects something; move that into an `attempt`")
    return scenario


def _step(table: Table, members: Cast, who: str, kind: str, *, first: bool) -> Step:
    do = table.text("do", "log in", of=(*QUESTIONS, *EVENTS))
    people = table.whole("people", 1, least=1)
    who = table.text("who", who, of=tuple(members.people))
    times = table.whole("times", 1, least=1)
    is_honest = table.flag("honest", kind == "honest")
    step = Step(
        do=do,
        who=who,
        people=people,
        places=table.texts("from", ("home",), of=tuple(members.places)),
        browsers=table.texts("on", ("laptop",), of=tuple(members.browsers)),
        hands=table.texts("typed_by", (), of=tuple(members.hands)),
        client=table.text("to", "portal", of=tuple(members.clients)),
        times=times,
        over=table.span("over", "0 s"),
        hours=_hours(table),
        after=table.span("after", "1 day" if first else "1 min"),
        at=_time(table),
        then=table.text("then", "prove" if is_honest else "walk away", of=THEN),
        telemetry=table.text("telemetry", "fresh", of=TELEMETRY),
        cookie_of=table.text("cookie_of", "", of=tuple(members.browsers)),
        user_agent=table.text("user_agent", ""),
        bound_to=table.text("bound_to", ""),
        acr=table.text("acr", "", of=("basic", "mfa")),
        caller=table.text("caller", "realm", of=CALLERS),
        posture=table.text("posture", "", of=POSTURES),
        answer=table.text("answer", "own", of=ANSWERS),
        status=table.text("status", "", of=("compliant", "not-compliant")),
        feed=table.text("feed", "", of=FEEDS),
        lines=table.texts("lines"),
        nameless=table.flag("nameless"),
        is_honest=is_honest,
        expect=_expectation(table.table("expect")) if table.has("expect") else None,
    )
    if step.expect and do not in (*QUESTIONS, "repeat outcome"):
        raise table.wrong("expect", f"can't be of `{do}`, which is answered by nothing; move it to the next question")
    table.done()
    return step


def _expectation(table: Table) -> Expectation:
    found = Expectation(
        actions=table.texts("action", of=ACTIONS),
        acr=table.text("acr", "", of=("basic", "mfa", "phr")),
        reasons=table.texts("reasons"),
        without=table.texts("without"),
    )
    if not found.actions:
        raise table.wrong("action", f"is missing; add one of {', '.join(ACTIONS)}")
    table.done()
    return found


def _time(table: Table) -> time | None:
    text = table.text("at", "")
    found = _TIME.fullmatch(text)
    if text and not found:
        raise table.wrong("at", "must be a time of day such as 09:30")
    return time(int(found.group(1)), int(found.group(2))) if found else None


def _hours(table: Table) -> tuple[int, int] | None:
    text = table.text("hours", "")
    found = _HOURS.fullmatch(text)
    hours = (int(found.group(1)), int(found.group(2))) if found else None
    if text and (hours is None or not (0 <= hours[0] < 24 and 0 < hours[1] <= 24) or hours[0] == hours[1]):
        raise table.wrong("hours", "must be hours of the day such as 8-18 or 22-6")
    return hours
