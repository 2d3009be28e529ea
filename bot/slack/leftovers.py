"""What a message has no room for, in full: one text file in its thread, or in the direct conversation of whoever asked."""

import html
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import kit, words
from bot.slack.insisting import Draw, Drawn
from bot.slack.kit import Blocks
from bot.slack.view import Picture
from bot.slack.wire import FAILURES, failed
from runtime.digest import digest

log = structlog.get_logger(__name__)

NAME = "in-full.txt"
NOTE = "✂️ What is shortened here stands in full as a file in the thread."
_BESIDE = "In full, what had no room in the message."
_RULE = f"\n\n{'-' * 40}\n\n"
_REMEMBERED = 200
"""Files of one message by their texts; more would never be told apart."""


@dataclass(slots=True)
class Noted:
    """A drawing that says where the rest is; `left` is what the last one had no room for, besides `whole`, which was cut before."""

    draw: Draw
    whole: Sequence[str] = ()
    left: list[str] = field(default_factory=list)
    last: tuple[Picture | None, Drawn] | None = None

    def __call__(self, picture: Picture | None) -> Drawn:
        """Drawn once for what is asked twice in a row: whether the message differs, and then to send it."""
        if self.last is not None and self.last[0] == picture:
            return self.last[1]
        with words.keeping() as found:
            text, blocks = self.draw(picture)
        self.left = missing(blocks, [*self.whole, *found])
        drawn = text, noted(blocks) if self.left else blocks
        self.last = picture, drawn
        return drawn


def noted(blocks: Blocks) -> Blocks:
    return [*blocks[: kit.MOST_BLOCKS - 1], kit.context(NOTE)]


def missing(blocks: Blocks, left: Sequence[str]) -> list[str]:
    """What of it no block shows in full; each text once, and not beside one that holds it."""
    if not left:
        return []
    shown = _even(html.unescape(" ".join(_texts(blocks))))
    unique = {_even(words.clean(text)): words.clean(text).strip() for text in left}
    lost = [even for even in unique if even and even not in shown]
    return [unique[even] for even in lost if not any(even in other for other in lost if other != even)]


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("text"), str):
            yield node["text"]
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for item in node:
            yield from _texts(item)


def _even(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


async def beside(
    client: AsyncWebClient, channel: str, thread_ts: str, left: Sequence[str], known: Sequence[str] = ()
) -> list[str]:
    """Into the thread, each text once: `known` are the marks of those that are there. Answers the marks to remember.

    Raises ChannelFailed when trying again may help. A refusal for good stays a line in the log: the message itself arrived.
    """
    fresh = {mark: text for text in left if (mark := digest(text)[:16]) not in known}
    if not fresh:
        return list(known)
    try:
        await _put(client, list(fresh.values()), _BESIDE, channel, thread_ts)
    except FAILURES as error:
        refused = failed(error, "to take the rest of a message as a file")
        if refused.context.get("slack_error") and "retry_after" not in refused.context:
            log.warning("slack.rest_not_uploaded", channel=channel, error=refused.message)
            return list(known)
        raise refused from error
    return [*known, *fresh][-_REMEMBERED:]


@asynccontextmanager
async def for_person(client: AsyncWebClient, user: str, about: str) -> AsyncIterator[None]:
    """What is shortened meanwhile goes to this person's direct conversation: forms and whispers have no thread to put a file in."""
    with words.keeping() as left:
        yield
    await to_person(client, user, about, missing([], left))


async def to_person(client: AsyncWebClient, user: str, about: str, left: Sequence[str]) -> None:
    """A courtesy after the answer, which stands without it."""
    if not left:
        return
    try:
        place = str((await client.conversations_open(users=user))["channel"]["id"])
        await _put(client, left, f"In full, what had no room in {about}.", place)
    except FAILURES as error:
        log.warning("slack.rest_not_uploaded", user=user, error=failed(error, "to take a file").message)


async def _put(
    client: AsyncWebClient, texts: Sequence[str], comment: str, channel: str, thread_ts: str | None = None
) -> None:
    await client.files_upload_v2(
        content=_RULE.join(texts) + "\n", filename=NAME, title="In full", initial_comment=comment, channel=channel, thread_ts=thread_ts,
    )  # fmt: skip
