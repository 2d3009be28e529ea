"""Whether one experiment's call holds among all of its outcome that were measured: e-BH over their present e-values."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from runtime.db.engine import Row, Tx
from runtime.db.tables import experiments
from runtime.statistics.plain import number, plain
from runtime.statistics.portfolio import e_bh, needed


async def among(tx: Tx, row: Row, result: Mapping[str, Any], alpha: float) -> dict[str, Any] | None:
    """None when it is the only one. Those that ended count with their last e-value: to leave them out would choose by evidence."""
    e = experiments.c
    statement = select(e.current_result["look"]["log_e"].label("log_e")).where(
        e.outcome_id == row["outcome_id"], e.id != row["id"], e.launched_at.is_not(None), e.data_from.is_not(None)
    )
    others = [0.0 if found["log_e"] is None else number(found["log_e"]) for found in await tx.all(statement)]
    return standing(number(result["look"]["log_e"]), others, alpha) if others else None


def standing(own: float, others: list[float], alpha: float) -> dict[str, Any]:
    """Plain values for the snapshot; e-values as logarithms."""
    found = e_bh([own, *others], alpha)
    values: dict[str, Any] = plain(
        {
            "rule": "e-BH", "alpha": alpha, "experiments": len(found), "rejected": sum(found), "survives": found[0], "log_e": own,
            "threshold": needed(others, alpha),
        }
    )  # fmt: skip
    return values
