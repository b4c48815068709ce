"""Decide: two round trips, idempotent, robust against broken sources; and the story of a familiar subject."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp_adapter.adapters.sql import SqlStore
from idp_adapter.core.fusion import SOURCES
from idp_adapter.core.policy import Members
from idp_adapter.core.types import Hook, Level, OutcomeType, SubjectId
from tests.services.conftest import ABROAD_IP, login, telemetry


def test_a_first_login_is_quiet_and_every_source_abstains(house):
    decision = house.ask()
    assert decision.permitted
    assert decision.risk.level is Level.LOW
    assert all(item.abstains for item in decision.risk.contributions if item.source != "floor")


def test_a_familiar_login_is_quiet_and_a_strange_one_steps_up(house):
    house.familiar()
    assert house.ask().permitted
    strange = house.ask(login(ABROAD_IP, cookie="other"))
    assert strange.acr_values == ("urn:idp-adapter:acr:mfa",)
    codes = {reason.code for item in strange.risk.contributions for reason in item.reasons}
    assert {"device_unknown", "network_country_new", "travel_impossible"} <= codes


def test_a_completed_step_up_makes_the_strange_familiar(house):
    house.familiar()
    strange = login(ABROAD_IP, cookie="other")
    house.tell(house.ask(strange), OutcomeType.STEP_UP_SUCCEEDED)
    house.now += timedelta(minutes=5)
    assert house.ask(strange).permitted


def test_a_refused_stranger_teaches_nothing(house):
    house.familiar()
    strange = login(ABROAD_IP, cookie="other")
    for type_ in (OutcomeType.LOGIN_FAILED, OutcomeType.REFUSED, OutcomeType.STEP_UP_FAILED):
        house.tell(house.ask(strange), type_)
    assert not house.ask(strange).permitted


def test_asking_again_changes_nothing(house):
    house.familiar()
    strange = login(ABROAD_IP, cookie="other")
    first = house.ask(strange)
    again = [house.ask(strange) for _ in range(5)]
    assert all(replace(other, id=first.id) == first for other in again)


def test_a_decision_is_stored_with_its_evidence_before_it_is_answered(house):
    decision = house.ask()
    stored = house.store.decision(login().issuer, decision.id)
    assert stored.decision == decision
    assert stored.client == "spa"


def test_no_raw_address_cookie_or_user_agent_is_stored(house):
    house.familiar(2)
    exported = str(house.store.export(login().issuer, login().subject.key))
    for raw in ("192.0.2.7", "cookie-home", "Mozilla", "Gecko"):
        assert raw not in exported


@pytest.mark.parametrize("text", ["not JSON", "{}", telemetry("c-2"), telemetry(fields="x"), "{" * 900, "x" * 20_000])
def test_broken_or_replayed_telemetry_is_counted_and_the_login_goes_on(house, text):
    decision = house.ask(login(telemetry=text, telemetry_challenge="c-1"))
    assert decision.permitted
    assert sum(count for name, count in house.tally.counts.items() if name.startswith("rejected ")) == 1
    keystroke = next(item for item in decision.risk.contributions if item.source == "keystroke")
    assert keystroke.abstains


def test_typing_is_learnt_from_confirmed_logins_and_then_speaks(house):
    asked = login(telemetry=telemetry(), telemetry_challenge="c-1")
    for _ in range(4):
        house.tell(house.ask(asked))
        house.now += timedelta(hours=1)
    decision = house.ask(asked)
    keystroke = next(item for item in decision.risk.contributions if item.source == "keystroke")
    assert not keystroke.abstains
    assert keystroke.nats < 0


def test_how_an_exempt_subject_types_is_neither_weighed_nor_kept(house):
    house.policy = replace(house.policy, exempt=Members(groups=("/aided",)))
    facts = {"webdriver": True}
    asked = login(telemetry=telemetry(untrusted=3, device=facts), telemetry_challenge="c-1")
    aided = replace(asked, subject=replace(asked.subject, groups=("/aided",)))
    decision = house.ask(aided)
    by_source = {item.source: item for item in decision.risk.contributions}
    assert by_source["keystroke"].abstains
    assert [reason.code for reason in by_source["automation"].reasons] == ["automation_webdriver"]
    assert house.store.decision(aided.issuer, decision.id).learnable.typings == {}
    assert house.store.decision(asked.issuer, house.ask(asked).id).learnable.typings


def test_a_source_that_raises_abstains_and_is_counted(house):
    def broken(_):
        raise ZeroDivisionError

    sources = (replace(SOURCES[0], score=broken), *SOURCES[1:])
    decision = replace(house.decider, sources=sources).decide(login(), now=house.now, decision_id="d")
    assert decision.permitted
    assert house.tally.counts["failed device"] == 1


def test_a_workload_is_quiet_at_home_and_short_lived_abroad(house):
    def job(ip):
        asked = login(ip, cookie=None, hook=Hook.CLIENT_CREDENTIALS)
        return replace(asked, subject=replace(asked.subject, key=SubjectId("service_account", "job")))

    for _ in range(4):
        decision = house.ask(job("192.0.2.7"))
        house.tell(decision, subject=SubjectId("service_account", "job"))
    assert house.ask(job("192.0.2.7")).obligations.access_token_lifespan_s is None
    abroad = house.ask(job(ABROAD_IP))
    assert abroad.permitted
    assert abroad.obligations.access_token_lifespan_s < 300


def test_one_realms_history_never_speaks_in_another(house):
    house.familiar()
    elsewhere = replace(login(ABROAD_IP), issuer="https://id.example/realms/other")
    decision = house.ask(elsewhere)
    assert all(item.abstains for item in decision.risk.contributions if item.source != "floor")


def test_what_abstained_is_counted(house):
    house.ask()
    assert house.tally.counts["decided login LOW permit"] == 1
    assert house.tally.counts["abstained network"] == 1


def test_one_decision_takes_one_read_and_one_write(house):
    class Counted:
        def __init__(self, inner):
            self.inner, self.calls = inner, []

        def __getattr__(self, name):
            self.calls.append(name)
            return getattr(self.inner, name)

    counted = Counted(house.store)
    replace(house.decider, store=counted).decide(login(), now=house.now, decision_id="d")
    assert counted.calls == ["load", "record"]


def test_only_a_request_that_shows_behaviour_reads_templates(house, monkeypatch):
    asked, load = [], SqlStore.load
    monkeypatch.setattr(SqlStore, "load", lambda store, query: asked.append(query.with_templates) or load(store, query))
    house.ask(login(hook=Hook.REFRESH))
    house.ask(login(telemetry=telemetry(), telemetry_challenge="c-1"))
    house.ask(login(telemetry=telemetry(), telemetry_challenge="of another form"))
    assert asked == [False, True, False]


def test_nothing_is_read_of_how_an_exempt_subject_types(house, monkeypatch):
    asked, load = [], SqlStore.load
    monkeypatch.setattr(SqlStore, "load", lambda store, query: asked.append(query.with_templates) or load(store, query))
    house.policy = replace(house.policy, exempt=Members(groups=("/aided",)))
    typed = login(telemetry=telemetry(), telemetry_challenge="c-1")
    house.ask(typed)
    house.ask(replace(typed, subject=replace(typed.subject, groups=("/aided",))))
    assert asked == [True, False]
