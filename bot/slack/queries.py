"""What commands and the Home tab read: a few selects, each one statement."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import any_, func, literal, select

from bot.slack.view import Who
from runtime.db.engine import Row, Tx
from runtime.db.mail import gate_holds
from runtime.db.tables import deliveries, experiments, human_gates, learnings, members, outbox, outcomes
from runtime.gates import rows as gates
from runtime.gates.briefing import MOST_DIFF, MOST_FILES
from runtime.gates.policy import OVERRIDERS
from runtime.identity.people import Member

_EXPERIMENT = (
    experiments.c.id, experiments.c.title, experiments.c.status, experiments.c.feature_flag_key, experiments.c.rollout_percent,
    experiments.c.current_result, experiments.c.final_result, experiments.c.pause_reason, experiments.c.outcome_id,
)  # fmt: skip


async def waiting_for(tx: Tx, member: Member) -> Sequence[Row]:
    """Open gates this member is entitled to answer, those that end soonest first."""
    found = [gate for gate in await gates.listed(tx) if member.email.casefold() in gates.seat(gate).entitled]
    return sorted(found, key=lambda gate: gate["due_at"])


async def their_outcomes(tx: Tx, member: Member, *, limit: int = 8) -> Sequence[Row]:
    """Outcomes a member owns or decides about, for owners and admins all; running ones first."""
    statement = select(outcomes).order_by(outcomes.c.status != "active", outcomes.c.created_at.desc()).limit(limit)
    if member.role in OVERRIDERS:
        return await tx.all(statement)
    return await tx.all(
        statement.where((outcomes.c.owner == member.email) | (literal(member.email) == any_(outcomes.c.team_members)))
    )


async def experiments_of(tx: Tx, outcome_ids: Sequence[Any]) -> Sequence[Row]:
    """Experiments of several outcomes, newest first, without their heavy columns."""
    statement = select(*_EXPERIMENT).where(experiments.c.outcome_id.in_(outcome_ids))
    return await tx.all(statement.order_by(experiments.c.created_at.desc(), experiments.c.id))


async def all_experiments(tx: Tx) -> Sequence[Row]:
    return await tx.all(select(*_EXPERIMENT).order_by(experiments.c.created_at.desc(), experiments.c.id).limit(500))


async def recent_decisions(tx: Tx, *, limit: int = 5) -> Sequence[Row]:
    statement = select(human_gates).where(human_gates.c.decided_by.is_not(None))
    return await tx.all(statement.order_by(human_gates.c.responded_at.desc()).limit(limit))


async def people_of(tx: Tx, emails: Iterable[str | None]) -> dict[str, Who]:
    """Members as they are shown, by address; nobody is looked for in Slack."""
    wanted = {email.casefold() for email in emails if email}
    m = members.c
    statement = select(m.email, m.name, m.slack_user_id, m.timezone).where(func.lower(m.email).in_(wanted))
    rows = await tx.all(statement) if wanted else ()
    return {
        row["email"].casefold(): Who(row["email"], row["name"], row["slack_user_id"], row["timezone"]) for row in rows
    }


async def holds_of(tx: Tx, gate_ids: Sequence[Any]) -> dict[Any, Row]:
    """Answers that were given and are not carried out yet, by gate."""
    h = gate_holds.c
    statement = select(gate_holds).where(h.gate_id.in_(gate_ids), h.ended_at.is_(None))
    return {row["gate_id"]: row for row in (await tx.all(statement) if gate_ids else ())}


async def recent_learnings(tx: Tx, *, limit: int = 5) -> Sequence[Row]:
    return await tx.all(select(learnings).order_by(learnings.c.created_at.desc()).limit(limit))


async def shown_at(tx: Tx, gate_ids: Sequence[Any]) -> dict[Any, tuple[str, str]]:
    """Channel and `ts` of the gates that are shown in Slack."""
    d = deliveries.c
    statement = select(d.subject_id, d.external_place, d.external_id).where(
        d.subject_kind == "gate", d.channel == "slack", d.external_id.is_not(None), d.subject_id.in_(gate_ids)
    )
    return {row["subject_id"]: (row["external_place"], row["external_id"]) for row in await tx.all(statement)}


async def files_of(tx: Tx, gate_ids: Sequence[Any]) -> dict[Any, str]:
    """The uploaded charts of gates' messages, by Slack's file id."""
    d = deliveries.c
    file = d.details["picture"]["file"].astext
    statement = select(d.subject_id, file.label("file")).where(
        d.subject_kind == "gate", d.channel == "slack", file.is_not(None), d.subject_id.in_(gate_ids)
    )
    return {row["subject_id"]: row["file"] for row in await tx.all(statement)}


async def undelivered(tx: Tx) -> Sequence[Row]:
    """Slack messages that wait for another try, or were given up; the last error of each."""
    statement = select(outbox.c.name, outbox.c.place, outbox.c.status, outbox.c.last_error).where(
        outbox.c.kind == "notice",
        outbox.c.channel == "slack",
        outbox.c.status != "done",
        outbox.c.last_error.is_not(None),
    )
    return await tx.all(statement.order_by(outbox.c.id.desc()).limit(5))


async def unlinked(tx: Tx) -> Sequence[str]:
    """Addresses of members nobody in Slack was matched with so far."""
    statement = select(members.c.email).where(members.c.slack_user_id.is_(None)).order_by(members.c.email)
    return [str(row["email"]) for row in await tx.all(statement)]


async def database_time(tx: Tx) -> Any:
    return await tx.value(select(func.clock_timestamp()))


async def experiment_at(tx: Tx, channel_id: str, ts: str) -> Any:
    """The id of the experiment whose living message this is; None for any other message."""
    d = deliveries.c
    here = (d.channel == "slack") & (d.external_place == channel_id) & (d.external_id == ts)
    return await tx.value(select(d.subject_id).where(here, d.subject_kind == "experiment"))


async def cut_before(tx: Tx, gate: Row) -> tuple[str, ...]:
    """What the frozen briefing of a launch leaves out of the build report: the whole diff, the whole list of files."""
    sections = {part["title"]: part["text"] for part in gate["context_package"].get("sections", [])}
    diff, files = sections.get("Diff", ""), sections.get("Files changed", "")
    if gate["gate_type"] != "launch_approval" or (len(diff) < MOST_DIFF and files.count("\n") < MOST_FILES - 1):
        return ()
    report = await tx.value(select(experiments.c.build_report).where(experiments.c.id == gate["experiment_id"])) or {}
    named = "\n".join(f"• {name}" for name in report.get("files_changed", ()))
    found = (("Diff", diff, report.get("diff", "")), ("Files changed", files, named))
    return tuple(f"{title}\n\n{whole}" for title, shown, whole in found if len(whole) > len(shown))
