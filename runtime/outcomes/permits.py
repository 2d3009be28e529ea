"""Who may change what by applying a file from a conversation: anybody who may decide adds outcomes, connections take an owner. PURE."""

from collections.abc import Collection

from runtime.errors import NotAllowed
from runtime.gates.policy import OVERRIDERS
from runtime.identity.people import Member
from runtime.spec.models import OutcomeFile
from runtime.spec.plan import Plan


def check(member: Member, wanted: OutcomeFile, changes: Plan, known: Collection[str]) -> None:
    """Connections reach into the environment's secrets, and naming somebody lets them decide: both are for owners and admins.

    `known` are the members' addresses, in lower case.
    """
    if member.role == "viewer":
        raise NotAllowed("You can look, but not steer; ask somebody who may decide.")
    if member.role in OVERRIDERS:
        return
    paths = sorted(
        {change.path.partition("[")[0].partition(".")[0] for change in changes.changes if not change.outcome_id}
    )
    touched = [path for path in paths if path != "version"]
    if touched:
        raise NotAllowed(
            f"This changes {', '.join(touched)}; only an owner or an admin may. Ask one of them to apply it."
        )
    strangers = sorted(named(wanted) - set(known))
    if strangers:
        raise NotAllowed(
            f"{', '.join(strangers)} would become a member by this; only an owner or an admin may name new people."
        )


def named(file: OutcomeFile) -> set[str]:
    """Everybody the file asks or holds responsible, in lower case."""
    found: set[str] = set()
    for spec in file.outcomes:
        found.add(spec.responsible.casefold())
        for kind in spec.gates.model_fields_set:
            gate = getattr(spec.gates, kind)
            found |= (
                {gate.assigned_to.casefold(), *(who.casefold() for who in gate.escalation_chain)} if gate else set()
            )
    return found
