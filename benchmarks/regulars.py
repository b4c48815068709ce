"""Regular users: people whom the service knows well, so that every source has something to say of their next login.

They log in twenty times each under a simulated clock, through the service's own doors: questions and reported outcomes,
with typing and a device key that signs each form's challenge.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from benchmarks.served import Realm
from idp_adapter import app, config
from tools import demo_geoip
from tools.driver.telemetry import Device, Hand

PEOPLE = 100
LOGINS = 20
EVERY = timedelta(hours=20)
_QUESTION = Path(__file__).parent.parent / "tests" / "contract" / "evaluation-request.json"


class NoJobs(app.Jobs):
    """Nothing runs beside the requests."""

    def start(self, job: Callable[[], float | None], *, first_s: float) -> None:
        """Leave it."""


class Regulars:
    """People with a device and a hand each, who type a user name of eight keys and a password of eleven."""

    def __init__(self) -> None:
        self._question = json.loads(_QUESTION.read_text(encoding="utf-8"))
        self._devices = [Device() for _ in range(PEOPLE)]
        self._hands = [Hand(number, spread=0.12) for number in range(PEOPLE)]

    def login(self, number: int, time: datetime) -> dict[str, Any]:
        """One login of somebody, from home."""
        question = copy.deepcopy(self._question)
        who, context = number % PEOPLE, question["context"]
        device, hand, challenge = self._devices[who], self._hands[who], secrets.token_urlsafe(16)
        question["subject"]["id"] = f"user-{who}"
        context["time"] = time.isoformat()
        context["network"] |= {"ip": demo_geoip.LISBON_HOME.address(who), "user_agent": device.user_agent}
        context["device"]["cookie_id"] = f"{who:022}"
        fields = [hand.type("username", 8), hand.type("password", 11)]
        context |= {"telemetry": device.telemetry(challenge, fields), "telemetry_challenge": challenge}
        return dict(question)

    def refresh(self, number: int, time: datetime) -> dict[str, Any]:
        """One refresh of somebody, an hour after a login that needed no second factor."""
        question = self.login(number, time)
        question["action"]["name"] = "refresh"
        context = question["context"]
        context["session"] |= {"sid": f"session-{number % PEOPLE}", "age_s": 3600}
        context |= {"telemetry": None, "telemetry_challenge": None}
        return question

    def logins(self, count: int, time: datetime) -> list[bytes]:
        """So many logins, one person after the other."""
        return [json.dumps(self.login(number, time)).encode() for number in range(count)]

    def refreshes(self, count: int, time: datetime) -> list[bytes]:
        """So many refreshes, one person after the other."""
        return [json.dumps(self.refresh(number, time)).encode() for number in range(count)]

    def teach(self, realm: Realm, environment: Mapping[str, str], *, until: datetime) -> None:
        """Let everybody log in, again and again, up to a time."""
        clock = [until]
        service = app.build(config.load(environment=environment), now=lambda: clock[0], jobs=NoJobs())
        try:
            client = Client(service)
            for turn in range(LOGINS):
                for who in range(PEOPLE):
                    clock[0] = until - EVERY * (LOGINS - turn) + timedelta(seconds=who)
                    audience = environment["IDP_ADAPTER_PUBLIC_URL"]
                    headers = {"Authorization": f"Bearer {realm.bearer(audience, int(clock[0].timestamp()))}"}
                    _log_in(client, headers, self.login(who, clock[0]), clock[0])
        finally:
            service.close()


def _log_in(client: Client, headers: Mapping[str, str], question: Mapping[str, Any], time: datetime) -> None:
    asked = client.post("/access/v1/evaluation", json=question, headers=headers)
    if asked.status_code != 200:
        raise SystemExit(f"the service answered {asked.status_code}: {asked.get_data(as_text=True)}")
    outcome = {
        "id": secrets.token_urlsafe(16),
        "type": "login_succeeded",
        "decision_id": asked.json["context"]["decision_id"] if asked.json else None,
        "time": time.isoformat(),
        "subject": {"type": "user", "id": question["subject"]["id"]},
        "resource": {"type": "oidc_client", "id": question["resource"]["id"]},
        "acr": "urn:idp-adapter:acr:mfa",
        "methods": ["pwd", "otp"],
        "network": {"ip": question["context"]["network"]["ip"]},
        "error": None,
    }
    told = client.post("/v1/outcomes", json={"outcomes": [outcome]}, headers=headers)
    if told.status_code != 200 or not told.json or told.json.get("accepted") != [outcome["id"]]:
        raise SystemExit(f"the service answered {told.status_code}: {told.get_data(as_text=True)}")
