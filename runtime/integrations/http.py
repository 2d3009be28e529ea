"""The one way out over HTTP: time limits, bounded retries, a cap on answers, no private addresses, no secrets in messages."""

import asyncio
import random
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import aiohttp
import structlog
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from yarl import URL

from runtime.errors import OutcomeRuntimeError
from runtime.integrations.guard import AddressRefused, AllowedHosts, GuardedResolver, is_literal
from runtime.integrations.redaction import redact, secrets_in

log = structlog.get_logger(__name__)

ModelT = TypeVar("ModelT", bound=BaseModel)

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
PASSING = frozenset({429, 500, 502, 503, 504})
SUCCESS = range(200, 300)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 3
SHOWN_CHARACTERS = 200
CHUNK = 64 * 1024
ADVICE = {
    400: "it does not understand the request; check the configuration",
    401: "it refused the credentials; check the token in the configuration",
    403: "the credentials may not do this; give the token the right it lacks",
    404: "nothing is there; check the address in the configuration",
    410: "it is gone for good; remove or replace the address",
    429: "it asks for fewer calls; wait, or raise its limit",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `accept` lists further statuses that are answers; `repeatable` says that a second time does no harm."""

    method: str
    url: str
    failure: type[OutcomeRuntimeError]
    who: str = "the other side"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    accept: frozenset[int] = frozenset()
    repeatable: bool | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def may_repeat(self) -> bool:
        return self.method in REPEATABLE if self.repeatable is None else self.repeatable

    @property
    def place(self) -> str:
        """The address without query and credentials."""
        return _place(URL(self.url)) if _readable(self.url) else "an unreadable address"

    def failed(self, reason: str, **context: Any) -> OutcomeRuntimeError:
        """The caller's error, without any secret the request carried."""
        hidden = (*self.secrets, *secrets_in(self.headers))
        who = self.who[:1].upper() + self.who[1:]
        text = redact(f"{who} failed at {self.method} {self.place}: {reason}.", hidden)
        return self.failure(text, url=redact(self.place, hidden), **context)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a 2xx, or a status the call said it accepts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Miss:
    """Why one try gave no answer; `wait` is what Retry-After asked for, in seconds."""

    reason: str
    passing: bool
    sent: bool = True
    status: int | None = None
    wait: float | None = None
    error: Exception | None = None


class Http:
    """One lazily opened session. Open one `Http` per process and event loop, and close it at the end.

    `allow` names the private hosts that the operator lets us call; all others are refused, after every redirect too.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        timeout_seconds: float = 15,
        tries: int = 3,
        pause_seconds: float = 0.25,
        longest_pause_seconds: float = 10,
        largest_answer: int = 4 * 1024 * 1024,
    ) -> None:
        self._allowed = AllowedHosts(allow)
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=min(timeout_seconds, 10))
        self._tries, self._pause, self._longest_pause = tries, pause_seconds, longest_pause_seconds
        self._largest_answer = largest_answer
        self._open: aiohttp.ClientSession | None = None
        self._plain: aiohttp.ClientSession | None = None

    async def get_json(
        self,
        url: str,
        model: type[ModelT],
        *,
        failure: type[OutcomeRuntimeError],
        who: str = "the other side",
        headers: Mapping[str, str] | None = None,
    ) -> ModelT:
        call = Call("GET", url, failure, who, {"Accept": "application/json", **(headers or {})})
        return read_json(await self.ask(call), model, call)

    async def send_json(
        self,
        method: str,
        url: str,
        body: BaseModel | Mapping[str, Any],
        model: type[ModelT],
        *,
        failure: type[OutcomeRuntimeError],
        who: str = "the other side",
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> ModelT:
        """`repeatable=True` lets a POST be tried again: only where the receiver recognises repeats."""
        sent = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        call = Call(method, url, failure, who, sent, json_bytes(body), repeatable=repeatable)
        return read_json(await self.ask(call), model, call)

    async def ask(self, call: Call) -> Answer:
        """The answer, or the call's own error after the last try."""
        for attempt in range(1, self._tries + 1):
            found = await self._try(call)
            if isinstance(found, Answer):
                return found
            pause = self._pause_before_next(call, found, attempt)
            if pause is None:
                times = f" ({attempt} tries)" if attempt > 1 else ""
                raise call.failed(found.reason + times, status=found.status, retry_after=found.wait) from found.error
            log.info("http.again", who=call.who, attempt=attempt, pause=round(pause, 2), status=found.status)
            await asyncio.sleep(pause)
        raise call.failed("no try was allowed; allow at least one")

    def plain(self, timeout_seconds: float) -> aiohttp.ClientSession:
        """Connections for a vendor's SDK that would make a new one for each call; it calls addresses of the settings only, by its own rules."""
        if self._plain is None:
            self._plain = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_seconds))
        return self._plain

    async def close(self) -> None:
        for session in (self._open, self._plain):
            if session is not None:
                await session.close()
        self._open = self._plain = None

    def _pause_before_next(self, call: Call, miss: _Miss, attempt: int) -> float | None:
        """Exponential with full jitter, never less than Retry-After; None when another try is useless or unsafe."""
        if attempt >= self._tries or not miss.passing or (miss.sent and not call.may_repeat):
            return None
        if miss.wait is not None and miss.wait > self._longest_pause:
            return None
        jitter = random.uniform(0, self._pause * 2 ** (attempt - 1))  # noqa: S311  spreads load, guards nothing
        return min(max(jitter, miss.wait or 0), self._longest_pause)

    async def _try(self, call: Call) -> Answer | _Miss:
        try:
            return await self._follow(call)
        except AddressRefused as error:
            return _private(error)
        except aiohttp.ClientConnectorError as error:
            return _unreached(error)
        except (ValueError, aiohttp.NonHttpUrlClientError) as error:
            reason = "the address or a header cannot be sent as it is written; correct the configuration"
            return _Miss(reason, passing=False, sent=False, error=error)
        except TimeoutError as error:
            return _Miss(f"no answer within {self._timeout.total:g} s", passing=True, error=error)
        except (aiohttp.ClientError, OSError) as error:
            return _Miss(f"the connection broke off ({type(error).__name__})", passing=True, error=error)

    async def _follow(self, call: Call) -> Answer | _Miss:
        """Follows redirects itself, so that each hop is checked and credentials stay with the origin they are for."""
        url, headers = URL(call.url), dict(call.headers)
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            async with self._session().request(
                call.method, url, headers=headers, data=call.content, allow_redirects=False
            ) as response:
                target = response.headers.get("Location")
                if response.status not in REDIRECTS or target is None or call.method not in {"GET", "HEAD"}:
                    return await self._read(call, response)
            onward = url.join(URL(target))
            if url.scheme == "https" and onward.scheme != "https":
                return _Miss("it redirects from https to http; correct the address", passing=False)
            headers = headers if onward.origin() == url.origin() else {}
            url = onward
        return _Miss(f"it redirects more than {MOST_REDIRECTS} times; correct the address", passing=False)

    def _check(self, url: URL) -> None:
        """Addresses written as numbers never meet the resolver, so they are checked here."""
        if url.scheme not in {"http", "https"} or not url.raw_host or url.user or url.password:
            raise aiohttp.InvalidURL("an address must be http(s)://host/... without credentials")
        if is_literal(url.raw_host) and not self._allowed.admits(url.raw_host, url.port or 0, url.raw_host):
            raise AddressRefused(url.raw_host)

    async def _read(self, call: Call, response: aiohttp.ClientResponse) -> Answer | _Miss:
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > self._largest_answer:
                return _Miss(f"its answer is larger than {self._largest_answer} bytes", passing=False)
        if response.status in SUCCESS or response.status in call.accept:
            return Answer(response.status, response.headers, bytes(body))
        return _Miss(
            _refusal(response.status, bytes(body)),
            passing=response.status in PASSING,
            status=response.status,
            wait=_retry_after(response.headers.get("Retry-After")),
        )

    def _session(self) -> aiohttp.ClientSession:
        if self._open is None or self._open.closed:
            connector = aiohttp.TCPConnector(resolver=GuardedResolver(self._allowed), limit_per_host=16)
            self._open = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "outcome-runtime"},
                trust_env=False,
            )
        return self._open


def json_bytes(body: BaseModel | Mapping[str, Any]) -> bytes:
    """UTF-8 JSON; decimals as strings, times in ISO 8601."""
    return to_json(body.model_dump(mode="json", by_alias=True) if isinstance(body, BaseModel) else dict(body))


def read_json(answer: Answer, model: type[ModelT], call: Call) -> ModelT:
    """The body as `model`; what does not fit becomes the call's own error, naming the field but not its value."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "body"
        raise call.failed(
            f"its answer does not follow the protocol: {place}: {first['msg']}", status=answer.status
        ) from error


def _place(url: URL) -> str:
    return str(url.with_user(None).with_query(None).with_fragment(None)) if url.host else url.path


def _readable(url: str) -> bool:
    try:
        return bool(URL(url).host)
    except ValueError:
        return False


def _refusal(status: int, body: bytes) -> str:
    advice = ADVICE.get(status) or ("it has trouble of its own" if status >= 500 else "it refused")  # noqa: PLR2004  HTTP
    said = " ".join(body[: SHOWN_CHARACTERS * 4].decode(errors="replace").split())[:SHOWN_CHARACTERS]
    shown = "".join(character for character in said if character.isprintable())
    return f"status {status}: {advice}" + (f" (it said: {shown})" if shown else "")


def _private(error: AddressRefused) -> _Miss:
    reason = (
        f"{error.host} is a private address, which is only called when the operator allows it (ALLOW_PRIVATE_HOSTS)"
    )
    return _Miss(reason, passing=False, sent=False, error=error)


def _unreached(error: aiohttp.ClientConnectorError) -> _Miss:
    if isinstance(error.os_error, AddressRefused):
        return _private(error.os_error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _Miss("its host name is not known; check the address", passing=True, sent=False, error=error)
    if isinstance(error, aiohttp.ClientSSLError) or isinstance(error.os_error, ssl.SSLError):
        return _Miss("its TLS certificate does not hold; mend it there", passing=False, sent=False, error=error)
    return _Miss("nobody listens there; is it running?", passing=True, sent=False, error=error)


def _retry_after(value: str | None) -> float | None:
    """Seconds, from either form that RFC 9110 allows."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
