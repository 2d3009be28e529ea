"""What the sandbox refuses, in Slack's words for the bot and in plain words for the page."""

from typing import Any

from runtime.errors import InvalidRequest, NotAllowed, NotAuthenticated, NotFound, OutcomeRuntimeError


class SlackRefusal(OutcomeRuntimeError):
    """Slack answers `ok: false`; `error` is Slack's own code, `extra` what it sends beside it."""

    code = "SLACK_REFUSAL"

    def __init__(self, error: str, **extra: Any) -> None:
        said = extra.get("response_metadata", {}).get("messages", ["see the method's page in Slack's reference"])
        super().__init__(f"Slack would answer `{error}`: {said[0]}", error=error, **extra)
        self.error = error
        self.extra = extra

    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.extra}


class BotDidNotAnswer(OutcomeRuntimeError):
    """The bot did not respond; look whether it runs with `outcome-runtime doctor`."""

    code = "BOT_DID_NOT_ANSWER"


STATUS_OF: dict[type[OutcomeRuntimeError], int] = {
    NotAuthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    InvalidRequest: 400,
    SlackRefusal: 409,
    BotDidNotAnswer: 502,
}


def status_of(error: OutcomeRuntimeError) -> int:
    return next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), 500)
