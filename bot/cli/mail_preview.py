"""`mail preview`: the letter of a sample gate as files, with a real reply token for its recipient."""

import asyncio
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtime.errors import InvalidRequest

if TYPE_CHECKING:
    from email.message import EmailMessage

    from bot.mail.house import House
    from bot.mail.preview import Written


@click.command()
@click.argument("kind", default="list")
@click.option("--to", default="", metavar="ADDRESS", help="Whom the letter is for; the owner unless said otherwise.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("mail-preview"), show_default=True,
              help="Where the files go; made if it isn't there.")  # fmt: skip
def preview(kind: str, to: str, out: Path) -> None:
    """Write the letter of a sample gate as KIND.eml, KIND.html and KIND.png. Without KIND, list the kinds.

    Its reply address carries a real token for the recipient, so that `mail interpret` on this machine takes replies to it.
    """
    from bot.mail import preview as letters  # noqa: PLC0415  the other commands need no templates
    from runtime.core import wall_clock  # noqa: PLC0415  as above

    if kind == "list":
        _list()
        return
    found, house, (address, name) = letters.kind_named(kind), _house(), _recipient(to)
    message = letters.made(found, house, address, wall_clock(), name=name)
    written = asyncio.run(_write(found, message, out))
    for path in written.files:
        click.echo(path)
    if not written.pictured:
        click.echo(
            f"There is no Chromium here, so there is no {found}.png: set CHROMIUM to its path, or open the HTML file."
        )


def _list() -> None:
    from bot.mail.samples import ALIASES, SAMPLES  # noqa: PLC0415  as above

    for name in SAMPLES:
        others = ", ".join(alias for alias, kind in ALIASES.items() if kind == name)
        click.echo(f"{name:12} {others}".rstrip())


def _house() -> "House":
    """With the secret that the running bot would use: API_SECRET, or the one generated under DATA_DIR."""
    from pydantic import SecretStr  # noqa: PLC0415  as above

    from bot.mail.house import House  # noqa: PLC0415  as above
    from runtime.local.secrets import load_or_create_secrets  # noqa: PLC0415  as above
    from runtime.settings import Settings  # noqa: PLC0415  as above

    settings = Settings()
    key = settings.api_secret or SecretStr(load_or_create_secrets(settings.data_dir).api_secret)
    return House.of(settings.model_copy(update={"api_secret": key}))


def _recipient(said: str) -> tuple[str, str]:
    """Address and name; the owner's where nobody was named."""
    from runtime.settings import Settings  # noqa: PLC0415  as above

    if not said:
        settings = Settings()
        return settings.owner_email.lower(), settings.owner_name
    name, address = parseaddr(said)
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        raise InvalidRequest(f"“{said}” is no e-mail address; say --to somebody@example.com.")
    return address.lower(), name


async def _write(kind: str, message: "EmailMessage", out: Path) -> "Written":
    from bot.mail.preview import write  # noqa: PLC0415  as above

    return await write(kind, message, out)
