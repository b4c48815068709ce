"""Podman as a stand-in for a Docker engine, and base images made here as stand-ins for those that can't be pulled.

Everything that podman keeps (images, containers, networks) is under `.cache/compose`, apart from any other that it has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.console import Stop, progress
from tools.keycloak import distribution
from tools.paths import CACHE, ROOT
from tools.processes import clean_environment, run

FOLDER = CACHE / "compose"
LOG = CACHE / "logs" / "compose.log"
_STAND_INS = ROOT / "docker" / "stand-in"
_PACKAGES = ("podman", "runc", "netavark", "aardvark-dns", "iptables", "debootstrap")
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_JAVA_AUTHORITIES = Path("/etc/ssl/certs/java/cacerts")
_MOST = 16384  # open files, and processes: podman's own defaults are above what a restricted machine allows

# --- podman ---------------------------------------------------------------------------------------------------------


def provide() -> None:
    """Install podman and its helpers where that is possible; stop with the command where not."""
    missing = [name for name in _PACKAGES if not _installed(name)]
    if missing and (os.geteuid() or not shutil.which("apt-get")):
        raise Stop(
            f"{', '.join(missing)} missing: run `sudo apt-get install {' '.join(missing)}` and run this as root."
        )
    if missing:
        apt = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing]
        with progress(f"installing {', '.join(missing)}"):
            quiet = clean_environment(DEBIAN_FRONTEND="noninteractive")
            run(["apt-get", "-qq", "update"], log=LOG, cwd=ROOT, env=quiet, what="Reading Debian's package lists")
            run(apt, log=LOG, cwd=ROOT, env=quiet, what="Installing podman")
    if os.geteuid():
        raise Stop("debootstrap and this way of running podman need root: run it with sudo.")
    if not compose_program().exists():
        with progress("installing podman-compose"):
            home = compose_program().parents[1]
            run([sys.executable, "-m", "venv", str(home)], log=LOG, cwd=ROOT, what="Making podman-compose's venv")
            run([str(home / "bin" / "pip"), "install", "-q", "podman-compose"], log=LOG, cwd=ROOT, what="Installing it")


def _installed(package: str) -> bool:
    asked = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, text=True, check=False)
    return asked.stdout.endswith("ok installed")


def compose_program() -> Path:
    """Return where podman-compose is."""
    return FOLDER / "podman-compose" / "bin" / "podman-compose"


def podman_environment() -> dict[str, str]:
    """Return an environment in which podman keeps to `.cache/compose`, and to what the machine allows."""
    settings = FOLDER / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    storage, containers = settings / "storage.conf", settings / "containers.conf"
    storage.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{FOLDER / "storage"}"\nrunroot = "{FOLDER / "state"}"\n', "utf-8"
    )
    containers.write_text(
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{FOLDER / "networks"}"\n'
        f'[containers]\ndefault_ulimits = ["nofile={_MOST}:{_MOST}", "nproc={_MOST}:{_MOST}"]\n',
        "utf-8",
    )
    return clean_environment(CONTAINERS_STORAGE_CONF=str(storage), CONTAINERS_CONF=str(containers))


def podman(*arguments: str, check: bool = True) -> str:
    """Run podman; return what it printed."""
    ended = subprocess.run(
        ["podman", *arguments], env=podman_environment(), capture_output=True, text=True, check=False
    )
    if check and ended.returncode:
        raise Stop(f"podman {' '.join(arguments[:3])} failed: {ended.stderr.strip()[-600:]}")
    return ended.stdout.strip()


# --- base images ----------------------------------------------------------------------------------------------------


def base_images(keycloak: str) -> dict[str, str]:
    """Make the base images that are not there; return the compose file's variables that name them."""
    debian = _name("debian", "bookworm")
    if not _exists(debian):
        with progress("making a Debian base image by debootstrap"):
            _debian(debian)
    images = {
        "python": _name("python", "bookworm"),
        "postgres": _name("postgres", "bookworm"),
        "maven": _name("maven", "bookworm"),
        "keycloak": _name("keycloak", keycloak),
    }
    for name, image in images.items():
        if not _exists(image):
            with progress(f"making the base image {image}"), _context(name, keycloak) as context:
                build = ["podman", "build", "-q", "--build-arg", f"DEBIAN={debian}", "-t", image, str(context)]
                run(build, log=LOG, cwd=ROOT, env=podman_environment(), what=f"Making {image}")
    return {f"{name.upper()}_IMAGE": image for name, image in images.items()}


def _name(what: str, tag: str) -> str:
    return f"localhost/idp-adapter-base/{what}:{tag}"


def _exists(image: str) -> bool:
    asked = subprocess.run(["podman", "image", "exists", image], env=podman_environment(), check=False)
    return asked.returncode == 0


def _debian(image: str) -> None:
    """Debian's smallest system with this machine's package sources and certificate authorities."""
    root = FOLDER / "debian"
    shutil.rmtree(root, ignore_errors=True)
    bootstrap = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", str(root)]
    run(bootstrap, log=LOG, cwd=ROOT, what="debootstrap")
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    if sources.exists():
        shutil.copy(sources, root / "etc/apt/sources.list.d/debian.sources")
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
    shutil.copy(_AUTHORITIES, root / "etc/ssl/certs/ca-certificates.crt")
    for package in (root / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()
    archive = FOLDER / "debian.tar"
    run(["tar", "-C", str(root), "-cf", str(archive), "."], log=LOG, cwd=ROOT, what="Packing Debian")
    podman("import", "-q", str(archive), image)
    archive.unlink()
    shutil.rmtree(root)


@contextmanager
def _context(name: str, keycloak: str) -> Iterator[Path]:
    """Lay out what a stand-in is built from."""
    context = FOLDER / f"context-{name}"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    shutil.copy(_STAND_INS / f"{name}.Dockerfile", context / "Dockerfile")
    if name == "postgres":
        shutil.copy(_STAND_INS / "postgres-entrypoint.sh", context)
    elif name == "maven":
        shutil.copy(_JAVA_AUTHORITIES, context / "cacerts")
    elif name == "keycloak":
        with zipfile.ZipFile(distribution(keycloak)) as packed:
            packed.extractall(context)
        (context / f"keycloak-{keycloak}").rename(context / "keycloak")
        (context / "keycloak" / "bin" / "kc.sh").chmod(0o755)
    try:
        yield context
    finally:
        shutil.rmtree(context)
