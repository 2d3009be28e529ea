"""Your own flag service, if it speaks the small protocol of docs/flags.md; evaluation is OFREP, as OpenFeature defines it."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from runtime.errors import FlagServiceFailed
from runtime.integrations.config import IntegrationConfig, read_config
from runtime.integrations.contracts import FlagState, Probe, Variant
from runtime.integrations.flags.bucketing import checked_percentage
from runtime.integrations.http import Answer, Call, Http, json_bytes, read_json

MISSING = 404
CHANGED = frozenset({409, 412})


class CustomConfig(IntegrationConfig):
    base_url: HttpUrl
    token: SecretStr = Field(min_length=1)


class FlagAnswer(BaseModel):
    """The flag as the service describes it in every answer."""

    model_config = ConfigDict(extra="ignore")

    key: str
    description: str = ""
    enabled: bool
    percentage: int = Field(ge=0, le=100)
    segment: dict[str, str] | None = None
    version: int | str = ""

    def state(self) -> FlagState:
        return FlagState(self.key, self.enabled, self.percentage, str(self.version))


class Evaluation(BaseModel):
    """OFREP's answer for one unit."""

    model_config = ConfigDict(extra="ignore")

    value: bool


class _Anything(BaseModel):
    model_config = ConfigDict(extra="ignore")


class CustomFlags:
    """Every write is read back: what a method returns is what the service says afterwards, never what was asked."""

    slug: str = "custom"
    takes_segments: bool = True
    Config: ClassVar[type[CustomConfig]] = CustomConfig

    def __init__(self, config: Mapping[str, Any], http: Http) -> None:
        self._config, self._http = read_config(CustomConfig, config, self.slug), http
        self._base = str(self._config.base_url).rstrip("/")

    async def test_connection(self) -> Probe:
        call = self._call("GET", "/flags")
        try:
            read_json(await self._http.ask(call), _Anything, call)
        except FlagServiceFailed as error:
            return Probe(ok=False, detail=error.message)
        return Probe(ok=True, detail=f"the flag service at {call.place} answers and takes the token")

    async def create_flag(self, key: str, description: str) -> FlagState:
        """A flag that is there already stays as it is, so that a repeat never switches a running experiment off."""
        found = await self._read(key)
        if found is None:
            await self._put(key, FlagAnswer(key=key, description=description, enabled=False, percentage=0), "0")
            found = await self._read(key)
        if found is None:
            raise self._unconfirmed(key, "it was created, but the service does not know it")
        return found.state()

    async def set_rollout_percentage(
        self, key: str, percentage: int, segment: Mapping[str, str] | None = None
    ) -> FlagState:
        """0 switches the flag off; no segment means everybody. Refused when somebody changed the flag meanwhile."""
        checked_percentage(percentage)
        before = await self._read(key)
        if before is None:
            raise FlagServiceFailed(f"The flag service has no flag '{key}'; create it first.", key=key)
        wish = FlagAnswer(
            key=key,
            description=before.description,
            enabled=percentage > 0,
            percentage=percentage,
            segment=dict(segment) if segment else None,
        )
        if (await self._put(key, wish, str(before.version))).status in CHANGED:
            raise FlagServiceFailed(
                f"Flag '{key}' was changed by somebody else meanwhile; look at it and try again.", key=key
            )
        after = await self._read(key)
        if after is None or _substance(after) != _substance(wish):
            raise self._unconfirmed(key, f"{percentage} % was set, but the service shows {_shown(after)}")
        return after.state()

    async def kill_flag(self, key: str) -> FlagState:
        """Unconditional: no version is asked for, and a flag that is not there is off already."""
        call = self._call("POST", f"{_path(key)}/kill", accept=frozenset({MISSING}), repeatable=True)
        await self._http.ask(call)
        after = await self._read(key)
        if after is None:
            return FlagState(key, enabled=False, percentage=0)
        if after.enabled:
            raise self._unconfirmed(key, "it was killed, but the service still shows it on; switch it off by hand")
        return after.state()

    async def read_flag(self, key: str) -> FlagState | None:
        found = await self._read(key)
        return found.state() if found else None

    async def get_variant_for_user(self, key: str, user_id: str) -> Variant:
        """Nothing is known of the user but the id; a flag the service does not know means control."""
        call = self._call(
            "POST",
            f"/ofrep/v1/evaluate{_path(key)}",
            {"context": {"targetingKey": user_id}},
            accept=frozenset({MISSING}),
            repeatable=True,
        )
        answer = await self._http.ask(call)
        if answer.status == MISSING:
            return "control"
        return "treatment" if read_json(answer, Evaluation, call).value else "control"

    async def close(self) -> None:
        """The HTTP session is its owner's."""

    async def _read(self, key: str) -> FlagAnswer | None:
        call = self._call("GET", _path(key), accept=frozenset({MISSING}))
        answer = await self._http.ask(call)
        if answer.status == MISSING:
            return None
        found = read_json(answer, FlagAnswer, call)
        if found.key != key:
            raise self._unconfirmed(key, f"the service answered for '{found.key[:100]}'")
        return found

    async def _put(self, key: str, wish: FlagAnswer, version: str) -> Answer:
        """Version "0" is that of a flag which is not there yet."""
        body = wish.model_dump(include={"description", "enabled", "percentage", "segment"})
        headers = {"If-Match": f'"{version}"'} if version else {}
        return await self._http.ask(self._call("PUT", _path(key), body, headers, accept=CHANGED))

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        accept: frozenset[int] = frozenset(),
        repeatable: bool | None = None,
    ) -> Call:
        return Call(
            method,
            self._base + path,
            FlagServiceFailed,
            "the flag service",
            {
                "Authorization": f"Bearer {self._config.token.get_secret_value()}",
                "Accept": "application/json",
                **({"Content-Type": "application/json"} if body is not None else {}),
                **(headers or {}),
            },
            None if body is None else json_bytes(body),
            accept,
            repeatable,
        )

    def _unconfirmed(self, key: str, what: str) -> FlagServiceFailed:
        return FlagServiceFailed(f"The change of flag '{key}' is not confirmed: {what}.", key=key)


def _path(key: str) -> str:
    """One segment, whatever the key holds; dots alone would climb out of it."""
    if not key.strip("."):
        raise FlagServiceFailed(f"'{key}' is no flag key; name the flag.", key=key)
    return f"/flags/{quote(key, safe='')}"


def _substance(flag: FlagAnswer) -> tuple[bool, int, dict[str, str]]:
    return flag.enabled, flag.percentage, flag.segment or {}


def _shown(flag: FlagAnswer | None) -> str:
    if flag is None:
        return "no such flag"
    return f"{'on' if flag.enabled else 'off'} at {flag.percentage} %" + (" for a segment" if flag.segment else "")
