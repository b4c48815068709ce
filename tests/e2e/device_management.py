"""Device management that signs what it knows of a device, and the proxy's header that carries it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://mdm.example"
HEADER = "X-Device-Posture"


class DeviceManagement:
    """One issuer of posture assertions; its public key is a JWK set in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._stranger = ec.generate_private_key(ec.SECP256R1())
        self._keys = folder / "keys.json"
        public = json.loads(ECAlgorithm.to_jwk(self._key.public_key())) | {"kid": "mdm", "use": "sig", "alg": "ES256"}
        self._keys.write_text(json.dumps({"keys": [public]}))

    def trusted_by(self, realm: str) -> dict[str, str]:
        """Return the service's setting that believes this issuer of a realm's devices."""
        return {"IDP_ADAPTER_POSTURE_ISSUERS": f"{ISSUER}|{self._keys}|{realm}"}

    def says(self, status: str, thumbprint: str, *, audience: str, forged: bool = False) -> str:
        """Return an assertion of the device that holds a key; a forged one is signed by somebody else."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 600, "cnf": {"jkt": thumbprint}}
        key = self._stranger if forged else self._key
        headers = {"typ": "posture+jwt", "kid": "mdm"}
        return jwt.encode(claims | {"compliance_status": status}, key, algorithm="ES256", headers=headers)
