"""The agent view: prompts that fit what is going on, and questions of its threads, whose answers stream in."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import structlog
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select

from bot.slack import deliveries, naming, queries, streaming
from bot.slack.deliveries import Key
from bot.slack.people import UNKNOWN, People
from bot.slack.streaming import Place
from bot.slack.talk import is_talk, words_of
from bot.slack.wire import FAILURES, code_of
from bot.slack.words import plain
from runtime.core import Runtime
from runtime.db.tables import deliveries as shown
from runtime.errors import OutcomeRuntimeError
from runtime.identity.people import Member
from runtime.lifecycle import EXPERIMENT

log = structlog.get_logger(__name__)

Event = dict[str, Any]
MOST_PROMPTS = 4
"""Slack shows no more."""
TITLE = "Ask about gates, experiments and what was learned"
_KIND = "assistant"
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
        await streaming.status(client, place, streaming.STATUS)
        try:
            member = await self.people.behind(place.user)
            if member is None:
                await streaming.stream(client, place, UNKNOWN)
                return
            found = await self.answer(self.runtime, self.org_id, question, member=member)
            said = await naming.answered(self.runtime, self.org_id, found.text)
            await streaming.told(client, place, said or _HELP, found.chart)
        except OutcomeRuntimeError as error:
            await streaming.stream(client, place, await naming.plainly(self.runtime, self.org_id, error.message))
        finally:
            await streaming.status(client, place, "")

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
