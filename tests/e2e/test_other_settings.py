"""A Keycloak of other settings than the defaults: it asks over TLS, and goes by other fail modes.

`allow` at login and for machines, `deny` for users' tokens; a small bulkhead before few threads, and a budget that
leaves time to look on while calls hang.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.certificates import Authority
from tests.e2e.front import Front, Mode
from tests.e2e.realm_parts import client_like, send_past_the_risk_step
from tests.e2e.world import ACR_BASIC, World
from tools.driver.application import Application, TokenAnswer
from tools.driver.pages import Kind
from tools.paths import Ports
from tools.processes import LOOPBACK, free_port
from tools.stack import Plan, Stack

BUDGET_S = 5.0
BULKHEAD = 8
THREADS = 16  # of Keycloak's; without a bulkhead fewer callers than come would take them all
CROWD = 40
RATIO = 8  # generous: one wait for a hung call makes it many times that

LIFE_S = 300  # of the realm's access tokens


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that this Keycloak is told to trust."""
    return Authority(tmp_path_factory.mktemp("trusted"), "trusted")


@pytest.fixture(scope="module")
def started(trusted: Authority) -> Iterator[World]:
    """Stands in for the Keycloak that the other flow tests share."""
    front = Front(free_port(), trusted.server(LOOPBACK))
    settings = {
        "login-budget-ms": str(int(1000 * BUDGET_S)),
        "token-budget-ms": str(int(1000 * BUDGET_S)),
        "login-fail-mode": "allow",
        "refresh-fail-mode": "deny",
        "machine-fail-mode": "allow",
        "bulkhead": str(BULKHEAD),
        "breaker-failures": "1000",
    }
    plan = Plan(
        ports=Ports(free_port(), free_port(), free_port(), free_port()),
        decision_url=front.url,
        mail_port=free_port(),
        with_service=False,
        with_app=False,
        spi={f"risk-decision--default--{name}": value for name, value in settings.items()},
        options={"truststore-paths": str(trusted.certificate), "http-pool-max-threads": str(THREADS)},
    )
    try:
        with Stack(plan) as stack:
            yield World(plan, stack, front)
    finally:
        front.close()


@pytest.fixture
def silent(world: World) -> Iterator[World]:
    """Nobody answers Keycloak, once a test has switched; afterwards somebody does."""
    yield world
    world.heal()


def _unavailable(world: World, **labels: str) -> float:
    return world.metric("risk_unavailable_total", **labels)


# --- signals --------------------------------------------------------------------------------------------------------


def test_a_header_that_no_option_names_is_not_listened_to(world: World):
    browser = world.browser()
    browser.proxied["X-Device-Posture"] = "a.b.c"
    world.visit(browser=browser).log_in(world.person())
    assert [call.context["device"]["posture"] for call in world.front.calls] == [None]


# --- fail modes -----------------------------------------------------------------------------------------------------


def test_under_allow_a_login_goes_on_at_the_class_it_proved_and_is_counted_and_told(silent: World):
    person = silent.person()
    visit = silent.visit()
    before = _unavailable(silent, hook="login", cause="refused", mode="allow")
    silent.front.switch(Mode.REFUSE)
    tokens = visit.log_in(person).tokens()
    assert (tokens.acr, tokens.access_life_s) == (ACR_BASIC, LIFE_S)
    assert "risk" not in tokens.access
    assert _unavailable(silent, hook="login", cause="refused", mode="allow") == before + 1
    (event,) = silent.demo.events(person.name, type="LOGIN")
    assert event["details"]["risk_unavailable"] == "refused"


def test_under_allow_a_machine_token_lives_as_long_as_ever_and_is_counted(silent: World):
    before = _unavailable(silent, hook="client_credentials", cause="refused", mode="allow")
    silent.front.switch(Mode.REFUSE)
    assert silent.job.client_credentials().access_life_s == LIFE_S
    assert _unavailable(silent, hook="client_credentials", cause="refused", mode="allow") == before + 1


def test_under_deny_a_refresh_is_refused_and_counted_and_its_token_is_good_when_the_service_answers(silent: World):
    person = silent.person()
    first = silent.tokens_of(person)
    before = _unavailable(silent, hook="refresh", cause="refused", mode="deny")
    silent.front.switch(Mode.REFUSE)
    refused = silent.spa.refresh(first.refresh_token)
    assert (refused.status, refused.error) == (400, "invalid_grant risk_denied")
    assert _unavailable(silent, hook="refresh", cause="refused", mode="deny") == before + 1
    assert len(silent.demo.sessions(person.name)) == 1
    silent.heal()
    assert silent.spa.refresh(first.refresh_token).ok


def test_under_deny_the_first_tokens_of_a_login_past_the_risk_step_are_refused_and_its_session_ends(silent: World):
    app = client_like(silent, "spa", "past-the-risk-app")
    send_past_the_risk_step(silent, app)
    person = silent.person(otp=False)
    visit = silent.visit(app).log_in(person)
    silent.front.switch(Mode.REFUSE)
    refused = visit.tokens()
    assert (refused.status, refused.error) == (400, "invalid_grant risk_denied")
    assert silent.demo.sessions(person.name) == []


# --- TLS ------------------------------------------------------------------------------------------------------------


def test_a_service_certified_by_an_authority_in_keycloaks_truststore_is_believed(world: World):
    first = world.tokens_of(world.person())
    assert first.access["risk"]["level"] == "LOW"
    assert world.spa.refresh(first.refresh_token).ok
    assert world.asks == ["refresh"]
    assert world.front.url.startswith("https://")


def test_a_service_that_was_started_anew_is_asked_at_once_whatever_connections_were_kept(world: World):
    jobs = [world.job] * BULKHEAD
    with ThreadPoolExecutor(BULKHEAD) as pool:
        assert all(pool.map(lambda job: job.client_credentials().ok, jobs))
    before = _unavailable(world)
    world.front.close()
    world.front.listen()
    world.front.forget()
    assert world.job.client_credentials().ok
    assert world.asks == ["client_credentials"]
    assert _unavailable(world) == before


@pytest.fixture
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that Keycloak has never heard of, under a name that it has."""
    return Authority(tmp_path_factory.mktemp("strangers"), "trusted")


@pytest.mark.parametrize("wrong", ["authority", "host"])
def test_a_service_whose_certificate_is_wrong_is_not_asked_and_counted_as_tls(
    silent: World, trusted: Authority, strangers: Authority, wrong: str
):
    first = silent.tokens_of(silent.person())
    before = _unavailable(silent, hook="refresh", cause="tls", mode="deny")
    right = trusted.server(LOOPBACK)
    try:
        silent.front.wear(strangers.server(LOOPBACK) if wrong == "authority" else trusted.server("risk.example.org"))
        refused = silent.spa.refresh(first.refresh_token)
    finally:
        silent.front.wear(right)
    assert refused.error == "invalid_grant risk_denied"
    assert silent.asks == []
    assert _unavailable(silent, hook="refresh", cause="tls", mode="deny") == before + 1


# --- under load -----------------------------------------------------------------------------------------------------


def _until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not found():
        assert time.monotonic() < end
        time.sleep(0.005)


def _settled(answered: int, hanging: int) -> bool:
    """Whether everybody of the crowd has come as far as they get, or has taken the last thread."""
    return answered + hanging >= CROWD or hanging >= THREADS


def _seconds_for_some(app: Application) -> float:
    """Return how long a few requests take in turn: the first may be the only one that has to wait."""
    answers = [app.client_credentials() for _ in range(5)]
    assert all(answer.ok for answer in answers)
    return sum(answer.seconds for answer in answers)


def test_a_hung_service_holds_as_many_calls_as_the_bulkhead_and_an_unrelated_realm_stays_quick(silent: World):
    plain = silent.app("payments-job", realm="plain")
    tokens = [silent.tokens_of(silent.person(otp=False)).refresh_token for _ in range(4)]
    people = [silent.person() for _ in range(4)]
    visits = [silent.visit() for _ in people]
    _seconds_for_some(plain)  # the first ones of all are slow
    idle_s = _seconds_for_some(plain)
    causes = ("bulkhead", "timeout")
    before = {cause: _unavailable(silent, cause=cause) for cause in causes}
    silent.front.switch(Mode.HANG)

    def refresh(number: int) -> TokenAnswer:
        return silent.spa.refresh(tokens[number % len(tokens)])

    with ThreadPoolExecutor(CROWD) as crowd:
        logins = [crowd.submit(visit.log_in, person) for visit, person in zip(visits, people, strict=True)]
        refreshes = [crowd.submit(refresh, number) for number in range(CROWD - len(logins))]
        everybody = [*logins, *refreshes]
        _until(lambda: _settled(sum(each.done() for each in everybody), len(silent.front.waiting)))
        loaded_s = _seconds_for_some(plain)
        held = len(silent.front.waiting)
        answers = [each.result() for each in refreshes]
        pages = [each.result().page for each in logins]
    assert loaded_s < RATIO * idle_s
    assert held == BULKHEAD  # the service hung all the while
    assert silent.front.waiting.most == BULKHEAD
    assert {answer.error for answer in answers} == {"invalid_grant risk_denied"}
    assert {page.kind for page in pages} == {Kind.CODE}
    asked = len(silent.front.calls)
    assert [_unavailable(silent, cause=cause) - before[cause] for cause in causes] == [CROWD - asked, asked]
    silent.heal()
    assert all(silent.spa.refresh(token).ok for token in tokens)
