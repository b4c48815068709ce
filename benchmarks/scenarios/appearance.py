"""What Keycloak asks about somebody who comes: the question, and all that the browser shows with it."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from benchmarks.scenarios import forms
from benchmarks.scenarios.cast import Browser, Person
from benchmarks.scenarios.memory import Memory, Session
from benchmarks.scenarios.scenario import Step
from benchmarks.scenarios.stage import MDM, SERVICE, START, Stage
from idp_adapter.adapters.jose import thumbprint

ACR: Final = {"basic": "urn:idp-adapter:acr:basic", "mfa": "urn:idp-adapter:acr:mfa", "": None}
HOOKS: Final = {
    "log in": "login", "open application": "login", "redeem code": "token", "refresh": "refresh",
    "machine token": "client_credentials", "password grant": "password_grant",
}  # fmt: skip
_WITH_FORM: Final = "log in"


class Appearance:
    """Who comes, at one time that a step happens: which account, where, on what and by which hand."""

    def __init__(
        self, stage: Stage, filler: forms.Forms, memory: Memory, step: Step, *, number: int, person: int, chance: int
    ) -> None:
        cast = stage.cast
        self.stage, self.forms, self.memory, self.step = stage, filler, memory, step
        self.person: Person = cast.people[step.who]
        self.who = step.who if step.people == 1 else f"{step.who}-{person}"
        self.browser: Browser = cast.browsers[step.browsers[number % len(step.browsers)]]
        place = cast.places[step.places[number % len(step.places)]]
        self.ip = address(cast.networks[place.network].prefix, place.host, chance)
        self.hand = step.hands[number % len(step.hands)] if step.hands else self.person.hand
        self.client = cast.clients[step.client]
        self.session = self._session()

    @property
    def is_login(self) -> bool:
        """Whether it is about a login."""
        return HOOKS[self.step.do] == "login"

    def question(self, txn: str) -> dict[str, Any]:
        """The body of one evaluation."""
        now, session, step = self.stage.clock.time, self.session, self.step
        by_person = self.person.type == "user" and (self.is_login or self.client.public)
        context: dict[str, Any] = {
            "txn": txn,
            "time": now.isoformat(),
            "network": {
                "ip": self.ip,
                "of_end_user": by_person,
                "user_agent": step.user_agent or self.browser.user_agent,
                "accept_language": ",".join(self.browser.languages),
            },
            "binding": {"jkt": _name(step.bound_to)} if step.bound_to else {},
        }
        if self.person.type == "user":
            context["session"] = {
                "sid": session.sid,
                "acr": ACR[session.acr],
                "amr": ["pwd", "otp"] if session.acr == "mfa" else ["pwd"],
                "auth_time": int(session.proved.timestamp()),
                "age_s": int((now - session.began).total_seconds()),
            }
        if self.is_login:
            context |= self._shown()
        return {
            "subject": {"type": self.person.type, "id": self.who, "properties": self._properties()},
            "action": {"name": HOOKS[step.do]},
            "resource": {
                "type": "oidc_client",
                "id": step.client,
                "properties": {
                    "public": self.client.public,
                    "scope": "openid",
                    "access_token_lifespan_s": 300,
                    "refresh_token_lifespan_s": 1800,
                },
            },
            "context": context,
        }

    def _properties(self) -> dict[str, Any]:
        created = self.memory.began if self.person.is_new else START - timedelta(days=700)
        properties = {
            "roles": self.person.roles,
            "groups": self.person.groups,
            "factors": self.person.factors,
            "created_at": created.isoformat(),
            "credential_version": str(self.memory.passwords.get(self.who, 0)),
        }
        return {name: list(value) if isinstance(value, tuple) else value for name, value in properties.items()}

    def _shown(self) -> dict[str, Any]:
        """What the browser shows at a login: cookie, the form's telemetry, a posture assertion."""
        shown: dict[str, Any] = {"device": {}}
        cookie = self.step.cookie_of or (self.browser.profile if self.browser.has_cookie else "")
        if cookie:
            is_shared = self.stage.cast.browsers[cookie].is_shared
            shown["device"]["cookie_id"] = cookie if is_shared else f"{cookie} of {self.who}"
        if self.step.posture:
            shown["device"]["posture"] = self._assertion()
        if self.step.do == _WITH_FORM:
            challenge = f"challenge-{self.memory.next()}"
            shown["telemetry_challenge"] = challenge
            text = self._telemetry(challenge)
            if text is not None:
                shown["telemetry"] = text
        return shown

    def _telemetry(self, challenge: str) -> str | None:
        how, memory = self.step.telemetry, self.memory
        if how == "none":
            return None
        if how == "of an old form":
            return memory.forms[self.who]
        memory.take += 1
        fields = self.forms.typed(self.hand, memory.take) if self.hand else []
        if how == "with a repeated typing":
            fields = memory.typings[self.who]
        text = self.forms.telemetry(self.browser, self.who, challenge, fields)
        if how not in ("fresh", "with a repeated typing"):
            return forms.tampered(how, text)
        memory.forms[self.who], memory.typings[self.who] = text, fields
        return text

    def _assertion(self) -> str:
        now_s = int(self.stage.clock.time.timestamp())
        key = self.stage.keys.forger if self.step.posture == "forged" else self.stage.keys.mdm
        owner = "another" if self.step.posture == "of another device" else self.who
        claims = {
            "iss": MDM,
            "aud": SERVICE,
            "iat": now_s - 60,
            "exp": now_s + 3600,
            "compliance_status": "not-compliant" if self.step.posture == "not-compliant" else "compliant",
            "cnf": {"jkt": thumbprint(self.forms.key(self.browser, owner).jwk)},
        }
        return key.sign(claims, typ="posture+jwt", kid="mdm")

    def _session(self) -> Session:
        now, known = self.stage.clock.time, self.memory.sessions.get(self.who)
        session = known
        if known is None or self.step.do == _WITH_FORM:
            session = Session(f"session-{self.memory.next()}", "basic", now, now)
        assert session is not None
        if self.step.acr:
            session = replace(session, acr=self.step.acr)
        return session


def address(prefix: str, host: int, chance: int) -> str:
    """An address of a network: a fixed host, or any."""
    network = ipaddress.ip_network(prefix)
    return str(network[host or 1 + chance % (network.num_addresses - 2)])


def _name(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
