"""`/outcome`: look, ask, and steer; always answered for the asker's eyes only, never with an error dump."""

import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import listings, queries
from bot.slack.checkup import checkup
from bot.slack.people import UNKNOWN, People
from bot.slack.wire import FAILURES, failed
from bot.slack.words import fit, lines
from runtime.core import Runtime
from runtime.db.engine import Row
from runtime.errors import InvalidRequest, NotAllowed, NotFound, OutcomeRuntimeError
from runtime.experiments import control
from runtime.gates import rows as gates
from runtime.hypotheses import service as hypotheses
from runtime.identity.people import By, Member, person
from runtime.learnings.service import search
from runtime.outcomes import rows as outcomes
from runtime.outcomes import service as outcome_service

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncRespond

log = structlog.get_logger(__name__)

_LONGEST = 12_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One command: who asks, and the words behind its name."""

    runtime: Runtime
    org_id: UUID
    client: AsyncWebClient
    member: Member
    words: tuple[str, ...]

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
    name: str
    usage: str
    does: str
    run: Callable[[Asked], Awaitable[str]]
    steers: bool = False


async def _list(asked: Asked) -> str:
    async with asked.runtime.transaction(asked.org_id) as tx:
        found = await outcomes.listed(tx)
        runs = await queries.experiments_of(tx, [row["id"] for row in found])
    return listings.outcome_list(found, runs)


async def _show(asked: Asked) -> str:
    outcome = await _outcome(asked)
    async with asked.runtime.transaction(asked.org_id) as tx:
        runs = await queries.experiments_of(tx, [outcome["id"]])
        waiting = await gates.listed(tx, outcome_id=outcome["id"])
    return listings.outcome_details(outcome, runs, waiting)


async def _experiments(asked: Asked) -> str:
    outcome = await _outcome(asked)
    async with asked.runtime.transaction(asked.org_id) as tx:
        runs = await queries.experiments_of(tx, [outcome["id"]])
    return listings.experiment_list(outcome, runs)


async def _gates(asked: Asked) -> str:
    async with asked.runtime.transaction(asked.org_id) as tx:
        waiting = await gates.listed(tx)
        shown = await queries.shown_at(tx, [row["id"] for row in waiting])
    links = {gate: await permalink(asked.client, *place) for gate, place in list(shown.items())[:20]}
    return listings.gate_list(waiting, links, asked.member)


async def permalink(client: AsyncWebClient, channel: str, ts: str) -> str | None:
    """A link to a message; None when it is gone."""
    try:
        return str((await client.chat_getPermalink(channel=channel, message_ts=ts))["permalink"])
    except FAILURES:
        return None


async def _learnings(asked: Asked) -> str:
    question = " ".join(asked.words)
    return listings.learning_list(question, await search(asked.runtime, asked.org_id, question, limit=5))


async def _activate(asked: Asked) -> str:
    slug = (await _outcome(asked))["slug"]
    await outcome_service.activate(asked.runtime, asked.org_id, slug, by=asked.by, now=asked.runtime.now())
    return f"`{fit(slug, 100)}` is active; its first portfolio is being proposed and comes to gate 1."


async def _abandon(asked: Asked) -> str:
    slug, reason = (await _outcome(asked))["slug"], _reason(asked, "abandon")
    await outcome_service.abandon(
        asked.runtime, asked.org_id, slug, by=asked.by, now=asked.runtime.now(), reason=reason
    )
    return f"`{fit(slug, 100)}` is abandoned; the flags of its experiments go off."


async def _propose(asked: Asked) -> str:
    slug, playbook = (await _outcome(asked))["slug"], asked.rest.casefold() == "playbook"
    await hypotheses.request(asked.runtime, asked.org_id, slug, by=asked.by, playbook=playbook)
    return f"A portfolio for `{fit(slug, 100)}` is being proposed{' from the playbook' if playbook else ''}; it comes to gate 1."


async def _pause(asked: Asked) -> str:
    row = await _experiment(asked)
    await control.pause(asked.runtime, asked.org_id, row["id"], asked.rest, by=asked.by, now=asked.runtime.now())
    return f"*{fit(row['title'], 200)}* is paused and its flag goes off; a gate asks whether to go on."


async def _resume(asked: Asked) -> str:
    row = await _experiment(asked)
    await control.resume(asked.runtime, asked.org_id, row["id"], by=asked.by, now=asked.runtime.now())
    return f"*{fit(row['title'], 200)}* runs again, at the rollout that was approved."


async def _kill(asked: Asked) -> str:
    row = await _experiment(asked)
    reason = _reason(asked, "kill")
    await control.kill(asked.runtime, asked.org_id, row["id"], reason, by=asked.by, now=asked.runtime.now())
    return f"*{fit(row['title'], 200)}* is killed; its flag goes off for everybody."


async def _rebuild(asked: Asked) -> str:
    row = await _experiment(asked)
    await control.rebuild(asked.runtime, asked.org_id, row["id"], by=asked.by, now=asked.runtime.now())
    return f"*{fit(row['title'], 200)}* is sent to the coding agent again."


async def _doctor(asked: Asked) -> str:
    return await checkup(asked.runtime, asked.org_id, asked.client)


async def _help(asked: Asked) -> str:
    known = (f"`/outcome {fit(command.usage, 100)}`  {command.does}" for command in COMMANDS.values())
    return "\n".join(["*What I can do*", *known])


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("list", "list", "all outcomes and how they stand", _list),
        Command("show", "show <outcome>", "one outcome: target, experiments, open gates", _show),
        Command("experiments", "experiments <outcome>", "its experiments and their results so far", _experiments),
        Command("gates", "gates", "decisions that wait, and for whom", _gates),
        Command("learnings", "learnings <question>", "what earlier experiments taught", _learnings),
        Command("activate", "activate <outcome>", "start it; a portfolio is proposed", _activate, steers=True),
        Command("abandon", "abandon <outcome> <why>", "end it; its flags go off", _abandon, steers=True),
        Command("propose", "propose <outcome> [playbook]", "ask for another portfolio", _propose, steers=True),
        Command("pause", "pause <experiment> <why>", "flag off, and a gate asks whether to go on", _pause, steers=True),
        Command("resume", "resume <experiment>", "back to the approved rollout", _resume, steers=True),
        Command("kill", "kill <experiment> <why>", "flag off for good", _kill, steers=True),
        Command("rebuild", "rebuild <experiment>", "send a failed build to the agent again", _rebuild, steers=True),
        Command("doctor", "doctor", "check my connection to Slack and what is stuck", _doctor),
        Command("help", "help", "this list", _help),
    )
}


@dataclass(frozen=True, slots=True)
class CommandDoor:
    """Slack's handler of the slash command."""

    runtime: Runtime
    org_id: UUID
    people: People

    async def run(
        self, ack: "AsyncAck", command: dict[str, Any], client: AsyncWebClient, respond: "AsyncRespond"
    ) -> None:
        await ack()
        text = await self.answer(str(command.get("text") or ""), str(command["user_id"]), client)
        await respond(text=lines(text.splitlines(), _LONGEST), response_type="ephemeral", unfurl_links=False)

    async def answer(self, text: str, slack_user_id: str, client: AsyncWebClient) -> str:
        """Every failure is a sentence; what nobody foresaw is logged, with one sentence that says so."""
        try:
            return await self._answer(text, slack_user_id, client)
        except OutcomeRuntimeError as error:
            return fit(error.message, 3000)
        except FAILURES as error:
            return fit(failed(error, "this").message, 3000)
        except Exception:
            log.exception("slack.command_failed", command=text[:100])
            return "Something went wrong here; the log of the bot has the details. Nothing was changed."

    async def _answer(self, text: str, slack_user_id: str, client: AsyncWebClient) -> str:
        name, *words = text.split() or ["help"]
        command = COMMANDS.get(name.casefold())
        if command is None:
            return _suggestion(name)
        member = await self.people.behind(slack_user_id)
        if member is None:
            return UNKNOWN
        if command.steers and member.role == "viewer":
            raise NotAllowed("You can look, but not steer; ask somebody who may decide.")
        try:
            return await command.run(Asked(self.runtime, self.org_id, client, member, tuple(words)))
        except InvalidRequest as error:
            return f"{fit(error.message, 2000)}\nWritten so: `/outcome {fit(command.usage, 100)}`"


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name.casefold(), COMMANDS, n=1, cutoff=0.5)
    meant = (
        f" Did you mean `/outcome {COMMANDS[close[0]].usage}`?".replace("<", "&lt;").replace(">", "&gt;")
        if close
        else ""
    )
    return f"I don't know “{fit(name, 60)}”.{meant} `/outcome help` lists everything."


def _reason(asked: Asked, doing: str) -> str:
    if not asked.rest.strip():
        raise InvalidRequest(f"Say why, in a few words; it is kept with the decision to {doing}.")
    return asked.rest


async def _outcome(asked: Asked) -> Row:
    slug = asked.word("outcome")
    async with asked.runtime.transaction(asked.org_id) as tx:
        found = await outcomes.by_slug(tx, slug)
        known = [] if found else [row["slug"] for row in await outcomes.listed(tx)]
    if found is None:
        raise NotFound(f"There is no outcome “{slug}”.{_close(slug, known)}", slug=slug)
    return found


async def _experiment(asked: Asked) -> Row:
    """By flag key, by id or its first characters, or by title."""
    said = asked.word("experiment").casefold()
    async with asked.runtime.transaction(asked.org_id) as tx:
        known = await queries.all_experiments(tx)
    exact = [row for row in known if said in {str(row["id"]), str(row["feature_flag_key"]).casefold()}]
    found = exact or [row for row in known if len(said) >= 4 and str(row["id"]).startswith(said)]  # noqa: PLR2004  fewer would be a guess
    if len(found) != 1:
        flags = [str(row["feature_flag_key"]) for row in known if row["feature_flag_key"]]
        raise NotFound(f"There is no experiment “{said}”; name it by its flag.{_close(said, flags)}")
    return found[0]


def _close(said: str, known: list[str]) -> str:
    close = difflib.get_close_matches(said, known, n=3, cutoff=0.4) or known[:3]
    return (
        f" Did you mean {' or '.join(close)}?" if close else " There is none yet; `outcome-runtime apply` makes them."
    )
