"""What a sandbox workspace is made of: its people, channels, secrets and the patience it has with the bot."""

import contextlib
import secrets
import tempfile
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bot.slack.sandbox.ids import stable_id
from runtime.errors import InvalidConfiguration

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(Frozen):
    """Somebody to act as; the id is a hash of the address, so it outlives a reset of the data."""

    name: str = Field(min_length=1, max_length=80)
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    tz: str = "Etc/UTC"

    @property
    def id(self) -> str:
        return stable_id("U", self.email.lower())

    @property
    def dm(self) -> str:
        """The channel id of this person's conversation with the bot."""
        return stable_id("D", self.email.lower())

    @property
    def handle(self) -> str:
        return self.email.partition("@")[0].lower()


class SlashCommand(Frozen):
    command: str = Field(pattern=r"^/[a-z0-9_-]{1,31}$")
    description: str = Field(default="", max_length=2000)
    usage_hint: str = Field(default="", max_length=1000)


class Shortcut(Frozen):
    name: str = Field(max_length=24)
    type: Literal["global", "message"]
    callback_id: str = Field(max_length=255)
    description: str = Field(default="", max_length=150)


class SandboxConfig(Frozen):
    """Everything a sandbox needs; the waits are Slack's own and are shortened only in tests."""

    events_url: str
    signing_secret: SecretStr
    bot_token: SecretStr
    data: Path
    people: tuple[Person, ...] = Field(min_length=1)
    channels: tuple[str, ...] = ("outcome-runtime", "checkout-outcomes", "general")
    workspace: str = "Sandbox"
    bot_name: str = "outcome"
    host: Literal["127.0.0.1"] = "127.0.0.1"
    port: int = 8701
    commands: tuple[SlashCommand, ...] = (
        SlashCommand(command="/outcome", description="Outcome Runtime", usage_hint="help"),
    )
    shortcuts: tuple[Shortcut, ...] = ()
    app_token: SecretStr | None = None
    """With it the app is in Socket Mode: nothing is posted to `events_url`."""
    client_id: str = ""
    client_secret: SecretStr | None = None
    token_seconds: int | None = Field(default=None, gt=0)
    """How long tokens granted by OAuth live; None: for ever, as with rotation turned off."""
    trigger_seconds: float = 3.0
    ack_seconds: float = 3.0
    retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0)
    response_url_seconds: float = 1800.0
    response_url_uses: int = 5
    rate_limits: bool = False
    """Slack's own: one message a second in a channel, so many calls of a method a minute."""

    @field_validator("events_url")
    @classmethod
    def stays_on_this_machine(cls, url: str) -> str:
        if urlsplit(url).scheme != "http" or urlsplit(url).hostname not in LOOPBACK:
            raise ValueError("the sandbox talks to a bot on this machine only; use http://127.0.0.1:PORT/slack/events")
        return url

    @property
    def team_id(self) -> str:
        return stable_id("T", self.workspace)

    @property
    def app_id(self) -> str:
        return stable_id("A", self.workspace, self.bot_name)

    @property
    def bot_id(self) -> str:
        return stable_id("B", self.workspace, self.bot_name)

    @property
    def bot_user_id(self) -> str:
        return stable_id("U", "bot", self.workspace, self.bot_name)


def parse_people(text: str) -> tuple[Person, ...]:
    """`"Dana <dana@shop.test> Europe/Berlin; Ben <ben@shop.test>"`; the zone may be left out."""
    return tuple(parse_person(part) for part in text.split(";") if part.strip())


def parse_person(text: str) -> Person:
    described, _, zone = text.partition(">")
    name, address = parseaddr(f"{described}>" if "<" in described else described)
    if "@" not in address:
        raise InvalidConfiguration(
            f'Cannot read "{text.strip()}" as a person; write --people "Name <address>; Name2 <address2>".'
        )
    return Person(name=name or address.partition("@")[0], email=address, tz=zone.strip() or "Etc/UTC")


def parse_channels(text: str) -> tuple[str, ...]:
    """Comma-separated names; a leading `!` makes a channel the bot has not been invited to."""
    return tuple(name.strip().replace("#", "") for name in text.split(",") if name.strip())


def secret_in(path: Path, prefix: str = "") -> SecretStr:
    """The secret a file holds; a missing file is made, readable by its owner only, so both sides can share it."""
    if not path.exists():
        _make_secret(path, prefix + secrets.token_hex(24))
    found = path.read_text(encoding="ascii").strip()
    if not found:
        raise InvalidConfiguration(f"{path} is empty; delete it and start again, or put the secret into it.")
    return SecretStr(found)


def _make_secret(path: Path, secret: str) -> None:
    """Whole or not at all: a process that starts beside us reads our secret or makes its own, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret-", encoding="ascii") as half:
        half.write(secret)
        half.flush()
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(half.name)


class _ManifestFeatures(BaseModel):
    slash_commands: tuple[dict[str, Any], ...] = ()
    shortcuts: tuple[dict[str, Any], ...] = ()


class _ManifestFile(BaseModel):
    features: _ManifestFeatures = _ManifestFeatures()


def installed_from(manifest: Path) -> tuple[tuple[SlashCommand, ...], tuple[Shortcut, ...]]:
    """The slash commands and shortcuts an app manifest (version 2) declares."""
    from ruamel.yaml import YAML  # noqa: PLC0415  # only needed with --manifest

    features = _ManifestFile.model_validate(YAML(typ="safe").load(manifest)).features
    return (
        tuple(SlashCommand.model_validate(_known(SlashCommand, found)) for found in features.slash_commands),
        tuple(Shortcut.model_validate(_known(Shortcut, found)) for found in features.shortcuts),
    )


def _known(model: type[BaseModel], found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key in model.model_fields}
