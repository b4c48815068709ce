"""Settings: from the environment (`IDP_ADAPTER_*`) or one TOML file, the environment winning.

The only reader of the environment. All problems are reported at once, each naming the variable and the fix.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from idp_adapter.errors import SettingsInvalid

PREFIX: Final = "IDP_ADAPTER_"
FEED_TAGS: Final = ("allow", "deny", "tor", "vpn", "hosting", "relay")
MOST_FEED_FILES: Final = 8  # of one tag
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
_CERTS: Final = "/protocol/openid-connect/certs"  # where a Keycloak realm publishes its keys
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
CONNECTOR_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class RetentionDays:
    """How long each kind of row lives, days."""

    decisions: int = 90
    outcomes: int = 90
    failures: int = 7
    profiles: int = 400
    learnables: int = 1


@dataclass(frozen=True, slots=True)
class Connector:
    """Who may report posture: the SHA-256 of its token, in hex, and the realms that it may report for."""

    name: str
    token_sha256: str = field(repr=False)
    issuers: frozenset[str]


@dataclass(frozen=True, slots=True)
class PostureIssuer:
    """Who may sign posture: the URL of its keys, and the realms that it is trusted for."""

    keys: str
    issuers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. `issuers` maps a realm's issuer to the URL of its keys."""

    public_url: str
    bind: str
    issuers: Mapping[str, str]
    data_dir: Path
    database_url: str = field(repr=False)  # may hold a password
    database_budget_s: float
    policy: Path | None
    shadow_policy: Path | None
    geoip_city: Path | None
    geoip_asn: Path | None
    feeds: Mapping[str, tuple[Path, ...]]  # files by network tag
    pseudonym_key_file: Path
    template_key_dir: Path
    workers: int
    threads: int
    log_level: str
    retention: RetentionDays
    connectors: tuple[Connector, ...] = ()
    posture_issuers: Mapping[str, PostureIssuer] = field(default_factory=dict)
    any_text_background: Path | None = None
    pointer_background: Path | None = None

    @property
    def key_dir(self) -> Path:
        """Where the keys are that sign decisions."""
        return self.data_dir / "keys"

    def hint_about(self, issuer: str) -> str:
        """What helps where nothing is found of a realm: the realms that are set, where it is none of them."""
        return "" if issuer in self.issuers else f"The realms that are set: {', '.join(self.issuers)}."

    @property
    def metrics_dir(self) -> Path | None:
        """Where worker processes share their counters; None with one worker."""
        return self.data_dir / "metrics" if self.workers > 1 else None


def load(*, file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings. Raises `SettingsInvalid` with every problem."""
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    named = environment.get(f"{PREFIX}CONFIG")
    file = file or (Path(named) if named else None)
    source = _Source(environment, _document(file, problems) if file else {}, file, problems)
    source.report_unknown()
    settings = _settings(source)
    if problems or settings is None:
        raise SettingsInvalid("the configuration", problems)
    return settings


def share_metrics(folder: Path) -> None:
    """Tell prometheus_client, before it is imported, where worker processes share their counters."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def is_handed_sockets() -> bool:
    """Whether this process was started with sockets that listen: by systemd, or by the gunicorn that it replaces."""
    return "GUNICORN_FD" in os.environ or os.environ.get("LISTEN_PID") == str(os.getpid())


class _Source:
    """Raw values by name, and what is wrong with them."""

    def __init__(
        self, environment: Mapping[str, str], document: Mapping[str, object], file: Path | None, problems: list[str]
    ) -> None:
        self._environment, self._document, self._file, self.problems = environment, document, file, problems

    def name(self, name: str) -> str:
        """How a person would find the setting."""
        if f"{PREFIX}{name}" not in self._environment and name.lower() in self._document:
            return f"`{name.lower()}` of {self._file}"
        return f"{PREFIX}{name}"

    def read(self, name: str, default: _Value, parse: Callable[[str], _Value]) -> _Value:
        """The parsed value, or the default where it is not set, is empty, or is wrong."""
        raw = self._environment.get(f"{PREFIX}{name}")
        value: object = raw if raw is not None else self._document.get(name.lower())
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, list):
            value = ",".join(str(item) for item in value)
        if value is None or str(value).strip() == "":
            return default
        try:
            return parse(str(value).strip())
        except ValueError as error:
            self.problems.append(f"{self.name(name)} {error}")
            return default

    def report_unknown(self) -> None:
        """Names that are almost a setting's. Others in the environment may be somebody else's, such as Kubernetes'."""
        for name in self._environment:
            short = name.removeprefix(PREFIX)
            if name.startswith(PREFIX) and short not in NAMES and (near := _near(short)):
                self.problems.append(f"{name} is not a setting; did you mean {PREFIX}{near}?")
        for key in self._document:
            if key.upper() not in NAMES or key != key.lower():
                near = _near(key.upper())
                guess = f"; did you mean `{near.lower()}`?" if near else "; remove it"
                self.problems.append(f"`{key}` of {self._file} is not a setting{guess}")


NAMES: Final = (
    "PUBLIC_URL", "BIND", "ISSUERS", "ALLOW_HTTP", "DATA_DIR", "DATABASE_URL", "DATABASE_BUDGET_MS", "POLICY",
    "GEOIP_CITY", "GEOIP_ASN", "PSEUDONYM_KEY_FILE", "TEMPLATE_KEY_DIR", "WORKERS", "THREADS", "LOG_LEVEL", "CONFIG",
    "RETENTION_DECISIONS_DAYS", "RETENTION_OUTCOMES_DAYS", "RETENTION_FAILURES_DAYS", "RETENTION_PROFILES_DAYS",
    "RETENTION_LEARNABLES_DAYS", "CONNECTORS", "POSTURE_ISSUERS", "SHADOW_POLICY",
    "ANY_TEXT_BACKGROUND", "POINTER_BACKGROUND",
    *(f"FEED_{tag.upper()}" for tag in FEED_TAGS),
)  # fmt: skip


def _settings(source: _Source) -> Settings | None:
    allow_http = source.read("ALLOW_HTTP", False, _flag)
    data_dir = source.read("DATA_DIR", Path(".run/service"), Path)
    issuers = source.read("ISSUERS", dict[str, str](), lambda text: _issuers(text, allow_http=allow_http))
    if not issuers and not any(problem.startswith(source.name("ISSUERS")) for problem in source.problems):
        source.problems.append(
            f"{PREFIX}ISSUERS is not set: name the realms that may ask, such as http://127.0.0.1:8080/realms/demo"
        )
    days = RetentionDays()
    settings = Settings(
        public_url=source.read(
            "PUBLIC_URL", "http://127.0.0.1:8181", lambda text: _url(text, allow_http=allow_http).rstrip("/")
        ),
        bind=source.read("BIND", "127.0.0.1:8181", _bind),
        issuers=issuers,
        data_dir=data_dir,
        database_url=source.read("DATABASE_URL", f"sqlite:///{data_dir.absolute() / 'risk.sqlite3'}", _database),
        database_budget_s=source.read("DATABASE_BUDGET_MS", 200, _between(10, 10_000)) / 1000,
        policy=source.read("POLICY", None, _file),
        shadow_policy=source.read("SHADOW_POLICY", None, _file),
        geoip_city=source.read("GEOIP_CITY", None, Path),  # a file that is missing is a note, not a failure
        geoip_asn=source.read("GEOIP_ASN", None, Path),
        feeds={tag: source.read(f"FEED_{tag.upper()}", (), _paths) for tag in FEED_TAGS},
        pseudonym_key_file=source.read("PSEUDONYM_KEY_FILE", data_dir / "pseudonym.key", Path),
        template_key_dir=source.read("TEMPLATE_KEY_DIR", data_dir / "template-keys", Path),
        workers=source.read("WORKERS", 1, _between(1, 64)),
        threads=source.read("THREADS", 8, _between(1, 256)),
        log_level=source.read("LOG_LEVEL", "info", _log_level),
        retention=RetentionDays(
            decisions=source.read("RETENTION_DECISIONS_DAYS", days.decisions, _between(1, 3650)),
            outcomes=source.read("RETENTION_OUTCOMES_DAYS", days.outcomes, _between(1, 3650)),
            failures=source.read("RETENTION_FAILURES_DAYS", days.failures, _between(1, 365)),
            profiles=source.read("RETENTION_PROFILES_DAYS", days.profiles, _between(1, 3650)),
            learnables=source.read("RETENTION_LEARNABLES_DAYS", days.learnables, _between(1, 30)),
        ),
        connectors=source.read("CONNECTORS", (), lambda text: _connectors(text, issuers)),
        posture_issuers=source.read(
            "POSTURE_ISSUERS",
            dict[str, PostureIssuer](),
            lambda text: _posture_issuers(text, issuers, allow_http=allow_http),
        ),
        any_text_background=source.read("ANY_TEXT_BACKGROUND", None, _file),
        pointer_background=source.read("POINTER_BACKGROUND", None, _file),
    )
    return None if source.problems else settings


def _document(file: Path, problems: list[str]) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{file} can't be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{file} is not TOML: {error}")
    except (ValueError, RecursionError):
        problems.append(f"{file} holds a number too long, or lists nested too deep, to be read")
    return {}


def _near(name: str) -> str | None:
    return next(iter(difflib.get_close_matches(name, NAMES, n=1, cutoff=0.8)), None)


def _flag(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError("must be true or false")
    return text.lower() in _YES


def _between(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:12]) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def _log_level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ValueError(f"names {text}, which is not a file: correct the path")
    return path


def _paths(text: str) -> tuple[Path, ...]:
    paths = tuple(Path(item) for item in _parts(text.split(",")))
    if len(paths) > MOST_FEED_FILES:
        raise ValueError(f"names {len(paths)} files; at most {MOST_FEED_FILES} are read: join some of them")
    return paths


def _bind(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port[:6]) <= 65535:
        raise ValueError("must be an address and a port, such as 127.0.0.1:8181 or [::]:8181")
    return text


def _database(text: str) -> str:
    if not text.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
        raise ValueError("must start with sqlite:/// and a path, or with postgresql://")
    return text


def _url(text: str, *, allow_http: bool) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username or any(mark.isspace() for mark in text):
        raise ValueError(f"holds {text!r}: it must be an http(s) URL without query, fragment or user")
    if parts.scheme == "http" and not allow_http and not _is_loopback(parts):
        raise ValueError(
            f"holds {text!r}, plain http beyond this machine: use https, or set {PREFIX}ALLOW_HTTP=true where "
            "something else protects the connection"
        )
    return text


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _issuers(text: str, *, allow_http: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in _parts(text.split(",")):
        issuer, _, keys = item.partition("|")
        _url(issuer, allow_http=allow_http)
        if issuer in found:
            raise ValueError(f"names {issuer} twice: remove one")
        found[issuer] = _url(keys, allow_http=allow_http) if keys else f"{issuer.rstrip('/')}{_CERTS}"
    return found


def _parts(items: Sequence[str]) -> Iterator[str]:
    return (item.strip() for item in items if item.strip())


def _connectors(text: str, issuers: Mapping[str, str]) -> tuple[Connector, ...]:
    found: dict[str, Connector] = {}
    for item in _parts(text.split(",")):
        name, digest, realms = _three(item, "name|sha256 of its token|realm realm")
        if not CONNECTOR_NAME.fullmatch(name) or name in found:
            raise ValueError(f"names a connector {name!r}: give each its own name of letters, digits, - and _")
        if not _SHA256.fullmatch(digest.lower()):
            raise ValueError(f"has no SHA-256 for {name}: `idp-adapter keys connector-token` makes both")
        found[name] = Connector(name, digest.lower(), _realms(realms, issuers))
    return tuple(found.values())


def _posture_issuers(text: str, issuers: Mapping[str, str], *, allow_http: bool) -> dict[str, PostureIssuer]:
    found: dict[str, PostureIssuer] = {}
    for item in _parts(text.split(",")):
        issuer, keys, realms = _three(item, "issuer|URL or file of its JWK set|realm realm")
        if issuer in found:
            raise ValueError(f"names {issuer} twice: remove one")
        url = _url(keys, allow_http=allow_http) if "://" in keys else _file(keys).absolute().as_uri()
        found[issuer] = PostureIssuer(url, _realms(realms, issuers))
    return found


def _three(item: str, form: str) -> tuple[str, str, str]:
    parts = [part.strip() for part in item.split("|")]
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"must be written {form}")
    return parts[0], parts[1], parts[2]


def _realms(text: str, issuers: Mapping[str, str]) -> frozenset[str]:
    realms = frozenset(text.split())
    for realm in sorted(realms - issuers.keys()):
        raise ValueError(f"names the realm {realm}, which {PREFIX}ISSUERS does not: add it there, or correct it")
    return realms
