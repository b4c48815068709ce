"""The stack that benchmarks measure: on free ports, on SQLite, with the service's policy under their control."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks import proc
from tools.driver.admin import Admin
from tools.keycloak import ADMIN
from tools.paths import ROOT, Ports
from tools.processes import free_port
from tools.stack import Plan, Stack

_POLICY = ROOT / "idp_adapter" / "policies" / "default.toml"


@dataclass
class Running:
    """A started stack."""

    stack: Stack

    @property
    def keycloak_port(self) -> int:
        """Where Keycloak listens."""
        return self.stack.plan.ports.keycloak

    @property
    def redirect(self) -> str:
        """Where Keycloak sends the code; nothing listens there."""
        return f"{self.stack.plan.app_url}/cb"

    def admin(self, realm: str) -> Admin:
        """An administrator of a realm."""
        return Admin(self.stack.plan.keycloak_url, realm, ADMIN)

    def pause_reuse(self, paused: bool) -> None:
        """Restart the service with, or without, a policy under which Keycloak asks every single time."""
        settings = {k: v for k, v in self.stack.plan.service.items() if k != "IDP_ADAPTER_POLICY"}
        if paused:
            always = self.stack.folder / "always-ask.toml"
            text = _POLICY.read_text("utf-8")
            always.write_text(
                text.replace("refresh_s = 5", "refresh_s = 0").replace("credentials_s = 5", "credentials_s = 0"),
                "utf-8",
            )
            settings["IDP_ADAPTER_POLICY"] = str(always)
        self.stack.plan = replace(self.stack.plan, service=settings)
        self.stack.stop_service()
        self.stack.start_service()

    def service_rss_mb(self) -> float:
        """Resident memory of the largest process of the service."""
        if self.stack.service is None:
            raise RuntimeError("the service is not running")
        return max(proc.rss_mb(pid) for pid in proc.family(self.stack.service.pid))


@contextlib.contextmanager
def running() -> Iterator[Running]:
    """Start a stack on free ports; end it after."""
    ports = Ports(keycloak=free_port(), management=free_port(), service=free_port(), app=free_port())
    with Stack(Plan(ports=ports, mail_port=free_port(), with_app=False)) as stack:
        yield Running(stack)
