"""`idp-adapter audit`: verify the chain that seals decisions and outcomes, and take its newest checkpoint to keep."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import click

from idp_adapter import config, errors

NOT_WHOLE: Final = 6  # exit code
MOST_SHOWN: Final = 80  # characters of an id
NOTHING_KEPT: Final = "Compared with no checkpoint kept elsewhere: a chain that was cut or made anew would not show"


@click.group()
def audit() -> None:
    """The chain that seals decisions and outcomes."""


@audit.command("checkpoint")
@click.option("--issuer", required=True, help="The realm's issuer URL.")
@click.pass_obj
def checkpoint(config_file: Path | None, issuer: str) -> None:
    """Seal what was decided and reported, write the signed checkpoint.

    Keep it where this database's writers can't reach.
    """
    from idp_adapter import app

    settings = config.load(file=config_file)
    segment = app.sealed(settings, issuer)
    if segment is None:
        raise errors.NotFound(f"nothing was ever recorded of {issuer}", hint=settings.hint_about(issuer))
    click.echo(segment.checkpoint)


@audit.command("verify")
@click.option("--issuer", "issuers", multiple=True, help="Only this realm; all that are set if not given.")
@click.option("--checkpoint", "file", type=click.Path(path_type=Path), help="A checkpoint that was kept elsewhere.")
@click.option("--jwks", type=click.Path(path_type=Path), help="More public keys to accept, as a JWK set.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_context
def verify(
    context: click.Context, issuers: tuple[str, ...], file: Path | None, jwks: Path | None, as_json: bool
) -> None:
    """Verify the chain and every decision and outcome that is stored.

    Finds records that were removed, added or altered, and links that were: exit code 6 where any were.

    The chain is compared with the checkpoint that this host's services kept as well.
    """
    from idp_adapter import app
    from idp_adapter.adapters import notary

    settings = config.load(file=context.obj)
    realms = issuers or tuple(settings.issuers)
    shelf = app.checkpoints(settings)
    known = {issuer: {kept} if (kept := shelf.kept(issuer)) else set() for issuer in realms}
    if file is not None:
        text = _read(file)
        given = {issuer: found for issuer in realms if (found := notary.read_unverified(issuer, text)) is not None}
        if not given:
            raise errors.RequestInvalid(f"{file} is no checkpoint of {' or '.join(realms)}.")
        for issuer, checkpoint in given.items():
            known[issuer].add(checkpoint)
    keys = _keys(jwks)
    verdicts = {issuer: app.verified(settings, issuer, known=known[issuer], keys=keys) for issuer in realms}
    for issuer, verdict in verdicts.items():
        _must_be_known(settings, issuer, verdict)
    documents = {issuer: _document(verdict, known[issuer]) for issuer, verdict in verdicts.items()}
    if as_json:
        json.dump(documents, sys.stdout, indent=2)
        click.echo()
    else:
        for issuer, document in documents.items():
            _tell(issuer, document)
    if any(verdict.faults for verdict in verdicts.values()):
        context.exit(NOT_WHOLE)


@audit.command("prune")
@click.option("--issuer", required=True, help="The realm's issuer URL.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_context
def prune(context: click.Context, issuer: str, yes: bool) -> None:
    """Forget what the chain keeps of decisions and outcomes that erasure and retention took.

    Verifies first, and forgets nothing where anything is found: exit code 6 then. Segments go from the oldest up to the
    first that holds a record that is stored. A checkpoint from before can't be compared any more: take a new one.
    """
    from idp_adapter import app

    settings = config.load(file=context.obj)
    known = {kept} if (kept := app.checkpoints(settings).kept(issuer)) else set()
    if not yes:
        click.confirm(f"Forget what is kept of records of {issuer} that are gone?", abort=True)
    verdict, digests = app.pruned(settings, issuer, known=known)
    _must_be_known(settings, issuer, verdict)
    if verdict.faults:
        _tell(issuer, _document(verdict, known))
        context.exit(NOT_WHOLE)
    click.echo(f"{issuer}: pruned up to segment {verdict.spent.number}, {digests} digests forgotten")


def _must_be_known(settings: config.Settings, issuer: str, verdict: Any) -> None:
    """Raises `NotFound` for a realm that is not set and of which nothing is stored: its name is misspelt."""
    if (hint := settings.hint_about(issuer)) and not (verdict.segments or verdict.unsealed or verdict.faults):
        raise errors.NotFound(f"nothing was ever recorded of {issuer}", hint=hint)


def _document(verdict: Any, known: Collection[Any]) -> dict[str, Any]:
    return {
        "segments": verdict.segments,
        "pruned_up_to": verdict.base.number,
        "sealed": verdict.sealed,
        "removed_lawfully": verdict.removed_lawfully,
        "not_yet_sealed": verdict.unsealed,
        "compared_with": sorted(checkpoint.number for checkpoint in known),
        "head": verdict.head,
        "faults": {fault.value: count for fault, count in sorted(verdict.faults.items())},
        "findings": [{"fault": finding.fault.value, "where": finding.where} for finding in verdict.findings],
    }


def _tell(issuer: str, found: Mapping[str, Any]) -> None:
    click.echo(
        f"{issuer}: {found['sealed']} records sealed in {found['segments']} segments, of which "
        f"{found['removed_lawfully']} were removed by erasure or retention; {found['not_yet_sealed']} not yet sealed"
    )
    if found["pruned_up_to"]:
        click.echo(f"  Segments up to {found['pruned_up_to']} were pruned")
    for finding in found["findings"]:
        click.echo(f"  {finding['fault']:11} {_printable(finding['where'])}")
    if found["faults"]:
        counts = ", ".join(f"{count} {fault}" for fault, count in found["faults"].items())
        click.echo(f"  The chain is NOT whole: {counts}")
    else:
        click.echo(f"  The chain is whole up to {found['head'] or 'nothing'}")
    numbers = " and ".join(map(str, found["compared_with"]))
    click.echo(f"  Compared with the checkpoint kept of segment {numbers}" if numbers else f"  {NOTHING_KEPT}")


def _printable(id_: str) -> str:
    """An id as whoever writes to the database may have made it, on one line and without orders to a terminal."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in str(id_)[:MOST_SHOWN])
    return shown if len(str(id_)) <= MOST_SHOWN else f"{shown}..."


def _keys(jwks: Path | None) -> tuple[Mapping[str, Any], ...]:
    if jwks is None:
        return ()
    try:
        keys = json.loads(_read(jwks))["keys"]
        return tuple(dict(key) for key in keys)
    except (ValueError, TypeError, KeyError):
        raise errors.RequestInvalid(f"{jwks} is no JWK set.", hint='Write {"keys": [...]}.') from None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise errors.RequestInvalid(f"{file} can't be read.") from None
