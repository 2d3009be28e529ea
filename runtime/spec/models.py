"""What outcome.yaml may say: one frozen model a block, in the order of the reference, unknown keys refused."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from runtime.spec.blocks import gate_rules, limit_rules, outcome_rules, scope_rules, signal_rules, target_rules
from runtime.spec.faults import Fault, refuse
from runtime.spec.fields import (
    ChannelAddress,
    Config,
    Duration,
    Email,
    Line,
    Number,
    Prose,
    Rule,
    ScopePath,
    Secret,
    Segment,
    Sla,
    SlackChannel,
    Slug,
    Version,
    Whether,
    Whole,
    between,
)
from runtime.spec.rules import whole_file

GateKind = Literal["portfolio_review", "launch_approval", "analysis_review", "scale_approval", "ship_approval"]
Provider = Literal["anthropic", "openai", "perplexity"]
ConnectorType = Literal["mixpanel", "amplitude", "ga4", "datadog", "bigquery", "postgres", "webhook"]
FlagProvider = Literal["launchdarkly", "unleash", "posthog", "statsig", "custom", "memory"]

#: Who is asked when a gate is not written down: the nearest gate that is, in this order.
STAND_INS: dict[GateKind, tuple[GateKind, ...]] = {
    "portfolio_review": ("analysis_review", "launch_approval", "ship_approval", "scale_approval"),
    "launch_approval": ("scale_approval", "portfolio_review", "analysis_review", "ship_approval"),
    "analysis_review": ("portfolio_review", "ship_approval", "launch_approval", "scale_approval"),
    "scale_approval": ("launch_approval", "analysis_review", "ship_approval", "portfolio_review"),
    "ship_approval": ("analysis_review", "scale_approval", "launch_approval", "portfolio_review"),
}


class Block(BaseModel):
    """A block of keys; once read it never changes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_alias=True, validate_by_name=True, hide_input_in_errors=True
    )


class Signal(Block):
    """What is measured, and how the source is asked for it."""

    source: Slug
    metric: Line
    method: Literal["funnel", "event", "custom"] = "event"
    funnel_steps: tuple[Line, ...] = Field((), max_length=20)
    segment: Segment = {}
    aggregation: Literal["point", "7d_rolling", "30d_rolling"] = "point"
    unit: Line | None = None

    @model_validator(mode="after")
    def _steps_fit_the_method(self) -> Self:
        refuse(signal_rules(self.model_dump()))
        return self


class Target(Block):
    """From where to where, in the metric's own unit."""

    direction: Literal["increase", "decrease"]
    from_: Number = Field(alias="from")
    to: Number
    confidence_required: Number = Field(0.95, ge=0.5, le=0.9999)

    @model_validator(mode="after")
    def _direction_agrees(self) -> Self:
        refuse(target_rules(self.model_dump(by_alias=True)))
        return self


class LimitConstraint(Block):
    """A limit the treated arm must keep; breaking it kills the experiment. Both ends are allowed values."""

    signal: Slug
    min: Number | None = None
    max: Number | None = None
    source: Slug
    metric: Line

    @model_validator(mode="after")
    def _limits_make_sense(self) -> Self:
        refuse(limit_rules(self.model_dump()))
        return self


class RuleConstraint(Block):
    """A rule in words for agents and reviewers."""

    rule: Rule

    @model_validator(mode="before")
    @classmethod
    def _is_only_a_rule(cls, data: Any) -> Any:
        limits = [key for key in LimitConstraint.model_fields if isinstance(data, dict) and key in data]
        if limits:
            refuse([Fault((limits[0],), "cannot stand beside `rule`", "make two constraints: one limit, one rule")])
        return data


LIMIT_TAG, RULE_TAG = "<limit>", "<rule>"


def _kind_of_constraint(value: Any) -> str:
    rule = "rule" in value if isinstance(value, dict) else isinstance(value, RuleConstraint)
    return RULE_TAG if rule else LIMIT_TAG


Constraint = Annotated[
    Annotated[LimitConstraint, Tag(LIMIT_TAG)] | Annotated[RuleConstraint, Tag(RULE_TAG)],
    Discriminator(_kind_of_constraint),
]


class Portfolio(Block):
    """How many experiments may run at a time."""

    max_concurrent: Whole = Field(3, ge=1, le=50)


class GateSpec(Block):
    """Who decides, how soon, where they are asked, who comes next; SLAs are wall time, or business hours on it. No channel means the default one."""

    assigned_to: Email
    sla: Sla = timedelta(hours=24)
    channel: ChannelAddress | None = None
    escalation_chain: tuple[Email, ...] = Field((), max_length=10)
    quorum: Whole = Field(1, ge=1, le=2)

    @model_validator(mode="after")
    def _nobody_is_asked_twice(self) -> Self:
        refuse(gate_rules(self.model_dump()))
        return self


class Gates(Block):
    """The five decisions; one that is not written is asked of its stand-in, see `OutcomeSpec.gate`."""

    portfolio_review: GateSpec | None = None
    launch_approval: GateSpec | None = None
    analysis_review: GateSpec | None = None
    scale_approval: GateSpec | None = None
    ship_approval: GateSpec | None = None

    def written(self, kind: GateKind) -> GateSpec | None:
        found: GateSpec | None = getattr(self, kind)
        return found


class Scope(Block):
    """Path prefixes an agent may and may not touch; forbidden wins, and no allowed path at all means anywhere else."""

    allowed_paths: tuple[ScopePath, ...] = Field((), max_length=200)
    forbidden_paths: tuple[ScopePath, ...] = Field((), max_length=200)

    @model_validator(mode="after")
    def _no_path_is_both(self) -> Self:
        refuse(scope_rules(self.model_dump()))
        return self


class Measurement(Block):
    """How experiments are measured; spans are data time, the effect is absolute, in the metric's unit."""

    minimum_effect: Number | None = Field(None, gt=0)
    duration: Annotated[Duration, between("1h", "730d")] | None = None
    hold: Annotated[Duration, between("0s", "90d")] = timedelta(days=3)
    initial_rollout: Whole = Field(50, ge=1, le=100)
    units_per_day: Whole | None = Field(None, ge=1, le=10**12)
    freshness: Annotated[Duration, between("1m", "90d")] | None = None


class OutcomeSpec(Block):
    """One outcome: a number to move, the limits to keep, the people who decide."""

    id: Slug
    title: Line
    description: Prose | None = None
    signal: Signal
    secondary_signals: tuple[Signal, ...] = Field((), max_length=20)
    target: Target
    constraints: tuple[Constraint, ...] = Field((), max_length=50)
    horizon: Annotated[Duration, between("1d", "730d")]
    portfolio: Portfolio = Portfolio(max_concurrent=3)
    gates: Gates = Gates()
    scope: Scope = Scope()
    measurement: Measurement = Measurement()
    llm_provider: Provider | None = None
    owner: Email | None = None
    workspace: Slug | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        refuse(outcome_rules(self.model_dump()))
        return self

    def gate(self, kind: GateKind) -> GateSpec:
        """The gate as written, else its nearest written stand-in, else the owner within 24 hours."""
        for candidate in (kind, *STAND_INS[kind]):
            found = self.gates.written(candidate)
            if found is not None:
                return found
        return GateSpec(assigned_to=str(self.owner))

    @property
    def responsible(self) -> str:
        """The owner, or whoever decides on the portfolio."""
        return self.owner or self.gate("portfolio_review").assigned_to

    @property
    def duration(self) -> timedelta:
        """How long one experiment measures at most: as written, else two weeks or the horizon if that is shorter."""
        return self.measurement.duration or min(self.horizon, timedelta(weeks=2))


class LLM(Block):
    """Which language models propose and analyse; without names the provider's own defaults."""

    default_provider: Provider = "anthropic"
    hypothesis_model: Line | None = None
    analysis_model: Line | None = None


class SignalConnectorSpec(Block):
    """A source of metrics; `name` is what signals and constraints call it, `simulated` marks what is shown of its numbers."""

    name: Slug
    type: ConnectorType
    simulated: Whether = False
    config: Config = {}


class FeatureFlags(Block):
    """The service that holds the experiments' flags; `memory` needs no account."""

    provider: FlagProvider = "memory"
    config: Config = {}


class SlackNotifications(Block):
    """Overrides the settings' token and channel for this file's outcomes."""

    bot_token: Secret | None = None
    default_channel: SlackChannel | None = None


class Notifications(Block):
    """Where news go that no gate's channel claims."""

    slack: SlackNotifications = SlackNotifications()


class OutcomeFile(Block):
    """A whole outcome.yaml."""

    version: Version
    outcomes: tuple[OutcomeSpec, ...] = Field(max_length=200)
    llm: LLM = LLM()
    signal_connectors: tuple[SignalConnectorSpec, ...] = Field((), max_length=50)
    feature_flags: FeatureFlags = FeatureFlags()
    notifications: Notifications = Notifications()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        refuse(whole_file(self.model_dump(mode="json", by_alias=True)))
        return self

    def outcome(self, slug: str) -> OutcomeSpec | None:
        return next((outcome for outcome in self.outcomes if outcome.id == slug), None)

    def connector(self, name: str) -> SignalConnectorSpec | None:
        return next((connector for connector in self.signal_connectors if connector.name == name), None)
