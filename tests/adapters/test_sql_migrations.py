"""The schema: migrated from nothing, by anybody first, the same as the tables in code, and never guessed at."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from idp_adapter.adapters.sealing import Sealer
from idp_adapter.adapters.sealing_keys import GivenKeys
from idp_adapter.adapters.sql import codec, open_store, schema
from idp_adapter.adapters.sql.audit_content import content, digest_of
from idp_adapter.core.audit import START, RecordKind, linked
from idp_adapter.core.types import SubjectId
from idp_adapter.errors import Unavailable
from idp_adapter.services.ports import Lesson
from tests.support.audit import Office, faults, seal, verify
from tests.support.records import NOW, REALM_A, REALM_B, habits, outcome, query, record
from tests.support.sealing import SECRET, TEMPLATE, changed, read, sealer

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


# --- 0001 to 0002: what was stored in plain is sealed ---------------------------------------------------------


def first_habits() -> bytes:
    """Habits as the first version wrote them: not compressed."""
    written = codec.dumps("habits", codec.habits_to_json(habits())).encode()
    return struct.pack("<BI", 1, zlib.crc32(written)) + written


def at_first_revision(engine: sa.Engine) -> None:
    """The database as the first version left it: 1,200 plain profiles, and a decision under way."""
    config = Config()
    config.set_main_option("script_location", "idp_adapter.adapters.sql:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        rows = [
            {"issuer": issuer, "id": f"user-{i:03}", "kind": kind, "key": key, "body": body}
            for issuer in (REALM_A, REALM_B)
            for i in range(200)
            for kind, key, body in (
                ("habits", "", first_habits()),
                ("template", "password/1/10", TEMPLATE),
                ("template", "pin/1/6", b"old" + TEMPLATE),
            )
        ]
        connection.execute(sa.text(PLAIN_PROFILE), rows)
        connection.execute(sa.text(PLAIN_DECISION), {"issuer": REALM_A})


PLAIN_PROFILE = "INSERT INTO profile VALUES (:issuer, 'user', :id, :kind, :key, :body, 1, 1700000000000000)"
PLAIN_DECISION = """INSERT INTO decision (issuer, id, txn, subject_type, subject_id, hook, client, time_us, permitted,
level, probability, nats, prior_nats, without_behaviour, acr_values, unenrolled, policy_id, policy_version, evidence,
obligations, user_agent, device_ids, learnable, settled) VALUES (:issuer, 'decision-1', 't', 'user', 'user-001',
'login', 'c', 1700000000000000, true, 'LOW', 0, 0, 0, 0, '[]', 'deny', 'p', '1',
'{"v": 1, "contributions": [], "reasons": []}',
'{"v": 1, "session": "keep"}', 'a', '[]', '{"v": 1, "typings": {"password": {"down_s": [0.1439]}}}', false)"""


def test_profiles_of_the_first_version_are_sealed_and_read_as_before(store_url, engine, opened, damaged):
    at_first_revision(engine)
    store = opened(store_url, on_damaged=damaged.append)
    for issuer in (REALM_A, REALM_B):
        for i in (0, 83, 84, 199):
            history = store.load(query(SubjectId("user", f"user-{i:03}"), issuer=issuer))
            assert history.habits == habits()
            assert history.templates == {"password/1/10": TEMPLATE, "pin/1/6": b"old" + TEMPLATE}
    assert damaged == []
    with engine.connect() as connection:
        bodies = connection.execute(sa.text("SELECT body FROM profile")).scalars().all()
        assert connection.scalar(sa.text("SELECT count(*) FROM data_key")) == 400
    assert len(bodies) == 1200
    assert not any(word in bytes(body) for body in bodies for word in (TEMPLATE[:8], b"logins"))


def test_a_decision_of_the_first_version_keeps_all_but_what_it_could_teach(store_url, engine, opened):
    at_first_revision(engine)
    kept = opened(store_url).decision(REALM_A, "decision-1")
    assert (kept.hook, kept.learnable) == ("login", None)


def test_a_file_of_the_first_version_keeps_nothing_plain_in_any_page(tmp_path, opened):
    path = tmp_path / "risk.db"
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    at_first_revision(engine)
    assert TEMPLATE[:16] in path.read_bytes()
    opened(f"sqlite:///{path}")
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"user-001" in kept
    assert not any(word in kept for word in (TEMPLATE[:8], TEMPLATE[20:36], b"down_s", b"address-0"))


def test_a_migration_that_fails_half_way_leaves_the_first_version_as_it_was(store_url, engine, opened):
    at_first_revision(engine)

    class Broken(Sealer):
        made = 0

        def make(self, subject):
            self.made += 1
            if self.made == 300:
                raise Unavailable("template_keys", "gone")
            return super().make(subject)

    with pytest.raises(Unavailable, match="gone"):
        open_store(store_url, sealer=Broken(GivenKeys(SECRET)), budget_s=5)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "0001"
        assert connection.scalar(sa.text("SELECT count(*) FROM profile")) == 1200
    assert opened(store_url).load(query(SubjectId("user", "user-001"))).habits == habits()


# --- 0004 to 0005: outcomes come into the chain ---------------------------------------------------------------

OLD_DECISION = PLAIN_DECISION.replace("learnable, settled", "settled").replace(
    """'{"v": 1, "typings": {"password": {"down_s": [0.1439]}}}', """, ""
)
OLD_OUTCOME = """INSERT INTO outcome (issuer, id, type, time_us, decision_id, subject_type, subject_id, methods)
VALUES (:issuer, :id, 'step_up_failed', :time_us, 'decision-1', 'user', 'user-001', '["pwd"]')"""
OLD_LEAF = """INSERT INTO audit_leaf (issuer, decision_id, segment, position, digest)
VALUES (:issuer, 'decision-1', 1, 0, :digest)"""
THEN_US = 1_700_000_000_000_000
SEALED_US = THEN_US + 3_600_000_000


def at_fourth_revision(engine: sa.Engine, office: Office) -> None:
    """As the version before outcomes were sealed left it: a chain of one decision, and outcomes in two realms.

    One outcome is of before the newest segment, one of after it; the second realm has no chain.
    """
    config = Config()
    config.set_main_option("script_location", "idp_adapter.adapters.sql:migrations")
    with engine.begin() as connection:
        config.attributes["connection"], config.attributes["sealer"] = connection, sealer()
        command.upgrade(config, "0004")
        connection.execute(sa.text(OLD_DECISION), {"issuer": REALM_A})
        for issuer, id_, time_us in (
            (REALM_A, "before", THEN_US), (REALM_A, "after", SEALED_US + 5), (REALM_B, "elsewhere", THEN_US),
        ):  # fmt: skip
            connection.execute(sa.text(OLD_OUTCOME), {"issuer": issuer, "id": id_, "time_us": time_us})
        stored = sa.select(*content(RecordKind.DECISION, engine.dialect.name))
        digest = digest_of(RecordKind.DECISION, connection.execute(stored).one())
        segment = linked(START, REALM_A, SEALED_US, [digest], [])
        segment = replace(segment, checkpoint=office.notary.certify(segment, now=NOW))
        connection.execute(sa.insert(schema.audit_segment), asdict(segment))
        connection.execute(sa.text(OLD_LEAF), {"issuer": REALM_A, "digest": digest})


def test_a_chain_of_decisions_verifies_after_the_migration_and_takes_in_the_outcomes_of_before(
    store_url, engine, opened, office
):
    at_fourth_revision(engine, office)
    store = opened(store_url, attest=office.notary)
    verdict = verify(store, office)
    assert (faults(verdict), verdict.sealed, verdict.unsealed) == ({}, 1, 2)
    assert {row[0]: row[1] for row in read(store, "SELECT id, received_us FROM outcome")} == {
        "before": SEALED_US, "after": SEALED_US + 5, "elsewhere": THEN_US,
    }  # fmt: skip
    now = codec.from_us(SEALED_US + 10_000_000)
    assert [[item.count for item in seal(store, office, realm, now=now)] for realm in (REALM_A, REALM_B)] == [[2], [1]]
    assert [faults(verify(store, office, realm)) for realm in (REALM_A, REALM_B)] == [{}, {}]
    changed(store, "UPDATE outcome SET type = 'step_up_succeeded' WHERE id = 'before'")
    changed(store, "UPDATE decision SET permitted = false")
    assert faults(verify(store, office)) == {"altered": 2}


def test_after_the_migration_a_decision_and_an_outcome_of_one_id_are_two_leaves(store_url, engine, opened, office):
    at_fourth_revision(engine, office)
    store = opened(store_url, attest=office.notary)
    store.teach(Lesson(outcome("decision-1", received=codec.from_us(SEALED_US))))
    seal(store, office)
    assert faults(verify(store, office)) == {}
    indexes = {index["name"] for index in sa.inspect(engine).get_indexes("outcome")}
    assert indexes == {"outcome_by_subject", "outcome_by_time", "outcome_by_receipt"}
