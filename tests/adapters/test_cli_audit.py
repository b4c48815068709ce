"""`idp-adapter audit`: a whole chain is exit code 0, one that is not is 6; checkpoints go out and come back."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from werkzeug.test import Client

from idp_adapter import app, config
from idp_adapter.__main__ import main
from tests.adapters.test_cli_policy import REALM, decide_some
from tests.support.sealing import changed


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("IDP_ADAPTER_ISSUERS", REALM)
    monkeypatch.setenv("IDP_ADAPTER_DATA_DIR", str(tmp_path / "data"))

    def invoke(*arguments):
        return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)

    return invoke


def test_a_chain_verifies_until_somebody_touches_it(run, tmp_path):
    assert run("audit", "checkpoint", "--issuer", REALM).exit_code == 5
    decide_some(3)
    kept = tmp_path / "checkpoint.jws"
    kept.write_text(run("audit", "checkpoint", "--issuer", REALM).stdout, encoding="utf-8")
    whole = run("audit", "verify", "--checkpoint", kept)
    assert whole.exit_code == 0, whole.output
    assert "3 decisions sealed in 1 segments" in whole.output
    assert "The chain is whole" in whole.output
    with app.opened_store(config.load()) as store:
        changed(store, "DELETE FROM decision WHERE id = 'd1'")
    broken = run("audit", "verify")
    assert broken.exit_code == 6
    assert "removed     d1" in broken.output
    assert "NOT whole: 1 removed" in broken.output
    written = json.loads(run("audit", "verify", "--json").stdout)
    assert written[REALM]["findings"] == [{"fault": "removed", "where": "d1"}]


def test_an_erased_subject_leaves_the_chain_whole(run):
    decide_some(2)
    run("audit", "checkpoint", "--issuer", REALM)
    from tests.adapters.face import question

    subject = question()["subject"]["id"]
    assert run("subject", "erase", "--issuer", REALM, "--id", subject, "--yes").exit_code == 0
    whole = run("audit", "verify")
    assert whole.exit_code == 0, whole.output
    assert "of which 2 were removed by erasure or retention" in whole.output


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


def test_a_running_service_seals_by_itself_and_says_so(run, monkeypatch, capfd):
    monkeypatch.setattr(app, "SEAL_EVERY_S", 0.2)
    monkeypatch.setattr(app.random, "uniform", lambda low, high: low)
    decide_some(2)
    service = app.build(config.load())
    try:
        import time

        deadline = time.monotonic() + 20
        while service.store.audit.last(REALM) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        metrics = Client(service).get("/metrics").get_data(as_text=True)
    finally:
        service.close()
    assert "idp_adapter_sealed_total 2.0" in metrics
    assert '"event":"sealed"' in capfd.readouterr().out
