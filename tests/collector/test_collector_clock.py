"""Times are those of the events, on whatever clock and machine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.collector.conftest import Open, Sent, Site, Telemetry, log_in, typed
from tests.collector.hand import strike

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("events_ms", "now_ms", "step"), [(16.667, 16.667, 16.667), (5, 0.1, 5), (100, 100, 100)])
def test_the_step_of_a_coarse_clock_is_measured(
    login_page: Open, submitted: Sent, page: Page, events_ms: float, now_ms: float, step: float
) -> None:
    page.add_init_script(f"""(() => {{
        const stamp = Object.getOwnPropertyDescriptor(Event.prototype, 'timeStamp').get;
        const grid = (time, unit) => Math.floor(time / unit) * unit;
        Object.defineProperty(Event.prototype, 'timeStamp', {{
            get() {{ return grid(stamp.call(this), {events_ms}); }},
        }});
        const now = performance.now.bind(performance);
        Performance.prototype.now = () => grid(now(), {now_ms});
    }})()""")
    login_page()
    typed(page, "username", "alice-and-bob", delay=41)
    typed(page, "password", "correct horse battery", delay=37)
    if step == 100:
        typed(page, "password", "staple", delay=130)

    assert submitted()["clock_step_ms"] == pytest.approx(step, abs=0.02)


def test_the_step_of_this_browsers_clock_is_a_tenth_of_a_millisecond_or_less(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    typed(page, "username", "alice")
    assert 0 < submitted()["clock_step_ms"] <= 0.11


@pytest.mark.parametrize("slowdown", [1, 6])
def test_times_are_those_of_the_keys_however_late_the_page_gets_to_them(
    login_page: Open, submitted: Sent, slowdown: int
) -> None:
    page = login_page()
    slow_down(page, slowdown)
    page.evaluate("setTimeout(() => { const end = performance.now() + 500; while (performance.now() < end); })")
    strike(page, "password", "abcdef", [(0.15 * i, 0.15 * i + 0.08) for i in range(6)])

    keys = submitted()["fields"][1]["keys"]

    assert [[round(time) for time in press] for press in keys] == [[150 * i, 150 * i + 80] for i in range(6)]


def test_a_very_slow_machine_logs_in_within_the_signatures_budget_or_without_it(login_page: Open, site: Site) -> None:
    page = login_page()
    slow_down(page, 20)
    log_in(page)
    page.wait_for_selector("#done")

    telemetry = Telemetry.of(site.posts[-1])

    assert [len(field["keys"]) for field in telemetry.payload["fields"]] == [5, 7]
    assert all(field["complete"] for field in telemetry.payload["fields"])


def slow_down(page: Page, times: int) -> None:
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": times})
