"""One `/outcome` command as somebody typed it, and what may be answered to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.kit import Blocks
from runtime.core import Runtime
from runtime.errors import InvalidRequest
from runtime.identity.people import By, Member, person


@dataclass(frozen=True, slots=True)
class Said:
    """An answer with blocks: buttons, a picture. `text` is what notifications and screen readers say."""

    text: str
    blocks: Blocks


Answer: TypeAlias = str | Said
"""An empty text: everything was said already, in a form or a picture."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, where, and the words behind the command's name; `view_id` is the form opened for it, if it has one."""

    runtime: Runtime
    org_id: UUID
    client: AsyncWebClient
    member: Member
    words: tuple[str, ...]
    channel: str = ""
    user: str = ""
    view_id: str = ""

    @property
    def by(self) -> By:
        return person(self.member, "slack")

    def word(self, what: str) -> str:
        if not self.words:
            raise InvalidRequest(f"Say which {what}.")
        return self.words[0]

    @property
    def rest(self) -> str:
        return " ".join(self.words[1:])


@dataclass(frozen=True, slots=True)
class Command:
    """`form` is the title of the modal it opens: Slack wants that within three seconds, so it opens before anything is read."""

    name: str
    usage: str
    does: str
    run: Callable[[Asked], Awaitable[Answer]]
    steers: bool = False
    form: str = ""
