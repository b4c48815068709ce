"""The string stays small, and says what was left out of it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page

from idp_adapter.core.signals import parse_telemetry
from tests.collector.conftest import Open, Send, Site, log_in, typed

pytestmark = pytest.mark.browser


def test_the_string_stays_within_16_kb_under_a_flood_of_events(login_page: Open, sent: Send) -> None:
    fields = "".join(
        f'<input id="{name}" name="{name}" type="text" autocomplete="off">'
        for name in ("username", "password", "otp", "totp")
    )
    page = login_page(fields=fields)
    for number in range(300):
        page.mouse.move(number, number % 7)
        page.mouse.down()
        page.mouse.up()
    for name in ("username", "password", "otp", "totp"):
        page.focus(f"#{name}")
        page.keyboard.type("x" * 140)

    telemetry = sent()

    print(f"under a flood: {len(telemetry.text)} bytes, {len(telemetry.payload['pointer'])} pointer samples")
    assert telemetry.header is not None
    assert len(telemetry.text) <= 16_384
    assert len(telemetry.payload["pointer"]) <= 256
    assert all(len(field["keys"]) in {0, 128} for field in telemetry.payload["fields"])
    assert all(field["truncated"] and not field["complete"] for field in telemetry.payload["fields"])
    assert telemetry.payload["dropped"]["pointer"] + len(telemetry.payload["pointer"]) >= 600, "each press and release"
    assert telemetry.payload["dropped"]["fields"] == 0


def test_fields_that_are_left_out_are_counted(login_page: Open, sent: Send) -> None:
    names = [f"name{number}" for number in range(9)]
    fields = "".join(f'<input type="password" name="{name}" id="{name}">' for name in names)
    page = login_page(fields=fields + '<input type="password" name="name0">')
    typed(page, "name8", "abc")

    payload = sent().payload

    assert [field["name"] for field in payload["fields"]] == names[:8]
    assert payload["dropped"] == {"fields": 2, "pointer": 0}


def test_a_page_of_many_long_names_and_languages_stays_within_16_kb_too(
    login_page: Open, sent: Send, page: Page
) -> None:
    tags = [f"x-{'a' * 60}{number}" for number in range(30)]
    page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, 'languages', {{ get: () => {json.dumps(tags)} }})"
    )
    names = [f"{number}{'n' * 60}" for number in range(12)]
    login_page(
        code="c" * 4000,
        fields="".join(f'<input type="password" name="{name}" id="f{i}">' for i, name in enumerate(names)),
    )
    for number in range(8):
        typed(page, f"f{number}", "x" * 130, delay=0)
    page.mouse.move(9, 9)

    telemetry = sent()

    assert telemetry.header is not None
    assert len(telemetry.text) <= 16_384
    cut = [field for field in telemetry.payload["fields"] if len(field["keys"]) < 130]
    assert all(field["truncated"] and not field["complete"] for field in cut)
    assert all(len(tag) <= 35 for tag in telemetry.payload["device"]["languages"])
    assert len(telemetry.payload["challenge"]) == 256


def test_the_services_parser_takes_what_is_sent(login_page: Open, sent: Send) -> None:
    page = login_page(
        fields='<input id="username" name="username"><input type="password" name="密码" id="password">'
        '<input type="password" name="password2" id="p2"><input type="password" name="口令">'
    )
    page.mouse.move(300, 300, steps=20)
    page.mouse.click(5, 5)
    log_in(page, key="Tab")
    page.focus("#username")
    page.keyboard.down("z")

    telemetry = sent()
    parsed = parse_telemetry(telemetry.payload, expected_challenge="code-1", key_id=None)

    assert [typing.field for typing in parsed.fields] == ["username", "password", "password2"]
    assert [len(typing.down_s) for typing in parsed.fields] == [6, 7, 0]
    assert parsed.fields[0].up_s[-1] is None
    assert len(parsed.pointer) == len(telemetry.payload["pointer"]) > 0
    assert parsed.facts.webdriver


def test_a_usual_login_is_small(login_page: Open, site: Site) -> None:
    page = login_page()
    page.mouse.move(100, 100, steps=20)
    log_in(page)
    page.wait_for_selector("#done")
    size = len(site.posts[-1]["risk_telemetry"])
    print(f"a usual login: {size} bytes signed")
    assert size < 4096
