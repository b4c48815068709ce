"""One Keycloak for the whole run; it always asks the front, which answers as each test needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Playwright

from tests.e2e.certificates import Authority
from tests.e2e.device_management import HEADER, DeviceManagement
from tests.e2e.front import ALLOW, Front, Mode
from tests.e2e.realm_parts import bind_browser_flow, send_past_the_risk_step
from tests.e2e.world import BREAKER_OPEN_S, LOGIN_BUDGET_S, TOKEN_BUDGET_S, World
from tools.console import Stop
from tools.driver.application import Application
from tools.needs import chromium
from tools.paths import Ports
from tools.processes import LOOPBACK, free_port
from tools.stack import Plan, Stack

_TIMES_S = {"login-budget": LOGIN_BUDGET_S, "token-budget": TOKEN_BUDGET_S, "breaker-open": BREAKER_OPEN_S}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "world" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def mdm(tmp_path_factory: pytest.TempPathFactory) -> DeviceManagement:
    return DeviceManagement(tmp_path_factory.mktemp("mdm"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom Keycloak and its clients trust over TLS."""
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="session")
def https_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def started(mdm: DeviceManagement, authority: Authority, https_port: int) -> Iterator[World]:
    certificate = str(authority.server_file(LOOPBACK))
    ports = Ports(free_port(), free_port(), free_port(), free_port())
    front = Front(free_port())
    plan = Plan(
        ports=ports,
        decision_url=front.url,
        mail_port=free_port(),
        with_service=False,
        with_app=False,
        spi={
            **{f"risk-decision--default--{name}-ms": str(int(1000 * value_s)) for name, value_s in _TIMES_S.items()},
            "risk-decision--default--posture-header": HEADER,
        },
        options={
            "https-port": str(https_port),
            "http-management-scheme": "http",
            "https-certificate-file": certificate,
            "https-certificate-key-file": certificate,
            "truststore-paths": str(authority.certificate),
        },
        service=mdm.trusted_by(f"http://{LOOPBACK}:{ports.keycloak}/realms/demo"),
    )
    try:
        with Stack(plan) as stack:
            yield World(plan, stack, front)
    except Stop as stop:
        pytest.exit(str(stop), returncode=3)
    finally:
        front.close()


@pytest.fixture
def world(started: World) -> Iterator[World]:
    """The stack, answering ALLOW; every caller token that comes must be a good one."""
    if started.front.mode not in (Mode.SCRIPTED, Mode.PROXY):
        started.heal()
    started.front.answer(ALLOW)
    yield started
    assert started.front.problems == []


@pytest.fixture
def past(world: World, app: Application) -> Iterator[Application]:
    """A module's client, its logins past the risk step, so that its first tokens are asked about."""
    send_past_the_risk_step(world, app)
    yield app
    bind_browser_flow(world, app, "")


@pytest.fixture(scope="session")
def with_service(started: World) -> World:
    started.stack.start_service()
    started.front.upstream = started.plan.service_url
    return started


@pytest.fixture
def real(with_service: World, world: World) -> Iterator[World]:
    """The stack with the real service answering."""
    world.front.switch(Mode.PROXY)
    yield world
    world.front.switch(Mode.PROXY)


@pytest.fixture(scope="module")
def engine(playwright: Playwright) -> Iterator[Chromium]:
    """A real Chromium, for one module's tests."""
    path = chromium()
    assert path, "Chromium is missing: run make setup"
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def demo_app(started: World) -> Iterator[str]:
    """The demo application; for other clients its callback is a page like any."""
    app = started.stack.start_app()
    yield started.plan.app_url
    app.stop()
