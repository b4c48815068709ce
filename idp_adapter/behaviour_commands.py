"""`idp-adapter behaviour`: what a deployment's own subjects have in common, as far as they agreed."""

from __future__ import annotations

from pathlib import Path

import click

from idp_adapter import config, errors
from idp_adapter.progress import percent_printer


@click.group()
def behaviour() -> None:
    """Backgrounds: how hands differ in this deployment."""


@behaviour.command("fit")
@click.option("--model", type=click.Choice(["any-text", "pointer"]), required=True, help="Whose background.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write.")
@click.option("--realm", "realms", multiple=True, help="A realm's issuer URL, may be repeated; all if not given.")
@click.pass_obj
def fit(config_file: Path | None, model: str, out: Path, realms: tuple[str, ...]) -> None:
    """Fit a background of the profiles of those who agreed.

    They are 200 subjects at least. The service may run beside.
    """
    from idp_adapter import app
    from idp_adapter.adapters import background_files, policy_file
    from idp_adapter.services.backgrounds import Fitting, Model

    settings = config.load(file=config_file)
    for realm in realms:
        if realm not in settings.issuers:
            raise errors.NotFound(f"{realm} is none of the realms of {config.PREFIX}ISSUERS")
    volunteers = policy_file.load(settings.policy).volunteers
    if not (volunteers.roles or volunteers.groups):
        raise errors.NotFound(
            "the policy says of nobody that they agreed",
            hint="Name their roles or groups in `behaviour.background_roles` or `behaviour.background_groups`.",
        )
    issuers = realms or tuple(settings.issuers)
    with app.opened_store(settings) as store:
        fitted = Fitting(store.volunteers).fit(Model(model), issuers, on_progress=percent_printer("subjects read"))
    made = background_files.write(out, fitted, realms=issuers, made=app.now())
    click.echo(f"{out}: {made.model} {made}")
