"""Logins: what Keycloak shows, asks and issues for each decision."""

from __future__ import annotations

from tests.e2e.front import ACR_MFA, ALLOW, DENY, STEP_UP, Answer
from tests.e2e.world import ACR_BASIC, World
from tools.driver.pages import Kind


def test_a_quiet_login_ends_at_basic_after_one_evaluation(world: World):
    person = world.person()
    visit = world.visit().log_in(person)
    tokens = visit.tokens()
    assert (tokens.acr, sorted(tokens.identity["amr"])) == (ACR_BASIC, ["pwd", "rba"])
    assert world.asks.count("login") == 1


def test_a_risky_login_is_asked_for_a_code_and_ends_at_mfa_after_one_evaluation(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    assert visit.page.kind is Kind.OTP
    tokens = visit.enter_code(person).tokens()
    assert (tokens.acr, sorted(tokens.identity["amr"])) == (ACR_MFA, ["otp", "pwd", "rba"])
    assert world.asks.count("login") == 1


def test_a_risky_login_without_a_second_factor_is_refused_and_enrols_nothing(world: World):
    person = world.person(otp=False)
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    assert (visit.page.kind, visit.page.status) == (Kind.ERROR, 403)
    assert world.demo.sessions(person.name) == []
    assert world.demo.credential_types(person.name) == ["password"]


def test_a_user_without_a_second_factor_goes_on_at_basic_with_short_tokens_where_policy_limits(world: World):
    person = world.person(otp=False)
    world.answer(Answer(False, "HIGH", 0.6, (ACR_MFA,), unenrolled="limit"))
    tokens = world.visit().log_in(person).tokens()
    assert tokens.acr == ACR_BASIC
    assert tokens.access_life_s <= 60
    assert world.demo.credential_types(person.name) == ["password"]


def test_a_refused_login_shows_a_page_opens_no_session_and_counts_no_failure(world: World):
    person = world.person()
    world.answer(DENY)
    visit = world.visit().log_in(person)
    assert (visit.page.kind, visit.page.status) == (Kind.ERROR, 403)
    assert visit.page.message
    assert world.demo.sessions(person.name) == []
    assert world.demo.failures(person.name) == 0


def test_a_refused_login_is_in_keycloaks_events_with_the_decision(world: World):
    person = world.person()
    world.answer(DENY)
    world.visit().log_in(person)
    (event,) = world.demo.events(person.name, type="LOGIN_ERROR")
    assert event["error"] == "risk_denied"
    assert event["details"]["risk_decision_id"].startswith("dec-")
    assert event["details"]["risk_level"] == "HIGH"


def test_a_login_is_in_keycloaks_events_with_the_decision(world: World):
    person = world.person()
    world.visit().log_in(person)
    (event,) = world.demo.events(person.name, type="LOGIN")
    assert event["details"]["risk_decision_id"].startswith("dec-")
    assert event["details"]["risk_level"] == "LOW"


def test_an_existing_session_survives_a_refused_login(world: World):
    person = world.person(otp=False)
    visit = world.logged_in(person)
    world.answer(DENY)
    refused = world.visit(world.second, visit.browser)
    assert refused.page.kind is Kind.ERROR
    assert len(world.demo.sessions(person.name)) == 1


def test_a_wrong_password_asks_nothing_and_shows_the_form_with_the_collector_again(world: World):
    person = world.person()
    visit = world.visit().log_in(person, password="wrong")
    assert visit.page.kind is Kind.LOGIN
    assert world.asks == []
    assert any("risk" in script for script in visit.page.scripts)
    if visit.log_in(person).page.kind is Kind.LOGIN:  # Keycloak has not yet let go of the wrong one just before
        visit.log_in(person)
    assert visit.page.kind is Kind.CODE


def test_a_login_without_javascript_works(world: World):
    person = world.person()
    assert world.visit().log_in(person, telemetry=None).page.kind is Kind.CODE
    (call,) = [call for call in world.front.calls if call.action == "login"]
    assert not call.context.get("telemetry")


def test_the_question_tells_who_what_and_where(world: World):
    person = world.person()
    browser = world.browser(ip="203.0.113.7")
    visit = world.visit(browser=browser)
    challenge = visit.page.challenge
    telemetry = browser.collect(visit.page, person, {"username": person.name})
    visit.log_in(person, telemetry=telemetry)
    (call,) = [call for call in world.front.calls if call.action == "login"]
    assert call.subject == world.demo.user_id(person.name)
    assert call.client == "spa"
    assert call.body["subject"]["properties"]["factors"] == ["otp"]
    assert call.context["network"]["ip"] == "203.0.113.7"
    assert call.context["network"]["of_end_user"] is True
    assert call.context["network"]["user_agent"] == browser.device.user_agent
    assert call.context["telemetry"] == telemetry
    assert call.context["telemetry_challenge"] == challenge
    assert call.context["txn"]


def test_an_application_that_requires_mfa_gets_it_at_low_risk(world: World):
    person = world.person()
    visit = world.visit(acr_values=ACR_MFA).log_in(person)
    assert visit.page.kind is Kind.OTP
    assert visit.enter_code(person).tokens().acr == ACR_MFA
    assert world.asks.count("login") == 1


def test_who_lacks_the_factor_that_an_application_requires_is_told_so_and_not_that_the_password_is_wrong(world: World):
    person = world.person(otp=False)
    visit = world.visit(acr_values=ACR_MFA).log_in(person)
    assert (visit.page.kind, visit.page.status) == (Kind.ERROR, 403)
    assert "needs a second factor" in visit.page.message
    assert visit.reload().page.kind is Kind.ERROR
    assert world.demo.sessions(person.name) == []
    assert world.demo.credential_types(person.name) == ["password"]
    assert world.demo.failures(person.name) == 0
    (event,) = world.demo.events(person.name, type="LOGIN_ERROR")
    assert event["error"] == "risk_factor_missing"
    assert world.asks == ["login"]
    assert world.visit(browser=visit.browser).log_in(person).tokens().acr == ACR_BASIC


def test_who_lacks_the_factor_that_another_application_requires_keeps_the_session(world: World):
    person = world.person(otp=False)
    visit = world.logged_in(person)
    assert world.visit(world.second, visit.browser, acr_values=ACR_MFA).page.kind is Kind.ERROR
    assert world.visit(world.second, visit.browser).page.kind is Kind.CODE


def test_without_a_page_an_application_is_told_that_the_login_is_needed(world: World):
    person = world.person(otp=False)
    visit = world.logged_in(person)
    silent = world.visit(world.second, visit.browser, acr_values=ACR_MFA, prompt="none")
    assert silent.page.kind is Kind.REFUSAL


def test_an_essential_acr_claim_is_honoured_as_well(world: World):
    person = world.person()
    claims = f'{{"id_token":{{"acr":{{"essential":true,"values":["{ACR_MFA}"]}}}}}}'
    visit = world.visit(claims=claims).log_in(person)
    assert visit.enter_code(person).tokens().acr == ACR_MFA


def test_a_wrong_code_and_reloading_its_form_ask_nothing_again(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit().log_in(person).enter_code(person, "000000")
    assert visit.page.kind is Kind.OTP
    assert visit.reload().page.kind is Kind.OTP
    assert visit.enter_code(person).page.kind is Kind.CODE
    assert world.asks.count("login") == 1


def test_an_unknown_obligation_refuses(world: World):
    person = world.person()
    world.answer(Answer(obligations={"shave_the_cat": True}))
    visit = world.visit().log_in(person)
    assert visit.page.kind is not Kind.CODE
    assert world.demo.sessions(person.name) == []


def test_an_unknown_optional_obligation_does_not_matter(world: World):
    person = world.person()
    world.answer(Answer(obligations={"optional": {"shave_the_cat": True}}))
    assert world.visit().log_in(person).page.kind is Kind.CODE


def test_the_logins_decision_shortens_and_caps_the_first_tokens(world: World):
    person = world.person()
    capped = {"access_token_lifespan_s": 60, "refresh_token_lifespan_s": 600, "max_acr": ACR_BASIC}
    world.answer(Answer(level="MEDIUM", score=0.1, obligations=capped))
    visit = world.visit(acr_values=ACR_MFA).log_in(person).enter_code(person)
    tokens = visit.tokens()
    assert tokens.acr == ACR_BASIC
    assert tokens.identity["acr"] == ACR_BASIC
    assert tokens.access_life_s == tokens.body["expires_in"] == 60
    assert tokens.refresh_life_s == tokens.body["refresh_expires_in"] == 600


def test_two_tabs_of_one_browser_can_both_log_in(world: World):
    person = world.person()
    browser = world.browser()
    first, second = world.visit(browser=browser), world.visit(world.second, browser)
    assert first.log_in(person).page.kind is Kind.CODE
    assert second.reload().page.kind in (Kind.CODE, Kind.LOGIN)


def test_going_back_and_sending_the_form_again_shows_that_the_page_has_expired(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit()
    form = visit.page
    assert visit.log_in(person).page.kind is Kind.OTP
    visit.page = form
    visit.log_in(person)
    assert visit.page.kind is not Kind.CODE
    assert world.demo.sessions(person.name) == []


def test_restarting_a_login_that_was_stepped_up_begins_with_what_the_application_asked(world: World):
    person = world.person()
    world.answer(STEP_UP)
    visit = world.visit().log_in(person)
    assert visit.page.kind is Kind.OTP
    world.answer(ALLOW)
    visit.page = visit.browser.open(visit.page.links["reset-login"])
    assert visit.log_in(person).tokens().acr == ACR_BASIC
