"""`idp-adapter audit`: a whole chain is exit code 0, one that is not is 6; checkpoints go out and come back."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager

import pytest
from werkzeug.test import Client

from idp_adapter import app, config, errors
from idp_adapter.core.audit import Segment
from idp_adapter.services.audit import Sealing, Watch
from tests.adapters.face import question
from tests.adapters.test_cli_policy import REALM, decide_some
from tests.support.records import record
from tests.support.sealing import changed


def test_a_chain_verifies_until_somebody_touches_it(run, tmp_path):
    assert run("audit", "checkpoint", "--issuer", REALM).exit_code == 5
    decide_some(3)
    kept = tmp_path / "checkpoint.jws"
    kept.write_text(run("audit", "checkpoint", "--issuer", REALM).stdout, encoding="utf-8")
    whole = run("audit", "verify", "--checkpoint", kept)
    assert whole.exit_code == 0, whole.output
    assert "3 records sealed in 1 segments" in whole.output
    assert "The chain is whole" in whole.output
    assert "Compared with the checkpoint kept of segment 1" in whole.output
    with app.opened_store(config.load()) as store:
        changed(store, "DELETE FROM decision WHERE id = 'd1'")
    broken = run("audit", "verify")
    assert broken.exit_code == 6
    assert "removed     decision d1" in broken.output
    assert "Compared with no checkpoint kept elsewhere" in broken.output
    assert "NOT whole: 1 removed" in broken.output
    written = json.loads(run("audit", "verify", "--json").stdout)
    assert written[REALM]["findings"] == [{"fault": "removed", "where": "decision d1"}]


def test_an_id_that_somebody_made_gives_no_orders_to_a_terminal(run):
    decide_some(2)
    run("audit", "checkpoint", "--issuer", REALM)
    forged = "\x1b[2K\r  The chain is whole\n" + "x" * 200
    with app.opened_store(config.load()) as store:
        changed(store, "UPDATE decision SET id = :forged, time_us = 0 WHERE id = 'd1'", forged=forged)
    broken = run("audit", "verify")
    assert broken.exit_code == 6
    assert "\x1b" not in broken.output
    assert f"  added       decision ?[2K?  The chain is whole?{'x' * 45}...\n" in broken.output


def test_an_erased_subject_leaves_the_chain_whole(run):
    decide_some(2)
    run("audit", "checkpoint", "--issuer", REALM)
    subject = question()["subject"]["id"]
    assert run("subject", "erase", "--issuer", REALM, "--id", subject, "--yes").exit_code == 0
    whole = run("audit", "verify")
    assert whole.exit_code == 0, whole.output
    assert "of which 2 were removed by erasure or retention" in whole.output


def test_a_takeover_that_is_reported_long_after_it_began_is_a_record_of_today(run):
    decide_some(1)
    run("audit", "checkpoint", "--issuer", REALM)
    subject = question()["subject"]["id"]
    about = ("--issuer", REALM, "--id", subject, "--since", "2020-01-01T00:00:00Z")
    reported = run("subject", "roll-back", *about, "--yes")
    assert reported.exit_code == 0, reported.output
    assert "1 not yet sealed" in run("audit", "verify").output
    run("audit", "checkpoint", "--issuer", REALM)
    whole = run("audit", "verify")
    assert whole.exit_code == 0, whole.output
    assert "2 records sealed in 2 segments" in whole.output
    with app.opened_store(config.load()) as store:
        changed(store, "DELETE FROM outcome")
    assert "removed     outcome " in run("audit", "verify").output


def test_what_is_kept_of_decisions_that_are_gone_is_forgotten_when_asked_for_and_not_where_anything_is_found(run):
    subject = question()["subject"]["id"]
    decide_some(2)
    run("audit", "checkpoint", "--issuer", REALM)
    run("subject", "erase", "--issuer", REALM, "--id", subject, "--yes")
    with app.opened_store(config.load()) as store:
        store.record(record("young", issuer=REALM, time=app.now()))
    run("audit", "checkpoint", "--issuer", REALM)
    assert run("audit", "prune", "--issuer", REALM, input="n\n").exit_code == 1
    assert "of which 2 were removed" in run("audit", "verify").output
    pruned = run("audit", "prune", "--issuer", REALM, "--yes")
    assert pruned.exit_code == 0, pruned.output
    assert pruned.stdout == f"{REALM}: pruned up to segment 1, 2 digests forgotten\n"
    whole = run("audit", "verify")
    assert whole.exit_code == 0, whole.output
    assert "Segments up to 1 were pruned" in whole.output
    with app.opened_store(config.load()) as store:
        changed(store, "DELETE FROM decision WHERE id = 'young'")
    refused = run("audit", "prune", "--issuer", REALM, "--yes")
    assert refused.exit_code == 6
    assert "removed     decision young" in refused.output


def test_of_a_realm_of_which_nothing_was_ever_decided_there_is_nothing_to_forget(run):
    assert run("audit", "prune", "--issuer", REALM, "--yes").stdout.endswith("up to segment 0, 0 digests forgotten\n")
    assert run("audit", "prune", "--issuer", REALM + "o", "--yes").exit_code == 5


def test_a_realm_that_is_set_no_longer_is_pruned_as_it_is_verified(run, monkeypatch):
    decide_some(1)
    monkeypatch.setenv("IDP_ADAPTER_ISSUERS", REALM + "o")
    assert run("audit", "verify", "--issuer", REALM).exit_code == 0
    assert run("audit", "prune", "--issuer", REALM, "--yes").exit_code == 0


def test_a_chain_of_a_realm_that_is_not_set_is_not_called_whole(run):
    ran = run("audit", "verify", "--issuer", "http://127.0.0.1:8080/realms/demoo")
    assert ran.exit_code == 5
    assert "nothing was ever recorded of http://127.0.0.1:8080/realms/demoo. The realms that are set: " in ran.output


def test_files_that_are_none_are_refused_in_one_sentence(run, tmp_path):
    odd = tmp_path / "odd"
    odd.write_text("{}", encoding="utf-8")
    for arguments in (("--checkpoint", odd), ("--checkpoint", tmp_path / "nowhere"), ("--jwks", odd)):
        ran = run("audit", "verify", *arguments)
        assert ran.exit_code == 2
        assert ran.stderr.startswith("Error: ")


def test_former_keys_can_be_given(run, tmp_path):
    decide_some(1)
    run("audit", "checkpoint", "--issuer", REALM)
    former = app.opened_notary(config.load())._signer.jwks()
    (tmp_path / "jwks.json").write_text(json.dumps(former), encoding="utf-8")
    for key in (tmp_path / "data" / "keys").glob("*.pem"):
        key.unlink()
    assert run("audit", "verify").exit_code == 6
    assert run("audit", "verify", "--jwks", tmp_path / "jwks.json").exit_code == 0


@contextmanager
def serving(monkeypatch):
    """A service that seals five times a second."""
    monkeypatch.setattr(app.random, "uniform", lambda low, high: 1000.0)  # nobody seals before this service
    decide_some(2)
    monkeypatch.setattr(app, "SEAL_EVERY_S", 0.2)
    monkeypatch.setattr(app.random, "uniform", lambda low, high: low)
    service = app.build(config.load())
    try:
        until(lambda: kept() == 1)
        yield service
    finally:
        service.close()


def until(condition, *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def metric(service, name: str) -> float:
    for line in Client(service).get("/metrics").get_data(as_text=True).splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[-1])
    return 0.0


def kept() -> int:
    checkpoint = app.checkpoints(config.load()).kept(REALM)
    return checkpoint.number if checkpoint else 0


def test_a_running_service_seals_by_itself_and_says_so(run, monkeypatch, capfd):
    with serving(monkeypatch) as service:
        assert metric(service, "idp_adapter_sealed_total") == 2.0
    assert '"event":"sealed"' in capfd.readouterr().out


def test_a_database_rolled_back_under_a_service_is_noticed_by_what_its_host_kept(run, monkeypatch, capfd):
    with serving(monkeypatch) as service:
        with app.opened_store(config.load()) as store:
            for table in ("audit_segment", "audit_leaf", "decision"):
                changed(store, f"DELETE FROM {table}")
        until(lambda: metric(service, 'idp_adapter_sealing_failed_total{reason="truncated"}') > 0)
        decide_some(3)
        until(lambda: service.store.audit.last(REALM) is not None)
    assert '"error":"truncated"' in capfd.readouterr().out
    cut = run("audit", "verify", "--json")
    assert (cut.exit_code, json.loads(cut.stdout)[REALM]["faults"]) == (6, {"truncated": 1})
    assert kept() == 1


def test_an_older_copy_of_the_database_is_found_however_long_the_service_goes_on_with_it(run, tmp_path):
    file, copy = tmp_path / "data" / "risk.sqlite3", tmp_path / "older.sqlite3"
    decide_some(1)
    sealed_and_watched()
    copy.write_bytes(file.read_bytes())
    decide_some(2)
    assert sealed_and_watched()
    for left in file.parent.glob("risk.sqlite3*"):
        left.unlink()
    file.write_bytes(copy.read_bytes())
    assert run("audit", "verify").exit_code == 6
    for number in range(3, 6):
        decide_some(number)
        assert not sealed_and_watched()
    behind = run("audit", "verify", "--json")
    assert (behind.exit_code, json.loads(behind.stdout)[REALM]["faults"]) == (6, {"truncated": 1})


def sealed_and_watched() -> bool:
    """As a service does every ten seconds: whether the chain goes on from what the host kept."""
    settings = config.load()
    assert app.sealed(settings, REALM)
    with app.opened_store(settings) as store:
        return Watch(store.audit, app.checkpoints(settings)).is_continued(REALM)


def test_a_run_that_fails_is_counted_and_the_next_seals(run, monkeypatch, capfd):
    fails = iter([RuntimeError("unforeseen"), errors.Unavailable("database", "no answer")])
    sealed = Sealing.seal

    def seal(self, issuer, *, now):
        for failure in fails:
            raise failure
        return sealed(self, issuer, now=now)

    monkeypatch.setattr(Sealing, "seal", seal)
    with serving(monkeypatch) as service:
        assert metric(service, 'idp_adapter_sealing_failed_total{reason="error"}') == 2.0
    assert "unforeseen" not in capfd.readouterr().out


def test_a_folder_that_can_not_be_used_is_said_in_one_sentence(run, tmp_path):
    decide_some(1)
    (tmp_path / "data" / "checkpoints").write_text("no folder", encoding="utf-8")
    ran = run("audit", "verify")
    assert ran.exit_code != 0
    assert ran.stderr.startswith("Error: ")
    with pytest.raises(errors.Unavailable):
        app.checkpoints(config.load()).keep(Segment(REALM, 1, 1, 1, b"", b"", b"", "jws"))
