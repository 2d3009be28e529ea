"""Feature flags in this process's memory: for trying out and for tests, gone at its end and unseen by other processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from runtime.errors import FlagServiceFailed
from runtime.integrations.config import IntegrationConfig, read_config
from runtime.integrations.contracts import FlagState, Probe, Variant
from runtime.integrations.flags.bucketing import checked_percentage, variant_of
from runtime.integrations.http import Http


@dataclass(frozen=True, slots=True)
class _Flag:
    key: str
    description: str
    enabled: bool = False
    percentage: int = 0
    segment: Mapping[str, str] = field(default_factory=dict)
    version: int = 1

    def state(self) -> FlagState:
        return FlagState(self.key, self.enabled, self.percentage, str(self.version))


class MemoryConfig(IntegrationConfig):
    """Services of one process that name the same book share their flags."""

    book: str = "default"


class MemoryFlags:
    """Boolean flags: on is treatment, off is control, `percentage` per cent of the units are on."""

    slug: str = "memory"
    takes_segments: bool = False
    Config: ClassVar[type[MemoryConfig]] = MemoryConfig
    _books: ClassVar[dict[str, dict[str, _Flag]]] = {}

    def __init__(self, config: Mapping[str, Any], http: Http) -> None:
        self._flags = self._books.setdefault(read_config(MemoryConfig, config, self.slug).book, {})

    async def test_connection(self) -> Probe:
        return Probe(ok=True, detail=f"{len(self._flags)} flags in this process's memory; they end with it")

    async def create_flag(self, key: str, description: str) -> FlagState:
        """A flag that is there already stays as it is, so that a repeat never switches a running experiment off."""
        return self._flags.setdefault(key, _Flag(key, description)).state()

    async def set_rollout_percentage(
        self, key: str, percentage: int, segment: Mapping[str, str] | None = None
    ) -> FlagState:
        """0 switches the flag off; no segment means everybody."""
        checked_percentage(percentage)
        flag = self._flags.get(key)
        if flag is None:
            raise FlagServiceFailed(f"There is no flag '{key}'; create it first.", key=key)
        return self._keep(
            replace(flag, enabled=percentage > 0, percentage=percentage, segment=dict(segment or {}))
        ).state()

    async def kill_flag(self, key: str) -> FlagState:
        """Off for everybody, with the percentage kept for the record; a flag that is not there is off already."""
        flag = self._flags.get(key)
        return self._keep(replace(flag, enabled=False)).state() if flag else FlagState(key, enabled=False, percentage=0)

    async def read_flag(self, key: str) -> FlagState | None:
        flag = self._flags.get(key)
        return flag.state() if flag else None

    async def get_variant_for_user(self, key: str, user_id: str) -> Variant:
        """Nothing is known of the user but the id, so a flag with a segment answers control."""
        flag = self._flags.get(key)
        if flag is None or not flag.enabled or flag.segment:
            return "control"
        return variant_of(key, user_id, flag.percentage)

    async def close(self) -> None:
        """The flags live on with the process."""

    def _keep(self, flag: _Flag) -> _Flag:
        before = self._flags[flag.key]
        if flag == before:
            return before
        self._flags[flag.key] = replace(flag, version=before.version + 1)
        return self._flags[flag.key]
