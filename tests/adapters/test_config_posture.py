"""Settings of who may report and sign posture."""

from __future__ import annotations

import pytest

from idp_adapter.config import Connector, PostureIssuer, load
from idp_adapter.errors import SettingsInvalid

ONE, TWO = "http://127.0.0.1:8080/realms/one", "http://127.0.0.1:8080/realms/two"
DIGEST = "ab" * 32


def settings(**values):
    known = {"IDP_ADAPTER_ISSUERS": f"{ONE},{TWO}"}
    return load(environment=known | {f"IDP_ADAPTER_{name}": value for name, value in values.items()})


def test_a_connector_is_a_name_a_digest_and_its_realms():
    read = settings(CONNECTORS=f"mdm|{DIGEST.upper()}|{ONE} {TWO}, edr|{DIGEST}|{TWO}").connectors
    assert read == (Connector("mdm", DIGEST, frozenset({ONE, TWO})), Connector("edr", DIGEST, frozenset({TWO})))
    assert settings().connectors == ()


def test_a_digest_is_not_shown(monkeypatch):
    assert DIGEST not in repr(settings(CONNECTORS=f"mdm|{DIGEST}|{ONE}"))


def test_an_issuer_of_posture_has_its_keys_at_a_url_or_in_a_file(tmp_path):
    file = tmp_path / "keys.json"
    file.write_text("{}")
    read = settings(POSTURE_ISSUERS=f"https://a|https://a/keys|{ONE},https://b|{file}|{TWO}").posture_issuers
    assert read == {
        "https://a": PostureIssuer("https://a/keys", frozenset({ONE})),
        "https://b": PostureIssuer(file.as_uri(), frozenset({TWO})),
    }


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CONNECTORS", "mdm", "must be written name|sha256 of its token|realm realm"),
        ("CONNECTORS", f"mdm|{DIGEST}|", "must be written"),
        ("CONNECTORS", f"m d m|{DIGEST}|{ONE}", "letters, digits"),
        ("CONNECTORS", f"mdm|{DIGEST}|{ONE},mdm|{DIGEST}|{TWO}", "its own name"),
        ("CONNECTORS", f"mdm|secret|{ONE}", "has no SHA-256 for mdm"),
        ("CONNECTORS", f"mdm|{DIGEST}|{ONE}x", "which IDP_ADAPTER_ISSUERS does not"),
        ("POSTURE_ISSUERS", f"https://a|https://a/keys|{ONE},https://a|https://a/keys|{TWO}", "twice"),
        ("POSTURE_ISSUERS", f"https://a|http://a/keys|{ONE}", "plain http"),
        ("POSTURE_ISSUERS", f"https://a|/nowhere/keys.json|{ONE}", "is not a file"),
    ],
)
def test_a_mistake_is_told_with_the_fix_and_without_the_secret(name, value, told):
    with pytest.raises(SettingsInvalid) as error:
        settings(**{name: value})
    problem = next(problem for problem in error.value.problems if name in problem)
    assert told in problem
    assert "secret" not in problem
