"""Services as they are served, several processes and hosts on one database: one chain, whole, until it is touched."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest

from idp_adapter.adapters.checkpoints import CheckpointFolder
from idp_adapter.adapters.sql import open_store
from tests.adapters.face import REALM as DEMO
from tests.adapters.face import RSA_KEY, SETS, question
from tests.support.sealing import changed, sealer

SERVE = """
from idp_adapter import app
app.SEAL_EVERY_S = 0.4
from idp_adapter.__main__ import main
main(["serve"])
"""
ASKED = 160


class Keys(BaseHTTPRequestHandler):
    """Publishes a realm's keys."""

    def do_GET(self) -> None:
        body = json.dumps({"keys": SETS[DEMO]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@dataclass
class Host:
    """One host of the service: a data folder and two worker processes."""

    folder: Path
    port: int
    issuer: str
    database: str
    process: subprocess.Popen[bytes] = field(init=False)

    def environment(self) -> dict[str, str]:
        settings = {
            "ISSUERS": self.issuer, "BIND": f"127.0.0.1:{self.port}", "PUBLIC_URL": "http://127.0.0.1:8181",
            "DATA_DIR": str(self.folder), "DATABASE_URL": self.database, "DATABASE_BUDGET_MS": "10000",
            "WORKERS": "2", "THREADS": "4",
        }  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IDP_ADAPTER_")}
        return kept | {f"IDP_ADAPTER_{name}": value for name, value in settings.items()}

    def start(self) -> None:
        with (self.folder.parent / f"{self.folder.name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE],
                env=self.environment() | {"PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics")},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(lambda: self.get("/readyz") is not None)

    def get(self, path: str) -> str | None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
            return str(answer.read().decode())
        return None

    def ask(self, number: int) -> None:
        asked = question()
        asked["subject"]["id"] = f"user-{number % 10}"
        asked["context"]["txn"] = f"txn-{number}"
        now_s = int(time.time())
        claims = {"iss": self.issuer, "aud": "http://127.0.0.1:8181", "sub": "risk-extension", "iat": now_s,
                  "exp": now_s + 60, "jti": "1"}  # fmt: skip
        bearer = jwt.encode(claims, RSA_KEY, algorithm="RS256", headers={"kid": "rsa", "typ": "pep+jwt"})
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/access/v1/evaluation",
            data=json.dumps(asked).encode(),
            headers={
                "Content-Type": "application/json",
                "Accept": "application/evaluation+jwt",
                "Authorization": f"Bearer {bearer}",
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "idp_adapter", *arguments],
            env=self.environment(), capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def verify(self) -> tuple[int, dict[str, Any]]:
        ran = self.run("audit", "verify", "--json")
        return ran.returncode, json.loads(ran.stdout)[self.issuer]

    def metric(self, name: str) -> float:
        lines = (self.get("/metrics") or "").splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def logged(self, event: str) -> list[dict[str, Any]]:
        log = (self.folder.parent / f"{self.folder.name}.log").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def kept(self) -> int:
        checkpoint = CheckpointFolder(self.folder / "checkpoints").kept(self.issuer)
        return checkpoint.number if checkpoint else 0

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


def until(condition, *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def realm():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/realms/audited"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["sqlite", "postgresql"])
def hosts(request, tmp_path, realm):
    """One host with a file of its own, or two on one PostgreSQL, which have their keys in common."""
    if request.param == "sqlite":
        names, database = ["one"], f"sqlite:///{tmp_path / 'risk.sqlite3'}"
    else:
        names, database = ["one", "two"], request.getfixturevalue("postgres_server").new_database()
    with contextlib.ExitStack() as stack:
        made: list[Host] = []
        for name in names:
            folder = tmp_path / name
            if made:  # what a deployment mounts on every host
                shutil.copytree(made[0].folder, folder, ignore=shutil.ignore_patterns("metrics", "checkpoints"))
            folder.mkdir(exist_ok=True)
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            made.append(Host(folder, port, realm, database))
            made[-1].start()
            stack.callback(made[-1].stop)
        yield made


def emptied(execute):
    for table in ("audit_segment", "audit_leaf", "audit_removal", "decision"):
        execute(f"DELETE FROM {table}", {})


def test_hosts_and_workers_seal_one_chain_that_shows_what_was_done_to_it(hosts):
    first = hosts[0]
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda number: hosts[number % len(hosts)].ask(number), range(ASKED)))
    until(lambda: sum(host.metric("idp_adapter_sealed_total") for host in hosts) == ASKED)
    made = [line for host in hosts for line in host.logged("sealed")]
    assert sorted(line["segment"] for line in made) == list(range(1, len(made) + 1))
    for host in hosts:
        until(lambda host=host: host.kept() == len(made))
        assert host.metric("idp_adapter_sealing_failed_total") == 0
    status, found = first.verify()
    assert (status, found["faults"], found["sealed"], found["not_yet_sealed"]) == (0, {}, ASKED, 0)
    assert found["compared_with"] == [len(made)]

    erased = first.run("subject", "erase", "--issuer", first.issuer, "--id", "user-3", "--yes")
    assert erased.returncode == 0, erased.stderr
    until(lambda: first.kept() > len(made))
    status, found = first.verify()
    assert (status, found["faults"], found["removed_lawfully"]) == (0, {}, ASKED // 10)

    with contextlib.closing(open_store(first.database, sealer=sealer(), budget_s=10)) as store:
        changed(store, "DELETE FROM decision WHERE txn = 'txn-4'")
        changed(store, "UPDATE decision SET probability = 0 WHERE txn = 'txn-5'")
        assert first.verify()[1]["faults"] == {"removed": 1, "altered": 1}
        store._database.transact(emptied)  # at once: the hosts seal meanwhile
    first.ask(0)
    for host in hosts:
        until(lambda host=host: host.metric("idp_adapter_sealing_failed_total") > 0)
        assert host.verify()[1]["faults"] == {"truncated": 1}
        assert host.logged("failed")[0]["where"] == ["audit", host.issuer]
