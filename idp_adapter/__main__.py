"""The command line.

Errors are one sentence. Exit codes: 2 wrong usage, settings or policy; 3 a dependency did not answer; 4 the service
could not start; 5 nothing is there; 6 the audit chain is not whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import click

from idp_adapter import (
    __version__,
    audit_commands,
    behaviour_commands,
    config,
    device_commands,
    errors,
    key_commands,
    policy_commands,
    subject_commands,
)

_EXIT_CODES: Final[tuple[tuple[type[errors.AdapterError], int], ...]] = (
    (errors.Invalid, 2),
    (errors.RequestInvalid, 2),
    (errors.Unavailable, 3),
    (errors.ProfileLocked, 3),
    (errors.NotFound, 5),
)


_EPILOG: Final = """\b
Settings: variables IDP_ADAPTER_*, or the file of --config or IDP_ADAPTER_CONFIG
with the same names in lower case. Commands read those that the service reads:
give them the same, and run them as its user.

\b
Exit codes: 0 done; 1 not done; 2 wrong usage, settings or policy; 3 a
dependency did not answer; 4 the service could not start; 5 nothing is there;
6 the audit chain is not whole.
"""


class _Group(click.Group):
    """Turns our errors into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except errors.AdapterError as error:
            click.echo(f"Error: {error.sentences}", err=True)
            ctx.exit(next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1))


@click.group(cls=_Group, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="idp-adapter")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="A TOML file of settings; variables IDP_ADAPTER_* win over it.",
)
@click.pass_context
def main(context: click.Context, config_file: Path | None) -> None:
    """Risk-based step-up for Keycloak: the service that decides."""
    context.obj = config_file


@main.command()
@click.pass_obj
def serve(config_file: Path | None) -> None:
    """Serve decisions."""
    settings = config.load(file=config_file)
    from idp_adapter.adapters.http.server import Server  # the heavy imports are the workers' own

    if settings.metrics_dir is not None:
        shutil.rmtree(settings.metrics_dir, ignore_errors=True)
        settings.metrics_dir.mkdir(mode=0o700, parents=True)
        config.share_metrics(settings.metrics_dir)

    def make() -> Any:
        from idp_adapter import app

        return app.build(settings)

    with contextlib.suppress(OSError):  # where no line can be written, logins are still to be decided
        click.echo(
            f"idp-adapter {__version__} starts on {settings.bind} as {settings.public_url}, "
            f"for {len(settings.issuers)} realm{'s' if len(settings.issuers) != 1 else ''}"
        )
    try:
        Server(
            make,
            bind=settings.bind,
            workers=settings.workers,
            threads=settings.threads,
            is_handed_sockets=config.is_handed_sockets(),
        ).run()
    finally:
        _drop_unwritten()


def _drop_unwritten() -> None:
    """Forget lines that nobody takes: Python would try once more at its end, and make any exit code 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@main.command("check-config")
@click.pass_obj
def check_config(config_file: Path | None) -> None:
    """Read settings and policy, say what they mean. Makes nothing."""
    from idp_adapter import app
    from idp_adapter.adapters import background_files, policy_file
    from idp_adapter.adapters.feeds import FeedFiles
    from idp_adapter.adapters.geoip import GeoFiles

    settings = config.load(file=config_file)
    policy = policy_file.load(settings.policy)
    candidate = policy_file.load(settings.shadow_policy) if settings.shadow_policy else None
    _, backgrounds = background_files.load(
        any_text_file=settings.any_text_background, pointer_file=settings.pointer_background
    )
    click.echo(f"listens on      {settings.bind}, with {settings.workers} x {settings.threads} threads")
    click.echo(f"is known as     {settings.public_url}")
    for issuer, keys in settings.issuers.items():
        click.echo(f"answers realm   {issuer} (keys from {keys})")
    click.echo(f"keeps data in   {settings.data_dir}")
    click.echo(f"database        {settings.database_url.partition(':')[0]}")
    click.echo(f"template keys   {_template_keys(settings)}")
    click.echo(f"policy          {policy.id} {policy.version}")
    if candidate is not None:
        click.echo(f"in the shadow   {candidate.id} {candidate.version}")
    for tag, files in settings.feeds.items():
        if files:
            click.echo(f"network feed    {tag}: {', '.join(map(str, files))}")
    for background in backgrounds:
        click.echo(f"background      {background.model} {background}")
    kept = app.retention(settings, policy)
    click.echo(
        f"keeps, days     decisions {kept.decisions.days}, outcomes {kept.outcomes.days}, "
        f"failures {kept.failures.days}, "
        f"unused profiles {kept.profiles_unused.days}, what a decision may teach {kept.learnables.days}"
    )
    for connector in settings.connectors:
        click.echo(f"posture by      {connector.name}, for {', '.join(sorted(connector.issuers))}")
    for issuer, trusted in settings.posture_issuers.items():
        click.echo(f"posture signed  by {issuer} (keys from {trusted.keys}), for {', '.join(sorted(trusted.issuers))}")
    places = GeoFiles(city=settings.geoip_city, asn=settings.geoip_asn)
    for note in (*places.problems(), *FeedFiles(settings.feeds).problems()):
        click.echo(f"note            {note}")
    click.echo("The configuration is valid.")


def _template_keys(settings: config.Settings) -> str:
    from idp_adapter.adapters.sealing_keys import TemplateKeyFolder

    folder = TemplateKeyFolder(settings.template_key_dir)
    if folder.is_empty():
        return f"{folder.folder}: none yet, the first start makes one"
    known = folder.read()
    return f"{folder.folder}: {len(known)}, of which {folder.newest_id()} wraps"


main.add_command(audit_commands.audit)
main.add_command(behaviour_commands.behaviour)
main.add_command(key_commands.keys)
main.add_command(policy_commands.policy)
main.add_command(subject_commands.subject)
device_commands.add_to(subject_commands.subject)


if __name__ == "__main__":
    main()
