"""The stage: the whole service as `idp_adapter/app.py` builds it, under a clock that the scenarios turn.

Nothing of it is a double but the clock: settings come from variables, data lies in files, the realms' keys are fetched
over HTTP, callers and answers are signed JWTs, jobs run when the clock has moved.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.test import Client, TestResponse

from benchmarks.publisher import published
from benchmarks.scenarios.cast import FEEDS, Cast, cast
from idp_adapter import app, config
from tools import demo_geoip
from tools.driver.telemetry import base64url

START: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday, four weeks before the clocks change
SERVICE: Final = "http://127.0.0.1:8181"
REALM: Final = "http://127.0.0.1:8080/realms/demo"
OTHER_REALM: Final = "http://127.0.0.1:8080/realms/other"
MDM: Final = "https://mdm.example"
ANSWER: Final = "application/evaluation+jwt"
CONNECTOR_TOKEN: Final = "m" * 43


class Clock:
    """The time of a scenario."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        """What time it is."""
        return self.time


class SimulatedJobs(app.Jobs):
    """Runs the service's jobs when it is told to, instead of in threads."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: list[Callable[[], float | None]] = []

    def start(self, job: Callable[[], float | None], *, first_s: float) -> None:
        """Keep a job in mind."""
        self._jobs.append(job)

    def run(self) -> None:
        """Run each once."""
        for job in self._jobs:
            job()


class SigningKey:
    """A P-256 key and its public half as a JWK."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self._private = ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        numbers = self._private.public_key().public_numbers()
        x, y = (base64url(part.to_bytes(32, "big")) for part in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], *, typ: str, kid: str = "") -> str:
        """A compact ES256 JWT; a forger writes the `kid` of another key."""
        headers = {"typ": typ, "kid": kid or self.kid}
        return jwt.encode(dict(claims), self._private, algorithm="ES256", headers=headers)


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs beside the service: two realms, device management, and a forger who uses the realm's key id."""

    realm: SigningKey
    other: SigningKey
    mdm: SigningKey
    forger: SigningKey
    urls: Mapping[str, str]


@contextmanager
def published_keys() -> Iterator[Keys]:
    """Keys of realms and of device management, published on this machine while the block runs."""
    realm, other, mdm = SigningKey("realm"), SigningKey("other"), SigningKey("mdm")
    signers = {f"/{key.kid}": key for key in (realm, other, mdm)}
    with published({path: [key.jwk] for path, key in signers.items()}) as address:
        urls = {key.kid: address + path for path, key in signers.items()}
        yield Keys(realm, other, mdm, SigningKey("realm"), urls)


def prepare(folder: Path, policy: str, keys: Keys) -> None:
    """The files of a deployment: places, feeds, and the shipped policy with a scenario's own tables after it."""
    members = cast()
    demo_geoip.write(folder, members.networks.values())
    for tag in FEEDS:
        (folder / f"{tag}.txt").write_text("\n".join(members.feeds[tag]) + "\n", encoding="utf-8")
    (folder / "mdm.json").write_text(json.dumps({"keys": [keys.mdm.jwk]}), encoding="utf-8")
    shipped = resources.files("idp_adapter.policies").joinpath("default.toml").read_text(encoding="utf-8")
    (folder / "policy.toml").write_text(f"{shipped}\n{policy}", encoding="utf-8")


def copy(data: Path, folder: Path) -> None:
    """Copy the data of a closed stage to a folder that is not there yet."""
    shutil.copytree(data, folder)


class Stage:
    """One running service on a folder's data, and its clock."""

    def __init__(self, folder: Path, keys: Keys, clock: Clock) -> None:
        self.folder, self.keys, self.clock = folder, keys, clock
        self.jobs = SimulatedJobs()
        self.service = app.build(_settings(folder, keys), now=clock, jobs=self.jobs)
        self.client = Client(self.service)
        self.jobs.run()
        self._looked = clock.time

    @property
    def cast(self) -> Cast:
        """Whom the scenarios name."""
        return cast()

    def close(self) -> None:
        """Finish what is under way."""
        self.service.close()

    def wait_until(self, time: datetime) -> None:
        """Turn the clock forward."""
        self.clock.time = max(self.clock.time, time)

    @cached_property
    def _published(self) -> Mapping[str | None, jwt.PyJWK]:
        """The keys that the service publishes, by id."""
        keys = self.client.get("/.well-known/jwks.json").get_json()["keys"]
        return {item["kid"]: jwt.PyJWK(item) for item in keys}

    def look(self) -> None:
        """Run what runs beside the requests, where a minute has passed since."""
        if self.clock.time - self._looked >= timedelta(minutes=1):
            self._looked = self.clock.time
            self.jobs.run()

    def send(self, method: str, path: str, body: object, *, bearer: str | None, **headers: str) -> TestResponse:
        """One call of the service."""
        given = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        if bearer is not None:
            given["Authorization"] = f"Bearer {bearer}"
        return self.client.open(path, method=method, data=json.dumps(body).encode(), headers=given)

    def caller(self, kind: str = "realm") -> str | None:
        """A caller's token; `kind` names who asks."""
        now_s = int(self.clock.time.timestamp())
        shift_s = {"late": -90, "early": 90}.get(kind, 0)
        key = {"another realm": self.keys.other, "a forger": self.keys.forger}.get(kind, self.keys.realm)
        claims = {
            "iss": OTHER_REALM if kind == "another realm" else REALM,
            "aud": SERVICE,
            "sub": "risk-extension",
            "iat": now_s + shift_s,
            "exp": now_s + shift_s + 60,
            "jti": hashlib.sha256(str(now_s).encode()).hexdigest()[:16],
        }
        if kind == "a user":
            return key.sign({**claims, "sub": "alice", "azp": "portal"}, typ="JWT")
        return None if kind == "nobody" else key.sign(claims, typ="pep+jwt")

    def verified(self, token: str, *, txn: str) -> Mapping[str, Any]:
        """The answer that a signed JWT holds, checked as an enforcer must. Raises `jwt.InvalidTokenError`."""
        header = jwt.get_unverified_header(token)
        key = self._published.get(header.get("kid"))
        if key is None or header.get("typ") != "evaluation+jwt":
            raise jwt.InvalidTokenError("the answer is not the service's")
        unclocked = {"verify_exp": False, "verify_iat": False, "require": ["iat", "exp", "aud", "iss"]}
        claims = jwt.decode(
            token,
            key.key,
            algorithms=["ES256"],
            audience=REALM,
            issuer=SERVICE,
            options=unclocked,  # type: ignore[arg-type]
        )
        now_s = self.clock.time.timestamp()
        if not claims["iat"] - 5 <= now_s < claims["exp"] or claims.get("txn") != txn:
            raise jwt.InvalidTokenError("the answer is of another time or of another question")
        evaluation: Mapping[str, Any] = claims["evaluation"]
        return evaluation


def _settings(folder: Path, keys: Keys) -> config.Settings:
    digest = hashlib.sha256(CONNECTOR_TOKEN.encode()).hexdigest()
    values = {
        "PUBLIC_URL": SERVICE,
        "ISSUERS": f"{REALM}|{keys.urls['realm']},{OTHER_REALM}|{keys.urls['other']}",
        "DATA_DIR": str(folder),
        "DATABASE_BUDGET_MS": "10000",  # a busy machine is no scenario
        "POLICY": str(folder / "policy.toml"),
        "GEOIP_CITY": str(folder / "demo-city.mmdb"),
        "GEOIP_ASN": str(folder / "demo-asn.mmdb"),
        "LOG_LEVEL": "error",
        "CONNECTORS": f"mdm|{digest}|{REALM}",
        "POSTURE_ISSUERS": f"{MDM}|{folder / 'mdm.json'}|{REALM}",
        **{f"FEED_{tag.upper()}": str(folder / f"{tag}.txt") for tag in FEEDS},
    }
    return config.load(environment={f"{config.PREFIX}{name}": value for name, value in values.items()})
