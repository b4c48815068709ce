"""Two nodes of Keycloak on one PostgreSQL, behind one address. By hand, since two more servers take a while to start:

    make e2e-nodes

What a login or a refusal left at one node is there at the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.e2e.front import ACR_MFA, ALLOW, END, SHORT, STEP_UP, Answer, Front
from tests.e2e.realm_parts import client_like, send_past_the_risk_step
from tests.e2e.switch import Switch
from tests.e2e.world import ACR_BASIC, World
from tests.support import postgres
from tools.driver.pages import Kind
from tools.keycloak import Keycloak, Launch, built, extension
from tools.paths import Ports
from tools.processes import LOOPBACK, free_port
from tools.stack import Plan, Stack, realm_files

CLUSTER_PORTS = (7800, 7801)  # JGroups looks for failed nodes 50,000 above


@dataclass
class Nodes:
    """One world, seen through a switch."""

    world: World
    switch: Switch
    keycloaks: list[Keycloak]

    def at(self, node: int) -> World:
        """Let everything come to one node from now on."""
        self.switch.target = self.keycloaks[node].own_url
        return self.world


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    front = Front(free_port())
    plan = Plan(Ports(free_port(), free_port(), free_port(), free_port()), mail_port=free_port())
    with ExitStack() as ends:
        ends.callback(front.close)
        switch = Switch(plan.ports.keycloak)
        ends.callback(switch.close)
        database_port = free_port()
        server = ends.enter_context(postgres.server(port=database_port, listen=LOOPBACK))
        server.new_database()
        home = built(plan.keycloak_version, extension(), clustered=True)
        files = realm_files(plan, tmp_path_factory.mktemp("realms"))
        keycloaks = []
        for cluster_port, realms in zip(CLUSTER_PORTS, (files, []), strict=True):
            options = {
                "db-url": f"jdbc:postgresql://{LOOPBACK}:{database_port}/database_1",
                "db-username": "risk",
                "cache-embedded-network-bind-address": LOOPBACK,
                "cache-embedded-network-bind-port": str(cluster_port),
                "spi-risk-decision--default--service-url": front.url,
                "spi-risk-decision--default--login-budget-ms": "5000",
                "spi-risk-decision--default--token-budget-ms": "5000",
            }
            launch = Launch(home, free_port(), free_port(), realms, options, hostname=plan.keycloak_url, cache="ispn")
            keycloaks.append(Keycloak(launch))
            ends.callback(keycloaks[-1].stop)
            keycloaks[-1].wait()
        switch.target = keycloaks[0].own_url
        yield Nodes(World(plan, Stack(plan), front), switch, keycloaks)


@pytest.fixture
def nodes(started: Nodes) -> Nodes:
    started.world.front.answer(ALLOW)
    return started


def test_the_nodes_are_one_cluster(nodes: Nodes):
    assert [node.metric("vendor_cluster_size") for node in nodes.keycloaks] == [2, 2]


def test_a_login_may_change_the_node_at_each_step_and_is_asked_about_once(nodes: Nodes):
    person = nodes.world.person()
    nodes.world.answer(STEP_UP)
    visit = nodes.at(0).visit()
    nodes.at(1)
    assert visit.log_in(person).page.kind is Kind.OTP
    nodes.at(0)
    assert visit.enter_code(person).page.kind is Kind.CODE
    nodes.at(1)
    assert visit.tokens().acr == ACR_MFA
    assert nodes.world.asks == ["login"]


def test_the_decision_of_a_login_answers_at_the_other_node_once(nodes: Nodes):
    app = client_like(nodes.world, "spa", "app-of-both-nodes")
    nodes.world.answer(SHORT)
    visit = nodes.at(0).visit(app).log_in(nodes.world.person())
    assert nodes.at(1).asks == ["login"]
    assert visit.tokens().access_life_s == 60
    assert nodes.world.asks == ["login"]
    send_past_the_risk_step(nodes.world, app)
    again = nodes.world.visit(app, visit.browser)
    nodes.at(0)
    assert again.tokens().access_life_s == 60
    assert nodes.world.asks == ["login", "token"]


def test_what_is_known_of_a_session_is_in_the_question_of_a_refresh_at_the_other_node(nodes: Nodes):
    visit = nodes.at(0).visit(acr_values=ACR_MFA)
    person = nodes.world.person()
    first = visit.log_in(person).enter_code(person).tokens()
    world = nodes.at(1)
    world.answer(Answer(level="HIGH", score=0.4, obligations={"max_acr": ACR_BASIC}))
    again = world.spa.refresh(first.refresh_token)
    (call,) = world.front.calls
    assert (call.context["session"]["acr"], set(call.context["session"]["amr"])) == (ACR_MFA, {"pwd", "rba", "otp"})
    assert (again.acr, again.access["risk"]["level"]) == (ACR_BASIC, "HIGH")
    assert nodes.at(0).web.introspect(first.access_token)["acr"] == ACR_BASIC


def test_a_step_up_owed_since_a_refusal_at_one_node_is_asked_for_at_the_other(nodes: Nodes):
    person = nodes.world.person()
    visit = nodes.at(0).visit().log_in(person)
    first = visit.tokens()
    nodes.world.answer(STEP_UP)
    assert not nodes.at(1).spa.refresh(first.refresh_token).ok
    nodes.world.answer(ALLOW)
    assert nodes.at(0).visit(nodes.world.second, visit.browser).page.kind is Kind.OTP


def test_a_session_that_one_node_ended_is_over_at_the_other(nodes: Nodes):
    person = nodes.world.person()
    visit = nodes.at(0).visit().log_in(person)
    first = visit.tokens()
    nodes.world.answer(END)
    assert not nodes.at(1).spa.refresh(first.refresh_token).ok
    nodes.world.answer(ALLOW)
    assert nodes.at(0).demo.sessions(person.name) == []
    assert not nodes.world.spa.refresh(first.refresh_token).ok
    assert nodes.world.visit(nodes.world.second, visit.browser).page.kind is Kind.LOGIN


def test_a_session_outlives_the_node_of_its_login(nodes: Nodes):
    person = nodes.world.person()
    first = nodes.at(0).visit().log_in(person).tokens()
    nodes.keycloaks[0].stop()
    again = nodes.at(1).spa.refresh(first.refresh_token)
    assert (again.ok, nodes.world.asks) == (True, ["login", "refresh"])
