"""People in sentences that say who they are by address: by mention once they are known in Slack, else by name."""

import re
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from bot.slack import queries
from bot.slack.view import Who
from bot.slack.words import fit, timed
from runtime.core import Runtime
from runtime.db.engine import Tx
from runtime.digests import Digest

_ADDRESS = re.compile(r"[\w.!#$%*+/=?^{|}~-]+@\w[\w-]*(?:\.\w[\w-]*)+")
LONGEST = 3000
"""What a private answer holds."""


def mentioned(shown: str, people: Mapping[str, Who]) -> str:
    """Of text that is escaped already; addresses of nobody we know stay as they are."""
    return _ADDRESS.sub(lambda found: known.shown if (known := people.get(found[0].casefold())) else found[0], shown)


def named(text: str, people: Mapping[str, Who]) -> str:
    """Where Slack shows no mentions, and where nobody shall be called; not escaped."""
    return _ADDRESS.sub(lambda found: known.named if (known := people.get(found[0].casefold())) else found[0], text)


async def said(runtime: Runtime, org_id: UUID, text: str, limit: int = LONGEST) -> str:
    """A sentence of ours, escaped, with mentions, its moments in the reader's zone."""
    shown = fit(text, limit)
    return timed(mentioned(shown, await _known(runtime, org_id, shown)), limit)


async def plainly(runtime: Runtime, org_id: UUID, text: str) -> str:
    """A sentence of ours with names, for whatever escapes it afterwards."""
    return named(text, await _known(runtime, org_id, text))


async def answered(runtime: Runtime, org_id: UUID, text: str) -> str:
    """`plainly`, of an answer from stored data; the query behind it, its last line, stays as it is."""
    body, joint, query = text.rpartition("\n")
    return f"{await plainly(runtime, org_id, body)}{joint}{query}" if joint else await plainly(runtime, org_id, text)


async def digest(tx: Tx, found: Digest) -> Digest:
    """With names: whoever is in a digest is not called by it. Titles are other people's words and stay."""
    ours = (*found.waiting, *found.decided)
    people = await queries.people_of(tx, _ADDRESS.findall("\n".join(line.says for line in ours)))
    waiting, decided = (
        [replace(line, says=named(line.says, people)) for line in part] for part in (found.waiting, found.decided)
    )
    return replace(found, waiting=tuple(waiting), decided=tuple(decided))


async def within(tx: Tx, text: str) -> str:
    """`plainly` within a transaction."""
    return named(text, await queries.people_of(tx, _ADDRESS.findall(text)))


async def _known(runtime: Runtime, org_id: UUID, text: str) -> Mapping[str, Who]:
    addresses = _ADDRESS.findall(text)
    if not addresses:
        return {}
    async with runtime.transaction(org_id) as tx:
        return await queries.people_of(tx, addresses)
