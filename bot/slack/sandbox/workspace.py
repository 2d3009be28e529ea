"""The workspace of one process: what is stored, who is there, how the bot is reached, what a trigger still opens."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, Field

from bot.slack.sandbox import messages, payloads
from bot.slack.sandbox.config import Person, SandboxConfig
from bot.slack.sandbox.directory import Channel, Directory
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.ids import fresh_id
from bot.slack.sandbox.outgoing import Outgoing
from bot.slack.sandbox.rates import Rates
from bot.slack.sandbox.store import Store, body_of, dump
from runtime.errors import NotFound


class Fault(BaseModel):
    """How the next `count` calls of a Web API method fail; `method` may be `*`."""

    method: str
    count: int = Field(default=1, ge=1, le=1000)
    kind: Literal["ratelimited", "server_error", "delay", "refuse"] = "ratelimited"
    retry_after: int = Field(default=1, ge=0, le=600)
    seconds: float = Field(default=1.0, ge=0, le=60)
    error: str = "internal_error"


@dataclass
class Trigger:
    person: str
    expires: float
    used: bool = False


@dataclass
class Workspace:
    """Shared by every door of the sandbox."""

    config: SandboxConfig
    store: Store
    outgoing: Outgoing
    directory: Directory
    triggers: dict[str, Trigger] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    rates: Rates = field(default_factory=Rates)

    def now(self) -> float:
        return time.time()

    def channel(self, place: str) -> Channel:
        found = self.directory.channel(place)
        if found is None:
            raise SlackRefusal("channel_not_found")
        return found

    def channel_for(self, person: Person, place: str) -> Channel:
        """A channel this person can see: other people's direct messages do not exist for them."""
        found = self.directory.channel(place)
        if found is None or found.person not in (None, person):
            raise NotFound(f"There is no channel {place} for {person.name}.")
        return found

    def bot_is_in(self, channel: Channel) -> bool:
        joined = self.store.row("select 1 from bot_channels where channel = ?", channel.id)
        return channel.invited or joined is not None

    def invite_bot(self, channel: Channel, by: str) -> bool:
        """Answers whether the bot was not there before."""
        if self.bot_is_in(channel):
            return False
        with self.store.change():
            self.store.run("insert or ignore into bot_channels values (?)", channel.id)
        joined = {
            "type": "member_joined_channel",
            "user": self.config.bot_user_id,
            "channel": channel.id,
            "channel_type": "C",
        }
        self.tell({**joined, "team": self.config.team_id, "inviter": by, "event_ts": f"{self.now():.6f}"})
        return True

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send an event to the bot, in the background."""
        self.outgoing.event(payloads.envelope(self.config, event, self.now()))

    def say(self, channel: Channel, message: Mapping[str, Any]) -> messages.Message:
        """Keep a message everybody sees and tell the bot, which hears its own words too, as in Slack."""
        kept = messages.add(self.store, dict(message), channel=channel.id, now=self.now())
        if self.bot_is_in(channel):
            self.tell(self._heard(channel, kept))
        return kept

    def _heard(self, channel: Channel, message: messages.Message) -> dict[str, Any]:
        event = payloads.as_event(channel, message)
        thread = message.get("thread_ts")
        parent = messages.row(self.store, channel.id, thread) if thread else None
        return {**event, "parent_user_id": body_of(parent).get("user")} if parent else event

    def whisper(self, channel: Channel, person: str, message: Mapping[str, Any]) -> messages.Message:
        """Only this person sees it, and no event is sent."""
        return messages.add(
            self.store, {**message, "is_ephemeral": True}, channel=channel.id, now=self.now(), only_for=person
        )

    def rewrite(self, channel: Channel, ts: str, fields: Mapping[str, Any]) -> messages.Message:
        was = messages.get(self.store, channel.id, ts)
        kept = messages.change(self.store, channel.id, ts, dict(fields))
        if not kept.get("is_ephemeral"):
            self.tell(payloads.changed_event(channel, kept, was, f"{self.now():.6f}"))
        return kept

    def erase(self, channel: Channel, ts: str) -> None:
        was = messages.remove(self.store, channel.id, ts)
        if not was.get("is_ephemeral"):
            self.tell(payloads.deleted_event(channel, was, f"{self.now():.6f}"))

    def trigger(self, person: Person) -> str:
        """A ticket for one modal, good for a few seconds."""
        now = self.now()
        self.triggers = {name: kept for name, kept in self.triggers.items() if kept.expires > now - 60}
        name = f"{int(now * 1000)}.{fresh_id('')}.{fresh_id('').lower()}"
        self.triggers[name] = Trigger(person.id, now + self.config.trigger_seconds)
        return name

    def redeem(self, name: str) -> str:
        """Whose ticket it was; Slack's refusals for one that is unknown, used or late."""
        found = self.triggers.get(name)
        if found is None:
            raise SlackRefusal("invalid_trigger_id")
        if found.used:
            raise SlackRefusal("exchanged_trigger_id")
        if self.now() > found.expires:
            raise SlackRefusal("expired_trigger_id")
        found.used = True
        return found.person

    def response_url(self, origin: str, channel: Channel, person: Person, message: Mapping[str, Any]) -> str:
        token = fresh_id("") + fresh_id("")
        self.store.run(
            "insert into response_urls values (?, ?, ?, ?, ?, ?, ?)",
            token, channel.id, person.id, message.get("ts"), message.get("thread_ts"),
            self.config.response_url_uses, self.now() + self.config.response_url_seconds,
        )  # fmt: skip
        return f"{origin}/response/{token}"

    def status(self, person: str) -> dict[str, Any]:
        found = self.store.row("select body from statuses where person = ?", person)
        return body_of(found) if found else {}

    def set_status(self, person: str, status: Mapping[str, Any]) -> None:
        with self.store.change():
            self.store.run("insert or replace into statuses values (?, ?)", person, dump(dict(status)))
