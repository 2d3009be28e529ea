"""The ingestion door's work: validate points, store the good ones once, name the bad ones by their place."""

from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from runtime.db.engine import Tx
from runtime.db.tables import inbound_events, ingested_points
from runtime.errors import InvalidRequest
from runtime.experiments import service
from runtime.integrations.signals.sums import LARGEST

if TYPE_CHECKING:
    from runtime.core import Runtime

MOST_POINTS = 10_000
_ROUNDING = Decimal("1e-9")


class Point(BaseModel):
    """Sums of one variant over one span: `delta` for the span alone, `cumulative` for everything since the start."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    variant: Literal["control", "treatment"]
    n: int = Field(ge=0, le=2**62)
    total: Decimal = Field(alias="sum", allow_inf_nan=False, ge=-LARGEST, le=LARGEST)
    total_sq: Decimal = Field(alias="sum_sq", ge=0, allow_inf_nan=False, le=LARGEST)
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    kind: Literal["delta", "cumulative"] = "delta"
    beyond_limit: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.end <= self.start:
            raise ValueError("`to` must be after `from`")
        if self.n == 0 and (self.total or self.total_sq):
            raise ValueError("sums without units")
        if self.n and self.total_sq * self.n < self.total**2 * (1 - _ROUNDING):
            raise ValueError("`sum_sq` is smaller than sum squared over n: no data have these sums")
        return self


class Batch(BaseModel):
    """One message: points of one signal of one experiment, named by id or by flag key."""

    model_config = ConfigDict(extra="forbid")

    signal: str = Field(min_length=1, max_length=200)
    experiment_id: str = Field(min_length=1, max_length=200)
    points: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_POINTS)


async def take(
    runtime: "Runtime", org_id: UUID, body: bytes, *, message_id: str | None, key_id: UUID
) -> dict[str, Any]:
    """Store a message's points. The same id again gives the first answer; the same id with another body is refused."""
    batch = _parse(body)
    good, errors = _check(batch)
    digest = sha256(body).hexdigest()
    async with runtime.transaction(org_id) as tx:
        if message_id and (earlier := await _seen(tx, message_id, digest)) is not None:
            return earlier
        key = await _flag_key(tx, batch.experiment_id)
        for point in good:
            await _store(tx, key, batch.signal, point, key_id)
        answer = {"accepted": len(good), "rejected": len(errors), "errors": errors}
        if message_id:
            await tx.run(
                insert(inbound_events).values(
                    org_id=org_id, source="ingest", external_id=message_id, digest=digest, answer=answer
                )
            )
    return answer


def _parse(body: bytes) -> Batch:
    try:
        return Batch.model_validate_json(body)
    except ValidationError as error:
        fields = [
            {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]}
            for item in error.errors()[:20]
        ]
        raise InvalidRequest(
            "The message cannot be read; see the fields named in the context.", fields=fields
        ) from error


def _check(batch: Batch) -> tuple[list[Point], list[dict[str, Any]]]:
    good, errors = [], []
    for place, raw in enumerate(batch.points):
        try:
            good.append(Point.model_validate(raw))
        except ValidationError as error:
            first = error.errors()[0]
            errors.append(
                {"point": place, "field": ".".join(str(part) for part in first["loc"]), "problem": first["msg"]}
            )
    return good, errors


async def _seen(tx: Tx, message_id: str, digest: str) -> dict[str, Any] | None:
    row = await tx.first(
        select(inbound_events).where(inbound_events.c.source == "ingest", inbound_events.c.external_id == message_id)
    )
    if row is None:
        return None
    if row["digest"] != digest:
        raise InvalidRequest(
            "This webhook-id was used for another body; use a new id for new data.", webhook_id=message_id
        )
    return dict(row["answer"]) | {"repeated": True}


async def _flag_key(tx: Tx, name: str) -> str:
    """Points are kept under the experiment's flag key, which is how connectors ask for them."""
    try:
        return str((await service.get(tx, UUID(name)))["feature_flag_key"])
    except ValueError:
        return name


async def _store(tx: Tx, key: str, signal: str, point: Point, key_id: UUID) -> None:
    statement = insert(ingested_points).values(
        org_id=tx.org_id, experiment_key=key, signal_name=signal, variant=point.variant, kind=point.kind, window_from=point.start,
        window_to=point.end, n=point.n, total=point.total, total_sq=point.total_sq, beyond_limit=point.beyond_limit, key_id=key_id,
    )  # fmt: skip
    corrected = {name: statement.excluded[name] for name in ("n", "total", "total_sq", "beyond_limit", "key_id")}
    await tx.run(
        statement.on_conflict_do_update(
            index_elements=["org_id", "experiment_key", "signal_name", "variant", "kind", "window_from", "window_to"],
            set_=corrected | {"received_at": func.now()},
        )
    )
