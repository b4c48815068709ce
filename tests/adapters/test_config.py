"""Settings: every problem at once, each with its variable and its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp_adapter import config
from idp_adapter.errors import SettingsInvalid

REALM = "http://127.0.0.1:8080/realms/demo"


def load(file=None, **variables):
    environment = {f"IDP_ADAPTER_{name}": value for name, value in {"ISSUERS": REALM, **variables}.items()}
    return config.load(environment={**environment, "HOME": "/root", "PATH": "/bin"}, file=file)


def problems(file=None, **variables):
    with pytest.raises(SettingsInvalid) as invalid:
        load(file, **variables)
    return invalid.value.problems


def test_one_issuer_is_all_that_must_be_set():
    settings = load()
    assert settings.public_url == "http://127.0.0.1:8181"
    assert settings.bind == "127.0.0.1:8181"
    assert settings.issuers == {REALM: f"{REALM}/protocol/openid-connect/certs"}
    assert settings.database_url.startswith("sqlite:////")
    assert settings.database_url.endswith("/.run/service/risk.sqlite3")
    assert settings.policy is None
    assert (settings.workers, settings.threads, settings.log_level) == (1, 8, "info")
    assert settings.metrics_dir is None


def test_everything_can_be_set(tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text("")
    settings = load(
        PUBLIC_URL="https://risk.example/",
        BIND="[::]:9000",
        ISSUERS=f" https://a.example/realms/a , {REALM}|http://localhost:9/certs ",
        DATA_DIR=str(tmp_path),
        DATABASE_URL="postgresql://u:secret@db.example/risk",
        DATABASE_BUDGET_MS="150",
        POLICY=str(policy),
        GEOIP_CITY="city.mmdb",
        GEOIP_ASN="asn.mmdb",
        PSEUDONYM_KEY_FILE="/run/secrets/key",
        TEMPLATE_KEY_DIR="/run/secrets/template-keys",
        WORKERS="2",
        THREADS="16",
        LOG_LEVEL="WARNING",
        RETENTION_DECISIONS_DAYS="30",
    )
    assert settings.public_url == "https://risk.example"
    assert settings.issuers == {
        "https://a.example/realms/a": "https://a.example/realms/a/protocol/openid-connect/certs",
        REALM: "http://localhost:9/certs",
    }
    assert settings.database_budget_s == 0.15
    assert settings.policy == policy
    assert settings.log_level == "warning"
    assert settings.retention.decisions == 30
    assert settings.metrics_dir == tmp_path / "metrics"
    assert settings.key_dir == tmp_path / "keys"
    assert settings.template_key_dir == Path("/run/secrets/template-keys")


def test_backgrounds_are_files_that_are_there(tmp_path):
    texts, hands, file = tmp_path / "texts.json", tmp_path / "hands.json", tmp_path / "settings.toml"
    for each in (texts, hands):
        each.write_text("{}")
    file.write_text(f'any_text_background = "{texts}"\n')
    settings = load(file, POINTER_BACKGROUND=str(hands))
    assert (settings.any_text_background, settings.pointer_background) == (texts, hands)
    assert list(problems(ANY_TEXT_BACKGROUND=str(tmp_path / "none"))) == [
        f"IDP_ADAPTER_ANY_TEXT_BACKGROUND names {tmp_path / 'none'}, which is not a file: correct the path"
    ]
    assert load().any_text_background is None


def test_feeds_are_files_by_tag(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text('feed_tor = ["/feeds/exits.txt", "/feeds/more.txt"]\n')
    settings = load(file, FEED_DENY=" /feeds/drop.txt ,")
    assert settings.feeds["tor"] == (Path("/feeds/exits.txt"), Path("/feeds/more.txt"))
    assert settings.feeds["deny"] == (Path("/feeds/drop.txt"),)
    assert settings.feeds["allow"] == ()
    (problem,) = problems(FEED_VPN=",".join(f"/feeds/{i}" for i in range(9)))
    assert problem.startswith("IDP_ADAPTER_FEED_VPN names 9 files")


def test_no_password_shows_when_settings_are_printed():
    assert "secret" not in repr(load(DATABASE_URL="postgresql://u:secret@db.example/risk"))


def test_no_issuer_is_said_with_an_example():
    (problem,) = problems(ISSUERS="")
    assert "IDP_ADAPTER_ISSUERS" in problem
    assert "http://127.0.0.1:8080/realms/demo" in problem


def test_all_problems_are_reported_at_once():
    found = problems(
        ISSUERS="nonsense", BIND="8181", WORKERS="0", THREADS="many", LOG_LEVEL="loud", DATABASE_URL="mysql://x",
        POLICY="/nowhere", ALLOW_HTTP="perhaps", DATABASE_BUDGET_MS="-1", RETENTION_FAILURES_DAYS="0",
        PUBLIC_URL="ftp://x",
    )  # fmt: skip
    for name in (
        "ISSUERS", "BIND", "WORKERS", "THREADS", "LOG_LEVEL", "DATABASE_URL", "POLICY", "ALLOW_HTTP",
        "DATABASE_BUDGET_MS", "RETENTION_FAILURES_DAYS", "PUBLIC_URL",
    ):  # fmt: skip
        assert len([problem for problem in found if problem.startswith(f"IDP_ADAPTER_{name} ")]) == 1
    assert len(found) == 11


@pytest.mark.parametrize("name", ["PUBLIC_URL", "ISSUERS"])
def test_plain_http_beyond_this_machine_must_be_allowed(name):
    (problem,) = problems(**{name: "http://keycloak.example/realms/a"})
    assert "https" in problem
    assert "IDP_ADAPTER_ALLOW_HTTP=true" in problem
    assert load(**{name: "http://keycloak.example/realms/a", "ALLOW_HTTP": "true"})


def test_plain_http_to_fetch_keys_must_be_allowed_too():
    assert problems(ISSUERS="https://a.example/realms/a|http://keycloak:8080/certs")


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "http://127.9.9.9:1"])
def test_plain_http_on_this_machine_is_accepted(url):
    assert load(PUBLIC_URL=url).public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "x",
        "http://",
        "https://a b",
        "https://a?x=1",
        "https://a#x",
        "https://u@a",
        "https://a:99999",
        "https://[",
        "//a",
    ],
)
def test_what_is_no_url_is_refused(url):
    assert problems(PUBLIC_URL=url)
    assert problems(ISSUERS=url)


def test_an_issuer_twice_is_refused():
    assert "twice" in problems(ISSUERS=f"{REALM},{REALM}")[0]


def test_almost_a_name_is_pointed_out_and_other_peoples_are_not():
    (problem,) = problems(ISSUER="x")
    assert "did you mean IDP_ADAPTER_ISSUERS" in problem
    assert load(SERVICE_HOST="10.0.0.1", PORT_8181_TCP="tcp://10.0.0.1:8181")


def test_a_file_sets_what_the_environment_does_not(tmp_path):
    file = tmp_path / "service.toml"
    file.write_text('issuers = ["https://a.example/realms/a"]\nthreads = 4\nworkers = 2\nallow_http = false\n')
    settings = config.load(environment={"IDP_ADAPTER_CONFIG": str(file), "IDP_ADAPTER_WORKERS": "3"})
    assert list(settings.issuers) == ["https://a.example/realms/a"]
    assert settings.threads == 4
    assert settings.workers == 3


def test_problems_of_a_file_name_it(tmp_path):
    file = tmp_path / "service.toml"
    file.write_text('thread = 4\nworkers = "many"\nwhatever = 1\n')
    found = problems(file)
    assert f"`thread` of {file} is not a setting; did you mean `threads`?" in found
    assert any(problem.startswith(f"`workers` of {file} must be") for problem in found)
    assert f"`whatever` of {file} is not a setting; remove it" in found


@pytest.mark.parametrize("content", [b"= 1", b"\xff"])
def test_a_file_that_is_no_toml_is_said_so(tmp_path, content):
    file = tmp_path / "service.toml"
    file.write_bytes(content)
    assert f"{file} is not TOML" in problems(file)[0]


@pytest.mark.parametrize("content", ["workers = " + "9" * 5000, "workers = " + "[" * 5000 + "]" * 5000])
def test_a_file_that_no_parser_can_hold_is_said_so(tmp_path, content):
    file = tmp_path / "service.toml"
    file.write_text(content)
    assert problems(file)[0] == f"{file} holds a number too long, or lists nested too deep, to be read"


def test_a_file_that_is_missing_is_said_so():
    assert "can't be read" in problems(Path("/nowhere.toml"))[0]
