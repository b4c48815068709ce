"""The realm files, written from one description.

`python -m tools.realms` rewrites `realms/`; `--check` says whether they are current.
`demo` has the risk flows; `partner` is the identity provider whose users demo brokers; `plain` has demo's users and
clients on stock flows, to compare with.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tools.paths import REALMS, ROOT, Ports

Rep = dict[str, Any]  # a Keycloak representation, as its JSON

KEYCLOAK_URL = f"http://127.0.0.1:{Ports().keycloak}"
APP_URL = f"http://127.0.0.1:{Ports().app}"
MAIL_PORT = 2525

ACR_BASIC = "urn:idp-adapter:acr:basic"
ACR_MFA = "urn:idp-adapter:acr:mfa"
ACR_PHR = "phr"
ACR_TO_LOA = {"0": 0, ACR_BASIC: 1, ACR_MFA: 2, ACR_PHR: 3}

OTP_SECRET = "idp-adapter-demo-otp"  # noqa: S105 - told to everybody
OTP_SECRET_BASE32 = base64.b32encode(OTP_SECRET.encode()).decode()
CLIENT_SECRETS = {
    name: f"{name}-secret" for name in ("web-app", "legacy-app", "exchange-app", "payments-job", "demo-broker")
}
_MAX_AGE_S = {1: 36000, 2: 3600, 3: 3600}


@dataclass(frozen=True, slots=True)
class User:
    """A person of the demo; `password` is fixed and printed, `otp` says whether a TOTP is enrolled."""

    name: str
    otp: bool = False

    @property
    def password(self) -> str:
        """The password, which is told to everybody."""
        return f"{self.name}-demo-pw"


USERS = (
    User("alice", otp=True),
    User("bob"),
    User("carol", otp=True),
    User("dave"),
    User("erin", otp=True),
    User("frank"),
)
PARTNER_USERS = (User("paula"), User("peter"))


# --- users and clients ----------------------------------------------------------------------------------------------


def password_credential(value: str) -> Rep:
    """Return a password as an importable credential."""
    return {"type": "password", "value": value}


def otp_credential(secret: str = OTP_SECRET) -> Rep:
    """Return a TOTP as an importable credential; authenticator apps take the secret in base 32."""
    data = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
    return {"type": "otp", "secretData": json.dumps({"value": secret}), "credentialData": json.dumps(data)}


def _user(user: User, domain: str = "example.org") -> Rep:
    return {
        "username": user.name,
        "enabled": True,
        "email": f"{user.name}@{domain}",
        "emailVerified": True,
        "firstName": user.name.capitalize(),
        "lastName": "Example",
        "credentials": [password_credential(user.password), *([otp_credential()] if user.otp else [])],
    }


def _mapper(provider: str, name: str, **config: str) -> Rep:
    shown = {"id.token.claim": "true", "access.token.claim": "true", "introspection.token.claim": "true"}
    return {"name": name, "protocol": "openid-connect", "protocolMapper": provider, "config": shown | config}


def _audience(client_id: str) -> Rep:
    """Let a client exchange or introspect the tokens of another."""
    return _mapper("oidc-audience-mapper", f"for {client_id}", **{"included.client.audience": client_id})


def claim_mappers(*, risk: bool = True) -> list[Rep]:
    """Return the mappers of the claims that relying apps read."""
    return [_mapper("oidc-amr-mapper", "amr"), *([_mapper("risk-claims", "risk")] if risk else [])]


def _public(client_id: str, mappers: list[Rep]) -> Rep:
    return {
        "clientId": client_id,
        "publicClient": True,
        "baseUrl": f"{APP_URL}/",
        "redirectUris": [f"{APP_URL}/*"],
        "webOrigins": [APP_URL],
        "attributes": {"pkce.code.challenge.method": "S256", "post.logout.redirect.uris": "+"},
        "protocolMappers": mappers,
    }


def _confidential(client_id: str, mappers: list[Rep], **more: Any) -> Rep:
    return {"clientId": client_id, "secret": CLIENT_SECRETS[client_id], "protocolMappers": mappers, **more}


def _clients(*, risk: bool) -> list[Rep]:
    mappers = claim_mappers(risk=risk)
    exchangeable, inspectable = _audience("exchange-app"), _audience("web-app")
    redirects = {
        "baseUrl": f"{APP_URL}/",  # where the page of a refused login leads back to
        "redirectUris": [f"{APP_URL}/*"],
        "attributes": {"post.logout.redirect.uris": "+"},
    }
    return [
        _public("spa", [*mappers, exchangeable, inspectable]),
        _public("second-app", [*mappers, inspectable]),
        _confidential("web-app", mappers, **redirects),
        _confidential("legacy-app", mappers, standardFlowEnabled=False, directAccessGrantsEnabled=True),
        _confidential(
            "exchange-app", mappers, standardFlowEnabled=False, attributes={"standard.token.exchange.enabled": "true"}
        ),
        _confidential("payments-job", mappers, standardFlowEnabled=False, serviceAccountsEnabled=True),
    ]


# --- flows ----------------------------------------------------------------------------------------------------------


class Flows:
    """Collects flows and authenticator configurations in the shape that the realm import reads."""

    def __init__(self) -> None:
        self.flows: list[Rep] = []
        self.configs: list[Rep] = []

    def flow(self, alias: str, *executions: Rep, top: bool = False) -> str:
        """Add a flow of executions in their order; return its alias."""
        ordered = [{**execution, "priority": 10 * (place + 1)} for place, execution in enumerate(executions)]
        self.flows.append(
            {
                "alias": alias,
                "providerId": "basic-flow",
                "topLevel": top,
                "builtIn": False,
                "authenticationExecutions": ordered,
            }
        )
        return alias

    def step(self, requirement: str, authenticator: str, alias: str = "", config: Rep | None = None) -> Rep:
        """Return an execution of an authenticator, with its configuration under `alias` where it has one."""
        execution: Rep = {"requirement": requirement, "authenticator": authenticator, "authenticatorFlow": False}
        if config:
            self.configs.append({"alias": alias, "config": config})
            execution["authenticatorConfig"] = alias
        return execution

    def factor(self, requirement: str, authenticator: str, alias: str, amr: str, level: int) -> Rep:
        """Return an execution whose success is told as `amr` for as long as its level lasts."""
        config = {"default.reference.value": amr, "default.reference.maxAge": str(_MAX_AGE_S[level])}
        return self.step(requirement, authenticator, alias, config)

    def level(self, prefix: str, level: int, *executions: Rep) -> Rep:
        """Return a conditional subflow that runs where `level` is wanted and not reached."""
        condition = self.step(
            "REQUIRED",
            "conditional-level-of-authentication",
            f"{prefix} level {level}",
            {"loa-condition-level": str(level), "loa-max-age": str(_MAX_AGE_S[level])},
        )
        return sub("CONDITIONAL", self.flow(f"{prefix} level {level}", condition, *executions))

    def second_factor(self, prefix: str) -> Rep:
        """Return level 2: any one of the factors that the user has."""
        choices = self.flow(
            f"{prefix} second factor",
            self.factor("ALTERNATIVE", "risk-otp-form", f"{prefix} otp", "otp", 2),
            self.factor("ALTERNATIVE", "webauthn-authenticator", f"{prefix} webauthn", "hwk", 2),
        )
        return self.level(prefix, 2, sub("REQUIRED", choices))

    def risk(self, prefix: str) -> Rep:
        """Return the risk step."""
        return self.factor("REQUIRED", "risk-evaluation", f"{prefix} risk", "rba", 1)


def sub(requirement: str, alias: str) -> Rep:
    """Return an execution that is a subflow."""
    return {"requirement": requirement, "flowAlias": alias, "authenticatorFlow": True}


def _browser(to: Flows) -> str:
    password = to.factor("REQUIRED", "risk-username-password-form", "browser password", "pwd", 1)
    forms = to.flow("risk browser forms", to.level("risk browser", 1, password))
    identify = to.flow(
        "risk browser identify",
        to.step("ALTERNATIVE", "risk-identity-cookie"),
        to.step("ALTERNATIVE", "identity-provider-redirector"),
        sub("ALTERNATIVE", forms),
    )
    key = to.factor("REQUIRED", "webauthn-authenticator", "browser passkey", "hwk", 3)
    return to.flow(
        "risk browser",
        sub("REQUIRED", identify),
        to.risk("browser"),
        to.second_factor("risk browser"),
        to.level("risk browser", 3, key),
        top=True,
    )


def _direct_grant(to: Flows) -> str:
    otp = to.flow(
        "risk direct grant otp",
        to.step("REQUIRED", "conditional-user-configured"),
        to.step("REQUIRED", "direct-grant-validate-otp"),
    )
    return to.flow(
        "risk direct grant",
        to.step("REQUIRED", "direct-grant-validate-username"),
        to.step("REQUIRED", "direct-grant-validate-password"),
        to.risk("direct grant"),
        sub("CONDITIONAL", otp),
        top=True,
    )


def _reset_credentials(to: Flows) -> str:
    return to.flow(
        "risk reset credentials",
        to.step("REQUIRED", "reset-credentials-choose-user"),
        to.step("REQUIRED", "reset-credential-email"),
        to.risk("reset credentials"),
        to.second_factor("risk reset credentials"),
        to.step("REQUIRED", "reset-password"),
        top=True,
    )


def _post_broker(to: Flows) -> str:
    return to.flow("risk post broker login", to.risk("post broker"), to.second_factor("risk post broker"), top=True)


# --- realms ---------------------------------------------------------------------------------------------------------


def _key(provider: str, **config: str) -> Rep:
    return {
        "name": provider,
        "providerId": provider,
        "config": {k: [v] for k, v in {"priority": "100", **config}.items()},
    }


def _otp_policy() -> Rep:
    """Return the import's whole one-time code policy; a part of one would be ignored."""
    numbers = {"Digits": 6, "Period": 30, "LookAheadWindow": 1, "InitialCounter": 0}
    words = {"Type": "totp", "Algorithm": "HmacSHA1", "CodeReusable": True}
    return {f"otpPolicy{name}": value for name, value in (words | numbers).items()}


def _base(name: str, display: str, users: Sequence[Rep], clients: Sequence[Rep]) -> Rep:
    keys = [
        _key("rsa-generated"),
        _key("rsa-enc-generated", algorithm="RSA-OAEP"),
        _key("hmac-generated", algorithm="HS512"),
        _key("aes-generated"),
        _key("ecdsa-generated", ecdsaEllipticCurveKey="P-256"),
    ]
    return {
        "realm": name,
        "displayName": display,
        "enabled": True,
        "sslRequired": "none",
        "bruteForceProtected": True,
        "quickLoginCheckMilliSeconds": 10,
        "minimumQuickLoginWaitSeconds": 1,
        "eventsEnabled": True,
        "resetPasswordAllowed": True,
        "revokeRefreshToken": True,
        **_otp_policy(),
        "smtpServer": {"host": "127.0.0.1", "port": str(MAIL_PORT), "from": "demo@example.org"},
        "attributes": {"acr.loa.map": json.dumps(ACR_TO_LOA)},
        "components": {"org.keycloak.keys.KeyProvider": keys},
        "clients": list(clients),
        "users": list(users),
    }


def _partner_provider() -> Rep:
    partner = f"{KEYCLOAK_URL}/realms/partner"
    endpoints = f"{partner}/protocol/openid-connect"
    return {
        "alias": "partner",
        "displayName": "Partner",
        "providerId": "oidc",
        "enabled": True,
        "trustEmail": True,
        "postBrokerLoginFlowAlias": "risk post broker login",
        "config": {
            "issuer": partner,
            "authorizationUrl": f"{endpoints}/auth",
            "tokenUrl": f"{endpoints}/token",
            "userInfoUrl": f"{endpoints}/userinfo",
            "jwksUrl": f"{endpoints}/certs",
            "useJwksUrl": "true",
            "validateSignature": "true",
            "clientId": "demo-broker",
            "clientSecret": CLIENT_SECRETS["demo-broker"],
            "clientAuthMethod": "client_secret_post",
            "defaultScope": "openid profile email",
            "syncMode": "FORCE",
            "pkceEnabled": "true",
            "pkceMethod": "S256",
        },
    }


def demo() -> Rep:
    """Return the demo realm: every flow passes the risk step."""
    flows = Flows()
    bindings = {
        "browserFlow": _browser(flows),
        "directGrantFlow": _direct_grant(flows),
        "resetCredentialsFlow": _reset_credentials(flows),
    }
    _post_broker(flows)
    realm = _base("demo", "Demo", [_user(user) for user in USERS], _clients(risk=True))
    return realm | {
        **bindings,
        "identityProviders": [_partner_provider()],
        "authenticationFlows": flows.flows,
        "authenticatorConfig": flows.configs,
    }


def _unasked(client: Rep) -> Rep:
    """Return a client whose tokens the extension leaves alone, as it does without being installed."""
    return client | {"attributes": {**client.get("attributes", {}), "risk.enabled": "false"}}


def partner() -> Rep:
    """Return the partner's realm, a plain identity provider."""
    redirects = [f"{KEYCLOAK_URL}/realms/demo/broker/partner/endpoint*"]
    client = _confidential("demo-broker", [], redirectUris=redirects)
    users = [_user(user, "partner.example") for user in PARTNER_USERS]
    return _base("partner", "Partner", users, [_unasked(client)])


def plain() -> Rep:
    """Return demo's users and clients on stock flows, nothing asked."""
    clients = [_unasked(client) for client in _clients(risk=False)]
    return _base("plain", "Plain", [_user(user) for user in USERS], clients)


REALM_BUILDERS = {"demo": demo, "partner": partner, "plain": plain}


def text(realm: Rep) -> str:
    """Return a realm as the text of its file."""
    return json.dumps(realm, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the realm files, or check them."""
    parser = argparse.ArgumentParser(description="Write realms/*.json from their one description.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file is not current")
    check = parser.parse_args().check
    REALMS.mkdir(exist_ok=True)
    stale = 0
    for name, build in REALM_BUILDERS.items():
        path, wanted = REALMS / f"{name}.json", text(build())
        if not path.exists() or path.read_text("utf-8") != wanted:
            stale += 1
            if not check:
                path.write_text(wanted, "utf-8")
            print(f"{path.relative_to(ROOT)} {'is not current: run python -m tools.realms' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
