"""The schema: migrated from nothing, by anybody first, the same as the tables in code, and never guessed at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from idp_adapter.adapters.sql import open_store, schema
from idp_adapter.errors import Unavailable
from tests.support.records import REALM_A, record
from tests.support.sealing import sealer

ROOT = Path(__file__).parent.parent.parent
STARTS = """import sys
from idp_adapter.adapters.sql import open_store
from tests.support.sealing import sealer
open_store(sys.argv[1], sealer=sealer(), budget_s=5).close()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request) -> str:
    return request.param


@pytest.fixture
def engine(store_url):
    engine = sa.create_engine(store_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def test_the_migrated_database_is_the_schema_in_code(store, engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_newest_migration_is_the_revision_that_the_code_knows():
    config = Config()
    config.set_main_option("script_location", "idp_adapter.adapters.sql:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.REVISION]


def test_opening_again_changes_nothing(store, store_url, opened):
    store.record(record())
    assert opened(store_url).decision(REALM_A, "decision-1") == record()


def test_opening_a_migrated_database_does_not_load_the_migration_tool(store, store_url):
    check = f"{STARTS}\nsys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check, store_url], check=False, cwd=ROOT).returncode == 0


def test_processes_that_start_at_once_migrate_once(store_url, opened):
    command = [sys.executable, "-c", STARTS, store_url]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT) for _ in range(4)]
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors.decode()
    opened(store_url).ping()


def test_a_database_of_a_newer_version_is_refused(store, store_url, engine):
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match="schema"):
        open_store(store_url, sealer=sealer(), budget_s=1)
