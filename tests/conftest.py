"""What all tests share: how hard hypothesis tries, one driver of browsers, and no network beyond this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: threads cost more than they bring on small arrays

import pytest
from hypothesis import HealthCheck, settings

from tools.needs import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

_SLOW = [HealthCheck.too_slow]
settings.register_profile("quick", max_examples=10, deadline=None, suppress_health_check=_SLOW)  # while one works
settings.register_profile("ci", max_examples=60, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "quick"))

_connect = socket.socket.connect


@pytest.fixture(autouse=True, scope="session")
def _loopback_only():
    """A test that talks to anything but this machine fails, and says to whom it talked."""

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]  # type: ignore[index]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise AssertionError(f"a test tried to reach {host}")
        _connect(self, address)  # type: ignore[arg-type]

    socket.socket.connect = connect  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers; a process can't have two of it."""
    from playwright.sync_api import sync_playwright  # here: most tests need no browser

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = chromium()
    if path is None:
        sentence = "Chromium is missing: run `apt-get install chromium` and try again."
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return path
