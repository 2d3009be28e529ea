"""Every error the product raises on purpose: one root, a code, a message that names the next step."""

from typing import Any


class OutcomeRuntimeError(Exception):
    """Something went wrong in Outcome Runtime; run `outcome-runtime doctor` to see what is missing."""

    code = "OUTCOME_RUNTIME_ERROR"

    def __init__(self, message: str | None = None, /, **context: Any) -> None:
        self.message = message or (self.__doc__ or "").strip()
        self.context = context
        super().__init__(self.message)


class InvalidConfiguration(OutcomeRuntimeError):
    """A setting is missing or wrong; `outcome-runtime doctor` names it and says how to mend it."""

    code = "INVALID_CONFIGURATION"


class NotFound(OutcomeRuntimeError):
    """Nothing with that id exists here; list what does with `outcome-runtime status`."""

    code = "NOT_FOUND"


class NotAuthenticated(OutcomeRuntimeError):
    """The request carries no valid key or signature; make a key with `outcome-runtime key create`."""

    code = "NOT_AUTHENTICATED"


class NotAllowed(OutcomeRuntimeError):
    """You may not do this; ask an owner of the organisation."""

    code = "NOT_ALLOWED"


class InvalidRequest(OutcomeRuntimeError):
    """The request cannot be read; see the fields named in the context."""

    code = "INVALID_REQUEST"


class IllegalTransition(OutcomeRuntimeError):
    """That step is not possible from the present state; look at `outcome-runtime lifecycle`."""

    code = "ILLEGAL_TRANSITION"


class ApprovalMissing(IllegalTransition):
    """A person's approval guards this step, and it is not there; answer the gate first."""

    code = "APPROVAL_MISSING"


class GateAlreadyDecided(OutcomeRuntimeError):
    """This gate has been decided already; nothing was changed."""

    code = "GATE_ALREADY_DECIDED"


class NotYourGate(NotAllowed):
    """This gate is not yours to decide; ask the person it is assigned to."""

    code = "NOT_YOUR_GATE"


class EvidenceChanged(OutcomeRuntimeError):
    """The evidence changed since you saw it; look at the new state and decide again."""

    code = "EVIDENCE_CHANGED"


class ReasonNeeded(InvalidRequest):
    """This decision needs a reason; say in a sentence why."""

    code = "REASON_NEEDED"


class InvalidOutcomeFile(OutcomeRuntimeError):
    """outcome.yaml has errors; each is named with its line, and nothing was applied."""

    code = "INVALID_OUTCOME_FILE"


class SignalUnavailable(OutcomeRuntimeError):
    """A signal could not be read; the experiment is paused, not failed. Check the connector's config."""

    code = "SIGNAL_FETCH_FAILED"


class FlagServiceFailed(OutcomeRuntimeError):
    """The feature-flag service refused or did not answer; the change is retried until it is confirmed."""

    code = "FLAG_SERVICE_FAILED"


class DispatchFailed(OutcomeRuntimeError):
    """The coding agent could not be reached; the build is retried, and can be picked up over MCP meanwhile."""

    code = "DISPATCH_FAILED"


class LLMFailed(OutcomeRuntimeError):
    """The language model gave no usable answer after three tries; a person has been asked to step in."""

    code = "LLM_FAILED"


class ChannelFailed(OutcomeRuntimeError):
    """A message could not be delivered; it is retried until it arrives."""

    code = "CHANNEL_FAILED"


class MailRefused(OutcomeRuntimeError):
    """A mail server refused a letter's recipient for good; correct the address, or answer elsewhere."""

    code = "MAIL_REFUSED"


class LocalServerFailed(OutcomeRuntimeError):
    """An embedded server did not start; its log is named in the context."""

    code = "LOCAL_SERVER_FAILED"


class VaultFailed(OutcomeRuntimeError):
    """A stored secret cannot be opened with the keys in ENCRYPTION_KEYS; put the old key back beside the new one."""

    code = "VAULT_FAILED"


class JournalBroken(OutcomeRuntimeError):
    """The journal's hash chain does not hold; somebody changed history. Restore from a backup and investigate."""

    code = "JOURNAL_BROKEN"


class DatabaseFailed(OutcomeRuntimeError):
    """The database did not do what was asked; `outcome-runtime doctor` says what is reachable."""

    code = "DATABASE_FAILED"
