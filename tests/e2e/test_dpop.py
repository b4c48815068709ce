"""A public client that proves a key with each token request (DPoP): which key it was is part of the question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.e2e.realm_parts import bind_browser_flow, client_like, flow_id
from tests.e2e.world import World
from tools.driver.application import Application
from tools.driver.telemetry import DeviceKey


@pytest.fixture(scope="module")
def client(started: World) -> Application:
    return client_like(started, "spa", "key-app", **{"dpop.bound.access.tokens": "true"})


@pytest.fixture
def app(client: Application) -> Application:
    """The client with a key of its own."""
    return replace(client, key=DeviceKey())


@pytest.fixture
def past(world: World, app: Application) -> Iterator[Application]:
    """The same, its logins past the risk step, so that its first tokens are asked about."""
    bind_browser_flow(world, app, flow_id(world.demo, "browser"))
    yield app
    bind_browser_flow(world, app, "")


def _keys(world: World) -> list[tuple[str, str | None]]:
    return [(call.action, call.context["binding"]["jkt"]) for call in world.front.calls]


def test_the_key_of_the_token_request_and_of_each_refresh_is_in_the_question(world: World, past: Application):
    tokens = world.visit(past).log_in(world.person(otp=False)).tokens()
    assert tokens.access["cnf"]["jkt"] == past.thumbprint
    again = past.refresh(tokens.refresh_token)
    assert again.ok
    assert past.refresh(again.refresh_token).ok
    assert _keys(world) == [("token", past.thumbprint), ("refresh", past.thumbprint), ("refresh", past.thumbprint)]


def test_a_login_that_is_asked_about_itself_has_its_key_in_the_question_of_the_refresh(world: World, app: Application):
    tokens = world.visit(app).log_in(world.person()).tokens()
    assert app.refresh(tokens.refresh_token).ok
    assert _keys(world) == [("login", None), ("refresh", app.thumbprint)]


def test_a_thief_of_a_bound_token_shows_a_key_of_his_own_gets_nothing_and_spoils_nothing(
    world: World, app: Application
):
    tokens = world.tokens_of(world.person(), app)
    thief = replace(app, key=DeviceKey())
    assert not thief.refresh(tokens.refresh_token).ok
    assert _keys(world) == [("refresh", thief.thumbprint)]
    assert not replace(app, key=None).refresh(tokens.refresh_token).ok
    assert app.refresh(tokens.refresh_token).ok
