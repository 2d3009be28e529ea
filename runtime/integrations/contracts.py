"""What an integration must be able to do: the Protocols behind signal sources, flag services, agents and channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from runtime.errors import OutcomeRuntimeError

Variant = Literal["control", "treatment"]
Capability = Literal["unit_moments", "counts", "gauge_by_variant", "gauge_only"]


@dataclass(frozen=True, slots=True)
class Probe:
    """The answer to "does this configuration work?"; `detail` says what was reached or what to mend."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open span of *data* time, `start <= t < end`, both aware datetimes."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """What to read. `experiment` is the feature-flag key by which exposures are recorded at the source."""

    metric: str
    method: Literal["funnel", "event", "custom"] = "event"
    funnel_steps: tuple[str, ...] = ()
    segment: Mapping[str, str] = field(default_factory=dict)
    experiment: str | None = None
    limit: Decimal | None = None  # for "share of units beyond a limit" readings


@dataclass(frozen=True, slots=True)
class VariantSums:
    """Sufficient statistics of one variant in one bucket: n units, sum and sum of squares of their values (exact)."""

    variant: Variant
    n: int
    total: Decimal
    total_sq: Decimal
    beyond_limit: int | None = None  # units beyond MetricQuery.limit, when the source can count them


@dataclass(frozen=True, slots=True)
class Bucket:
    """One idempotent piece of data: replaces whatever was stored for the same start and variant."""

    start: datetime
    end: datetime
    variants: tuple[VariantSums, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source answered. `complete_through` is the source's own clock: the data cut-off up to which nothing is missing."""

    buckets: tuple[Bucket, ...]
    complete_through: datetime
    source: str
    capability: Capability
    exact: bool = True
    raw: Any = None


@dataclass(frozen=True, slots=True)
class Level:
    """The level of a metric for everybody, whatever their variant: baselines and progress towards a target."""

    value: Decimal
    n: int | None
    as_of: datetime
    source: str
    raw: Any = None


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """One metric a source can serve, for the metric picker."""

    name: str
    description: str = ""
    unit: str = ""


class SignalConnector(Protocol):
    """A place where metrics live. Constructed as `Connector(config: Mapping[str, Any], http: Http)`."""

    slug: str
    capability: Capability

    async def test_connection(self) -> Probe: ...
    async def fetch_metric(self, query: MetricQuery, window: Window) -> Level: ...
    async def fetch_variant_metric(self, query: MetricQuery, window: Window) -> Reading: ...
    async def list_metrics(self) -> Sequence[MetricDefinition]: ...
    async def now(self) -> datetime:
        """The source's own clock (data time), by which windows and horizons are counted."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class ReadsMany(Protocol):
    """What a signal connector may offer besides: many readings in one go. One that fails is answered by its error."""

    async def fetch_many(
        self, asked: Sequence[tuple[MetricQuery, Window]]
    ) -> Sequence[Reading | OutcomeRuntimeError]: ...


@dataclass(frozen=True, slots=True)
class FlagState:
    """What the flag service says after a change; read back, never assumed."""

    key: str
    enabled: bool
    percentage: int
    version: str = ""


class FlagService(Protocol):
    """Feature flags. All writes are idempotent and verified by reading back; failures raise FlagServiceFailed."""

    slug: str
    takes_segments: bool
    """Whether a flag can be on for users with given attributes only."""

    async def test_connection(self) -> Probe: ...
    async def create_flag(self, key: str, description: str) -> FlagState: ...
    async def set_rollout_percentage(
        self, key: str, percentage: int, segment: Mapping[str, str] | None = None
    ) -> FlagState: ...
    async def kill_flag(self, key: str) -> FlagState: ...
    async def read_flag(self, key: str) -> FlagState | None: ...
    async def get_variant_for_user(self, key: str, user_id: str) -> Variant: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """What a coding agent is sent. `token` is a per-run agent key, shown once and stored only as a hash."""

    run_id: UUID
    experiment_id: UUID
    brief: Mapping[str, Any]
    mcp_url: str
    brief_url: str
    built_url: str
    token: str
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Where the build went; `external_id` is the target's own id, if it has one."""

    external_id: str | None
    url: str | None
    detail: str


class ExecutionTarget(Protocol):
    """Somewhere coding agents take orders. Failures raise DispatchFailed."""

    slug: str

    async def test_connection(self) -> Probe: ...
    async def dispatch(self, order: BuildOrder) -> Dispatched: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Notice:
    """An outgoing message by id: the channel renders it from the row as it is when it is sent."""

    org_id: UUID
    kind: str  # e.g. "gate", "experiment", "outcome"
    subject_id: UUID
    event: str
    place: str  # channel-specific address: "#checkout", "U123", "ana@example.com"
    payload: Mapping[str, Any]


class Channel(Protocol):
    """A way to speak to people. `deliver` may run twice; it must update rather than repeat. Failures raise ChannelFailed."""

    slug: str

    async def deliver(self, notice: Notice) -> None: ...
    async def close(self) -> None: ...
