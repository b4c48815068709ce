"""One thing that happens: asked of the service and enforced, or told to it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import jwt

from benchmarks.scenarios.answers import Answer, answered
from benchmarks.scenarios.appearance import ACR, HOOKS, Appearance, address
from benchmarks.scenarios.scenario import QUESTIONS
from benchmarks.scenarios.stage import ANSWER, CONNECTOR_TOKEN, REALM
from idp_adapter.adapters.jose import thumbprint

_LET_IN: Final = ("permit", "shorten", "limit")


class Turn:
    """What the one who appears does, and what Keycloak makes of it."""

    def __init__(self, shown: Appearance) -> None:
        self.shown, self.step, self.stage, self.memory = shown, shown.step, shown.stage, shown.memory

    def happens(self) -> Answer | None:
        """Ask or tell the service; the answer where something was asked."""
        if self.step.do in QUESTIONS:
            return self._ask()
        if self.step.do == "repeat outcome":
            told = self._tell(self.memory.outcome)
            return Answer.of_report("unheard" if told["duplicate"] else "permit")
        self._event()
        return None

    def _ask(self) -> Answer:
        txn = f"txn-{self.memory.next()}"
        headers = {"Accept": ANSWER}
        if self.step.caller == "with altered headers":
            home = address(self.stage.cast.networks["lisbon_fibre"].prefix, 10, 0)
            headers |= {"X_Forwarded_For": home, "Forwarded": f"for={home}", "X_Real_IP": home}
        response = self.stage.send(
            "POST",
            "/access/v1/evaluation",
            self.shown.question(txn),
            bearer=self.stage.caller(self.step.caller),
            **headers,
        )
        if response.status_code != 200:
            return Answer.rejected(f"HTTP {response.status_code}")
        try:
            evaluation = self.stage.verified(self._carried(response.get_data(as_text=True), txn), txn=txn)
        except jwt.InvalidTokenError as error:
            return Answer.rejected(type(error).__name__)
        answer = answered(evaluation, HOOKS[self.step.do], self.shown.person.factors, ACR[self.shown.session.acr])
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

    def _follow(self, answer: Answer) -> None:
        """What Keycloak does with an answer, and reports."""
        self.memory.decision = answer.decision_id
        is_login = self.shown.is_login
        if answer.action in _LET_IN:
            acr = self.shown.session.acr if is_login else ""
            if is_login:
                self.memory.sessions[self.shown.who] = self.shown.session
            if is_login or self.step.do in ("machine token", "password grant"):
                self._report("login_succeeded", decision_id=answer.decision_id, acr=ACR[acr])
        elif answer.action == "step-up" and is_login and self.step.then == "prove":
            self.memory.sessions[self.shown.who] = replace(self.shown.session, acr="mfa", proved=self.stage.clock.time)
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
            self.memory.passwords[self.shown.who] = self.memory.passwords.get(self.shown.who, 0) + 1
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
        device = thumbprint(self.shown.forms.key(self.shown.browser, self.shown.who).jwk)
        body = {"issuer": REALM, "status": self.step.status, "time": self.stage.clock.time.isoformat()}
        response = self.stage.send("PUT", f"/v1/devices/{device}/posture", body, bearer=CONNECTOR_TOKEN)
        assert response.status_code == 200, response.get_data(as_text=True)

    def _report(self, type_: str, **members: Any) -> None:
        outcome: dict[str, Any] = {
            "id": f"event-{self.memory.next()}",
            "type": type_,
            "time": self.stage.clock.time.isoformat(),
            "subject": {"type": self.shown.person.type, "id": self.shown.who},
            "resource": {"type": "oidc_client", "id": self.step.client},
            "network": {"ip": self.shown.ip},
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
