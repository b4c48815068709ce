"""How fast stored decisions are judged again by a candidate policy.

    python -m benchmarks.policy_replay [--decisions 1000000] [--database URL] [--json]

Makes so many synthetic decisions of 40,000 subjects, each with evidence of its own, in a SQLite file of its own or in
the given database (which it fills up, so that it can be used again), then replays three candidates over them: other
thresholds (one answer serves thousands), a rule that asks about a reason that a fifth have (those are read by their
evidence), and another prior (all are). Progress on stderr. A million take minutes to make, and about 2 GB.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import figures
from idp_adapter.adapters.policy_file import load
from idp_adapter.adapters.sealing import Sealer
from idp_adapter.adapters.sealing_keys import GivenKeys
from idp_adapter.adapters.sql import SqlStore, open_store, rows
from idp_adapter.core.fusion import fuse
from idp_adapter.core.policy import Policy, decide
from idp_adapter.core.policy_rules import Condition, Effect, Rule
from idp_adapter.core.types import DecisionRecord, Evidence, Hook, Origin, Place, Reason, SubjectId
from idp_adapter.core.types.facts import Facts
from idp_adapter.services.replay import Replayer

ISSUER = "https://id.example/realms/replay"
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 2000
CODES = (
    "device_known", "network_address_known", "network_country_known", "travel_plausible", "hours_usual",
    "keystroke_matches", "automation_none", "failures_none",
)  # fmt: skip


def made(number: int, chance: random.Random, live: Policy) -> DecisionRecord:
    """One decision of an honest population with some risky ones among it."""
    is_risky = chance.random() < 0.03
    mean = 1.2 if is_risky else -0.7
    codes = CODES if chance.random() < 0.8 else ("network_country_new", *CODES[1:])
    contributions = tuple(
        Evidence(f"source{i}", nats := chance.gauss(mean, 0.5), (Reason(code, nats, {"seen": chance.randint(1, 40)}),),
                 behavioural=i in (4, 5))
        for i, code in enumerate(codes)
    )  # fmt: skip
    hook = chance.choice((Hook.LOGIN, Hook.REFRESH, Hook.REFRESH, Hook.CLIENT_CREDENTIALS))
    facts = Facts(
        hook=hook,
        realm=ISSUER,
        client=chance.choice(("spa", "web-app", "payout", "mail", "wiki")),
        subject=SubjectId("user", f"subject-{chance.randrange(40_000)}"),
        groups=frozenset(chance.sample(("/staff", "/sales", "/contractors"), chance.randint(0, 2))),
        factors=frozenset({"otp"} if chance.random() < 0.7 else ()),
        networks=frozenset({"public"}),
        country="PT",
        session_acr=live.ladder.steps[0],
        auth_age_s=chance.randint(0, 40_000),
        session_age_s=chance.randint(0, 40_000),
        access_token_s=300,
        is_exempt=chance.random() < 0.02,
    )
    decision = decide(live, facts, fuse(contributions, live.scale), decision_id=f"decision-{number:012}")
    return DecisionRecord(
        issuer=ISSUER,
        decision=decision,
        subject=facts.subject,
        hook=hook,
        client=facts.client,
        sid="session",
        time=BEGUN + timedelta(milliseconds=700 * number),
        origin=Origin("a" * 22, "p" * 22, Place("PT", 64500, 38.7, -9.1, 20.0)),
        user_agent="Firefox/145 on Linux",
        device_ids=("k" * 43,),
        learnable=None,
        facts=facts,
        inputs="0" * 64,
        weights="0" * 12,
    )


def fill(store: SqlStore, count: int, live: Policy) -> None:
    """Write so many decisions, each with evidence of its own, going on where the database ends."""
    first = store.replays.count(ISSUER, since=BEGUN, until=BEGUN + timedelta(days=3650))
    for begun in range(first, count, BATCH):
        chance = random.Random(begun)
        batch = [
            rows.decision_columns(made(number, chance, live)) for number in range(begun, min(count, begun + BATCH))
        ]

        def job(execute: Any, batch: list[Any] = batch) -> None:
            for columns in batch:
                execute(store._sql.record, columns)

        store._database.transact(job, slow=True)
        if begun % 50_000 == 0:
            print(f"{begun:,} of {count:,} decisions made", file=sys.stderr)


def candidates(live: Policy) -> dict[str, Policy]:
    """What is replayed."""
    asks = Rule("new country", Condition(reason=frozenset({"network_country_new"})), Effect(require_acr="phr"))
    return {
        "thresholds": replace(live, settings=replace(live.settings, medium=0.02, high=0.1, refuse_token=0.7)),
        "reasons of some": replace(live, rules=(asks,)),
        "evidence of all": replace(live, settings=replace(live.settings, prior=0.02, floor=0.02)),
    }


def measure(url: str, count: int) -> dict[str, Any]:
    """Seconds and decisions a second by candidate."""
    live = load(None)
    sealer = Sealer(GivenKeys(bytes(32)))
    found: dict[str, Any] = {"decisions": count, "database": url.partition(":")[0]}
    with closing(open_store(url, sealer=sealer, budget_s=600, slow_budget_s=600)) as store:
        fill(store, count, live)
        span = {"since": BEGUN, "until": BEGUN + timedelta(milliseconds=700 * count)}
        for name, candidate in candidates(live).items():
            begun = time.monotonic()
            report = Replayer(store.replays, live).replay(
                candidate, ISSUER, **span,
                on_progress=lambda done, of: print(f"{done:,} of {of:,} decisions judged again", file=sys.stderr),
            )  # fmt: skip
            seconds = time.monotonic() - begun
            assert report.judged == count
            found[name] = {
                "seconds": round(seconds, 2),
                "per_second": round(count / seconds),
                "changes": {kind.value: number for kind, number in report.changes.items()},
            }
    found["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def text(found: Mapping[str, Any]) -> str:
    """The tables."""
    rows = [
        (
            name,
            one["seconds"],
            one["per_second"],
            ", ".join(f"{kind} {number}" for kind, number in one["changes"].items()),
        )
        for name, one in found.items()
        if isinstance(one, dict)
    ]
    return "\n".join(
        (
            f"{found['decisions']} decisions in {found['database']}, at most {found['peak_rss_mb']} MB",
            figures.table(("candidate", "seconds", "per second", "changes"), rows),
        )
    )


def main() -> None:
    """Measure and print."""
    parser = figures.parser(__doc__ or "")
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--database", help="URL of a database; a SQLite file of its own if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{Path(folder) / 'replay.sqlite3'}"
        found = measure(url, options.decisions)
    figures.report(found, text(found), as_json=options.json)


if __name__ == "__main__":
    main()
