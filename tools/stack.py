"""The whole stack on loopback: risk service, Keycloak with the extension, demo application, and a mailbox.

`python -m tools.stack` starts it and stays up until Ctrl-C. Tests and the demo use `Stack` in their own way:
other ports, a front between Keycloak and the service, other settings.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools import demo_geoip
from tools.console import Stop, progress, say, title
from tools.keycloak import ADMIN, Keycloak, Launch, built, extension, version
from tools.mailbox import Mailbox
from tools.paths import REALMS, ROOT, RUN, VENV, Ports
from tools.processes import LOOPBACK, Child, answers, clean_environment, require_free, terminate_like_interrupt
from tools.realms import APP_URL, CLIENT_SECRETS, KEYCLOAK_URL, MAIL_PORT

REALM_NAMES = ("demo", "partner", "plain")
DEMO_APP = ROOT / "examples" / "demo_app"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start, and where. `decision_url` is where Keycloak asks, when that is not the service itself.

    `spi` are start options of providers, `options` those of Keycloak itself, both without their prefix.
    """

    ports: Ports = field(default_factory=Ports)
    keycloak_version: str = field(default_factory=version)
    decision_url: str | None = None
    spi: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    service: Mapping[str, str] = field(default_factory=dict)
    mail_port: int = MAIL_PORT
    with_service: bool = True
    with_app: bool = True

    @property
    def service_url(self) -> str:
        """Where the service listens."""
        return f"http://{LOOPBACK}:{self.ports.service}"

    @property
    def keycloak_url(self) -> str:
        """Where Keycloak listens."""
        return f"http://{LOOPBACK}:{self.ports.keycloak}"

    @property
    def app_url(self) -> str:
        """Where the demo application listens."""
        return f"http://{LOOPBACK}:{self.ports.app}"

    @property
    def issuers(self) -> list[str]:
        """The issuers of all realms."""
        return [f"{self.keycloak_url}/realms/{name}" for name in REALM_NAMES]


def realm_files(plan: Plan, folder: Path) -> list[Path]:
    """Copy the realm files into a folder, with a plan's ports in them."""
    copies = []
    for name in REALM_NAMES:
        text = (REALMS / f"{name}.json").read_text("utf-8")
        text = text.replace(KEYCLOAK_URL, plan.keycloak_url).replace(APP_URL, plan.app_url)
        text = text.replace(f'"port": "{MAIL_PORT}"', f'"port": "{plan.mail_port}"')
        copy = folder / f"{name}.json"
        copy.write_text(text, "utf-8")
        copies.append(copy)
    return copies


class Stack:
    """A started stack, in a folder of its own. Use as a context manager: leaving it ends everything."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        RUN.mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="stack-", dir=RUN))
        self._ends = contextlib.ExitStack()
        self.service: Child | None = None
        self.app: Child | None = None
        self.keycloak: Keycloak
        self.mailbox: Mailbox

    def __enter__(self) -> Stack:
        try:
            self._check_ports()
            self._start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()
        if not os.environ.get("KEEP_RUN"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _check_ports(self) -> None:
        ports = self.plan.ports
        named = {ports.keycloak: "Keycloak", ports.management: "Keycloak's management port"}
        named |= {ports.service: "the risk service"} if self.plan.with_service else {}
        named |= {ports.app: "the demo application"} if self.plan.with_app else {}
        for port, what in named.items():
            require_free(port, what)

    def _start(self) -> None:
        plan = self.plan
        home = built(plan.keycloak_version, extension())
        self.mailbox = self._ends.enter_context(Mailbox(plan.mail_port))
        spi = {"risk-decision--default--service-url": plan.decision_url or plan.service_url, **plan.spi}
        options = {f"spi-{name}": value for name, value in spi.items()} | dict(plan.options)
        launch = Launch(home, plan.ports.keycloak, plan.ports.management, self._realms(), options)
        self.keycloak = Keycloak(launch, self.folder / "keycloak")
        self._ends.callback(self.keycloak.stop)
        if plan.with_service:
            self.start_service()
        with progress(f"starting Keycloak {plan.keycloak_version} on {plan.keycloak_url}"):
            self.keycloak.wait()
        if plan.with_app:
            self.start_app()

    def _realms(self) -> list[Path]:
        folder = self.folder / "realms"
        folder.mkdir()
        return realm_files(self.plan, folder)

    def start_service(self) -> None:
        """Start the risk service, with what it knew before; wait until it is ready."""
        plan = self.plan
        city, asn = demo_geoip.write(self.folder / "geoip")
        settings = {
            "IDP_ADAPTER_PUBLIC_URL": plan.decision_url or plan.service_url,
            "IDP_ADAPTER_BIND": f"{LOOPBACK}:{plan.ports.service}",
            "IDP_ADAPTER_ISSUERS": ",".join(plan.issuers),
            "IDP_ADAPTER_DATA_DIR": str(self.folder / "service"),
            "IDP_ADAPTER_GEOIP_CITY": str(city),
            "IDP_ADAPTER_GEOIP_ASN": str(asn),
            **plan.service,
        }
        (self.folder / "service").mkdir(exist_ok=True)
        command = [str(VENV / "bin" / "idp-adapter"), "serve"]
        log = self.folder / "service.log"
        self.service = Child("The risk service", command, log=log, env=clean_environment(**settings), cwd=ROOT)
        self._ends.callback(self.service.stop)
        with progress(f"starting the risk service on {plan.service_url}"):
            self.service.wait_until(lambda: answers(f"{plan.service_url}/readyz", 2), timeout_s=60)

    @property
    def service_stopped(self) -> bool:
        """Whether the risk service is not there."""
        return self.service is None or self.service.ended

    def stop_service(self) -> None:
        """End the risk service; its data stay."""
        if self.service:
            self.service.stop()

    def start_app(self) -> Child:
        """Start the demo application; wait until it answers."""
        plan = self.plan
        settings = {
            "DEMO_APP_ISSUER": f"{plan.keycloak_url}/realms/demo",
            "DEMO_APP_CLIENT_ID": "web-app",
            "DEMO_APP_CLIENT_SECRET": CLIENT_SECRETS["web-app"],
            "DEMO_APP_BIND": f"{LOOPBACK}:{plan.ports.app}",
            "DEMO_APP_URL": plan.app_url,
        }
        command = [str(VENV / "bin" / "python"), "-m", "examples.demo_app"]
        log = self.folder / "app.log"
        self.app = Child("The demo application", command, log=log, env=clean_environment(**settings), cwd=ROOT)
        self._ends.callback(self.app.stop)
        with progress(f"starting the demo application on {plan.app_url}"):
            self.app.wait_until(lambda: answers(plan.app_url, 2), timeout_s=60)
        return self.app


def stay(stack: Stack) -> None:
    """Stay up until Ctrl-C, or until a part ends by itself."""
    parts = [part for part in (stack.keycloak.child, stack.service, stack.app) if part]
    while True:
        time.sleep(0.5)
        for part in parts:
            if part.ended and part is not stack.service:
                raise Stop(f"{part.name} has ended. Its last words:\n{part.tail()}")


def main() -> int:
    """Start the stack and stay up."""
    terminate_like_interrupt()
    try:
        with Stack(Plan()) as stack:
            title("The stack is up; Ctrl-C ends it")
            say(f"  Keycloak        {stack.plan.keycloak_url}/admin  ({ADMIN[0]} / {ADMIN[1]})")
            say(f"  risk service    {stack.plan.service_url}")
            say(f"  demo app        {stack.plan.app_url}")
            stay(stack)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nEnded.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
