"""Stores to test: SQLite in a file and in memory, and a real PostgreSQL (one server a session, one schema a test)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from idp_adapter.__main__ import main
from idp_adapter.adapters.sql import SqlStore, open_store
from idp_adapter.core.audit import Segment
from idp_adapter.errors import ProfileDamaged
from tests.adapters.face import REALM
from tests.support import audit, postgres
from tests.support.records import BOB, NOW, record
from tests.support.sealing import sealer

BUDGET_S = 2.0  # generous: a test machine may be busy; tests of the budget set their own


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    try:
        postgres.find()
    except postgres.Absent as absent:
        if os.environ.get("CI") == "true":
            pytest.fail(str(absent), pytrace=False)
        pytest.skip(str(absent))
    with postgres.server() as server:
        yield server


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def store_url(kind: str, request: pytest.FixtureRequest, tmp_path) -> str:
    if kind == "postgresql":
        return request.getfixturevalue("postgres_server").new_schema()
    return f"sqlite:///{tmp_path / 'risk.db'}" if kind == "sqlite" else "sqlite://"


@pytest.fixture
def damaged() -> list[ProfileDamaged]:
    """What the store reported as damaged."""
    return []


@pytest.fixture
def opened() -> Iterator[Callable[..., SqlStore]]:
    """Opens stores and closes them at the end."""
    with ExitStack() as closing:

        def opened(url: str, **options) -> SqlStore:
            store = open_store(url, **{"budget_s": BUDGET_S, "sealer": sealer(), **options})
            closing.callback(store.close)
            return store

        yield opened


@pytest.fixture
def store(store_url, damaged, opened) -> SqlStore:
    return opened(store_url, on_damaged=damaged.append)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Runs a command of a service with one realm, whose data lie in the test's own folder."""
    monkeypatch.setenv("IDP_ADAPTER_ISSUERS", REALM)
    monkeypatch.setenv("IDP_ADAPTER_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: object, **more) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False, **more)

    return run


@pytest.fixture
def office(tmp_path) -> audit.Office:
    """A notary on keys of its own."""
    return audit.Office(tmp_path / "keys")


@pytest.fixture
def sealed(store: SqlStore, office: audit.Office) -> tuple[Segment, ...]:
    """Seven decisions of two people, sealed three to a segment."""
    for number in range(7):
        who = {"subject": BOB} if number % 2 else {}
        store.record(record(f"d{number}", time=NOW + timedelta(seconds=number), **who))
    return audit.seal(store, office)
