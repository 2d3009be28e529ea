"""A message in the fullest form that Slack takes: with its picture, without it, as words with bare buttons, as words alone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack import kit
from bot.slack.kit import Block, Blocks
from bot.slack.view import Picture
from bot.slack.wire import code_of
from bot.slack.words import shortened

log = structlog.get_logger(__name__)

Drawn: TypeAlias = tuple[str, Blocks]
Draw: TypeAlias = Callable[[Picture | None], Drawn]
Send: TypeAlias = Callable[[str, Blocks], Awaitable[AsyncSlackResponse]]

_STILL_PROCESSED = (0.2, 0.5, 1.0, 0.0)
"""Waits after a message with a fresh picture was refused: Slack processes uploads for a moment."""
LOOKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"})
"""Refusals of how a message looks, not of where it goes or whose it is."""


async def sent(draw: Draw, picture: Picture | None, send: Send, *, subject: str) -> AsyncSlackResponse:
    """Raises the last refusal if Slack takes no form at all, and any refusal that is not about looks at once."""
    if picture is not None and picture.file_id is not None:
        found = await _with_picture(draw, picture, send)
        if found is not None:
            return found
        log.warning("slack.picture_not_accepted", subject=subject)
        picture = replace(picture, file_id=None)
    drawn = draw(picture)
    for plainer in simpler(*drawn):
        try:
            return await send(*drawn)
        except SlackApiError as error:
            if code_of(error) not in LOOKS:
                raise
            log.warning("slack.message_not_accepted", subject=subject, error=code_of(error))
        drawn = plainer
    return await send(*drawn)


async def _with_picture(draw: Draw, picture: Picture, send: Send) -> AsyncSlackResponse | None:
    for wait in _STILL_PROCESSED:
        try:
            return await send(*draw(picture))
        except SlackApiError as error:
            if code_of(error) not in LOOKS:
                raise
            if code_of(error) != "invalid_blocks":
                return None
            await asyncio.sleep(wait)
    return None


def simpler(text: str, blocks: Blocks) -> Iterator[Drawn]:
    """The same message in plainer and plainer forms; none of them has the parts that could be wrong in the one before."""
    words = shortened(text, kit.SECTION)
    pressed = [
        bare(element)
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
        if element["type"] == "button"
    ]
    if pressed:
        yield words, [kit.section(words), kit.actions("plain-answer", pressed[:25])]
    yield words, [kit.section(words)]


def bare(button: Block) -> Block:
    """A button without style and confirmation; what it does stays."""
    return {key: button[key] for key in ("type", "action_id", "text", "value", "url") if key in button}
