"""What the adapter costs Keycloak: a realm with and a realm without it, interleaved in one JVM.

`python -m benchmarks.keycloak_overhead [--json] [--quick]` starts its own stack on free ports: the service on
SQLite, one Keycloak with the demo and the plain realm. Boots differ by a factor of two, so nothing but the paired
differences counts.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks import figures
from benchmarks.http_client import Client, Login, log_in, machine_token, refresh
from benchmarks.stack import Running, running
from tools.console import Stop
from tools.driver.telemetry import Device, Hand
from tools.realms import CLIENT_SECRETS

REALMS = ("plain", "demo")
CALLERS = 16
WARMERS = 4
PASSWORD = "a-bench-pw"


@dataclass
class Person:
    """One simulated user with a device, a hand and an address of their own."""

    name: str
    client: Client
    device: Device
    hand: Hand

    def log_in(self, realm: str) -> Login:
        """Log in with signed telemetry where the realm reads it."""
        return log_in(self.client, realm, self.name, PASSWORD, self.device if realm == "demo" else None, self.hand)


def people(stack: Running, realm: str, count: int) -> list[Person]:
    """Users of a realm, created before anything is timed."""
    admin = stack.admin(realm)
    made = []
    for i in range(count):
        name = f"bench-{i}"
        admin.add_user(name, [{"type": "password", "value": PASSWORD}])
        client = Client(stack.keycloak_port, stack.redirect, address=f"192.0.2.{10 + i}")
        made.append(Person(name, client, Device(), Hand(i)))
    return made


def interleaved(work: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run both sides in turn, the order swapped every round."""
    times: dict[str, list[float]] = {realm: [] for realm in work}
    for i in range(rounds):
        for realm in REALMS if i % 2 else REALMS[::-1]:
            times[realm].append(work[realm]())
    return times


def throughput(make: Callable[[int], Callable[[], bool]], seconds: float) -> tuple[float, int]:
    """Requests per second of all callers at once, and errors."""
    end = time.perf_counter() + seconds
    barrier = threading.Barrier(CALLERS)

    def call(index: int) -> tuple[int, int]:
        once, done, errors = make(index), 0, 0
        barrier.wait()
        while time.perf_counter() < end:
            if once():
                done += 1
            else:
                errors += 1
        return done, errors

    begun = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        counts = list(pool.map(call, range(CALLERS)))
    elapsed = time.perf_counter() - begun
    return sum(done for done, _ in counts) / elapsed, sum(errors for _, errors in counts)


def refresher(person: Person, realm: str) -> Callable[[], bool]:
    """A caller that refreshes its own session again and again, under rotation."""
    token = [person.log_in(realm).tokens["refresh_token"]]

    def once() -> bool:
        answer = refresh(person.client, realm, token[0])
        if answer.status != 200:
            return False
        token[0] = answer.json()["refresh_token"]
        return True

    return once


def paired_throughput(
    crowd: dict[str, list[Person]], make: Callable[[str, int], Callable[[], bool]], rounds: int, seconds: float
) -> dict[str, Any]:
    """Median over rounds of the ratio with / without, rounds interleaved."""
    rates: dict[str, list[float]] = {realm: [] for realm in REALMS}
    errors = 0
    for i in range(rounds):
        for realm in REALMS if i % 2 else REALMS[::-1]:
            callers = [make(realm, index) for index in range(CALLERS)]
            rate, failed = throughput(lambda index, ready=callers: ready[index], seconds)  # type: ignore[misc]
            rates[realm].append(rate)
            errors += failed
    ratios = [with_ / without for with_, without in zip(rates["demo"], rates["plain"], strict=True)]
    return {
        "per_second": {realm: round(statistics.median(rates[realm]), 1) for realm in REALMS},
        "ratio": round(statistics.median(ratios), 3),
        "errors": errors,
    }


def costs(times: dict[str, list[float]]) -> dict[str, Any]:
    """Summaries of both sides and the difference of their medians."""
    sides = {realm: figures.summary(times[realm]) for realm in REALMS}
    return {**sides, "extra_p50_ms": round(sides["demo"]["p50"] - sides["plain"]["p50"], 3)}


def warm_up(crowd: dict[str, list[Person]], logins: int) -> None:
    """So many logins and machine tokens in each realm: the JVM compiles what it runs often, beside the requests."""
    secret = CLIENT_SECRETS["payments-job"]

    def work(index: int) -> None:
        for realm, _ in itertools.product(REALMS, range(logins // WARMERS)):
            person = crowd[realm][1 + index]
            person.log_in(realm)
            machine_token(person.client, realm, secret)

    with ThreadPoolExecutor(WARMERS) as pool:
        list(pool.map(work, range(WARMERS)))


def measure(stack: Running, *, warm: int, rounds: int, logins: int, seconds: float) -> dict[str, Any]:
    """All figures, in the order in which a warm-up helps them."""
    crowd = {realm: people(stack, realm, CALLERS) for realm in REALMS}
    first = {realm: crowd[realm][0] for realm in REALMS}
    secret = CLIENT_SECRETS["payments-job"]
    warm_up(crowd, warm)
    found: dict[str, Any] = {}
    pairs: dict[str, list[Login]] = {realm: [] for realm in REALMS}

    def one_login(realm: str) -> float:
        made = first[realm].log_in(realm)
        pairs[realm].append(made)
        return made.total_ms

    found["login_ms"] = costs(interleaved({realm: lambda r=realm: one_login(r) for realm in REALMS}, rounds))  # type: ignore[misc]
    found["login_password_post_ms"] = costs({realm: [made.password_ms for made in pairs[realm]] for realm in REALMS})
    once = {realm: refresher(first[realm], realm) for realm in REALMS}
    found["refresh_ms"] = costs(interleaved({r: lambda r=r: _timed(once[r]) for r in REALMS}, rounds * 2))  # type: ignore[misc]
    stack.pause_reuse(True)
    found["refresh_asked_ms"] = costs(interleaved({r: lambda r=r: _timed(once[r]) for r in REALMS}, rounds * 2))  # type: ignore[misc]
    stack.pause_reuse(False)
    found["client_credentials_ms"] = costs(
        interleaved({r: lambda r=r: machine_token(first[r].client, r, secret).ms for r in REALMS}, rounds * 2)  # type: ignore[misc]
    )
    found["refresh_throughput"] = paired_throughput(crowd, lambda r, i: refresher(crowd[r][i], r), 4, seconds)
    found["client_credentials_throughput"] = paired_throughput(
        crowd, lambda r, i: lambda: machine_token(crowd[r][i].client, r, secret).status == 200, 4, seconds
    )
    found["logins_at_16_callers"] = many_logins(crowd["demo"], logins)
    found["service_rss_mb"] = stack.service_rss_mb()
    return found


def many_logins(crowd: list[Person], logins: int) -> dict[str, Any]:
    """Logins at 16 callers: how many failed, and what they cost."""
    remaining = itertools.count(logins, -1)
    errors: list[str] = []
    times: list[float] = []

    def call(person: Person) -> None:
        while next(remaining) > 0:
            try:
                times.append(person.log_in("demo").total_ms)
            except (RuntimeError, OSError, KeyError) as error:
                errors.append(str(error))

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(call, crowd))
    return {**figures.summary(times), "errors": len(errors), "first_error": errors[0] if errors else None}


def _timed(once: Callable[[], bool]) -> float:
    begun = time.perf_counter()
    if not once():
        raise RuntimeError("a refresh failed")
    return (time.perf_counter() - begun) * 1000


def text(found: dict[str, Any]) -> str:
    """The table for a person."""
    rows = [
        (name, f"{side['plain']['p50']:.2f}", f"{side['demo']['p50']:.2f}", f"{side['extra_p50_ms']:+.2f}")
        for name, side in found.items()
        if isinstance(side, dict) and "extra_p50_ms" in side
    ]
    rates = [
        (name, rate["per_second"]["plain"], rate["per_second"]["demo"], f"x{rate['ratio']}", rate["errors"])
        for name, rate in found.items()
        if isinstance(rate, dict) and "ratio" in rate
    ]
    logins = found["logins_at_16_callers"]
    return "\n\n".join(
        (
            figures.table(("p50, ms", "without", "with", "extra"), rows),
            figures.table((f"per second, {CALLERS} callers", "without", "with", "ratio", "errors"), rates),
            f"{logins['n']} logins at {CALLERS} callers: {logins['errors']} errors, p50 {logins['p50']} ms, "
            f"p99 {logins['p99']} ms; service {found['service_rss_mb']} MB",
        )
    )


def main() -> int:
    """Measure and report."""
    parser = figures.parser(__doc__ or "")
    parser.add_argument("--quick", action="store_true", help="few rounds: a check that it runs, not a measurement")
    options = parser.parse_args()
    amount = (40, 20, 100, 3.0) if options.quick else (800, 300, 2000, 8.0)
    try:
        with running() as stack:
            found = measure(stack, warm=amount[0], rounds=amount[1], logins=amount[2], seconds=amount[3])
    except Stop as stop:
        raise SystemExit(str(stop)) from None
    figures.report(found, text(found), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
