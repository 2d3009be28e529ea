"""Who acts: members (people), agents with a key, and the system itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from runtime.db.engine import Row
from runtime.errors import NotAllowed
from runtime.lifecycle import Actor


@dataclass(frozen=True, slots=True)
class Member:
    """A person of an organisation, known by e-mail address and, once seen there, by Slack user id."""

    id: UUID
    org_id: UUID
    name: str
    email: str
    role: str
    slack_user_id: str | None = None
    timezone: str = "UTC"
    away_until: datetime | None = None

    @classmethod
    def of(cls, row: Row) -> "Member":
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class By:
    """The author of an event. `via` is the door: slack, mail, rest, cli, mcp, worker."""

    kind: Actor
    name: str
    via: str
    member: Member | None = None


SYSTEM = By(Actor.SYSTEM, "Outcome Runtime", "worker")


def person(member: Member, via: str) -> By:
    return By(Actor.HUMAN, member.email, via, member)


def require_member(by: By) -> Member:
    """The person behind an event, who must be allowed to change things: agents, the system and viewers are refused."""
    if by.kind is not Actor.HUMAN or by.member is None or by.member.role == "viewer":
        raise NotAllowed("Only people of the organisation who may decide can do this.")
    return by.member


def agent(name: str, via: str) -> By:
    """Whatever holds an agent key: it may report and ask, and can never carry an approval."""
    return By(Actor.AGENT, name, via)
