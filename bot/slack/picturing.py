"""`/outcome chart`: the picture of an outcome or an experiment, sent to whoever asked."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from bot.slack import acting, kit, pictures
from bot.slack.asked import Answer, Asked, Said
from bot.slack.blocks import picture_blocks
from bot.slack.view import Picture
from bot.slack.words import fit
from runtime.db.engine import Row, Tx
from runtime.db.tables import human_gates
from runtime.errors import NotFound
from runtime.gates import pictures as shapes
from runtime.measurement import store
from runtime.outcomes import rows as outcomes
from runtime.outcomes.connections import is_simulated
from runtime.statistics.plan import Plan

_READINGS = 400
"""The newest levels; more would not be told apart in one picture."""


async def chart(asked: Asked) -> Answer:
    """Drawn from what is stored, as at the gates; without a picture its words still come."""
    said = asked.word("outcome or experiment")
    async with asked.runtime.transaction(asked.org_id) as tx:
        outcome = await outcomes.by_slug(tx, said)
        shape = await _of_outcome(tx, outcome) if outcome else None
    if outcome is None:
        shape = await _of_experiment(asked)
    if shape is None:
        raise NotFound(f"There are no numbers about “{said}” yet; a chart comes with the first reading.")
    found = await pictures.show(asked.client, shapes.in_zone(shape, asked.member.timezone), {})
    if found.picture is None:
        raise NotFound(f"The chart of “{said}” cannot be drawn; `/outcome show` has the numbers.")
    return shown(str(shape["title"]), found.picture)


def shown(title: str, picture: Picture) -> Said:
    return Said(fit(f"{title}: {picture.alt}", kit.MESSAGE), [kit.header(title), *picture_blocks(picture)])


async def _of_outcome(tx: Tx, row: Row) -> Mapping[str, Any] | None:
    """The metric's level on its way to the target."""
    signal, target = row["primary_signal"], row["target"]
    found = [one for one in await store.levels(tx, row["id"], signal["metric"]) if one["value"] is not None][
        -_READINGS:
    ]
    if not found:
        return None
    origin = shapes.provenance(
        signal["source"], snapshot_id="live", since=found[0]["time"], through=found[-1]["time"],
        simulated=await is_simulated(tx, row),
    )  # fmt: skip
    points = [{"at": one["time"].isoformat(), "value": float(one["value"]), "n": one["sample_size"]} for one in found]
    return {
        "kind": "signal", "title": row["title"], "metric": signal["metric"], "unit": shapes.unit(signal), "points": points,
        "target": target["to"], "baseline": target["from"], "marks": [], "provenance": origin,
    }  # fmt: skip


async def _of_experiment(asked: Asked) -> Mapping[str, Any] | None:
    """As the newest look drew it, else as its newest gate did, else what its plan can find."""
    named = await acting.named_experiment(asked)
    for result in (named["final_result"], named["current_result"]):
        if result and result.get("chart"):
            return dict(result["chart"])
    g = human_gates.c
    newest = select(g.context_package).where(g.experiment_id == named["id"]).order_by(g.created_at.desc())
    async with asked.runtime.transaction(asked.org_id) as tx:
        gates = await tx.all(newest.limit(5))
        shown = next((gate["context_package"]["chart"] for gate in gates if gate["context_package"].get("chart")), None)
        return dict(shown) if shown else await _planned(tx, named)


async def _planned(tx: Tx, named: Row) -> Mapping[str, Any] | None:
    from runtime.experiments import service  # noqa: PLC0415  only for an experiment that no gate has shown yet

    row = await service.get(tx, named["id"])
    outcome = await outcomes.get(tx, row["outcome_id"])
    return (
        shapes.launch(row, outcome, Plan.from_json(row["plan"]), str(row["plan_digest"])[:12]) if row["plan"] else None
    )
