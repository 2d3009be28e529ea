"""Answers that stream in, piece by piece, under the words they answer; a status stands there while they are looked up.

Slack streams in channels and in direct conversations, in the latter only as a reply to the person's own message
(https://docs.slack.dev/reference/methods/chat.startStream : "streamed messages should always be replies to a user request").
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack import graphemes, kit, leftovers, pictures, words
from bot.slack.blocks import picture_blocks
from bot.slack.insisting import sent
from bot.slack.view import Picture
from bot.slack.wire import FAILURES, code_of, failed
from bot.slack.words import clean, fit
from runtime.errors import ChannelFailed

log = structlog.get_logger(__name__)

STATUS = "is looking at the stored data…"
_PIECE = 400
_LONGEST = 11_000
"""Slack takes 12,000 characters of Markdown in one message."""
_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")
_TURNS = 5
_PATIENCE = 10.0
"""Seconds that an answer waits for its turn in a channel; each turn comes at most once."""
_NOTHING = "There is nothing to say about it."


@dataclass(frozen=True, slots=True)
class Place:
    """A thread, and the person who reads there."""

    channel: str
    thread_ts: str
    user: str
    team: str


async def told(client: AsyncWebClient, place: Place, text: str, chart: Mapping[str, Any] | None) -> None:
    """The words, what of them has no room as a file, and the chart below."""
    with words.keeping() as left:
        await stream(client, place, text)
    await leftovers.beside(client, place.channel, place.thread_ts, leftovers.missing([], left))
    await _picture(client, place, chart)


async def stream(client: AsyncWebClient, place: Place, text: str) -> None:
    """Piece by piece where Slack streams, in one message where it doesn't. `text` is plain and becomes data, never markup."""
    pieces = list(_pieces(as_markdown(text)))
    try:
        opened = await client.chat_startStream(
            channel=place.channel, thread_ts=place.thread_ts, markdown_text=pieces[0],
            recipient_team_id=place.team or None, recipient_user_id=place.user,
        )  # fmt: skip
    except FAILURES as error:
        log.info("slack.not_streamed", error=code_of(error) or type(error).__name__)
        await _whole(client, place, text)
        return
    try:
        for piece in pieces[1:]:
            await client.chat_appendStream(channel=place.channel, ts=opened["ts"], markdown_text=piece)
        await client.chat_stopStream(channel=place.channel, ts=opened["ts"])
    except FAILURES as error:
        log.info("slack.stream_broke_off", error=code_of(error) or type(error).__name__)
        await _whole(client, place, text)


async def _whole(client: AsyncWebClient, place: Place, text: str) -> None:
    shown = fit(text, _LONGEST)
    await in_turn(lambda: client.chat_postMessage(channel=place.channel, thread_ts=place.thread_ts, text=shown))


async def in_turn(post: Callable[[], Awaitable[object]]) -> None:
    """Said as soon as the channel takes it: somebody waits for it, and no row stands behind it that an outbox could draw again."""
    for _ in range(_TURNS):
        try:
            await post()
        except (ChannelFailed, *FAILURES) as error:
            refused = error if isinstance(error, ChannelFailed) else failed(error, "this answer")
            wait = float(refused.context.get("retry_after") or 0.0)
            if not 0.0 < wait <= _PATIENCE:
                raise refused from error
            await asyncio.sleep(wait)
        else:
            return
    raise ChannelFailed("The channel is busy; ask again in a minute.")


def as_markdown(text: str) -> str:
    """Every sign that means something to Markdown or to Slack loses its meaning; lines stay lines."""
    bare = begun = clean(text).strip()
    made = _marked(bare)
    while len(made) > _LONGEST:
        begun = graphemes.whole(begun, len(begun) * _LONGEST // len(made) - 1)
        made = _marked(f"{begun.rstrip()}…")
    if begun != bare:
        words.leave(text)
    return made or _NOTHING


def _marked(text: str) -> str:
    kept = _MARKS.sub(r"\\\1", text)
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace("\\>", "&gt;").replace("\n", "  \n")


def _pieces(text: str) -> Iterator[str]:
    """Cut between words, so that no escape is torn from its sign."""
    while len(text) > _PIECE:
        at = text.rfind(" ", 1, _PIECE)
        at = at + 1 if at > 0 else len(text)
        yield text[:at]
        text = text[at:]
    yield text


async def status(client: AsyncWebClient, place: Place, saying: str) -> None:
    """A nicety: an app without assistant:write answers all the same."""
    try:
        await client.assistant_threads_setStatus(channel_id=place.channel, thread_ts=place.thread_ts, status=saying)
    except FAILURES as error:
        log.debug("slack.status_not_shown", error=code_of(error) or type(error).__name__)


async def _picture(client: AsyncWebClient, place: Place, chart: Mapping[str, Any] | None) -> None:
    """Below the answer, as soon as Slack has processed it; in words where Slack doesn't take it."""
    found = await pictures.show(client, chart, {})
    if found.picture is None:
        return

    def draw(picture: Picture | None) -> tuple[str, kit.Blocks]:
        return fit(found.picture.alt if found.picture else "", kit.MESSAGE), list(picture_blocks(picture))

    async def send(text: str, blocks: kit.Blocks) -> AsyncSlackResponse:
        return await client.chat_postMessage(channel=place.channel, thread_ts=place.thread_ts, text=text, blocks=blocks)

    try:
        await sent(draw, found.picture, send, subject=place.thread_ts)
    except FAILURES as error:
        log.info("slack.answer_without_picture", error=code_of(error) or type(error).__name__)
