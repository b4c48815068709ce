"""Run docker-compose.yml where there is no Docker engine and no image to pull: by podman, on base images made here.

`tools/compose-test` provides podman, makes the base images, builds, starts, logs in through Keycloak, looks at what
runs, and takes everything down; KEEP=1 leaves it up. Published ports are free ones, written into copies of the realms.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import requests

from tools import demo_geoip
from tools.compose_podman import FOLDER, LOG, base_images, compose_program, podman, podman_environment, provide
from tools.console import Stop, cross, note, progress, say, tick, title
from tools.demo_geoip import LISBON_HOME, SINGAPORE
from tools.driver.application import Application, TokenAnswer
from tools.driver.browser import Browser, Person
from tools.driver.pages import Kind
from tools.driver.telemetry import PHONE, Device, Hand
from tools.keycloak import version
from tools.paths import REALMS, ROOT, Ports
from tools.processes import LOOPBACK, answers, free_port, run, terminate_like_interrupt
from tools.realms import ACR_MFA, APP_URL, CLIENT_SECRETS, KEYCLOAK_URL, OTP_SECRET_BASE32, USERS

SERVICES = ("postgres", "risk-service", "keycloak", "demo-app")
PROJECT = "idp-adapter-test"
FAMILIAR_LOGINS = 6
_PATIENCE_S = 2.0  # for a whole token request while the service is gone: budget, and Keycloak's own work


class ComposedStack:
    """The compose file, up. Leaving it takes it down with its volumes."""

    def __init__(self, ports: Ports, images: dict[str, str]) -> None:
        self.ports = ports
        self.facts: dict[str, float] = {}
        folder = FOLDER / "run"
        shutil.rmtree(folder, ignore_errors=True)
        self._realms = folder / "realms"
        self._realms.mkdir(parents=True)
        for name in ("demo", "partner"):
            text = (REALMS / f"{name}.json").read_text("utf-8")
            (self._realms / f"{name}.json").write_text(
                text.replace(KEYCLOAK_URL, self.keycloak_url).replace(APP_URL, self.app_url), "utf-8"
            )
        for path in demo_geoip.write(folder / "geoip"):
            path.rename(path.with_name(path.name.removeprefix("demo-")))
        self.env = podman_environment() | images
        self.env |= {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "IDP_ADAPTER_TAG": "compose-test",
            "KEYCLOAK_PORT": str(ports.keycloak),
            "RISK_SERVICE_PORT": str(ports.service),
            "DEMO_APP_PORT": str(ports.app),
            "REALMS_DIR": str(self._realms),
            "GEOIP_DIR": str(folder / "geoip"),
        }

    @property
    def keycloak_url(self) -> str:
        """Keycloak, as browsers see it."""
        return f"http://{LOOPBACK}:{self.ports.keycloak}"

    @property
    def service_url(self) -> str:
        """The risk service, as an operator sees it."""
        return f"http://{LOOPBACK}:{self.ports.service}"

    @property
    def app_url(self) -> str:
        """The demo application."""
        return f"http://{LOOPBACK}:{self.ports.app}"

    def compose(self, *arguments: str) -> None:
        """Run podman-compose on the project's file and the demo's example settings."""
        files = ["-f", "docker-compose.yml", "-f", "docker/simulated-places.yml", "--env-file", ".env.example"]
        files += ["--podman-run-args=--read-only-tmpfs=false"]  # only what the compose file names is writable
        run(
            [str(compose_program()), *files, *arguments],
            log=LOG,
            cwd=ROOT,
            env=self.env,
            what=f"compose {arguments[0]}",
        )

    def container(self, service: str) -> str:
        """Return the name of a service's container."""
        return f"{PROJECT}_{service}_1"

    def execute(self, service: str, *command: str) -> str:
        """Run a command in a service's container; return what it printed, errors too."""
        ended = subprocess.run(
            ["podman", "exec", self.container(service), *command],
            env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return (ended.stdout + ended.stderr).strip()

    def __enter__(self) -> ComposedStack:
        self._down()
        begun = time.monotonic()
        with progress("building the images (Maven, packages with hashes, kc.sh build)"):
            self.compose("build")
        self.facts["build, s"] = round(time.monotonic() - begun, 1)
        try:
            self._up()
        except BaseException:
            self._show_logs()
            self._down()
            raise
        return self

    def _up(self) -> None:
        """Start one after the other, each when the last is healthy: this podman leaves that out."""
        begun = time.monotonic()
        for service in SERVICES:
            with progress(f"compose up {service}"):
                self.compose("up", "-d", "--no-build", "--no-deps", service)
                _until(partial(self.healthy, service), what=service, timeout_s=240)
            self.facts[f"{service}: healthy, s after the first start"] = round(time.monotonic() - begun, 1)

    def healthy(self, service: str) -> bool:
        """Whether a service's health check of the compose file passes now."""
        check = ["podman", "healthcheck", "run", self.container(service)]
        return subprocess.run(check, env=self.env, capture_output=True, check=False).returncode == 0

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._show_logs()
        if os.environ.get("KEEP") and kind is None:
            say(f"\nIt stays up: {self.keycloak_url}, {self.app_url}. End it by running this again without KEEP.")
            return
        self._down()

    def _down(self) -> None:
        with progress("compose down -v"):
            self.compose("down", "-v", "-t", "10")
            for service in SERVICES:  # what a start that failed left behind
                podman("rm", "-f", "-t", "0", self.container(service), check=False)

    def _show_logs(self) -> None:
        for service in SERVICES:
            ended = subprocess.run(
                ["podman", "logs", "--tail", "15", self.container(service)],
                env=self.env, capture_output=True, text=True, check=False,
            )  # fmt: skip
            say(f"--- {service}\n{(ended.stdout + ended.stderr).strip()}")


def _until(ready: Callable[[], bool], *, what: str, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end:
            raise Stop(f"{what} did not become ready in {timeout_s:.0f} s.")
        time.sleep(0.5)


# --- what must hold -------------------------------------------------------------------------------------------------


class Expectations:
    """Says each thing that holds or does not, and counts."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def that(self, holds: object, what: str, detail: object = "") -> None:
        """Record one."""
        if holds:
            self.passed += 1
            tick(what)
        else:
            self.failed += 1
            cross(what)
        if detail != "":
            note(str(detail))


def check_flows(stack: ComposedStack, expect: Expectations) -> None:
    """Become known at home, refresh, get a machine token, log in from elsewhere; see what the service decided."""
    title("Through Keycloak")
    alice = Person("alice", USERS[0].password, OTP_SECRET_BASE32, Hand(7))
    issuer = f"{stack.keycloak_url}/realms/demo"
    spa = Application(issuer, "spa", f"{stack.app_url}/callback")
    home = Browser(stack.app_url, ip=LISBON_HOME.address())
    machine = Application(issuer, "payments-job", secret=CLIENT_SECRETS["payments-job"], ip=LISBON_HOME.address())
    with progress(f"{FAMILIAR_LOGINS} logins at home (the first, on a cold stack, may end in the fail mode)"):
        for _ in range(FAMILIAR_LOGINS):
            machine.client_credentials()
            _log_in(spa, home, alice)

    before = decisions(stack) | {name: 0.0 for name in decisions(stack) if name[0] == "client_credentials"}
    token = machine.client_credentials()  # may be answered from the last decision, for some seconds
    expect.that(token.ok and token.acr is None, "a service account gets a token, without a class", token)
    familiar, asked = _log_in(spa, home, alice)
    expect.that(familiar.ok and not asked, "a familiar login is asked for a password only", familiar)
    refreshed = spa.refresh(familiar.refresh_token, home)
    expect.that(refreshed.ok and refreshed.acr == familiar.acr, "a refresh keeps the class", refreshed)
    moved = _moved(before, decisions(stack))
    for action in ("client_credentials", "login", "refresh"):
        answers = {name: count for name, count in moved.items() if name[0] == action}
        expect.that(answers, f"the risk service decided: {action}", _told(answers))

    before = decisions(stack)
    away = Browser(stack.app_url, ip=SINGAPORE.address(), device=Device(PHONE, ("fr",), "Asia/Singapore"))
    stranger, asked = _log_in(spa, away, alice)
    moved = _moved(before, decisions(stack))
    stepped_up = any(action == "login" and level == "HIGH" for action, level, _ in moved)
    expect.that(stepped_up, "another device, far away, minutes later: the risk is high", _told(moved))
    expect.that(asked and stranger.acr == ACR_MFA, "so Keycloak asks for a one-time code", stranger)


def _log_in(application: Application, browser: Browser, person: Person) -> tuple[TokenAnswer, bool]:
    """Log in anew; return the tokens and whether a one-time code was asked for."""
    login = application.login(prompt="login")
    page = browser.log_in(browser.open(login.url), person)
    asked = page.kind is Kind.OTP
    if asked:
        page = browser.enter_code(page, person)
    return application.redeem(login, page, browser), asked


def decisions(stack: ComposedStack) -> dict[tuple[str, str, str], float]:
    """Return how often the service gave each answer: (action, level, answer) -> count."""
    text = requests.get(f"{stack.service_url}/metrics", timeout=10).text
    found: dict[tuple[str, str, str], float] = {}
    for labels, count in re.findall(r"^idp_adapter_decisions_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        found[named["action"], named["level"], named["answer"]] = float(count)
    return found


def _moved(
    before: dict[tuple[str, str, str], float], after: dict[tuple[str, str, str], float]
) -> dict[tuple[str, str, str], float]:
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}


def _told(answers: dict[tuple[str, str, str], float]) -> str:
    return ", ".join(f"{level} {answer}: {count:.0f}" for (_, level, answer), count in sorted(answers.items()))


def check_app(stack: ComposedStack, expect: Expectations) -> None:
    """Log in to the demo application, whose container reaches Keycloak by its name in the network."""
    title("The demo application")
    refused = requests.post(f"{stack.app_url}/payout", headers={"Authorization": "Bearer none"}, timeout=10)
    challenge = refused.headers.get("WWW-Authenticate", "")
    expect.that(refused.status_code == 401 and challenge, "its payout refuses a caller without a token", challenge)
    carol = Person("carol", USERS[2].password, OTP_SECRET_BASE32, Hand(9))
    browser = Browser("nowhere:", ip=LISBON_HOME.address(40))
    browser.session.headers["Accept"] = "text/html"
    page = browser.open(f"{stack.app_url}/login")
    if page.kind is Kind.LOGIN:
        page = browser.log_in(page, carol)
    if page.kind is Kind.OTP:
        page = browser.enter_code(page, carol)
    back = page.url.startswith(stack.app_url) and page.status == 200
    expect.that(back, "a login through Keycloak ends in the application", page)
    expect.that("urn:idp-adapter:acr:" in page.body, "the application shows the class it was given")
    page = browser.open(f"{stack.app_url}/payout")
    asked = page.kind is Kind.OTP
    if asked:
        page = browser.enter_code(page, carol)
    expect.that(asked and page.url.startswith(stack.app_url) and page.status == 200, "its payout asks for more", page)


def check_service(stack: ComposedStack, expect: Expectations) -> None:
    """See that the service is ready and writes to PostgreSQL, and that each database is its user's alone."""
    title("The service and its database")
    ready = requests.get(f"{stack.service_url}/readyz", timeout=10)
    expect.that(ready.status_code == 200, "/readyz is 200", ready.text.strip()[:400])
    rows = _psql(stack, "idp_adapter", "idp_adapter", "SELECT count(*) FROM decision")
    expect.that(rows.isdigit() and int(rows) > 0, "decisions are rows of PostgreSQL", f"{rows} rows")
    refused = _psql(stack, "keycloak", "idp_adapter", "SELECT 1")
    expect.that("permission denied" in refused, "Keycloak's user can't connect to the service's database")
    note(_psql(stack, "postgres", "postgres", "SHOW server_version").join(("PostgreSQL ", "")))


def _psql(stack: ComposedStack, user: str, database: str, statement: str) -> str:
    command = ["psql", "-h", "/var/run/postgresql", "-U", user, "-d", database, "-Atc", statement]
    return stack.execute("postgres", *command)


_LOOK = """
id -u; awk '/^(CapEff|NoNewPrivs|VmHWM|VmRSS)/ {print $1 $2}' /proc/1/status
for place in / /opt /usr /etc; do touch $place/.written 2>/dev/null && echo "written:$place"; done; true
"""


def check_confinement(stack: ComposedStack, expect: Expectations) -> None:
    """Look into each container: who runs, with which capabilities, what can be written, what is published where."""
    title("Confinement")
    for service in SERVICES:
        name = stack.container(service)
        users = {_status(pid, "Uid").split()[0] for pid in _processes(name)}
        expect.that(users and "0" not in users, f"{service}: no process is root", f"users {', '.join(sorted(users))}")
        seen = stack.execute(service, "bash", "-c", _LOOK).splitlines()
        locked = "CapEff:0000000000000000" in seen and "NoNewPrivs:1" in seen
        expect.that(locked, f"{service}: no capability, no new privileges")
        written = [line for line in seen if line.startswith("written:")]
        host = json.loads(podman("inspect", name))[0]["HostConfig"]
        expect.that(
            host["ReadonlyRootfs"] and not written, f"{service}: the file system is read-only", ", ".join(written)
        )
        expect.that(host["Memory"] > 0, f"{service}: memory is limited", f"{host['Memory'] // 2**20} MiB")
        published = [item["HostIp"] for items in host["PortBindings"].values() for item in items or ()]
        expect.that(set(published) <= {LOOPBACK}, f"{service}: published on loopback only", f"{len(published)} ports")
        expect.that(stack.healthy(service), f"{service}: its health check passes")


def check_outage(stack: ComposedStack, expect: Expectations) -> None:
    """Stop the service: Keycloak answers inside its budget by its fail mode; start it: decisions come again."""
    title("Without the risk service")
    machine = Application(f"{stack.keycloak_url}/realms/demo", "payments-job", secret=CLIENT_SECRETS["payments-job"])
    podman("stop", "-t", "10", stack.container("risk-service"))
    answer = machine.client_credentials()
    expect.that(
        answer.seconds < _PATIENCE_S, "a token request is answered in time", f"{answer.seconds:.3f} s: {answer}"
    )
    podman("start", stack.container("risk-service"))
    _until(lambda: answers(f"{stack.service_url}/readyz", 3), what="the risk service", timeout_s=60)
    before = sum(decisions(stack).values())

    def decided() -> bool:
        machine.client_credentials()
        return sum(decisions(stack).values()) > before

    _until(decided, what="a decision after the service came back", timeout_s=60)
    expect.that(True, "started again, the service decides again")


def facts(stack: ComposedStack) -> dict[str, Any]:
    """Return sizes: images, and what each container's processes hold in memory."""
    found: dict[str, Any] = dict(stack.facts)
    for service in SERVICES:
        name = stack.container(service)
        size = json.loads(podman("image", "inspect", json.loads(podman("inspect", name))[0]["Image"]))[0]["Size"]
        pids = _processes(name)
        found[f"{service}: image, MB"] = round(size / 1e6)
        found[f"{service}: resident memory, MB"] = round(sum(_resident(pid) for pid in pids) / 1e6)
        found[f"{service}: restarts"] = json.loads(podman("inspect", name))[0]["RestartCount"]
    return found


def _processes(container: str) -> list[str]:
    """Return a container's processes, by the host's ids."""
    return podman("top", container, "hpid").split()[1:]


def _status(pid: str, name: str) -> str:
    text = Path(f"/proc/{pid}/status").read_text("utf-8")
    found = re.search(rf"^{name}:\s+(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _resident(pid: str) -> int:
    """Return a process's proportional share of memory: forked workers share pages with their parent."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def main() -> int:
    """Provide, build, start, look, take down."""
    parser = argparse.ArgumentParser(description="Run docker-compose.yml by podman on base images made here.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the facts of the run there")
    parser.add_argument("--bases", action="store_true", help="make the base images only")
    arguments = parser.parse_args()
    terminate_like_interrupt()
    expect = Expectations()
    try:
        title("docker-compose.yml by podman")
        provide()
        images = base_images(version())
        if arguments.bases:
            return 0
        with ComposedStack(Ports(keycloak=free_port(), service=free_port(), app=free_port()), images) as stack:
            for check in (check_flows, check_app, check_service, check_confinement, check_outage):
                check(stack, expect)
            found = facts(stack)
        title("Facts")
        for what, value in found.items():
            say(f"  {what:45} {value}")
        if arguments.json:
            arguments.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    except (Stop, AssertionError, requests.RequestException) as problem:
        print(f"{problem}\nThe whole output of podman is in {LOG.relative_to(ROOT)}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say(f"\n{expect.passed} passed, {expect.failed} failed")
    return 1 if expect.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
