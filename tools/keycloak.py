"""Keycloak from Maven, built once per version and extension, started fresh in a folder of its own.

`python -m tools.keycloak` fetches and builds only; `tools.stack` starts.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tools.console import Stop, progress
from tools.paths import CACHE, EXTENSION, EXTENSION_JAR, ROOT, RUN
from tools.processes import LOOPBACK, Child, answers, clean_environment, require_free, run

PRIMARY = "26.7.4"
MATRIX = "26.6.4"
ADMIN = ("admin", "admin")
_ARTIFACT = "org.keycloak:keycloak-quarkus-dist:{version}:zip"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_ALONE = ("--db=dev-file", "--cache=local")
_CLUSTERED = ("--db=postgres", "--cache=ispn")
_BUILD_OPTIONS = (
    "--health-enabled=true",
    "--metrics-enabled=true",
    "--https-client-auth=request",  # where it has https at all; this can't be chosen at start
)
_EXTENSION_BUILD_OPTIONS = ("--spi-security-profile--provider=risk",)


def version() -> str:
    """Return the Keycloak version to run: the primary one unless KEYCLOAK_VERSION names another."""
    return os.environ.get("KEYCLOAK_VERSION", PRIMARY)


def distribution(wanted: str) -> Path:
    """Return the distribution's zip, fetched through Maven when it is not there."""
    target = CACHE / "downloads" / f"keycloak-quarkus-dist-{wanted}.zip"
    if not target.exists():
        with progress(f"fetching Keycloak {wanted} through Maven"):
            artifact = _ARTIFACT.format(version=wanted)
            arriving = target.parent / f"arriving-{wanted}"
            command = ["mvn", "-q", "-B", _COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={arriving}"]
            run(command, log=CACHE / "logs" / "maven.log", cwd=ROOT, what="Fetching Keycloak")
            (arriving / target.name).rename(target)
            arriving.rmdir()
    return target


def extension() -> Path:
    """Return the extension's jar, packaged when a source is newer than it."""
    sources = [EXTENSION / "pom.xml", *(path for path in (EXTENSION / "src" / "main").rglob("*") if path.is_file())]
    if (ROOT / "collector").is_dir():
        sources += [path for path in (ROOT / "collector").glob("*.js*") if path.is_file()]
    newest = max((path.stat().st_mtime for path in sources if path.exists()), default=0.0)
    if not EXTENSION_JAR.exists() or EXTENSION_JAR.stat().st_mtime < newest:
        with progress("packaging the Keycloak extension"):
            command = ["mvn", "-q", "-B", "-f", str(EXTENSION), "-DskipTests", "package"]
            run(command, log=CACHE / "logs" / "maven.log", cwd=ROOT, what="Packaging the extension")
    return EXTENSION_JAR


def built(wanted: str, jar: Path | None, *, clustered: bool = False) -> Path:
    """Return the home of an optimised Keycloak with `jar` in it; build it once per version, jar and build options."""
    options = (_CLUSTERED if clustered else _ALONE) + _BUILD_OPTIONS + (_EXTENSION_BUILD_OPTIONS if jar else ())
    content = (jar.read_bytes() if jar else b"") + " ".join(options).encode()
    mark = hashlib.sha256(content).hexdigest()[:12] + ("" if jar else "-stock")
    home = CACHE / "keycloak" / f"{wanted}-{mark}"
    with _alone(CACHE / "keycloak" / ".lock"):
        if not home.exists():
            archive = distribution(wanted)
            with progress(
                f"building Keycloak {wanted} with the extension" if jar else f"building stock Keycloak {wanted}"
            ):
                _build(archive, jar, home, options)
            _forget_older(home, f"{wanted}-")
    return home


def _build(archive: Path, jar: Path | None, home: Path, options: Sequence[str]) -> None:
    arriving = home.with_name(f"{home.name}.arriving")
    shutil.rmtree(arriving, ignore_errors=True)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(arriving)
    (unpacked,) = arriving.iterdir()
    script = unpacked / "bin" / "kc.sh"
    script.chmod(0o755)
    if jar:
        shutil.copy(jar, unpacked / "providers" / jar.name)
    environment = clean_environment(JAVA_OPTS_APPEND="-Xmx512m")
    command = [str(script), "build", *options]
    run(command, log=CACHE / "logs" / "keycloak-build.log", cwd=unpacked, env=environment, what="Building Keycloak")
    unpacked.rename(home)
    arriving.rmdir()


def _forget_older(home: Path, prefix: str, keep: int = 3) -> None:
    """Remove all but the newest homes of a version, of those with the extension or of the stock ones, as `home` is."""
    is_stock = home.name.endswith("stock")
    alike = [path for path in home.parent.glob(f"{prefix}*") if path.name.endswith("stock") is is_stock]
    others = [path for path in alike if path != home]
    for old in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[keep - 1 :]:
        shutil.rmtree(old, ignore_errors=True)  # a run in progress has its own links to the files


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class Launch:
    """How one Keycloak is started. `options` are further start options, without the leading dashes.

    `hostname` is the URL that the world knows it by, where that isn't its own; `cache` is what it was built with.
    """

    home: Path
    port: int
    management_port: int
    realms: Sequence[Path] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    heap_mb: int = 768
    hostname: str | None = None
    cache: str = "local"

    @property
    def own_url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"


class Keycloak:
    """A running Keycloak in its own folder, with its realms imported."""

    def __init__(self, launch: Launch, folder: Path | None = None) -> None:
        self.launch = launch
        self.own_url = launch.own_url
        self.url = launch.hostname or launch.own_url
        self.management_url = f"http://{LOOPBACK}:{launch.management_port}"
        self.folder = folder or RUN / f"keycloak-{os.getpid()}-{launch.port}"
        require_free(launch.port, "Keycloak")
        require_free(launch.management_port, "Keycloak's management port")
        self._lay_out()
        self.child = Child(
            "Keycloak", self._command(), log=self.folder / "keycloak.log", env=self._environment(), cwd=self.folder
        )

    def _lay_out(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        home = self.folder / "home"
        ignored = shutil.ignore_patterns("data")
        shutil.copytree(self.launch.home, home, copy_function=os.link, ignore=ignored, symlinks=True)
        imports = home / "data" / "import"
        imports.mkdir(parents=True)
        for realm in self.launch.realms:
            shutil.copy(realm, imports / realm.name)

    def _command(self) -> list[str]:
        options = [f"--{name}={value}" for name, value in self.launch.options.items()]
        return [
            str(self.folder / "home" / "bin" / "kc.sh"),
            "start",
            "--optimized",
            "--import-realm",
            f"--cache={self.launch.cache}",
            "--http-enabled=true",
            f"--http-host={LOOPBACK}",
            f"--http-port={self.launch.port}",
            f"--http-management-port={self.launch.management_port}",
            f"--hostname={self.url}",
            "--proxy-headers=xforwarded",
            "--proxy-trusted-addresses=127.0.0.1",
            *options,
        ]

    def _environment(self) -> dict[str, str]:
        return clean_environment(
            KC_BOOTSTRAP_ADMIN_USERNAME=ADMIN[0],
            KC_BOOTSTRAP_ADMIN_PASSWORD=ADMIN[1],
            JAVA_OPTS_KC_HEAP=f"-Xms128m -Xmx{self.launch.heap_mb}m",
        )

    @property
    def ready(self) -> bool:
        """Whether Keycloak says that it is ready."""
        return answers(f"{self.management_url}/health/ready", 2)

    def wait(self, timeout_s: float = 300) -> None:
        """Wait until it is ready."""
        self.child.wait_until(lambda: self.ready, timeout_s=timeout_s, every_s=0.5)

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over the label sets that include `labels`."""
        total = 0.0
        for line in requests.get(f"{self.management_url}/metrics", timeout=10).text.splitlines():
            found = re.fullmatch(rf"{re.escape(name)}(?:\{{(.*)\}})? (\S+)", line)
            if found and all(f'{label}="{value}"' in (found[1] or "") for label, value in labels.items()):
                total += float(found[2])
        return total

    def issuer(self, realm: str) -> str:
        """Return a realm's issuer URL."""
        return f"{self.url}/realms/{realm}"

    def stop(self) -> None:
        """End it and remove its folder, save the log."""
        self.child.stop()
        shutil.rmtree(self.folder / "home", ignore_errors=True)


def main() -> int:
    """Fetch and build the Keycloak that KEYCLOAK_VERSION names, with the extension where its sources are."""
    begun = time.monotonic()
    try:
        home = built(version(), extension() if EXTENSION.is_dir() else None)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    print(f"Keycloak {version()} is in {home.relative_to(ROOT)} ({time.monotonic() - begun:.0f} s).")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
