"""Clients that prove a certificate with each token request (RFC 8705): which one it was is part of the question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.e2e.certificates import Authority
from tests.e2e.front import END
from tests.e2e.realm_parts import client_like
from tests.e2e.test_real_service import settle
from tests.e2e.world import World
from tools.driver.application import Application, MutualTls
from tools.processes import LOOPBACK

Connect = Callable[[str], MutualTls]


@pytest.fixture(scope="module")
def connection(authority: Authority, https_port: int) -> Connect:
    """Makes connections, each by a new certificate."""
    url = f"https://{LOOPBACK}:{https_port}"
    return lambda name: MutualTls(url, authority.certificate, authority.client_file(name))


@pytest.fixture(scope="module")
def app(started: World, connection: Connect) -> Application:
    bound = client_like(started, "spa", "certificate-app", **{"tls.client.certificate.bound.access.tokens": "true"})
    return replace(bound, mutual=connection("certificate-app"))


def _certificates(world: World) -> list[tuple[str, str | None]]:
    return [(call.action, call.context["binding"]["x5t_s256"]) for call in world.front.calls]


def test_the_certificate_of_each_refresh_is_in_the_question(world: World, app: Application):
    tokens = world.visit(app).log_in(world.person()).tokens()
    assert app.mutual
    own = app.mutual.thumbprint
    assert tokens.access["cnf"]["x5t#S256"] == own
    again = app.refresh(tokens.refresh_token)
    assert app.refresh(again.refresh_token).ok
    assert _certificates(world) == [("login", None), ("refresh", own), ("refresh", own)]


def test_a_thief_with_another_certificate_or_none_is_refused_unasked_and_ends_nothing(
    world: World, app: Application, connection: Connect
):
    person = world.person()
    tokens = world.tokens_of(person, app)
    world.answer(END)
    for thief in (replace(app, mutual=connection("certificate-app")), replace(app, mutual=None)):
        assert not thief.refresh(tokens.refresh_token).ok
    assert world.asks == []
    assert len(world.demo.sessions(person.name)) == 1
    world.heal()
    assert app.refresh(tokens.refresh_token).ok


def test_the_certificate_of_a_client_that_does_not_go_by_it_is_in_no_question(world: World, connection: Connect):
    tokens = world.tokens_of(world.person())
    assert replace(world.spa, mutual=connection("of-a-proxy")).refresh(tokens.refresh_token).ok
    assert _certificates(world) == [("refresh", None)]


def _certified(world: World, client_id: str, connection: Connect) -> Application:
    """A workload that authenticates by a certificate of its name."""
    (found,) = world.demo.call("GET", "/clients", params={"clientId": "payments-job"})
    by_name = {"clientAuthenticatorType": "client-x509", "attributes": {"x509.subjectdn": f"CN={client_id}"}}
    kept = {name: found[name] for name in ("standardFlowEnabled", "serviceAccountsEnabled")}
    world.demo.call("POST", "/clients", json=kept | by_name | {"clientId": client_id})
    return replace(world.job, client_id=client_id, secret=None, mutual=connection(client_id))


def test_a_workload_that_authenticates_by_certificate_has_it_in_the_question(world: World, connection: Connect):
    job = _certified(world, "certified-job", connection)
    assert job.mutual
    assert job.client_credentials().ok
    assert _certificates(world) == [("client_credentials", job.mutual.thumbprint)]
    assert not replace(job, mutual=connection("somebody-else")).client_credentials().ok


def test_the_service_knows_a_workloads_certificate_and_notices_another_of_the_same_name(
    real: World, connection: Connect
):
    job = _certified(real, "known-job", connection)
    for _ in range(3):
        assert job.client_credentials().ok
        settle(real)
    assert "binding_known" in real.reasons(real.front.calls[-1])
    replace(job, mutual=connection("known-job")).client_credentials()
    assert "binding_new" in real.reasons(real.front.calls[-1])
