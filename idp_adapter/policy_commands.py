"""`idp-adapter policy`: check a file, explain an answer rule by rule, replay what is stored under another file."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import click

from idp_adapter import config, errors
from idp_adapter.subject_commands import moment

NO_REALM: Final = "https://explain.invalid/realms/explain"  # of a hand-written request that names none


@click.group()
def policy() -> None:
    """Policy files: check, explain, try on what is stored."""


@policy.command("check")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a file: names line, field and fix of each problem."""
    from idp_adapter.adapters import policy_file

    loaded = policy_file.load(file)
    click.echo(f"{file} is valid: {loaded.id} {loaded.version}, {len(loaded.rules)} rules")
    for layer in loaded.overrides:
        if layer.may_loosen:
            click.echo(f"layer `{layer.name}` may loosen: {', '.join(sorted(layer.changes))}")
    for glass in loaded.break_glass:
        click.echo(f"break-glass account `{glass.name}`: risk and rules do not stop it")


@policy.command("explain")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("request_file", metavar="[REQUEST.json]", type=click.Path(path_type=Path), required=False)
@click.option("--decision", "decision_id", help="Explain this stored decision instead of a request.")
@click.option("--issuer", help="The realm that asks, or asked; may be left out where only one is set.")
@click.pass_obj
def explain(
    config_file: Path | None, file: Path, request_file: Path | None, decision_id: str | None, issuer: str | None
) -> None:
    """Explain a policy's answer to one request, rule by rule.

    The request is hand-written, decided without history, or a stored decision's, with its evidence.
    """
    from idp_adapter import app
    from idp_adapter.adapters import policy_file
    from idp_adapter.adapters.http import explain as page

    if (request_file is None) == (decision_id is None):
        raise click.UsageError("give either REQUEST.json or --decision ID")
    loaded = policy_file.load(file)
    if decision_id is not None:
        settings = config.load(file=config_file)
        asked = issuer or _only(settings.issuers)
        click.echo(page.text(app.explain_stored(settings, loaded, asked, decision_id)))
        return
    click.echo(page.text(app.dry_run(loaded, _read(request_file), issuer=issuer or NO_REALM)))


@policy.command("replay")
@click.option("--policy", "file", type=click.Path(path_type=Path), required=True, help="The candidate.")
@click.option("--since", callback=moment, required=True, help="From when on, with offset.")
@click.option("--until", callback=moment, help="Until when, with offset; now if not given.")
@click.option("--issuer", "issuers", multiple=True, help="Only this realm; all that are set if not given.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it into this SVG file.")
@click.pass_obj
def replay(
    config_file: Path | None,
    file: Path,
    since: datetime,
    until: datetime | None,
    issuers: tuple[str, ...],
    as_json: bool,
    plot: Path | None,
) -> None:
    """Say whom another policy would have challenged or refused.

    Judges stored decisions again, and says whose answer would be another, by hook, client, group and accessibility.
    """
    from idp_adapter import app
    from idp_adapter.adapters import policy_file, replay_plot
    from idp_adapter.core.replay import unrecorded

    settings = config.load(file=config_file)
    candidate, live = policy_file.load(file), policy_file.load(settings.policy)
    for name in unrecorded(candidate, live=live):
        click.echo(f"{file} asks about {name}, which the live policy does not record: it counts as absent", err=True)
    span = (since, until or app.now() + timedelta(seconds=1))
    if span[0] >= span[1]:
        raise click.UsageError("--since must be before --until, which is now if not given")
    found = {}
    for issuer in issuers or tuple(settings.issuers):
        begun = time.monotonic()
        report = app.replayed(settings, candidate, live, issuer, span, on_progress=_progress_printer(issuer))
        if not report.judged and (hint := settings.hint_about(issuer)):
            raise errors.NotFound(f"no decision of {issuer} is stored of that time", hint=hint)
        found[issuer] = replay_plot.document(report, seconds=time.monotonic() - begun)
    title = f"{candidate.id} {candidate.version}"
    if as_json:
        json.dump({"policy": title, "realms": found}, sys.stdout, indent=2, ensure_ascii=False)
        click.echo()
    else:
        for issuer, document in found.items():
            click.echo("\n".join(replay_plot.lines(title, issuer, document)))
    if plot is not None:
        _write(plot, replay_plot.svg(title, found))


def _only(issuers: Collection[str]) -> str:
    if len(issuers) > 1:
        raise click.UsageError(f"--issuer says which realm decided: {' or '.join(issuers)}")
    return next(iter(issuers))


def _read(request_file: Path | None) -> bytes:
    try:
        return b"" if request_file is None else request_file.read_bytes()
    except OSError as error:
        raise errors.RequestInvalid(f"{request_file} can't be read: {error.strerror}.") from None


def _write(file: Path, picture: str) -> None:
    try:
        file.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise errors.Invalid(str(file), [f"can't be written: {error.strerror}"]) from None


def _progress_printer(issuer: str) -> Callable[[int, int], None]:
    def tell(done: int, of: int) -> None:
        click.echo(f"{issuer}: {done:,} of {of:,} decisions judged again ({100 * done // max(of, 1)} %)", err=True)

    return tell
