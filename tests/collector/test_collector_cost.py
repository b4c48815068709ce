"""What the collector costs the page's main thread, measured around each of its handlers in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.collector.conftest import Site

pytestmark = pytest.mark.browser

# Cross-origin isolation gives the page a clock of 5 microseconds; without it, one of 100.
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
TIME_EVERY_HANDLER = """
    window.cost = { calls: 0, ms: 0, submit: 0 };
    const add = window.addEventListener;
    window.addEventListener = function (name, handler, options) {
        add.call(this, name, (event) => {
            const before = performance.now();
            handler(event);
            const took = performance.now() - before;
            if (name === 'submit') cost.submit += took;
            else { cost.ms += took; cost.calls += 1; }
        }, options);
    };
"""


@pytest.fixture
def measured_page(site: Site, page: Page, login_page: Callable[..., Page]) -> Page:
    site.headers.update(ISOLATED)
    page.add_init_script(TIME_EVERY_HANDLER)
    login_page(
        script="<script>window.before = performance.now();</script>"
        '<script src="/collector.js"></script>'
        "<script>window.loading = performance.now() - window.before;</script>"
    )
    assert page.evaluate("crossOriginIsolated")
    return page


def test_typing_costs_less_than_2_ms_per_second(measured_page: Page) -> None:
    page = measured_page
    page.focus("#password")
    start = time.monotonic()
    page.keyboard.type("correct horse battery staple, twice over", delay=95)
    seconds = time.monotonic() - start

    per_second = page.evaluate("cost.ms") / seconds
    print(f"{40 / seconds:.0f} keys a second: {per_second:.3f} ms of main thread a second")
    assert per_second < 2


def test_typing_with_the_pointer_always_moving_costs_little_more(measured_page: Page) -> None:
    page = measured_page
    page.focus("#password")
    start = time.monotonic()
    for number in range(40):
        page.mouse.move(100 + 3 * number, 100 + number % 9, steps=3)
        page.keyboard.type("a", delay=20)
        page.wait_for_timeout(25)
    seconds = time.monotonic() - start

    cost = page.evaluate("cost")
    rate = f"40 keys in {seconds:.1f} s, {cost['calls'] / seconds:.0f} events a second"
    print(f"{rate}: {cost['ms'] / seconds:.3f} ms of main thread a second")
    assert cost["calls"] > 200
    assert cost["ms"] / seconds < 4, "twice the budget of typing alone, and room for a busy machine"


def test_a_flood_of_pointer_moves_costs_no_more_than_the_thinned_trace(measured_page: Page) -> None:
    page = measured_page
    start = time.monotonic()
    page.mouse.move(600, 400, steps=600)
    seconds = time.monotonic() - start

    cost = page.evaluate("cost")
    print(f"{cost['calls'] / seconds:.0f} moves a second: {cost['ms'] / seconds:.3f} ms of main thread a second")
    assert cost["ms"] / seconds < 4


def test_loading_and_submitting_cost_a_few_milliseconds_once(measured_page: Page) -> None:
    page = measured_page
    page.evaluate("document.forms[0].addEventListener('submit', (event) => event.preventDefault())")
    page.mouse.move(600, 400, steps=300)
    page.focus("#password")
    page.keyboard.type("correct horse battery staple", delay=5)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('[name=risk_telemetry]').value.startsWith('e')")

    loading, submit = page.evaluate("[loading, cost.submit]")
    print(f"loading (fetch from loopback included): {loading:.1f} ms; building the payload at submit: {submit:.2f} ms")
    assert submit < 20
