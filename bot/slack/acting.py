"""What `/outcome` does: look things up and steer what runs, each command one small function."""

import difflib

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import listings, queries
from bot.slack.asked import Asked
from bot.slack.wire import FAILURES
from runtime.db.engine import Row
from runtime.errors import InvalidRequest, NotFound
from runtime.experiments import control
from runtime.gates import rows as gates
from runtime.hypotheses import service as hypotheses
from runtime.learnings.service import search
from runtime.outcomes import rows as outcomes
from runtime.outcomes import service as outcome_service


async def list_outcomes(asked: Asked) -> str:
    async with asked.runtime.transaction(asked.org_id) as tx:
        found = await outcomes.listed(tx)
        runs = await queries.experiments_of(tx, [row["id"] for row in found])
    return listings.outcome_list(found, runs)


async def show(asked: Asked) -> str:
    outcome = await named_outcome(asked)
    async with asked.runtime.transaction(asked.org_id) as tx:
        runs = await queries.experiments_of(tx, [outcome["id"]])
        waiting = await gates.listed(tx, outcome_id=outcome["id"])
        people = await queries.people_of(tx, [gates.seat(gate).asked for gate in waiting])
    return listings.outcome_details(outcome, runs, waiting, people)


async def experiments(asked: Asked) -> str:
    outcome = await named_outcome(asked)
    async with asked.runtime.transaction(asked.org_id) as tx:
        runs = await queries.experiments_of(tx, [outcome["id"]])
    return listings.experiment_list(outcome, runs)


async def waiting(asked: Asked) -> str:
    async with asked.runtime.transaction(asked.org_id) as tx:
        found = await gates.listed(tx)
        shown = await queries.shown_at(tx, [row["id"] for row in found])
        people = await queries.people_of(tx, [gates.seat(row).asked for row in found])
    links = {gate: await permalink(asked.client, *place) for gate, place in list(shown.items())[:20]}
    return listings.gate_list(found, links, asked.member, people)


async def permalink(client: AsyncWebClient, channel: str, ts: str) -> str | None:
    """A link to a message; None when it is gone."""
    try:
        return str((await client.chat_getPermalink(channel=channel, message_ts=ts))["permalink"])
    except FAILURES:
        return None


async def learnings(asked: Asked) -> str:
    question = " ".join(asked.words)
    return listings.learning_list(question, await search(asked.runtime, asked.org_id, question, limit=5))


async def activate(asked: Asked) -> str:
    outcome = await named_outcome(asked)
    await outcome_service.activate(asked.runtime, asked.org_id, outcome["slug"], by=asked.by, now=asked.runtime.now())
    return listings.done("activate", outcome)


async def abandon(asked: Asked) -> str:
    outcome, reason = await named_outcome(asked), reason_given(asked, "abandon")
    await outcome_service.abandon(
        asked.runtime, asked.org_id, outcome["slug"], by=asked.by, now=asked.runtime.now(), reason=reason
    )
    return listings.done("abandon", outcome)


async def propose(asked: Asked) -> str:
    outcome, playbook = await named_outcome(asked), asked.rest.casefold() == "playbook"
    await hypotheses.request(asked.runtime, asked.org_id, outcome["slug"], by=asked.by, playbook=playbook)
    return listings.done("propose-playbook" if playbook else "propose", outcome)


async def pause(asked: Asked) -> str:
    row = await named_experiment(asked)
    await control.pause(asked.runtime, asked.org_id, row["id"], asked.rest, by=asked.by, now=asked.runtime.now())
    return listings.done("pause", row)


async def resume(asked: Asked) -> str:
    row = await named_experiment(asked)
    await control.resume(asked.runtime, asked.org_id, row["id"], asked.rest, by=asked.by, now=asked.runtime.now())
    return listings.done("resume", row)


async def kill(asked: Asked) -> str:
    row = await named_experiment(asked)
    reason = reason_given(asked, "kill")
    await control.kill(asked.runtime, asked.org_id, row["id"], reason, by=asked.by, now=asked.runtime.now())
    return listings.done("kill", row)


async def rebuild(asked: Asked) -> str:
    row = await named_experiment(asked)
    await control.rebuild(asked.runtime, asked.org_id, row["id"], by=asked.by, now=asked.runtime.now())
    return listings.done("rebuild", row)


def reason_given(asked: Asked, doing: str) -> str:
    if not asked.rest.strip():
        raise InvalidRequest(f"Say why, in a few words; it is kept with the decision to {doing}.")
    return asked.rest


async def named_outcome(asked: Asked) -> Row:
    slug = asked.word("outcome")
    async with asked.runtime.transaction(asked.org_id) as tx:
        found = await outcomes.by_slug(tx, slug)
        known = [] if found else [row["slug"] for row in await outcomes.listed(tx)]
    if found is None:
        raise NotFound(f"There is no outcome “{slug}”.{_close(slug, known)}", slug=slug)
    return found


async def named_experiment(asked: Asked) -> Row:
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
    return f" Did you mean {' or '.join(close)}?" if close else " There is none yet; `/outcome new` makes one."
