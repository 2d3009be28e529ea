"""`/outcome`: look, ask, and steer; always answered for the asker's eyes only, never with an error dump."""

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import (
    acting,
    asking,
    checkup,
    connecting,
    digest,
    forms,
    importing,
    kit,
    leftovers,
    listings,
    naming,
    picturing,
    wizard,
)
from bot.slack.acting import permalink
from bot.slack.asked import Answer, Asked, Command, Said
from bot.slack.people import UNKNOWN, People
from bot.slack.wire import FAILURES, failed
from bot.slack.words import fit, keeping, lines
from runtime.core import Runtime
from runtime.errors import InvalidRequest, NotAllowed, OutcomeRuntimeError

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncRespond

__all__ = ["COMMANDS", "Asked", "Command", "CommandDoor", "Said", "permalink"]

log = structlog.get_logger(__name__)

_LONGEST = 12_000
_REFUSED = 400
"""From this HTTP status on Slack did not take the blocks, a picture it still works on among them; then the words are sent alone."""
_REST = "✂️ What is shortened here stands in full in our direct conversation, as a file."
_UNFORESEEN = "Something went wrong here; the log of the bot has the details. Nothing was changed."


async def _help(asked: Asked) -> str:
    return help_text()


def help_text() -> str:
    known = (f"`/outcome {fit(command.usage, 100)}`  {command.does}" for command in COMMANDS.values())
    return "\n".join(["*What I can do*", *known])


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("new", "new", "write a new outcome, step by step", wizard.new, steers=True, form=wizard.TITLE),
        Command(
            "import", "import", "paste or upload an outcome.yaml", importing.begin, steers=True, form=importing.TITLE
        ),
        Command("list", "list", "all outcomes and how they stand", acting.list_outcomes),
        Command("show", "show <outcome>", "one outcome: target, experiments, open gates", acting.show),
        Command("chart", "chart <outcome|experiment>", "its picture, sent to you alone", picturing.chart),
        Command("experiments", "experiments <outcome>", "its experiments and their results so far", acting.experiments),
        Command("gates", "gates", "decisions that wait, and for whom", acting.waiting),
        Command("ask", "ask <question>", "an answer from the stored numbers, with the query behind it", asking.ask),
        Command("learnings", "learnings <question>", "what earlier experiments taught", acting.learnings),
        Command(
            "digest", "digest [outcome]", "the last day: what runs, waits, was decided and learned", digest.on_demand
        ),
        Command("activate", "activate <outcome>", "start it; a portfolio is proposed", acting.activate, steers=True),
        Command("abandon", "abandon <outcome> <why>", "end it; its flags go off", acting.abandon, steers=True),
        Command("propose", "propose <outcome> [playbook]", "ask for another portfolio", acting.propose, steers=True),
        Command(
            "pause", "pause <experiment> <why>", "flag off, and a gate asks whether to go on", acting.pause, steers=True
        ),
        Command(
            "resume",
            "resume <experiment> <why>",
            "back to the approved rollout: your answer to the gate that asks about it",
            acting.resume,
            steers=True,
        ),
        Command("kill", "kill <experiment> <why>", "flag off for good", acting.kill, steers=True),
        Command(
            "rebuild", "rebuild <experiment>", "send a failed build to the agent again", acting.rebuild, steers=True
        ),
        Command("connect", "connect", "what is connected, what is missing, and a key for signals", connecting.connect),
        Command("doctor", "doctor", "check my connection to Slack and what is stuck", checkup.doctor),
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
        with keeping() as left:
            answer = await self.answer(command, client)
            text = answer.text if isinstance(answer, Said) else lines(answer.splitlines(), _LONGEST)
        blocks = answer.blocks if isinstance(answer, Said) else None
        rest = leftovers.missing(blocks or [kit.section(text)], left)
        if text:
            note = "" if not rest or blocks else f"\n{_REST}"
            shown = await respond(text=text + note, blocks=blocks, response_type="ephemeral", unfurl_links=False)
            if blocks and shown.status_code >= _REFUSED:
                await respond(text=text, response_type="ephemeral", unfurl_links=False)
        await leftovers.to_person(client, str(command["user_id"]), "the answer to a command", rest)

    async def answer(self, command: dict[str, Any], client: AsyncWebClient) -> Answer:
        """Every failure is a sentence; what nobody foresaw is logged, with one sentence that says so."""
        text = str(command.get("text") or "")
        name, *words = text.split() or ["help"]
        wanted = COMMANDS.get(name.casefold())
        if wanted is None:
            return _suggestion(name)
        view_id = ""
        try:
            if wanted.form:
                view_id = await forms.loading(client, str(command.get("trigger_id")), wanted.form)
            answer = await self._answer(wanted, tuple(words), command, client, view_id)
        except OutcomeRuntimeError as error:
            answer = listings.impossible(error) or await naming.said(self.runtime, self.org_id, error.message)
        except FAILURES as error:
            answer = fit(failed(error, "this").message, 3000)
        except Exception:
            log.exception("slack.command_failed", command=text[:100])
            answer = _UNFORESEEN
        return answer if not view_id else await forms.told(client, view_id, wanted.form, answer)

    async def _answer(
        self, wanted: Command, words: tuple[str, ...], command: dict[str, Any], client: AsyncWebClient, view_id: str
    ) -> Answer:
        member = await self.people.behind(str(command["user_id"]))
        if member is None:
            return UNKNOWN
        if wanted.steers and member.role == "viewer":
            raise NotAllowed("You can look, but not steer; ask somebody who may decide.")
        place, user = str(command.get("channel_id") or ""), str(command["user_id"])
        try:
            return await wanted.run(Asked(self.runtime, self.org_id, client, member, words, place, user, view_id))
        except InvalidRequest as error:
            return f"{fit(error.message, 2000)}\nWritten so: `/outcome {fit(wanted.usage, 100)}`"


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name.casefold(), COMMANDS, n=1, cutoff=0.5)
    meant = (
        f" Did you mean `/outcome {COMMANDS[close[0]].usage}`?".replace("<", "&lt;").replace(">", "&gt;")
        if close
        else ""
    )
    return f"I don't know “{fit(name, 60)}”.{meant} `/outcome help` lists everything."
