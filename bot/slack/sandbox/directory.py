"""PURE: who and what is in the workspace, as Slack's objects for users, channels, the team and the bot."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.slack.sandbox.config import Person, SandboxConfig
from bot.slack.sandbox.ids import stable_id
from runtime.errors import NotFound

CREATED = 1_700_000_000
COLOURS = ("4a7c59", "8a4f7d", "2b6cb0", "b7791f", "a0522d", "2c7a7b", "6b46c1", "9b2c2c")


@dataclass(frozen=True, slots=True)
class Channel:
    id: str
    name: str
    kind: str
    person: Person | None = None
    invited: bool = True


@dataclass(frozen=True)
class Directory:
    """Looks people and channels up by id, name or address."""

    config: SandboxConfig
    people: dict[str, Person] = field(init=False)
    channels: dict[str, Channel] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", {person.id: person for person in self.config.people})
        public = (_public(name) for name in self.config.channels)
        direct = (Channel(person.dm, person.handle, "im", person) for person in self.config.people)
        object.__setattr__(self, "channels", {channel.id: channel for channel in (*public, *direct)})

    def person(self, user_id: str) -> Person:
        if user_id not in self.people:
            raise NotFound(f"Nobody here has the id {user_id}; choose one of {', '.join(self.people)}.")
        return self.people[user_id]

    def channel(self, place: str) -> Channel | None:
        """By id, `#name`, name or a person's id (their conversation with the bot), as chat.postMessage takes it."""
        if place in self.people:
            return self.channels[self.people[place].dm]
        name = place.removeprefix("#")
        return self.channels.get(place) or next(
            (found for found in self.channels.values() if found.kind == "channel" and found.name == name), None
        )

    def by_email(self, address: str) -> Person | None:
        return next((person for person in self.people.values() if person.email.lower() == address.lower()), None)

    def open_to(self, person: Person) -> list[Channel]:
        return [channel for channel in self.channels.values() if channel.person in (None, person)]

    def user(self, user_id: str, status: dict[str, Any] | None = None) -> dict[str, Any] | None:
        if user_id == self.config.bot_user_id:
            return bot_user(self.config)
        person = self.people.get(user_id)
        return person_user(self.config, person, status) if person else None


def _public(name: str) -> Channel:
    bare = name.removeprefix("!").removeprefix("#")
    return Channel(stable_id("C", bare), bare, "channel", invited=not name.startswith("!"))


def colour_of(user_id: str) -> str:
    return COLOURS[sum(user_id.encode()) % len(COLOURS)]


def utc_offset(tz: str) -> int:
    try:
        offset = datetime.now(tz=UTC).astimezone(ZoneInfo(tz)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        return 0
    return int(offset.total_seconds()) if offset else 0


def profile(person: Person, status: dict[str, Any] | None = None) -> dict[str, Any]:
    first, _, last = person.name.partition(" ")
    names = {"real_name": person.name, "display_name": person.name, "first_name": first, "last_name": last}
    return {
        **names, "real_name_normalized": person.name, "display_name_normalized": person.name, "email": person.email,
        "title": "", "phone": "", "status_text": "", "status_emoji": "", "status_expiration": 0, **(status or {}),
    }  # fmt: skip


def person_user(config: SandboxConfig, person: Person, status: dict[str, Any] | None = None) -> dict[str, Any]:
    kinds = {"is_admin": False, "is_owner": False, "is_bot": False, "is_app_user": False, "is_restricted": False}
    return {
        "id": person.id, "team_id": config.team_id, "name": person.handle, "deleted": False, "color": colour_of(person.id),
        "real_name": person.name, "tz": person.tz, "tz_label": person.tz, "tz_offset": utc_offset(person.tz),
        "profile": profile(person, status), **kinds, "updated": CREATED, "is_email_confirmed": True,
    }  # fmt: skip


def bot_user(config: SandboxConfig) -> dict[str, Any]:
    named = {
        "real_name": config.bot_name,
        "display_name": config.bot_name,
        "bot_id": config.bot_id,
        "api_app_id": config.app_id,
    }
    return {
        "id": config.bot_user_id, "team_id": config.team_id, "name": config.bot_name, "deleted": False, "is_bot": True,
        "real_name": config.bot_name, "profile": named, "tz": "Etc/UTC", "tz_offset": 0, "updated": CREATED,
    }  # fmt: skip


def bot_profile(config: SandboxConfig) -> dict[str, Any]:
    return {
        "id": config.bot_id, "deleted": False, "name": config.bot_name, "updated": CREATED, "app_id": config.app_id,
        "team_id": config.team_id, "icons": {},
    }  # fmt: skip


def conversation(config: SandboxConfig, channel: Channel, *, bot_in: bool) -> dict[str, Any]:
    common = {
        "id": channel.id,
        "created": CREATED,
        "is_archived": False,
        "is_org_shared": False,
        "context_team_id": config.team_id,
    }
    if channel.person:
        return {**common, "is_im": True, "user": channel.person.id, "is_open": True}
    return {
        **common, "name": channel.name, "name_normalized": channel.name, "is_channel": True, "is_group": False, "is_im": False,
        "is_mpim": False, "is_private": False, "is_member": bot_in, "is_general": channel.name == "general",
        "creator": config.people[0].id, "num_members": len(config.people) + bot_in,
        "topic": {"value": "", "creator": "", "last_set": 0}, "purpose": {"value": "", "creator": "", "last_set": 0},
    }  # fmt: skip
