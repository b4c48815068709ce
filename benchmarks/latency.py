"""How long one full decision takes, over HTTP and by stage, on SQLite and on PostgreSQL.

`python -m benchmarks.latency [--json] [--quick] [--only sqlite|postgresql] [--workers N] [--threads N]`

A hundred users with a known device, place, hours and typing log in, with signed telemetry, and refresh their tokens;
every answer is a signed decision that is on the disk. Over HTTP the service is asked as it is served, in processes of
its own; the stages are timed in one process without HTTP. Beside them stand what the machine itself costs at that time:
one `fdatasync`, and how late a sleep wakes up; with other work on the machine those rise, and every latency with them.
The floor (`benchmarks.floor`) is what the least such service takes with the same questions, server and database.

In the JSON, `decision_ms` holds a login's p50 at one caller and its p99 at eight, of the slower database.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import figures, served, stages
from benchmarks.regulars import Regulars
from tests.support import postgres
from tools import demo_geoip
from tools.console import Stop
from tools.processes import free_port

DATABASES = ("sqlite", "postgresql")
CALLERS = (1, 8)
BARS_MS = {"p50": 3.0, "p99": 15.0}
MEMORY_BAR_MB = 120


@contextmanager
def urls(names: tuple[str, ...], folder: Path) -> Iterator[dict[str, str]]:
    """An empty database of each kind."""
    with ExitStack() as stack:
        found = {"sqlite": f"sqlite:///{folder}/risk.db"}
        if "postgresql" in names:
            try:
                found["postgresql"] = stack.enter_context(postgres.server()).new_database()
            except postgres.Absent as absent:
                raise SystemExit(f"{absent}, or give `--only sqlite`.") from None
        yield {name: found[name] for name in names}


def run(names: tuple[str, ...], *, workers: int, threads: int, quick: bool) -> dict[str, Any]:
    """All figures."""
    before = noise()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with urls(names, folder) as found:
            of = {
                kind: _of_database(folder / kind, url, workers=workers, threads=threads, quick=quick)
                for kind, url in found.items()
            }
    worst = {
        "p50": max(one["asked"]["login"]["1"]["p50"] for one in of.values()),
        "p99": max(one["asked"]["login"]["8"]["p99"] for one in of.values()),
    }
    return {"decision_ms": worst, "databases": of, "noise_ms": before, "noise_after_ms": noise()}


def _of_database(folder: Path, url: str, *, workers: int, threads: int, quick: bool) -> dict[str, Any]:
    calls = 500 if quick else 5_000
    folder.mkdir()
    port, realm, regulars = free_port(), served.Realm(), Regulars()
    environment = settings_of(folder, url, realm, port=port) | {
        "IDP_ADAPTER_WORKERS": str(workers),
        "IDP_ADAPTER_THREADS": str(threads),
    }
    with realm.published():
        regulars.teach(realm, environment, until=datetime.now(UTC))
        logins, refreshes = regulars.logins(calls, datetime.now(UTC)), regulars.refreshes(calls, datetime.now(UTC))
        with served.serving(realm, environment, folder / "service.log", port=port) as service:
            served.measure(service, logins[:500], callers=8)  # warm up
            asked = {
                kind: {str(count): served.measure(service, bodies, callers=count) for count in CALLERS}
                for kind, bodies in (("login", logins), ("refresh", refreshes))
            }
            memory = service.memory_mb()
        floor = ("benchmarks.floor", str(port), url, "--workers", str(workers), "--threads", str(threads))
        with served.serving(realm, {}, folder / "floor.log", port=port, command=floor) as service:
            served.measure(service, logins[:500], callers=8)
            asked["floor"] = {str(count): served.measure(service, logins, callers=count) for count in CALLERS}
        staged = stages.by_stage(environment, realm.issuer, logins[:2000], warm_up=min(200, calls))
    return {"asked": asked, "stages_ms": staged, "memory_mb": memory}


def settings_of(folder: Path, url: str, realm: served.Realm, *, port: int) -> dict[str, str]:
    """The variables of a service in a folder, with made-up places."""
    city, asn = demo_geoip.write(folder / "geoip")
    return {
        "IDP_ADAPTER_ISSUERS": realm.issuer,
        "IDP_ADAPTER_BIND": f"127.0.0.1:{port}",
        "IDP_ADAPTER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "IDP_ADAPTER_DATA_DIR": str(folder),
        "IDP_ADAPTER_DATABASE_URL": url,
        "IDP_ADAPTER_DATABASE_BUDGET_MS": "5000",
        "IDP_ADAPTER_LOG_LEVEL": "warning",
        "IDP_ADAPTER_GEOIP_CITY": str(city),
        "IDP_ADAPTER_GEOIP_ASN": str(asn),
    }


def noise() -> dict[str, float]:
    """What the machine costs by itself, milliseconds."""
    late, synced = [], []
    for _ in range(500):
        begun = time.perf_counter()
        time.sleep(0.001)
        late.append((time.perf_counter() - begun) * 1000 - 1)
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(200):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), b"x" * 4096, 0)
            os.fdatasync(file.fileno())
            synced.append((time.perf_counter() - begun) * 1000)
    return {
        "fdatasync_p50": round(figures.percentile(synced, 0.5), 3),
        "fdatasync_p99": round(figures.percentile(synced, 0.99), 3),
        "sleep_late_p99": round(figures.percentile(late, 0.99), 3),
    }


def text(result: Mapping[str, Any]) -> str:
    """The tables."""
    found = result["databases"]
    asked = [
        (
            f"{database}, {kind}, {count} caller{'s' * (count != '1')}",
            *(r[k] for k in ("p50", "p90", "p99", "max", "per_s", "cpu_ms")),
        )
        for database, one in found.items()
        for kind, by_count in one["asked"].items()
        for count, r in by_count.items()
    ]
    names = [name for name in (*stages.STAGES, "whole") if name != "sources"]
    first = next(iter(found.values()))["stages_ms"]
    sources = sorted((name for name in first if name.startswith("source: ")), key=lambda name: -first[name]["p50"])
    at = names.index("fuse and decide")
    rows = [
        (name, *(one["stages_ms"][name][k] for one in found.values() for k in ("p50", "p99")))
        for name in (*names[:at], "sources", *sources, *names[at:])
    ]
    memory = "; ".join(f"{kind}: {one['memory_mb']}" for kind, one in found.items())
    return "\n".join(
        (
            figures.table(("over HTTP, ms", "p50", "p90", "p99", "max", "per s", "CPU ms"), asked),
            f"bars of a login: 1 caller p50 <= {BARS_MS['p50']:g} ms, 8 callers p99 <= {BARS_MS['p99']:g} ms",
            "",
            figures.table(("stage, ms", *(f"{kind} {k}" for kind in found for k in ("p50", "p99"))), rows),
            "",
            f"memory, MB (bar {MEMORY_BAR_MB} each): {memory}",
            f"the machine itself, ms: before {result['noise_ms']}, after {result['noise_after_ms']}",
        )
    )


def main() -> None:
    """Measure and print."""
    parser = figures.parser("How long one full decision takes, over HTTP and by stage.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the decisions")
    parser.add_argument("--only", choices=DATABASES)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=8)
    given = parser.parse_args()
    names = (given.only,) if given.only else DATABASES
    try:
        result = run(names, workers=given.workers, threads=given.threads, quick=given.quick)
    except Stop as stop:
        raise SystemExit(str(stop)) from None
    figures.report(result, text(result), as_json=given.json)


if __name__ == "__main__":
    main()
