"""`idp-adapter keys`: the keys that sign decisions, and those that wrap what seals templates."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from idp_adapter import config, errors
from idp_adapter.progress import percent_printer


@click.group()
def keys() -> None:
    """Keys that sign, keys that seal, connectors' tokens."""


@keys.command("rotate")
@click.pass_obj
def rotate(config_file: Path | None) -> None:
    """Add a key that signs from now on. Running processes notice within seconds."""
    from idp_adapter import app
    from idp_adapter.adapters.jose_keys import KeyFolder

    folder = KeyFolder(config.load(file=config_file).key_dir)
    kid = folder.rotate(app.now())
    click.echo(f"{kid} signs now; {len(folder.read(app.now()))} keys are published")


@keys.command("rotate-templates")
@click.option("--no-new-key", is_flag=True, help="Go on under the newest key that is there, as after an interruption.")
@click.pass_obj
def rotate_templates(config_file: Path | None, no_new_key: bool) -> None:
    """Add a template key, wrap every data key by it. The service may run beside; templates stay as they are."""
    from idp_adapter import app

    settings = config.load(file=config_file)
    folder = app.template_key_folder(settings)
    if not no_new_key:
        folder.rotate(app.now())
    with app.opened_store(settings) as store:
        rewrapped = store.template_keys.rewrap(on_batch=percent_printer("data keys rewrapped"))
    click.echo(f"{folder.newest_id()} wraps now; {rewrapped.done} data keys rewrapped")
    if rewrapped.locked:
        listed = ", ".join(f"{count} by {id_}" for id_, count in rewrapped.locked.items())
        raise errors.Unavailable(
            "template_keys",
            f"data keys do not unwrap: {listed}.",
            hint="Put those keys back, or give them up by `idp-adapter keys forget-templates`.",
        )


@keys.command("retire-templates")
@click.pass_obj
def retire_templates(config_file: Path | None) -> None:
    """Delete the older template keys. Refuses while one still wraps. Backups made before need them: keep copies."""
    from idp_adapter import app

    settings = config.load(file=config_file)
    with app.opened_store(settings) as store:
        retired = app.template_key_folder(settings).retire(
            app.now(), is_used=lambda id_: store.template_keys.count(id_) > 0
        )
    click.echo(f"{len(retired)} template keys deleted{': ' if retired else ''}{', '.join(retired)}")


@keys.command("forget-templates", context_settings={"ignore_unknown_options": True})  # an id may begin with a dash
@click.argument("id_", metavar="ID")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def forget_templates(config_file: Path | None, id_: str, yes: bool) -> None:
    """Give up a template key that is lost. What was learnt under it is learnt anew."""
    from idp_adapter import app

    settings = config.load(file=config_file)
    with app.opened_store(settings) as store:
        count = store.template_keys.count(id_)
        if not count:
            raise errors.NotFound(f"no data key is wrapped by {id_}")
        if not yes:
            click.confirm(f"Give up what was learnt of {count} subjects?", abort=True)
        click.echo(f"{store.template_keys.forget(id_)} data keys deleted")


@keys.command("connector-token")
@click.argument("name")
def connector_token(name: str) -> None:
    """Make the token of a connector that reports posture.

    It is shown once; the service needs its digest alone.
    """
    from idp_adapter import app

    if not config.CONNECTOR_NAME.fullmatch(name):
        raise click.BadParameter("must be 1 to 32 letters, digits, - and _", param_hint="NAME")
    token = app.new_token()
    click.echo(f"token, for the connector  {token}")
    digest = hashlib.sha256(token.encode()).hexdigest()
    click.echo(f"for IDP_ADAPTER_CONNECTORS  {name}|{digest}|ISSUER of each realm, spaces between")
