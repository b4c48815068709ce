"""`idp-adapter subject devices`, `rename-device` and `remove-device`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from idp_adapter import config, errors
from idp_adapter.subject_commands import subject_options

ID_WITH_DASH: Final = {"ignore_unknown_options": True}  # a thumbprint may begin with one


def add_to(group: click.Group) -> None:
    """Make these commands part of a group."""
    for command in (devices, rename_device, remove_device):
        group.add_command(command)


@click.command("devices")
@subject_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_obj
def devices(config_file: Path | None, issuer: str, type_: str, id_: str, as_json: bool) -> None:
    """List a subject's devices.

    Since when each is known, how long it is still trusted, and what is said of its posture.
    """
    from idp_adapter import app
    from idp_adapter.adapters.http.devices import to_json

    with _keeper(config_file) as keeper:
        known = keeper.devices(issuer, app.subject_id(type_, id_), now=app.now())
    if as_json:
        click.echo(json.dumps([to_json(device) for device in known], indent=2, ensure_ascii=False))
        return
    if not known:
        raise errors.NotFound(f"no device is stored of {type_} {id_} of {issuer}")
    for item in known:
        device = item.device
        click.echo(f"{device.kind} {device.id}: {device.name or device.user_agent or 'no name'}")
        click.echo(f"  seen          {_time(device.first_seen)} to {_time(device.last_seen)}, {device.seen} times")
        until = "never confirmed" if item.trusted_until is None else _time(item.trusted_until)
        click.echo(f"  trusted until {until}{'' if item.is_trusted else ': not trusted'}")
        for posture in item.postures:
            click.echo(f"  posture       {posture.status} since {_time(posture.since)}, by {posture.source}")


@click.command("rename-device", context_settings=ID_WITH_DASH)
@subject_options
@click.argument("kind")
@click.argument("device_id", metavar="ID")
@click.argument("name")
@click.pass_obj
def rename_device(
    config_file: Path | None, issuer: str, type_: str, id_: str, kind: str, device_id: str, name: str
) -> None:
    """Give a device a name; an empty one takes it away."""
    from idp_adapter import app

    with _keeper(config_file) as keeper:
        keeper.rename(issuer, app.subject_id(type_, id_), (kind, device_id), name)
    click.echo(f"{kind} {device_id} is {name.strip() or 'without a name'}")


@click.command("remove-device", context_settings=ID_WITH_DASH)
@subject_options
@click.argument("kind")
@click.argument("device_id", metavar="ID")
@click.pass_obj
def remove_device(config_file: Path | None, issuer: str, type_: str, id_: str, kind: str, device_id: str) -> None:
    """Forget a device; its next login is a new device's."""
    from idp_adapter import app

    with _keeper(config_file) as keeper:
        keeper.remove(issuer, app.subject_id(type_, id_), (kind, device_id))
    click.echo(f"{kind} {device_id} is forgotten")


@contextmanager
def _keeper(config_file: Path | None) -> Iterator[Any]:
    from idp_adapter import app
    from idp_adapter.adapters import policy_file
    from idp_adapter.services.devices import DeviceKeeper

    settings = config.load(file=config_file)
    policy = policy_file.load(settings.policy)
    with app.opened_store(settings) as store:
        yield DeviceKeeper(store.devices, lambda _: policy)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
