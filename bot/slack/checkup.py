"""`/outcome doctor`: whether Slack connected as it should be, and what is stuck."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import func, select

from bot.slack import kit, queries
from bot.slack.asked import Answer, Asked, Said
from bot.slack.wire import FAILURES, failed
from bot.slack.words import fit
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.db.tables import outbox
from runtime.outcomes.service import applied_file

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck, AsyncRespond

SCOPES = (
    "app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "commands", "files:read", "files:write", "groups:history",
    "groups:read", "im:history", "im:write", "reactions:write", "users:read", "users:read.email",
)  # fmt: skip
"""What manifest.yaml asks for; a test holds the two together."""
PROOF = "doctor-proof"
_SKEW = 60.0
"""Seconds by which clocks may differ; Slack's requests are refused at five minutes, so there is time to mend it."""
_LATE = 120.0
"""Seconds after which a message that is due and untried means that no worker runs."""
_PAGES = 10


async def doctor(asked: Asked) -> Answer:
    """The facts, and a button: only if Slack can reach the app's interactivity address does pressing it answer."""
    return shown(await checkup(asked.runtime, asked.org_id, asked.client), time.time())


def shown(text: str, now: float) -> Said:
    lines = [
        *text.splitlines(),
        "Press the button: if nothing happens, the interactivity address in the app's settings is wrong.",
    ]
    proof = kit.actions("doctor", [kit.button("Press me", PROOF, f"{now:.3f}")])
    return Said("\n".join(lines)[: kit.MESSAGE], [*_sections(lines), proof])


def _sections(lines: Sequence[str]) -> list[kit.Block]:
    """Whole lines, in sections as full as Slack takes them."""
    pieces = [""]
    for line in lines:
        if len(pieces[-1]) + len(line) + 1 > kit.SECTION:
            pieces.append("")
        pieces[-1] += f"{line}\n"
    return [kit.section(piece.rstrip()) for piece in pieces]


async def pressed(ack: "AsyncAck", action: dict[str, Any], respond: "AsyncRespond") -> None:
    """The proof that Slack's interactions arrive here."""
    await ack()
    began = float(str(action.get("value") or 0) or 0)
    since = f" ({max(0.0, time.time() - began):.0f} s after I was asked)" if began else ""
    await respond(text=f"✅ It works: the button reached me{since}.", response_type="ephemeral", replace_original=False)


async def checkup(runtime: Runtime, org_id: UUID, client: AsyncWebClient) -> str:
    lines = [line async for line in _slack(client)]
    async with runtime.transaction(org_id) as tx:
        stuck, unlinked, queue = await queries.undelivered(tx), await queries.unlinked(tx), await _queue(tx)
        wanted = await _gate_channels(tx, runtime.settings.slack_default_channel)
    lines += [line async for line in _channels(wanted, client)]
    return "\n".join(
        [*lines, "✅ The database answers.", *_queued(queue, time.time()), *_stuck(stuck), *_unlinked(unlinked)]
    )


async def _slack(client: AsyncWebClient) -> AsyncIterator[str]:
    try:
        answer = await client.auth_test()
    except FAILURES as error:
        yield f"⛔ {fit(failed(error, 'to identify me').message, 500)}"
        return
    yield f"✅ I am {fit(answer['user'], 80)} in {fit(answer['team'], 80)}, and this command reached me."
    headers = {str(name).casefold(): str(value) for name, value in answer.headers.items()}
    yield scopes_said(headers.get("x-oauth-scopes", ""))
    yield clock_said(headers.get("date", ""), time.time())


def scopes_said(granted: str) -> str:
    """What auth.test's `x-oauth-scopes` lacks of what manifest.yaml asks for."""
    given = {scope.strip() for scope in granted.split(",") if scope.strip()}
    missing = [scope for scope in SCOPES if given and scope not in given]
    if not missing:
        return "✅ All permissions are there."
    return f"⚠️ Missing permissions: {', '.join(missing)}. Compare with manifest.yaml and reinstall the app."


def clock_said(date: str, now: float) -> str:
    """This machine's clock against Slack's `Date` header."""
    try:
        skew = now - parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return "⚠️ Slack did not say what time it is, so the clocks could not be compared."
    if abs(skew) <= _SKEW:
        return f"✅ The clock agrees with Slack's (within {max(1, round(abs(skew)))} s)."
    way = "ahead of" if skew > 0 else "behind"
    return f"⛔ The clock is {abs(skew):.0f} s {way} Slack's; set it by NTP. At five minutes every press is refused."


async def _gate_channels(tx: Tx, default: str) -> Sequence[str]:
    """Every Slack channel that a gate is asked in, the default one first."""
    file = await applied_file(tx)
    written = [
        str(gate.channel)
        for spec in (file.outcomes if file else ())
        for gate in (getattr(spec.gates, kind) for kind in sorted(spec.gates.model_fields_set))
        if gate and gate.channel
    ]
    named = [place.partition(":")[2] for place in written if place.startswith("slack:")]
    return list(dict.fromkeys([default, *named]))


async def _channels(wanted: Sequence[str], client: AsyncWebClient) -> AsyncIterator[str]:
    try:
        joined = await _joined(client)
    except FAILURES as error:
        yield f"⛔ {fit(failed(error, 'to list channels').message, 500)}"
        return
    for number, place in enumerate(wanted):
        what = "the default channel " if number == 0 else "the channel "
        if place.removeprefix("#") in joined:
            yield f"✅ I am in {what}{fit(place, 80)}."
        else:
            yield f"⚠️ I am not in {what}{fit(place, 80)}; invite me there. Until then its gates go to the owner."


async def _joined(client: AsyncWebClient) -> set[str]:
    """Names and ids of the channels the bot is in."""
    found: set[str] = set()
    cursor = ""
    for _ in range(_PAGES):
        answer = await client.conversations_list(
            types="public_channel,private_channel", exclude_archived=True, limit=1000, cursor=cursor
        )
        for channel in answer["channels"]:
            found |= {str(channel["name"]), str(channel["id"])} if channel.get("is_member") else set()
        cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            break
    return found


@dataclass(frozen=True, slots=True)
class Queue:
    """The outbox: how much is due, since when the oldest waits (seconds since 1970), and how much was given up."""

    due: int
    oldest: float | None
    dead: int


async def _queue(tx: Tx) -> Queue:
    """Oldest by when it was to be done: what is rescheduled for later does not wait yet."""
    o = outbox.c
    counted = select(
        func.count().filter(o.status == "due").label("due"),
        func.extract("epoch", func.min(o.available_at).filter(o.status == "due")).label("oldest"),
        func.count().filter(o.status == "dead").label("dead"),
    )
    row: Mapping[str, Any] | None = await tx.first(counted)
    if row is None:
        return Queue(0, None, 0)
    return Queue(row["due"], float(row["oldest"]) if row["oldest"] is not None else None, row["dead"])


def _queued(queue: Queue, now: float) -> list[str]:
    waits = now - queue.oldest if queue.oldest is not None else 0.0
    if waits > _LATE:
        lines = [
            f"⛔ {queue.due} things wait to be done, the oldest for {waits / 60:.0f} min; is a worker running? `outcome-runtime up` starts one."
        ]
    else:
        lines = [f"✅ The queue moves: {queue.due} waiting."]
    return [*lines, *([f"⚠️ {queue.dead} were given up after many tries; the log says why."] if queue.dead else [])]


def _stuck(found: Sequence[Row]) -> list[str]:
    return [
        f"⚠️ A message about a {fit(row['name'], 40)} for {fit(row['place'], 80)} "
        f"{'was given up' if row['status'] == 'dead' else 'is tried again'}: {fit(row['last_error'], 300)}"
        for row in found
    ] or ["✅ Every message was delivered."]


def _unlinked(emails: Sequence[str]) -> list[str]:
    if not emails:
        return ["✅ Everybody is known in Slack."]
    return [f"⚠️ Not found in Slack by e-mail address yet: {fit(', '.join(emails[:10]), 500)}"]
