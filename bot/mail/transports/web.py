"""One HTTP request that hands a letter over, and what its answer means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from runtime.errors import ChannelFailed, MailRefused, OutcomeRuntimeError

TIMEOUT = aiohttp.ClientTimeout(total=30)
_LONGEST_PAUSE = 600.0
_MOST_ANSWER = 20_000
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: its status, its body as JSON if it is any, and how long it asks us to wait."""

    status: int
    body: Any
    text: str
    retry_after: float | None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  HTTP


class Wire:
    """A session for one provider, opened with the first letter."""

    def __init__(self, who: str, *, direct: bool = False) -> None:
        self._who, self._direct = who, direct
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, *, headers: Mapping[str, str] | None = None, **body: Any) -> Said:
        """Raises ChannelFailed where nobody answers; an answer of any status is the caller's to judge."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, trust_env=not self._direct)
        try:
            async with self._session.post(url, headers=headers, allow_redirects=False, **body) as answer:
                raw = await answer.content.read(_MOST_ANSWER)
                return _said(answer, raw)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ChannelFailed(f"{self._who} does not answer ({type(error).__name__}); it is tried again.") from error

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _said(answer: aiohttp.ClientResponse, raw: bytes) -> Said:
    text = raw.decode("utf-8", "replace")
    try:
        body = json.loads(text) if text.strip() else None
    except ValueError:
        body = None
    return Said(answer.status, body, " ".join(text.split())[:300], _pause(answer.headers.get("Retry-After", "")))


def _pause(said: str) -> float | None:
    return min(float(said), _LONGEST_PAUSE) if said.isdigit() else None


def judged(who: str, said: Said, recipient: str, *, never: bool) -> OutcomeRuntimeError:
    """`never`: the provider says that this recipient takes no letters, whatever else may be right."""
    told = f"{said.status} {said.text}"[:300].strip()
    if never:
        return MailRefused(f"{recipient} was refused by {who}: {told}.", recipient=recipient, said=told)
    if said.status in _PASSING:
        return ChannelFailed(f"{who} asks to come later: {told}.", retry_after=said.retry_after or 60.0)
    if said.status in {401, 403}:
        return ChannelFailed(f"{who} refuses our key: {told}. Check SMTP_URL and that MAIL_FROM may send there.")
    return ChannelFailed(f"{who} did not take the letter: {told}. Check MAIL_FROM and the account there.")
