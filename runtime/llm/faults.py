"""A vendor's refusal, read: is another try worth it, when, and what a person should do."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runtime.llm.contracts import Fault

TRIES = 3
LONGEST_WAIT_SECONDS = 60.0  # a provider that asks for more gets no second try now; the caller may come back later

_WORTH_RETRYING = frozenset({408, 409, 425, 429})
_NOT_FOUND = 404
_EMPTY_PURSE = re.compile(r"insufficient_quota|billing|spend_limit|credit_balance|payment|ramp_limit", re.IGNORECASE)
_KEY_LIKE = re.compile(r"\b(?:sk|pk|oaiapp|Bearer)[-_ ][\w*.+/=-]{6,}")
_DETAIL_LENGTH = 300


def from_status(status: int, code: str | None, detail: str, headers: Mapping[str, str], *, now: datetime) -> Fault:
    """Overload, rate limits and server errors are worth another try; a bad key, a bad request or an empty purse never."""
    transient = status in _WORTH_RETRYING or status >= 500  # noqa: PLR2004 - 5xx is HTTP's own word for "server error"
    forbidden = headers.get("x-should-retry") == "false" or bool(code and _EMPTY_PURSE.search(code))
    wait = retry_after(headers, now)
    return Fault(
        reason=f"HTTP {status} {code or ''}".rstrip() + f": {detail}",
        status=status,
        code=code,
        retryable=transient and not forbidden and (wait or 0) <= LONGEST_WAIT_SECONDS,
        retry_after=wait,
        wrong_model=status == _NOT_FOUND,
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the provider asks us to wait: `retry-after-ms`, or `retry-after` as seconds or as an HTTP date."""
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        if re.fullmatch(r"\d+(\.\d+)?", headers.get(name, "")):
            return float(headers[name]) / scale
    try:
        asked = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, (asked.replace(tzinfo=asked.tzinfo or UTC) - now).total_seconds())


def pause_before(attempt: int, first: float, asked: float | None, jitter: float) -> float:
    """Seconds before try number `attempt` (2, 3): doubling, up to a quarter more by `jitter` in [0, 1), never less than asked."""
    backoff: float = first * 2 ** (attempt - 2) * (1 + jitter / 4)
    return max(backoff, asked or 0.0)


def redacted(text: str, key: str) -> str:
    """The text without the key and without anything that looks like one, short enough for a log line."""
    return _KEY_LIKE.sub("[key]", text.replace(key, "[key]"))[:_DETAIL_LENGTH]


def washed(error: Exception, key: str) -> Exception:
    """The vendor's exception with the key taken out of its text, fit to be chained into a traceback."""
    error.args = tuple(redacted(argument, key) if isinstance(argument, str) else argument for argument in error.args)
    return error


def advice(fault: Fault, provider: str) -> str:
    """What a person should do about it."""
    if fault.status in (401, 403):
        return f"Check the {provider} key (`outcome-runtime doctor` says which one is used)."
    if fault.wrong_model:
        return "Name a model the provider offers, in outcome.yaml under `llm` or in the provider's settings."
    if fault.code and _EMPTY_PURSE.search(fault.code):
        return "Raise the limit or top up in the provider's console, or use the playbook source, which needs no model."
    return "Try again later, or use the playbook source, which needs no model."
