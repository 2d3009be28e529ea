"""The daily digest: what runs, what waits, what was decided and learned, one message a day to each owner and each channel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from sqlalchemy import func, select

from runtime import timers
from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments, human_gates, learnings, looks, members, outcomes
from runtime.db.tables import timers as timers_table
from runtime.gates import opening, pictures
from runtime.gates.calendar import next_at
from runtime.gates.rows import PAST, seat
from runtime.gates.wording import amount, span
from runtime.identity.people import SYSTEM
from runtime.journal import Event, Message, record
from runtime.lifecycle.gate import OPEN
from runtime.measurement.early import early

if TYPE_CHECKING:
    from runtime.core import Runtime
    from runtime.settings import Settings

KIND = "digest"
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=7)
"""After an outage a digest tells at most a week; what is older is in the journal."""
_UNDER_WAY = ("running", "measuring", "scaling", "awaiting_analysis_gate", "awaiting_scale_gate", "paused")
_MOST = 50


@dataclass(frozen=True, slots=True)
class Reader:
    """An owner or a channel, and the outcomes they are told about, in the zone of `email`."""

    id: UUID
    place: str
    email: str
    zone: str
    outcomes: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing in a digest; `gate` is what a channel may link to."""

    title: str
    says: str
    gate: UUID | None = None
    due: datetime | None = None

    @property
    def joint(self) -> str:
        """What stands between the title and the words: a question brings its own mark."""
        if not self.title:
            return ""
        return " " if self.title.rstrip().endswith(("?", "!", ".", ":")) else ": "


@dataclass(frozen=True, slots=True)
class Digest:
    """What happened between two moments. `moved` is true when anything that runs was measured."""

    since: datetime
    until: datetime
    running: tuple[Line, ...]
    waiting: tuple[Line, ...]
    decided: tuple[Line, ...]
    learned: tuple[Line, ...]
    moved: bool

    @property
    def empty(self) -> bool:
        """Nothing happened: nothing waits, nothing was decided or learned, and no experiment was measured."""
        return not (self.waiting or self.decided or self.learned or self.moved)


async def readers(tx: Tx, settings: "Settings") -> list[Reader]:
    """The owners of active outcomes, and the channels in which their results are discussed."""
    active = await tx.all(select(outcomes).where(outcomes.c.status == "active").order_by(outcomes.c.created_at))
    zones = {row["email"]: row["timezone"] for row in await tx.all(select(members.c.email, members.c.timezone))}
    told: dict[str, list[Row]] = {}
    for row in active:
        told.setdefault(str(row["owner"]).casefold(), []).append(row)
        channel = opening.terms(row, "analysis_review", default_channel=settings.slack_default_channel).channel
        if channel.startswith("slack:"):
            told.setdefault(channel.removeprefix("slack:"), []).append(row)
    return [_reader(tx.org_id, place, rows, zones) for place, rows in told.items()]


def _reader(org_id: UUID, place: str, rows: Sequence[Row], zones: dict[str, str]) -> Reader:
    email = str(rows[0]["owner"]).casefold()
    return Reader(
        uuid5(org_id, f"digest:{place}"), place, email, zones.get(email, "UTC"), tuple(row["id"] for row in rows)
    )


async def arm(runtime: "Runtime", tx: Tx) -> None:
    """Set the next digest of every reader; setting it again changes nothing."""
    if not runtime.settings.digest_at:
        return
    hour, now = time.fromisoformat(runtime.settings.digest_at), runtime.now()
    for reader in await readers(tx, runtime.settings):
        due = next_at(hour, reader.zone, now)
        await timers.arm(tx, KIND, reader.id, version=due.toordinal(), due_at=due)


async def fire(runtime: "Runtime", tx: Tx, timer: Row) -> None:
    """Once for each timer: the next one is set, and a message is put into the outbox if anything happened."""
    await arm(runtime, tx)
    reader = await by_id(tx, runtime.settings, timer["subject_id"])
    if reader is None or not runtime.settings.digest_at:
        return
    now = runtime.now()
    found = await collect(tx, runtime.settings, reader.outcomes, await _since(tx, timer), now)
    if found.empty:
        return
    payload = {
        "day": timer["version"], "since": found.since.isoformat(), "until": now.isoformat(), "reader": reader.email,
    }  # fmt: skip
    notices = [
        Message(KIND, reader.id, channel, reader.place, once=f"d{timer['version']}", payload=payload)
        for channel in _channels(runtime.settings, reader)
    ]
    await record(tx, Event("digest.told", "org", tx.org_id, {"place": reader.place}), by=SYSTEM, notices=notices)


def _channels(settings: "Settings", reader: Reader) -> list[str]:
    """An owner who isn't in Slack gets a letter; which of the two they are is known when it is sent."""
    return ["slack", *(["email"] if settings.smtp_url and "@" in reader.place else [])]


async def by_id(tx: Tx, settings: "Settings", reader_id: UUID) -> Reader | None:
    return next((reader for reader in await readers(tx, settings) if reader.id == reader_id), None)


async def _since(tx: Tx, timer: Row) -> datetime:
    t = timers_table.c
    before = (
        (t.kind == KIND) & (t.subject_id == timer["subject_id"]) & (t.status == "done") & (t.due_at < timer["due_at"])
    )
    last: datetime | None = await tx.value(select(func.max(t.due_at)).where(before))
    due: datetime = timer["due_at"]
    return max(last or due - _DAY, due - _LONGEST)


async def collect(
    tx: Tx, settings: "Settings", outcome_ids: Sequence[UUID], since: datetime, until: datetime
) -> Digest:
    """Everything about these outcomes in a span of wall time."""
    e, g, n = experiments.c, human_gates.c, learnings.c
    units = {row["id"]: row for row in await tx.all(select(outcomes).where(outcomes.c.id.in_(outcome_ids)))}
    live = await tx.all(
        select(experiments).where(e.outcome_id.in_(outcome_ids), e.status.in_(_UNDER_WAY)).order_by(e.created_at)
    )
    gates = select(human_gates).where(g.outcome_id.in_(outcome_ids))
    waiting = await tx.all(gates.where(g.status.in_(OPEN)).order_by(g.due_at))
    decided = await tx.all(
        gates.where(g.status.not_in(OPEN), g.responded_at >= since, g.responded_at < until).order_by(g.responded_at)
    )
    mine = n.experiment_id.in_(select(e.id).where(e.outcome_id.in_(outcome_ids)))
    learned = await tx.all(
        select(learnings).where(mine, n.created_at >= since, n.created_at < until).order_by(n.created_at)
    )
    taken = select(func.count()).where(
        looks.c.experiment_id.in_([row["id"] for row in live]), looks.c.taken_at >= since
    )
    return Digest(
        since, until, tuple(_running(row, units[row["outcome_id"]], settings) for row in live[:_MOST]),
        tuple(_waiting(row) for row in waiting[:_MOST]), tuple(_decided(row) for row in decided[-_MOST:]),
        tuple(Line("", row["finding"]) for row in learned[-_MOST:]), bool(live and await tx.value(taken)),
    )  # fmt: skip


def _running(row: Row, outcome: Row, settings: "Settings") -> Line:
    result, unit = row["current_result"] or {}, pictures.unit(outcome["primary_signal"])
    if row["status"] == "paused":
        return Line(row["title"], f"paused, its flag is off: {row['pause_reason'] or 'no reason given'}")
    if not result:
        return Line(row["title"], "no data yet")
    shown = f"{amount(result.get('delta'), unit, signed=True)} ({span(result.get('ci_lower'), result.get('ci_upper'), unit)})"
    return Line(row["title"], early(result, settings) or f"{shown}, at {row['rollout_percent']} % of users")


def _waiting(row: Row) -> Line:
    return Line(row["question"], f"waits for {seat(row).asked}", row["id"], row["due_at"])


def _decided(row: Row) -> Line:
    who = f" by {row['decided_by']}" if row["decided_by"] else ""
    return Line(row["question"], f"{PAST[row['status']]}{who}", row["id"])


def plain(digest: Digest) -> str:
    """For people without an account: no link, no mention, nothing to press."""
    head = f"Outcome Runtime, {digest.since:%Y-%m-%d %H:%M} to {digest.until:%Y-%m-%d %H:%M} UTC"
    if digest.empty:
        return f"{head}\nNothing happened."
    return "\n".join([head, *_plain(digest)])


def _plain(digest: Digest) -> Iterator[str]:
    for title, found in parts(digest):
        yield f"\n{title}"
        for line in found:
            due = f" until {line.due:%Y-%m-%d %H:%M} UTC" if line.due else ""
            name = f"{line.title}{line.joint}"
            yield " ".join(f"- {name}{line.says}{due}".split())


def parts(digest: Digest) -> Iterator[tuple[str, Sequence[Line]]]:
    """The headings that have something below them."""
    every = (("Running", digest.running), ("Waiting for a decision", digest.waiting), ("Decided", digest.decided))
    yield from ((title, found) for title, found in (*every, ("Learned", digest.learned)) if found)
