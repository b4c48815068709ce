"""The HTTP face over real services and a real SQLite store, with a realm that signs its calls."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask.testing import FlaskClient

from idp_adapter.adapters import policy_file
from idp_adapter.adapters.feeds import FeedFiles
from idp_adapter.adapters.http import api
from idp_adapter.adapters.http.auth import Authenticator
from idp_adapter.adapters.http.connectors import Connectors
from idp_adapter.adapters.jose_jwks import KeySets
from idp_adapter.adapters.jose_keys import FolderSigner, KeyFolder
from idp_adapter.adapters.logs import Log
from idp_adapter.adapters.metrics import Metrics
from idp_adapter.adapters.sql import open_store
from idp_adapter.adapters.telemetry import Opener
from idp_adapter.config import Connector
from idp_adapter.core.types import Origin, Place
from idp_adapter.services.decide import Decider
from idp_adapter.services.devices import DeviceKeeper
from idp_adapter.services.outcomes import OutcomeReporter
from tests.support.sealing import sealer

NOW = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
SERVICE = "http://127.0.0.1:8181"
REALM = "http://127.0.0.1:8080/realms/demo"
OTHER = "http://127.0.0.1:8080/realms/other"
MDM, EDR = "m" * 43, "e" * 43  # tokens of connectors
CONNECTORS = (
    Connector("mdm", hashlib.sha256(MDM.encode()).hexdigest(), frozenset({REALM})),
    Connector("edr", hashlib.sha256(EDR.encode()).hexdigest(), frozenset({OTHER})),
)
CONTRACT = Path(__file__).parent.parent / "contract"

# made once: RSA keys are slow to make
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
EC384_KEY = ec.generate_private_key(ec.SECP384R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def jwk(private: Any, kid: str, **members: Any) -> dict[str, Any]:
    """The public JWK of a private key."""
    algorithms = jwt.algorithms
    if isinstance(private, rsa.RSAPrivateKey):
        public = algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        public = algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        public = algorithms.OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    public.pop("key_ops", None)
    return {**public, "kid": kid, "use": "sig", **members}


SETS = {
    REALM: [jwk(RSA_KEY, "rsa"), jwk(EC_KEY, "ec"), jwk(EC384_KEY, "ec384"), jwk(ED_KEY, "ed")],
    OTHER: [jwk(OTHER_RSA_KEY, "rsa")],
}


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims of a caller, with changes; None removes a claim."""
    now_s = int(NOW.timestamp())
    good = {
        "iss": REALM, "aud": SERVICE, "sub": "risk-extension", "iat": now_s, "exp": now_s + 60, "jti": "one",
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(
    key: Any = RSA_KEY, *, alg: str = "RS256", kid: str | None = "rsa", typ: str | None = "pep+jwt", **changes: Any
) -> str:
    """A caller's token."""
    header: dict[str, Any] = {"typ": typ}
    if kid is not None:
        header["kid"] = kid
    return jwt.encode(claims(**changes), key, algorithm=alg, headers=header)


def _name(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:22]


class Pseudonyms:
    """Stands in for the keyed ones."""

    def origin(self, issuer: str, ip: str, place: Place) -> Origin:
        return Origin(_name(issuer, ip), _name(issuer, ip.rpartition(".")[0]), place)

    def cookie(self, issuer: str, cookie_id: str) -> str:
        return _name(issuer, cookie_id)


class Nowhere:
    """Knows no place."""

    def locate(self, ip: str) -> Place:
        return Place()

    def problems(self) -> list[str]:
        return ["no city file"]


@dataclass
class Clock:
    """A clock that tests turn."""

    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time

    def timer(self) -> float:
        return self.time.timestamp()

    def pass_s(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Face:
    """A whole face and handles to its insides."""

    client: FlaskClient
    clock: Clock
    signer: FolderSigner
    folder: KeyFolder
    metrics: Metrics
    store: Any
    log: io.BytesIO
    fetched: list[str]
    sets: dict[str, Any]
    parts: api.Parts
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, body: Any, *, bearer: str | None = "", **headers: str) -> Any:
        """POST JSON (or bytes as they are) with a good token, unless told another or none."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if bearer is not None:
            now_s = int(self.clock().timestamp())
            sent["Authorization"] = f"Bearer {bearer or token(iat=now_s, exp=now_s + 60)}"
        return self.client.post(path, data=data, headers=sent)

    def ask(self, body: Any, **more: Any) -> Any:
        """POST one evaluation."""
        return self.post("/access/v1/evaluation", body, **more)


def make_face(
    folder: Path, *, policy: Path | None = None, issuers: tuple[str, ...] = (REALM, OTHER), log: Log | None = None
) -> Face:
    """A face whose data is under `folder`."""
    clock = Clock()
    keys = KeyFolder(folder / "keys")
    keys.prepare(NOW)
    signer = FolderSigner(keys, now=clock, timer=clock.timer)
    sets: dict[str, Any] = dict(SETS)
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        found = sets[url]
        if isinstance(found, Exception):
            raise found
        return json.dumps({"keys": found}).encode()

    lines = io.BytesIO()
    metrics = Metrics()
    store = open_store(f"sqlite:///{folder}/risk.sqlite3", sealer=sealer(), budget_s=5)
    loaded = policy_file.load(policy)
    number = iter(range(1_000_000))
    geo, pseudonyms = Nowhere(), Pseudonyms()
    parts = api.Parts(
        public_url=SERVICE,
        authenticator=Authenticator(
            audience=SERVICE,
            issuers=set(issuers),
            keys=KeySets({issuer: issuer for issuer in issuers}, timer=clock.timer, fetch=fetch),
        ),
        decider=Decider(store, geo, FeedFiles({}), pseudonyms, Opener(), metrics, lambda issuer: loaded),
        reporter=OutcomeReporter(store, metrics, lambda issuer: loaded, opener=Opener()),
        signer=signer,
        watcher=metrics,
        log=log or Log(lines, level="debug", now=clock),
        origin_of=lambda issuer, ip: pseudonyms.origin(issuer, ip, geo.locate(ip)),
        dependencies=lambda: (),
        devices=DeviceKeeper(store.devices, lambda issuer: loaded),
        connectors=Connectors(CONNECTORS),
        now=clock,
        timer=clock.timer,
        new_id=lambda: f"id-{next(number)}",
    )
    client = api.create(parts).test_client()
    return Face(client, clock, signer, keys, metrics, store, lines, fetched, sets, parts)


def question(**changes: Any) -> dict[str, Any]:
    """The question of `contract/evaluation-request.json`, with whole members replaced; None removes one."""
    whole = json.loads((CONTRACT / "evaluation-request.json").read_text(encoding="utf-8"))
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}
