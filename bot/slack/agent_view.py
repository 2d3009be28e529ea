"""The agent view: prompts that fit what is going on, a status while something is looked up, answers that stream in."""

import re
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from sqlalchemy import select

from bot.slack import deliveries, kit, pictures, queries
from bot.slack.blocks import picture_blocks
from bot.slack.deliveries import Key
from bot.slack.insisting import sent
from bot.slack.people import UNKNOWN, People
from bot.slack.talk import is_talk, words_of
from bot.slack.view import Picture
from bot.slack.wire import FAILURES, code_of
from bot.slack.words import clean, fit, plain
from runtime.core import Runtime
from runtime.db.tables import deliveries as shown
from runtime.errors import OutcomeRuntimeError
from runtime.identity.people import Member
from runtime.lifecycle import EXPERIMENT

log = structlog.get_logger(__name__)

Event = dict[str, Any]
MOST_PROMPTS = 4
"""Slack shows no more."""
STATUS = "is looking at the stored data…"
TITLE = "Ask about gates, experiments and what was learned"
_PIECE = 400
_LONGEST = 11_000
"""Slack takes 12,000 characters of Markdown in one message."""
_KIND = "assistant"
_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")
_UNSTREAMED = frozenset(
    {"unknown_method", "missing_scope", "not_allowed_token_type", "method_not_supported_for_channel_type"}
)
_HELP = "I answer from stored data only. Ask for instance: What is waiting for me?"


class Answered(Protocol):
    """Plain words, escaped where they are shown, and a chart as plain values where one helps."""

    @property
    def text(self) -> str: ...
    @property
    def chart(self) -> Mapping[str, Any] | None: ...


class Answering(Protocol):
    """`runtime.answers.service.answer`."""

    def __call__(self, runtime: Runtime, org_id: UUID, question: str, *, member: Member) -> Awaitable[Answered]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A thread, and the person who reads there."""

    channel: str
    thread_ts: str
    user: str
    team: str


@dataclass(frozen=True, slots=True)
class AgentView:
    """Handlers of Slack's assistant container and of questions in its threads."""

    runtime: Runtime
    org_id: UUID
    people: People
    answer: Answering

    async def started(self, event: Event, client: AsyncWebClient) -> None:
        thread = event["assistant_thread"]
        member = await self.people.behind(thread["user_id"])
        if member is None:
            await client.chat_postMessage(channel=thread["channel_id"], thread_ts=thread["thread_ts"], text=UNKNOWN)
            return
        await self._remember(member, thread)
        await self._prompts(client, member, str(thread["channel_id"]), str(thread["thread_ts"]))

    async def context_changed(self, event: Event, client: AsyncWebClient) -> None:
        """Somebody looks at another channel beside us: the prompts are made from the state as it is now."""
        await self.started(event, client)

    async def greet(self, event: Event, client: AsyncWebClient) -> None:
        """The messages tab of an app with `agent_view` has prompts too, without a thread."""
        member = await self.people.behind(event["user"])
        if member is not None and event.get("channel"):
            await self._prompts(client, member, str(event["channel"]), None)

    async def is_ours(self, event: Event) -> bool:
        """A person's words in a thread that was started here; a gate's thread in a direct conversation is not."""
        if not is_talk(event) or event.get("channel_type") != "im" or not event.get("thread_ts"):
            return False
        d = shown.c
        place = (d.external_place == event["channel"]) & (d.external_id == event["thread_ts"])
        statement = select(d.subject_id).where(d.subject_kind == _KIND, d.channel == deliveries.CHANNEL, place)
        async with self.runtime.transaction(self.org_id) as tx:
            return await tx.first(statement.limit(1)) is not None

    async def asked(self, event: Event, client: AsyncWebClient, context: Mapping[str, Any]) -> None:
        place = Place(event["channel"], event["thread_ts"], event["user"], str(context.get("team_id") or ""))
        question, _ = words_of(event["text"], str(context.get("bot_user_id") or ""))
        await self.reply(client, place, question)

    async def reply(self, client: AsyncWebClient, place: Place, question: str) -> None:
        """Answer one question in a thread; whatever goes wrong, the person is told and no status is left standing."""
        await _status(client, place, STATUS)
        try:
            member = await self.people.behind(place.user)
            if member is None:
                await stream(client, place, UNKNOWN)
                return
            found = await self.answer(self.runtime, self.org_id, question, member=member)
            await stream(client, place, found.text or _HELP)
            await _picture(client, place, found.chart)
        except OutcomeRuntimeError as error:
            await stream(client, place, error.message)
        finally:
            await _status(client, place, "")

    async def _remember(self, member: Member, thread: Mapping[str, Any]) -> None:
        key = Key(_KIND, member.id, f"{thread['channel_id']}/{thread['thread_ts']}")
        async with self.runtime.transaction(self.org_id) as tx:
            await deliveries.intend(tx, key)
            await deliveries.placed(tx, key, str(thread["channel_id"]), str(thread["thread_ts"]), {})

    async def _prompts(self, client: AsyncWebClient, member: Member, channel: str, thread_ts: str | None) -> None:
        async with self.runtime.transaction(self.org_id) as tx:
            outcomes = await queries.their_outcomes(tx, member)
            runs = await queries.experiments_of(tx, [row["id"] for row in outcomes])
        found = prompts(outcomes, runs)
        try:
            await client.assistant_threads_setSuggestedPrompts(
                channel_id=channel, thread_ts=thread_ts, title=TITLE, prompts=found
            )
        except FAILURES as error:
            log.info("slack.prompts_not_shown", error=code_of(error) or type(error).__name__)


def prompts(outcomes: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Questions that have an answer now: about what runs and what was aimed at, else how to begin."""
    asked = ["What is waiting for me?"]
    going = [run for run in runs if run["status"] not in EXPERIMENT.final and run["current_result"]]
    asked += [f"How sure are we about {_named(run['title'])}?" for run in going[:1]]
    asked += [f"When will we know about {_named(run['title'])}?" for run in going[1:2]]
    asked += [f"What did we learn about {_named(row['title'])}?" for row in outcomes[:1]]
    asked += ["Which guardrail is closest?" if going else "What did we learn lately?"]
    return [{"title": plain(text, 75), "message": text} for text in asked[:MOST_PROMPTS]]


def _named(title: object) -> str:
    return plain(title, 60).translate(str.maketrans("", "", "<>"))


async def stream(client: AsyncWebClient, place: Place, text: str) -> None:
    """Piece by piece where Slack streams, in one message where it doesn't. `text` is plain and becomes data, never markup."""
    pieces = list(_pieces(as_markdown(text)))
    try:
        opened = await client.chat_startStream(
            channel=place.channel, thread_ts=place.thread_ts, markdown_text=pieces[0],
            recipient_team_id=place.team or None, recipient_user_id=place.user,
        )  # fmt: skip
    except SlackApiError as error:
        if code_of(error) not in _UNSTREAMED:
            raise
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
    await client.chat_postMessage(channel=place.channel, thread_ts=place.thread_ts, text=fit(text, _LONGEST))


def as_markdown(text: str) -> str:
    """Every sign that means something to Markdown or to Slack loses its meaning; lines stay lines."""
    kept = _MARKS.sub(r"\\\1", clean(text).strip()[: _LONGEST // 2])
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace("\\>", "&gt;").replace("\n", "  \n") or _HELP


def _pieces(text: str) -> Iterator[str]:
    """Cut between words, so that no escape is torn from its sign."""
    while len(text) > _PIECE:
        at = text.rfind(" ", 1, _PIECE)
        at = at + 1 if at > 0 else len(text)
        yield text[:at]
        text = text[at:]
    yield text


async def _status(client: AsyncWebClient, place: Place, status: str) -> None:
    """A nicety: an app without assistant:write answers all the same."""
    try:
        await client.assistant_threads_setStatus(channel_id=place.channel, thread_ts=place.thread_ts, status=status)
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
