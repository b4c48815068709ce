"""A public client that proves a key with each token request (DPoP): which key it was is part of the question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.e2e.front import END
from tests.e2e.realm_parts import client_like
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


def test_a_thief_of_a_bound_token_is_refused_unasked_and_neither_ends_the_session_nor_spoils_the_token(
    world: World, app: Application
):
    person = world.person()
    tokens = world.tokens_of(person, app)
    world.answer(END)
    for thief in (replace(app, key=DeviceKey()), replace(app, key=None)):
        assert not thief.refresh(tokens.refresh_token).ok
    assert world.asks == []
    assert len(world.demo.sessions(person.name)) == 1
    world.heal()
    assert app.refresh(tokens.refresh_token).ok


def test_who_holds_the_key_is_asked_about_and_the_session_ends_where_the_decision_says_so(
    world: World, app: Application
):
    person = world.person()
    tokens = world.tokens_of(person, app)
    world.answer(END)
    assert not app.refresh(tokens.refresh_token).ok
    assert _keys(world) == [("refresh", app.thumbprint)]
    assert world.demo.sessions(person.name) == []
