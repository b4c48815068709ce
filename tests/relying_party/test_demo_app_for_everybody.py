"""The demo app's pages in a real Chromium: readable in both colour schemes, on a narrow screen, and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, Route

import examples.demo_app
from examples.demo_app.app import create_app
from tests.relying_party.conftest import BASIC, CLIENT, Browser, FakeProvider
from tests.relying_party.test_demo_app import APP, csrf

pytestmark = pytest.mark.browser
STYLE = Path(examples.demo_app.__file__).parent / "static" / "style.css"

# Contrast after WCAG 2.2, success criterion 1.4.3: 4.5, or 3 for large text; backgrounds are laid over one another.
WEAK = """() => {
  const channels = (text) => { const found = text.match(/[\\d.]+/g).map(Number); return [...found, 1].slice(0, 4); };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const linear = (value) => value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = (rgb) => 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
  const background = (element) => {
    if (!element) return [255, 255, 255];
    const own = channels(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, background(element.parentElement));
  };
  const weak = [];
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element), under = background(element);
    const pair = [luminance(over(channels(style.color), under)), luminance(under)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < (isLarge ? 3 : 4.5)) weak.push(`${contrast.toFixed(2)}: ${element.textContent.trim().slice(0, 40)}`);
  }
  return weak;
}"""
FOCUS = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  return [element.textContent.trim(), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""


@pytest.fixture
def demo(provider: FakeProvider) -> Browser:
    app = create_app(issuer=provider.issuer, client_id=CLIENT, client_secret="secret", app_url=APP)
    return Browser(app.test_client(), provider.issuer)


@pytest.fixture(scope="module")
def page(playwright: Playwright, chromium_path: str) -> Iterator[Page]:
    engine = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
    yield engine.new_page()
    engine.close()


def pages(demo: Browser, provider: FakeProvider) -> Iterator[tuple[str, str]]:
    """Every page that the app has, with a name for each."""
    yield "welcome", demo.get("/").text
    home = demo.get("/login").text
    yield "home", home
    provider.grants = BASIC
    provider.id_claims = {"risk": {"level": "MEDIUM"}}
    demo.client.post("/refresh", data={"csrf_token": csrf(home)})
    yield "refreshed", demo.get("/").text
    provider.refresh_error = ("invalid_grant", "risk_denied")
    demo.client.post("/refresh", data={"csrf_token": csrf(home)})
    yield "not refreshed", demo.get("/").text
    yield "stepped up in vain", demo.get("/payout").text
    provider.grants = None
    may = demo.get("/payout").text
    yield "payout", may
    paid = demo.client.post("/payout", data={"csrf_token": csrf(may)}, headers={"Accept": "text/html"})
    yield "paid", paid.text
    yield "not found", demo.get("/nowhere").text


def show(page: Page, text: str) -> None:
    style = STYLE.read_text("utf-8")

    def answer(route: Route) -> None:
        is_style = route.request.url.endswith(".css")
        route.fulfill(body=style if is_style else text, content_type="text/css" if is_style else "text/html")

    page.unroute_all()
    page.route("**/*", answer)
    page.goto(APP)


def test_every_page_is_readable_in_both_schemes_and_fits_a_narrow_screen(
    page: Page, demo: Browser, provider: FakeProvider
) -> None:
    for name, text in pages(demo, provider):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": 320, "height": 640})
            show(page, text)
            assert page.evaluate(WEAK) == [], f"{name}, {scheme}"
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, f"{name} scrolls sideways"


def test_every_page_is_used_by_keyboard_with_a_focus_that_shows(
    page: Page, demo: Browser, provider: FakeProvider
) -> None:
    for name, text in pages(demo, provider):
        show(page, text)
        assert page.get_by_role("main").count() == page.get_by_role("heading", level=1).count() == 1, name
        wanted = page.locator("a[href], button, summary").count()
        reached = []
        for _ in range(wanted):
            page.keyboard.press("Tab")
            words, is_seen = page.evaluate(FOCUS)
            assert words, f"{name}: something without a name is reached after {reached[-1:]}"
            assert is_seen, f"{name}: no focus shows on {words}"
            reached.append(words)
        assert reached[0] == "Skip to the content", name
        assert len(reached) == wanted
