"""What SQLite makes of the hot path: every table is entered by the subject's own key, however large the realm."""

import re

import pytest
import sqlalchemy

from idp_adapter.adapters.sql import audit_statements, schema, statements
from idp_adapter.core.audit import RecordKind

ENTERED_BY = {
    "data_key": "subject_id=?",
    "profile": "subject_id=?",
    "device": "subject_id=?",
    "decision": "sid=?|subject_id=?",
    "authentication": "subject_id=?|prefix=?",
    "posture": "device_id=?",
}


def plan(statement):
    engine = sqlalchemy.create_engine("sqlite://")
    schema.metadata.create_all(engine)
    named = dict.fromkeys(re.findall(r":(\w+)", statement))
    connection = engine.raw_connection()
    try:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", named)]
    finally:
        connection.close()
        engine.dispose()


@pytest.fixture(scope="module")
def steps():
    return [step for step in plan(statements.compiled("sqlite").load) if step.startswith(("SEARCH", "SCAN"))]


def test_a_history_is_read_by_the_subjects_own_key_and_not_by_walking_through_the_realm(steps):
    for step in steps:
        kind, table = step.split()[:2]
        if table in ENTERED_BY:
            assert kind == "SEARCH", step
            assert re.search(ENTERED_BY[table].replace("?", r"\?"), step), step


def test_every_table_of_a_history_is_looked_at(steps):
    assert {step.split()[1] for step in steps} >= set(ENTERED_BY)


@pytest.mark.parametrize(
    ("kind", "index"),
    [(RecordKind.DECISION, "decision_by_time (issuer=? AND time_us"),
     (RecordKind.OUTCOME, "outcome_by_receipt (issuer=? AND received_us")],
)  # fmt: skip
def test_what_is_not_sealed_yet_is_found_by_when_it_was_stored(kind, index):
    first, leaf = plan(audit_statements.compiled("sqlite").unsealed[kind])[:2]
    assert index in first
    assert "(issuer=? AND kind=? AND record_id=?)" in leaf


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_second_store_of_a_process_compiles_nothing_again(dialect):
    assert statements.compiled(dialect) is statements.compiled(dialect)
