"""The pointer's trace, and touches with their pressure and contact."""

from __future__ import annotations

import itertools

import pytest

from tests.collector.conftest import Open, Sent
from tests.collector.hand import Finger, glide

pytestmark = pytest.mark.browser


def test_the_pointer_leaves_a_thinned_trace_of_moves_presses_and_wheels(login_page: Open, submitted: Sent) -> None:
    page = login_page()
    for step in range(40):
        page.mouse.move(10 + 5 * step, 20 + step)
        page.wait_for_timeout(4)
    page.mouse.down()
    page.mouse.up()
    page.mouse.wheel(0, 30)
    page.wait_for_timeout(50)

    trace = submitted()["pointer"]

    times = [sample[0] for sample in trace]
    assert {sample[3] for sample in trace} == set("mduw")
    assert all(len(sample) == 4 for sample in trace)
    assert all(isinstance(place, int) for _, x, y, _ in trace for place in (x, y))
    assert times == sorted(times)
    assert min(times) >= 0


@pytest.mark.parametrize(("hz", "expected"), [(30, 30), (60, 50), (144, 50)])
def test_moves_are_sampled_at_50_hz_whatever_the_screen_shows(
    login_page: Open, submitted: Sent, hz: int, expected: int
) -> None:
    glide(login_page(), seconds=1, every_s=1 / hz)

    moves = [sample for sample in submitted()["pointer"] if sample[3] == "m"]

    assert len(moves) == pytest.approx(expected, abs=2)
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(moves)]
    assert max(gaps) < 1000 / min(hz, 50) + 1000 / hz + 1


def test_touch_carries_pressure_and_contact_size(touch_page: Open, submitted: Sent) -> None:
    page = touch_page()
    finger = Finger(page)
    finger("touchStart", 60, 70, force=0.25, radiusX=11, radiusY=7)
    finger("touchEnd")

    payload = submitted()

    down, up = (sample for sample in payload["pointer"] if len(sample) == 7)
    assert (down[1:4], up[3]) == ([60, 70, "d"], "u")
    assert down[4] == 0.25
    assert (down[5], down[6]) == (22, 14)
    assert payload["device"]["touch_points"] > 0


def test_a_finger_that_moves_carries_them_too_and_a_mouse_never(touch_page: Open, submitted: Sent) -> None:
    page = touch_page(head="<style>html { touch-action: none }</style>")
    page.mouse.move(20, 20)
    finger = Finger(page)
    finger("touchStart", 60, 70, force=0.25, radiusX=11, radiusY=7)
    for step in range(6):
        page.wait_for_timeout(30)
        finger("touchMove", 70 + 10 * step, 70, force=0.5, radiusX=12, radiusY=9)
    finger("touchEnd")
    page.mouse.move(30, 20)

    trace = submitted()["pointer"]

    of_touch = [sample for sample in trace if len(sample) == 7]
    assert [sample[3] for sample in of_touch][:1] + [sample[3] for sample in of_touch][-1:] == ["d", "u"]
    assert {(sample[4], sample[5]) for sample in of_touch if sample[3] == "m"} == {(0.5, 24)}
    assert {sample[3] for sample in trace if len(sample) == 4} >= {"m"}


def test_a_touch_that_the_browser_took_to_scroll_leaves_the_mouse_a_mouse(touch_page: Open, submitted: Sent) -> None:
    page = touch_page(extra='<div style="height: 3000px"></div>')
    finger = Finger(page)
    finger("touchStart", 60, 400)
    for step in range(8):
        finger("touchMove", 60, 400 - 30 * step)
        page.wait_for_timeout(20)
    finger("touchEnd")
    page.wait_for_function("scrollY > 0")
    page.mouse.move(30, 20)
    page.mouse.move(60, 20)

    trace = submitted()["pointer"]

    assert trace[0][3] == "d"
    assert len(trace[0]) == 7
    assert [len(sample) for sample in trace if sample[2] == 20] == [4] * sum(sample[2] == 20 for sample in trace)
    assert any(sample[2] == 20 for sample in trace)
