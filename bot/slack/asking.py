"""Questions in Slack: answered from stored data, with the query behind them and a chart where one helps."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import kit, naming, pictures, streaming
from bot.slack.asked import Answer as Outgoing
from bot.slack.asked import Asked, Said
from bot.slack.blocks import picture_blocks
from bot.slack.deliveries import Key
from bot.slack.kit import Blocks
from bot.slack.post import Desk, Letter
from bot.slack.view import Picture
from bot.slack.wire import FAILURES, code_of
from bot.slack.words import fit, timed
from runtime.answers.service import Answer, answer
from runtime.core import Runtime
from runtime.errors import InvalidRequest
from runtime.identity.people import Member

_STILL_PROCESSED = (0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer goes: a conversation, a thread of it if there is one, and the words' own `ts`; `direct` is who speaks to us alone."""

    channel: str
    ts: str
    thread_ts: str | None = None
    direct: str = ""

    @property
    def stream(self) -> streaming.Place:
        """In a direct conversation: under the words it answers, since Slack streams nowhere else there."""
        return streaming.Place(self.channel, self.thread_ts or self.ts, self.direct, "")


def drawn(found: Answer, picture: Picture | None) -> tuple[str, Blocks]:
    """The sentences, the chart, and last the query they came from; all of it is data and escaped."""
    body, _, query = found.text.rpartition("\n")
    text = timed(fit(body or found.text, kit.SECTION), kit.SECTION)
    origin = [kit.context(fit(query, 500))] if body and found.understood else []
    return fit(found.text, kit.MESSAGE), [kit.section(text), *picture_blocks(picture), *origin]


async def reply(runtime: Runtime, org_id: UUID, client: AsyncWebClient, found: Answer, place: Place) -> None:
    """Posted once for each question, however often its delivery is repeated; it streams to who speaks to us alone."""
    found = replace(found, text=await naming.answered(runtime, org_id, found.text))
    if place.direct:
        await streaming.told(client, place.stream, found.text, found.chart)
        return
    key = Key("answer", uuid5(NAMESPACE_URL, f"{place.channel}:{place.ts}"), place.channel)
    thread = (place.channel, place.thread_ts) if place.thread_ts else None
    chart: Mapping[str, Any] | None = found.chart
    letter = Letter(key, lambda picture: drawn(found, picture), chart, thread=thread)
    desk = Desk(runtime, org_id, client)
    await streaming.in_turn(lambda: desk.put(letter))


async def ask(asked: Asked) -> Outgoing:
    """`/outcome ask <question>`: the same answers, for the asker's eyes only; where the picture can't go, its words do."""
    question = " ".join(asked.words)
    if not question:
        raise InvalidRequest("Say what you want to know.")
    found = await spoken(asked.runtime, asked.org_id, question, asked.member)
    found = replace(found, text=await naming.answered(asked.runtime, asked.org_id, found.text))
    picture = (await pictures.show(asked.client, found.chart, {})).picture
    if picture and picture.file_id and asked.channel and await _shown(asked, found, picture):
        return ""
    return Said(*drawn(found, replace(picture, file_id=None) if picture else None))


async def _shown(asked: Asked, found: Answer, picture: Picture) -> bool:
    """Whether the answer went out with its picture, which Slack processes for a moment after the upload."""
    text, blocks = drawn(found, picture)
    for wait in _STILL_PROCESSED:
        try:
            await asked.client.chat_postEphemeral(channel=asked.channel, user=asked.user, text=text, blocks=blocks)
        except FAILURES as error:
            if code_of(error) != "invalid_blocks":
                return False
            await asyncio.sleep(wait)
        else:
            return True
    return False


async def spoken(runtime: Runtime, org_id: UUID, question: str, member: Member) -> Answer:
    """A question that belongs to no thread: its own words say what it is about."""
    return await answer(runtime, org_id, question, member=member)
