"""The commands about one subject: what is stored of it, how its templates drift, roll-back, erasure."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from idp_adapter import config, errors


@click.group()
def subject() -> None:
    """What is stored of one person or workload."""


def _type(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """A type of subject: Keycloak's, or another caller's own."""
    from idp_adapter.core.types import SUBJECT_TYPES, meant

    if value not in SUBJECT_TYPES and (near := meant(value, SUBJECT_TYPES)):
        raise click.BadParameter(f"{value!r} is no type of Keycloak's; did you mean {near!r}?")
    return value


def subject_options(command: Any) -> Any:
    """Whom a command is about."""
    for option in (
        click.option("--id", "id_", required=True, help="The `sub` of its tokens: in Keycloak the user's ID, no name."),
        click.option(
            "--type",
            "type_",
            callback=_type,
            default="user",
            show_default=True,
            help="user, service_account, or what another caller of the service names.",
        ),
        click.option("--issuer", required=True, help="The realm's issuer URL."),
    ):
        command = option(command)
    return command


@subject.command("show")
@subject_options
@click.pass_obj
def subject_show(config_file: Path | None, issuer: str, type_: str, id_: str) -> None:
    """Say how much is stored of a subject."""
    stored = _export(config_file, issuer, type_, id_)
    for name, rows in stored.items():
        if isinstance(rows, list):
            click.echo(f"{len(rows):6} {name}")


@subject.command("export")
@subject_options
@click.pass_obj
def subject_export(config_file: Path | None, issuer: str, type_: str, id_: str) -> None:
    """Write everything that is stored of a subject, as JSON.

    Its drift report is part of it.
    """
    stored = _export(config_file, issuer, type_, id_)
    _write({**stored, "drift": _drift(config_file, issuer, type_, id_)})


@subject.command("drift")
@subject_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_obj
def subject_drift(config_file: Path | None, issuer: str, type_: str, id_: str, as_json: bool) -> None:
    """Say how a subject's behavioural templates moved.

    Also how confirmed logins scored, and whether each template may still speak.
    """
    found = _drift(config_file, issuer, type_, id_)
    if as_json:
        _write(found)
        return
    if not any(found.values()):
        raise errors.NotFound(f"no template is stored of {type_} {id_} of {issuer}")
    for template in found["templates"]:
        click.echo(f"{template['key']}: {'valid' if template['is_valid'] else 'expired'}")
        for name, value in template.items():
            if name not in ("key", "is_valid"):
                click.echo(f"  {name.replace('_', ' '):16} {_shown(value)}")
    for key in found["damaged"]:
        click.echo(f"{key}: damaged; it is learnt again")


@subject.command("erase")
@subject_options
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def subject_erase(config_file: Path | None, issuer: str, type_: str, id_: str, yes: bool) -> None:
    """Delete everything that is stored of a subject."""
    from idp_adapter import app

    settings = config.load(file=config_file)
    if not yes:
        click.confirm(f"Delete every row of {type_} {id_} of {issuer}?", abort=True)
    with app.opened_store(settings) as store:
        rows = store.erase(issuer, app.subject_id(type_, id_))
    if not rows:
        raise _nothing(settings, issuer, type_, id_)
    click.echo(f"{rows} rows deleted")


def moment(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """A time of UTC from an option."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # which is a year before 1 or after 9999
        pass
    raise click.BadParameter("must be a time with its offset, such as 2026-11-21T08:00:00Z")


@subject.command("roll-back")
@subject_options
@click.option("--since", callback=moment, help="When the takeover began, with offset; two weeks ago if not given.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def subject_roll_back(
    config_file: Path | None, issuer: str, type_: str, id_: str, since: datetime | None, yes: bool
) -> None:
    """Undo what was learnt of a subject since a takeover began."""
    from idp_adapter import app
    from idp_adapter.adapters.metrics import Metrics
    from idp_adapter.core.types import Outcome, OutcomeType
    from idp_adapter.services.outcomes import OutcomeReporter

    settings = config.load(file=config_file)
    now = app.now()
    since = since or now - timedelta(days=14)
    if since > now:
        raise click.BadParameter("must not be in the future", param_hint="--since")
    if not yes:
        click.confirm(f"Forget what {type_} {id_} of {issuer} taught since {since.isoformat()}?", abort=True)
    subject_id = app.subject_id(type_, id_)
    outcome = Outcome(app.new_id(), issuer, OutcomeType.TAKEOVER_REPORTED, since, subject=subject_id)
    with app.opened_store(settings) as store:
        if not _holds_rows(store.export(issuer, subject_id)):
            raise _nothing(settings, issuer, type_, id_)
        back = OutcomeReporter(store, Metrics(), lambda _: _policy(settings)).roll_back(outcome, now=now)
    if back is not None:
        click.echo(
            f"{back.restored} templates restored, {back.erased} forgotten; {len(back.forgotten)} devices forgotten; "
            f"habits {'rolled back' if back.habits else 'unchanged'}"
        )


def _policy(settings: config.Settings) -> Any:
    from idp_adapter.adapters import policy_file

    return policy_file.load(settings.policy)


def _drift(config_file: Path | None, issuer: str, type_: str, id_: str) -> dict[str, Any]:
    from idp_adapter import app
    from idp_adapter.core.drift import drift
    from idp_adapter.services.ports import HistoryQuery

    settings = config.load(file=config_file)
    now = app.now()
    with app.opened_store(settings) as store:
        history = store.load(HistoryQuery(issuer, app.subject_id(type_, id_), None, now))
    return asdict(drift(history.templates, _policy(settings).learning, now=now))


def _write(value: dict[str, Any]) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=datetime.isoformat)
    click.echo()


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value) or "none"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return f"{value:.2f}" if isinstance(value, float) else "not known" if value is None else str(value)


def _holds_rows(stored: Mapping[str, Any]) -> bool:
    return any(rows for rows in stored.values() if isinstance(rows, list))


def _nothing(settings: config.Settings, issuer: str, type_: str, id_: str) -> errors.NotFound:
    return errors.NotFound(f"nothing is stored of {type_} {id_} of {issuer}", hint=settings.hint_about(issuer))


def _export(config_file: Path | None, issuer: str, type_: str, id_: str) -> dict[str, Any]:
    from idp_adapter import app

    settings = config.load(file=config_file)
    with app.opened_store(settings) as store:
        stored = dict(store.export(issuer, app.subject_id(type_, id_)))
    if not _holds_rows(stored):
        raise _nothing(settings, issuer, type_, id_)
    return stored
