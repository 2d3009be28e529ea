"""Putting one message where it belongs, exactly once: intent, post or update, and what Slack called it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack import deliveries, insisting, kit, leftovers, pace, pictures
from bot.slack.deliveries import Key
from bot.slack.insisting import Draw
from bot.slack.kit import Blocks
from bot.slack.people import People
from bot.slack.places import Places, shut
from bot.slack.view import Picture
from bot.slack.wire import code_of
from bot.slack.words import fit
from runtime.core import Runtime
from runtime.db.engine import Row, Tx
from runtime.digest import digest

log = structlog.get_logger(__name__)

METADATA = "outcome_runtime"
_MARGIN = 60
"""Seconds by which our clock and Slack's may differ."""
_PAGES = 10
_LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""Refusals by which Slack says that a message of ours is no longer there to be changed."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message by its subject; `draw` makes it of whatever picture could be had. `thread` is (channel id, ts).

    `whole` are texts that were cut before they came to `draw`; what is cut there is found by itself.
    """

    key: Key
    draw: Draw
    chart: Mapping[str, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    thread: tuple[str, str] | None = None
    aloud: bool = False
    whole: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a message stands in Slack."""

    channel: str
    ts: str
    thread_ts: str | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """The delivery as it is written down before anything is said; `fresh` if nobody can have said it before, and seconds until its turn."""

    row: Row
    fresh: bool
    wait: float


class Desk:
    """One organisation's outgoing post."""

    def __init__(self, runtime: Runtime, org_id: UUID, client: AsyncWebClient) -> None:
        self.runtime, self.org_id, self.client = runtime, org_id, client
        self.people = People(runtime, org_id, client)
        self.places = Places(runtime, org_id, client, self.people)

    async def intend(self, tx: Tx, key: Key) -> Intent:
        """The last thing a transaction does before a letter is put: all others to that channel wait for its end."""
        row, fresh = await deliveries.intend(tx, key)
        if row["external_id"]:
            return Intent(row, fresh, 0.0)
        turn = await pace.take_turn(tx, key, row, fresh=fresh)
        return Intent(row, turn.fresh, turn.wait)

    async def put(self, letter: Letter, intent: Intent | None = None) -> Placed:
        """Post it, or change the message that is there already. May run twice, and dies at any line without repeating itself.

        Raises ChannelFailed with `retry_after` when its channel's turn has not come.
        """
        if intent is None:
            async with self.runtime.transaction(self.org_id) as tx:
                intent = await self.intend(tx, letter.key)
        if intent.wait:
            raise pace.refusal(letter.key.place, intent.wait)
        row = intent.row
        noted = leftovers.Noted(letter.draw, letter.whole)
        letter = replace(letter, draw=noted)
        shown = await pictures.show(self.client, letter.chart, row["details"].get("picture") or {})
        placed, details = await self._place(letter, row, shown.picture, fresh=intent.fresh)
        remember = {
            **{name: kept for name, kept in row["details"].items() if name != pace.TURN},
            **letter.details,
            **details,
            "picture": shown.remember,
            "thread": placed.thread_ts,
        }
        # Where it stands must not be forgotten; what it shows may be, for then it is only drawn once more.
        async with self.runtime.transaction(self.org_id, lasting=placed.ts != row["external_id"]) as tx:
            await deliveries.placed(tx, letter.key, placed.channel, placed.ts, remember)
            if (
                placed.ts == row["external_id"]
            ):  # a message that had to be posted anew may still stand elsewhere as well
                await pictures.replaced(tx, letter.key, row["details"].get("picture") or {}, shown.remember)
        await self._rest(letter.key, placed, noted.left, remember, moved=placed.ts != row["external_id"])
        return placed

    async def _rest(
        self, key: Key, placed: Placed, left: list[str], details: Mapping[str, Any], *, moved: bool
    ) -> None:
        """What the message has no room for follows it into its thread, each text once."""
        known: list[str] = [] if moved else details.get("rest") or []
        there = await leftovers.beside(self.client, placed.channel, placed.thread_ts or placed.ts, left, known)
        if there != known:
            async with self.runtime.transaction(self.org_id) as tx:
                await deliveries.placed(tx, key, placed.channel, placed.ts, {**details, "rest": there})

    async def _place(
        self, letter: Letter, row: Row, picture: Picture | None, *, fresh: bool
    ) -> tuple[Placed, Mapping[str, Any]]:
        if row["external_id"]:
            kept = await self._change(letter, row, picture)
            if kept is not None:
                return kept
        return await self._anew(letter, row, picture, look=not fresh and not row["external_id"])

    async def _change(
        self, letter: Letter, row: Row, picture: Picture | None
    ) -> tuple[Placed, Mapping[str, Any]] | None:
        """None when somebody deleted the message, or its place is closed to us now."""
        at = Placed(row["external_place"], row["external_id"], row["details"].get("thread"))
        mark = digest(letter.draw(picture))
        if row["details"].get("drawn") == mark:
            return at, {}

        async def send(text: str, blocks: Blocks) -> AsyncSlackResponse:
            return await self._rewritten(at, text, blocks, why=row["details"].get("instead"))

        try:
            await insisting.sent(letter.draw, picture, send, subject=str(letter.key.subject))
        except SlackApiError as error:
            if code_of(error) not in _LOST and not shut(error):
                raise
            return None
        return at, {"drawn": mark}

    async def _rewritten(self, at: Placed, text: str, blocks: Blocks, *, why: str | None) -> AsyncSlackResponse:
        return await self.client.chat_update(channel=at.channel, ts=at.ts, text=text, blocks=_explained(blocks, why))

    async def _anew(
        self, letter: Letter, row: Row, picture: Picture | None, *, look: bool
    ) -> tuple[Placed, Mapping[str, Any]]:
        """In its place; in the owner's direct conversation where we can't speak there."""
        mark = {"drawn": digest(letter.draw(picture)), "instead": None}
        channel = letter.thread[0] if letter.thread else await self.places.find(letter.key.place)
        try:
            if channel is None:
                return await self._instead(letter, row, picture, look=look), mark | {"instead": _why(letter.key.place)}
            return await self._said(letter, row, picture, channel, look=look, why=None), mark
        except SlackApiError as error:
            if not shut(error):
                raise
            self.places.forget(letter.key.place)
            return await self._instead(letter, row, picture, look=look), mark | {"instead": _why(letter.key.place)}

    async def _instead(self, letter: Letter, row: Row, picture: Picture | None, *, look: bool) -> Placed:
        log.warning("slack.place_unreachable", place=letter.key.place, subject=str(letter.key.subject))
        owners = await self.places.owners()
        return await self._said(
            replace(letter, thread=None), row, picture, owners, look=look, why=_why(letter.key.place)
        )

    async def _said(
        self, letter: Letter, row: Row, picture: Picture | None, channel: str, *, look: bool, why: str | None
    ) -> Placed:
        thread_ts = letter.thread[1] if letter.thread else None
        found = (
            await self._spoken(letter.key, channel, thread_ts, since=row["intended_at"].timestamp()) if look else None
        )
        if found is not None:
            at = Placed(channel, found, thread_ts)

            async def again(text: str, blocks: Blocks) -> AsyncSlackResponse:
                return await self._rewritten(at, text, blocks, why=why)

            await insisting.sent(letter.draw, picture, again, subject=str(letter.key.subject))
            return at

        async def send(text: str, blocks: Blocks) -> AsyncSlackResponse:
            return await self.client.chat_postMessage(
                channel=channel, text=text, blocks=_explained(blocks, why), metadata=_metadata(letter.key), thread_ts=thread_ts,
                reply_broadcast=True if thread_ts and letter.aloud else None, unfurl_links=False, unfurl_media=False,
            )  # fmt: skip

        answer = await insisting.sent(letter.draw, picture, send, subject=str(letter.key.subject))
        return Placed(str(answer["channel"]), str(answer["ts"]), thread_ts)

    async def _spoken(self, key: Key, channel: str, thread_ts: str | None, *, since: float) -> str | None:
        """The `ts` of a message that was posted although we never learned of it."""
        cursor: str | None = None
        wanted = _metadata(key)["event_payload"]
        for _ in range(_PAGES):
            common: dict[str, Any] = {
                "oldest": f"{since - _MARGIN:.6f}",
                "include_all_metadata": True,
                "limit": 200,
                "cursor": cursor,
            }
            if thread_ts:
                answer = await self.client.conversations_replies(channel=channel, ts=thread_ts, **common)
            else:
                answer = await self.client.conversations_history(channel=channel, **common)
            for message in answer["messages"]:
                if (message.get("metadata") or {}).get("event_payload") == wanted:
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        return None


def _metadata(key: Key) -> dict[str, Any]:
    return {
        "event_type": METADATA,
        "event_payload": {"subject": str(key.subject), "kind": key.kind, "place": key.place},
    }


def _why(place: str) -> str:
    return f"This belongs in {place}, where I cannot speak. Invite me there (/invite), or name another channel in outcome.yaml."


def _explained(blocks: Blocks, why: str | None) -> Blocks:
    return [*blocks, kit.context(f"⚠️ {fit(why, 500)}")] if why else blocks
