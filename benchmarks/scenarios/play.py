"""Playing steps on a stage: who asks what from where, and what Keycloak would tell the service afterwards."""

from __future__ import annotations

import base64
import copy
import hashlib
import ipaddress
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt

from benchmarks.scenarios import forms
from benchmarks.scenarios.answers import Answer, answered
from benchmarks.scenarios.cast import Browser, Person
from benchmarks.scenarios.scenario import QUESTIONS, Step
from benchmarks.scenarios.stage import ANSWER, CONNECTOR_TOKEN, MDM, REALM, SERVICE, START, Stage
from idp_adapter.adapters.jose import thumbprint

ACR: Final = {"basic": "urn:idp-adapter:acr:basic", "mfa": "urn:idp-adapter:acr:mfa", "": None}
HOOKS: Final = {
    "log in": "login", "open application": "login", "redeem code": "token", "refresh": "refresh",
    "machine token": "client_credentials", "password grant": "password_grant",
}  # fmt: skip
_WITH_FORM: Final = "log in"
_LET_IN: Final = ("permit", "shorten", "limit")


@dataclass(frozen=True, slots=True)
class Session:
    """A Keycloak session of somebody."""

    sid: str
    acr: str
    began: datetime
    proved: datetime


@dataclass(slots=True)
class Memory:
    """What the people of a scenario, Keycloak and an eavesdropper remember."""

    began: datetime = START
    count: int = 0
    take: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    typings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    passwords: dict[str, int] = field(default_factory=dict)
    outcome: dict[str, Any] = field(default_factory=dict)
    decision: str = ""
    signed: tuple[str, str] = ("", "")

    def next(self) -> int:
        """A number nobody had."""
        self.count += 1
        return self.count


@dataclass(frozen=True, slots=True)
class Played:
    """One attempt as it went."""

    step: Step
    answer: Answer


class Player:
    """Plays one scenario on one stage."""

    def __init__(self, stage: Stage, filler: forms.Forms, memory: Memory | None = None) -> None:
        self.stage, self.forms = stage, filler
        self.memory = copy.deepcopy(memory) if memory else Memory()

    def play(self, steps: Sequence[Step], *, seed: object) -> list[Played]:
        """Everything that the steps say, in order; what those that ask were answered."""
        return [played for number, step in enumerate(steps) for played in self._play(step, f"{seed}/{number}")]

    def _play(self, step: Step, seed: str) -> Iterator[Played]:
        chance = forms.seeded(seed)
        turns = itertools.product(range(step.times), range(step.people))
        for time, (turn, person) in zip(self._times(step, chance), turns, strict=True):
            self.stage.wait_until(time)
            if step.expect or turn == person == 0:
                self.stage.look()
            one = _Turn(self, step, turn * step.people + person, person, chance.randrange(1 << 30))
            answer = one.happens()
            if answer is not None:
                yield Played(step, answer)

    def _times(self, step: Step, chance: Any) -> list[datetime]:
        zone = self.stage.cast.people[step.who].zone
        start = self.stage.clock.time + step.after
        if step.at is not None:
            local = datetime.combine(start.astimezone(zone).date(), step.at, zone)
            start = local if local >= self.stage.clock.time else local + timedelta(days=1)
        total = step.times * step.people
        times = [start + step.over * number / total for number in range(total)]
        if step.hours:
            first, end = step.hours
            width_s = ((end - first) % 24 or 24) * 3600
            midnights = [time.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) for time in times]
            moved = [time + timedelta(hours=first, seconds=chance.randrange(width_s)) for time in midnights]
            times = [time if time > self.stage.clock.time else time + timedelta(days=1) for time in moved]
        return sorted(time.astimezone(UTC) for time in times)


class _Turn:
    """One time that a step happens: whose turn it is, where, on what and by which hand."""

    def __init__(self, player: Player, step: Step, number: int, person: int, chance: int) -> None:
        cast = player.stage.cast
        self.stage, self.memory, self.forms, self.step = player.stage, player.memory, player.forms, step
        self.person: Person = cast.people[step.who]
        self.who = step.who if step.people == 1 else f"{step.who}-{person}"
        self.browser: Browser = cast.browsers[step.browsers[number % len(step.browsers)]]
        place = cast.places[step.places[number % len(step.places)]]
        self.ip = _address(cast.networks[place.network].prefix, place.host, chance)
        self.hand = step.hands[number % len(step.hands)] if step.hands else self.person.hand
        self.client = cast.clients[step.client]
        self.session = self._session()

    def happens(self) -> Answer | None:
        """Ask or tell the service; the answer where something was asked."""
        if self.step.do in QUESTIONS:
            return self._ask()
        if self.step.do == "repeat outcome":
            told = self._tell(self.memory.outcome)
            return Answer.of_report("unheard" if told["duplicate"] else "permit")
        self._event()
        return None

    def _session(self) -> Session:
        now, known = self.stage.clock.time, self.memory.sessions.get(self.who)
        session = known
        if known is None or self.step.do == _WITH_FORM:
            session = Session(f"session-{self.memory.next()}", "basic", now, now)
        assert session is not None
        if self.step.acr:
            session = replace(session, acr=self.step.acr)
        return session

    def _ask(self) -> Answer:
        txn = f"txn-{self.memory.next()}"
        headers = {"Accept": ANSWER}
        if self.step.caller == "with altered headers":
            home = _address(self.stage.cast.networks["lisbon_fibre"].prefix, 10, 0)
            headers |= {"X_Forwarded_For": home, "Forwarded": f"for={home}", "X_Real_IP": home}
        response = self.stage.send(
            "POST", "/access/v1/evaluation", self._question(txn), bearer=self.stage.caller(self.step.caller), **headers
        )
        if response.status_code != 200:
            return Answer.rejected(f"HTTP {response.status_code}")
        try:
            evaluation = self.stage.verified(self._carried(response.get_data(as_text=True), txn), txn=txn)
        except jwt.InvalidTokenError as error:
            return Answer.rejected(type(error).__name__)
        answer = answered(evaluation, HOOKS[self.step.do], self.person.factors, ACR[self.session.acr])
        self._follow(answer)
        return answer

    def _carried(self, signed: str, txn: str) -> str:
        """What reaches the enforcer of the service's answer."""
        earlier, self.memory.signed = self.memory.signed, (signed, txn)
        if self.step.answer == "of an earlier question":
            return earlier[0]
        if self.step.answer == "too late":
            self.stage.clock.time += timedelta(minutes=2)
        if self.step.answer == "altered":
            head, body, signature = signed.split(".")
            text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).replace(
                b'"decision":false', b'"decision":true'
            )
            return f"{head}.{base64.urlsafe_b64encode(text).rstrip(b'=').decode()}.{signature}"
        return signed

    def _question(self, txn: str) -> dict[str, Any]:
        now, session, step = self.stage.clock.time, self.session, self.step
        is_login = HOOKS[step.do] == "login"
        by_person = self.person.type == "user" and (is_login or self.client.public)
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
        if is_login:
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

    def _follow(self, answer: Answer) -> None:
        """What Keycloak does with an answer, and reports."""
        self.memory.decision = answer.decision_id
        is_login = HOOKS[self.step.do] == "login"
        if answer.action in _LET_IN:
            acr = self.session.acr if is_login else ""
            if is_login:
                self.memory.sessions[self.who] = self.session
            if is_login or self.step.do in ("machine token", "password grant"):
                self._report("login_succeeded", decision_id=answer.decision_id, acr=ACR[acr])
        elif answer.action == "step-up" and is_login and self.step.then == "prove":
            self.memory.sessions[self.who] = replace(self.session, acr="mfa", proved=self.stage.clock.time)
            self._report("step_up_succeeded", decision_id=answer.decision_id, acr=answer.acr, methods=["pwd", "otp"])
        elif answer.action == "step-up" and is_login and self.step.then == "fail":
            self._report("step_up_failed", decision_id=answer.decision_id)
        elif answer.action in ("refuse", "end"):
            self._report("refused", decision_id=answer.decision_id)

    def _event(self) -> None:
        do = self.step.do
        if do == "mistype":
            self._report("login_failed", error="invalid_user_credentials")
        elif do == "change password":
            self.memory.passwords[self.who] = self.memory.passwords.get(self.who, 0) + 1
            self._report("credential_changed")
        elif do == "report takeover":
            since = self.stage.clock.time - self.step.over
            self._report("takeover_reported", time=since.isoformat())
        elif do == "confirm for another":
            self._report("step_up_succeeded", decision_id=self.memory.decision, acr=ACR["mfa"])
        elif do == "report posture":
            self._report_posture()
        elif do == "list in feed":
            with (self.stage.folder / f"{self.step.feed}.txt").open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in self.step.lines)
            self.stage.wait_until(self.stage.clock.time + timedelta(minutes=1))
            self.stage.look()

    def _report_posture(self) -> None:
        device = thumbprint(self.forms.key(self.browser, self.who).jwk)
        body = {"issuer": REALM, "status": self.step.status, "time": self.stage.clock.time.isoformat()}
        response = self.stage.send("PUT", f"/v1/devices/{device}/posture", body, bearer=CONNECTOR_TOKEN)
        assert response.status_code == 200, response.get_data(as_text=True)

    def _report(self, type_: str, **members: Any) -> None:
        outcome: dict[str, Any] = {
            "id": f"event-{self.memory.next()}",
            "type": type_,
            "time": self.stage.clock.time.isoformat(),
            "subject": {"type": self.person.type, "id": self.who},
            "resource": {"type": "oidc_client", "id": self.step.client},
            "network": {"ip": self.ip},
            **members,
        }
        if self.step.nameless:
            del outcome["subject"]
        self.memory.outcome = outcome
        self._tell(outcome)

    def _tell(self, outcome: Mapping[str, Any]) -> Mapping[str, Any]:
        response = self.stage.send("POST", "/v1/outcomes", {"outcomes": [outcome]}, bearer=self.stage.caller())
        told: Mapping[str, Any] = response.get_json()
        assert response.status_code == 200, told
        assert not told["rejected"], told
        return told


def _address(prefix: str, host: int, chance: int) -> str:
    """An address of a network: a fixed host, or any."""
    network = ipaddress.ip_network(prefix)
    return str(network[host or 1 + chance % (network.num_addresses - 2)])


def _name(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
