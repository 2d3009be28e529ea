"""What a person is shown at a gate: one frozen package from which every door renders, and the evidence it stands for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from runtime.db.engine import Row, Tx
from runtime.db.tables import snapshots
from runtime.digest import digest
from runtime.experiments import registration
from runtime.gates import evidence, outlook, pictures, rows
from runtime.gates.choices import offered
from runtime.gates.opening import Ask
from runtime.gates.wording import amount, days, percent, span
from runtime.identity.people import By
from runtime.journal import Event, record
from runtime.outcomes.connections import is_simulated
from runtime.statistics.plan import Plan

SCHEMA = "outcome-runtime/context-package@1"
MOST_DIFF = 2500
MOST_FILES = 15
"""What a launch gate keeps of a build's diff and list of files; the build report has all of both."""
_MOST_CONTEXT = 20_000
_MOST_EDITS = 12
EDITED = "Edited before approval"
_BY_DOOR = {"mcp": "MCP", "rest": "REST"}


def _outcome(outcome: Row) -> dict[str, Any]:
    signal, target = outcome["primary_signal"], outcome["target"]
    return {
        "slug": outcome["slug"], "title": outcome["title"], "metric": signal["metric"], "unit": pictures.unit(signal),
        "direction": target["direction"], "from": target["from"], "to": target["to"],
    }  # fmt: skip


def _package(kind: str, outcome: Row, headline: str, **parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "facts": [],
        "sections": [],
        "experiments": [],
        "experiment_ids": [],
        "chart": None,
        "recommendation": None,
        "learnings": [],
    }
    return {"schema": SCHEMA, "kind": kind, "headline": headline, "outcome": _outcome(outcome), **empty, **parts}


def portfolio(
    outcome: Row, proposed: Sequence[Row], *, generated_by: str, source: str, rejected: Sequence[Mapping[str, str]],
    learnings: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any],
) -> Ask:  # fmt: skip
    """Gate 1, which asks a person what may be built of what was proposed."""
    signal = outcome["primary_signal"]
    unit = pictures.unit(signal)
    target = outcome["target"]
    facts = [
        ["Target", f"{signal['metric']} {amount(target['from'], unit)} → {amount(target['to'], unit)}"],
        ["Proposed by", source],
        ["At once", f"at most {outcome['max_concurrent_experiments']}"],
    ]
    sections = [_experiment_section(row, unit) for row in proposed]
    if rejected:
        sections.append(
            {
                "title": "Considered and left out",
                "text": "\n".join(f"• {item['title']}: {item['reason']}" for item in rejected[:5]),
            }
        )
    package = _package(
        "portfolio", outcome, f"Which experiments may be built for “{outcome['title']}”?", facts=facts, sections=sections,
        experiments=[_listed(row, unit) for row in proposed], experiment_ids=[str(row["id"]) for row in proposed],
        chart=pictures.portfolio(outcome, proposed, generated_by, provenance), learnings=list(learnings), provenance=dict(provenance),
        generated_by=generated_by,
    )  # fmt: skip
    return Ask(
        "portfolio_review",
        package["headline"],
        package,
        evidence.of_portfolio(list(proposed)),
        offered("portfolio_review"),
    )


def renewed_portfolio(
    package: Mapping[str, Any], outcome: Row, proposed: Sequence[Row], edited: Sequence[str]
) -> dict[str, Any]:
    """The same question about experiments that a person edited or reordered; what was changed is shown among the sections."""
    unit, kept = pictures.unit(outcome["primary_signal"]), [*package["sections"][len(proposed) :]]
    kept = [part for part in kept if part["title"] != EDITED]
    changes = {"title": EDITED, "text": "\n".join(f"• {line}" for line in edited[-_MOST_EDITS:])}
    drawn = package["chart"]
    chart = (
        pictures.portfolio(outcome, proposed, str(package.get("generated_by") or ""), drawn["provenance"])
        if drawn
        else None
    )
    return {
        **package, "sections": [*(_experiment_section(row, unit) for row in proposed), changes, *kept], "edited": list(edited),
        "experiments": [_listed(row, unit) for row in proposed], "experiment_ids": [str(row["id"]) for row in proposed], "chart": chart,
    }  # fmt: skip


def _listed(row: Row, unit: str) -> dict[str, Any]:
    prediction = row["prediction"]
    return {
        "id": str(row["id"]), "title": row["title"], "hypothesis": row["hypothesis"], "flag": row["feature_flag_key"],
        "expected": f"{amount(prediction['expected_delta'], unit, signed=True)}",
    }  # fmt: skip


def _experiment_section(row: Row, unit: str) -> dict[str, str]:
    lines = [row["hypothesis"], f"Because: {row['mechanism']}", _predicted(row, unit)]
    return {"title": row["title"], "text": "\n".join(lines)}


def _predicted(row: Row, unit: str) -> str:
    prediction = row["prediction"]
    expected, (low, high) = amount(prediction["expected_delta"], unit, signed=True), prediction["delta_range"]
    risk = row["draft"].get("risk_level", "unknown")
    return (
        f"Predicted: {expected} ({span(low, high, unit)}), confidence {percent(prediction['confidence'])}; risk {risk}."
    )


async def launch(tx: Tx, experiment: Row, outcome: Row) -> Ask:
    """Gate 2: may what was built be shown to users? The plan of measurement is registered and hashed here."""
    package = _launch_package(experiment, outcome)
    question = package["headline"]
    return Ask(
        "launch_approval",
        question,
        package,
        evidence.of_launch(experiment, outcome),
        offered("launch_approval"),
        experiment["id"],
    )


def _launch_package(experiment: Row, outcome: Row) -> dict[str, Any]:
    unit = pictures.unit(outcome["primary_signal"])
    report, plan = experiment["build_report"], Plan.from_json(experiment["plan"])
    registered = registration.document(experiment, outcome)
    mark = digest(registered)[:12]
    facts = [
        [
            "Rollout",
            f"{registered['allocation']['treatment_percent']} % of users behind {experiment['feature_flag_key']}",
        ],
        ["Measured for", f"{days(plan.horizon_days)}, looked at all the time"],
        ["Smallest effect sought", amount(plan.minimum_effect, unit, signed=True)],
        ["False-alarm risk", f"{percent(plan.alpha)} in all, however often anybody looks"],
        ["Plan", mark],
        [
            "Built by",
            f"a coding agent, which reported by {_BY_DOOR.get(experiment['agent_runtime'], 'an unknown door')}",
        ],
    ]
    sections = [
        {"title": "Hypothesis", "text": experiment["hypothesis"]},
        {"title": "What was built (in the agent's words)", "text": report["implementation_summary"]},
        {
            "title": "Files changed",
            "text": "\n".join(f"• {name}" for name in report["files_changed"][:MOST_FILES]) or "none",
        },
        {"title": f"What approving registers (plan {mark})", "text": registration.in_words(registered, unit)},
    ]
    if report["diff"]:
        sections.append({"title": "Diff", "text": report["diff"][:MOST_DIFF], "style": "code"})
    if report["agent_notes"]:
        sections.append({"title": "Agent's notes", "text": report["agent_notes"]})
    return _package(
        "launch", outcome, f"May “{experiment['title']}” be launched?", facts=facts, sections=sections,
        chart=pictures.launch(experiment, outcome, plan, mark), provenance={"source": outcome["primary_signal"]["source"]},
    )  # fmt: skip


async def renew_launch(tx: Tx, experiment: Row, outcome: Row, *, by: By) -> None:
    """A build was reported again: its open launch gate shows the new one, and buttons pressed on the old one don't decide."""
    for gate in await rows.open_of_experiment(tx, experiment["id"]):
        if gate["gate_type"] == "launch_approval":
            fresh = evidence.of_launch(experiment, outcome)
            if digest(fresh) == gate["evidence_hash"]:
                continue
            version = await rows.change(
                tx,
                gate,
                context_package=pictures.marked(
                    _launch_package(experiment, outcome), simulated=await is_simulated(tx, outcome)
                ),
                evidence=fresh,
                evidence_hash=digest(fresh),
            )
            event = Event(
                "gate.evidence_changed", "gate", gate["id"], {"was": gate["evidence_hash"], "is": digest(fresh)}
            )
            await record(tx, event, by=by, notices=[rows.redraw(gate, version)])


async def freeze(
    tx: Tx, kind: str, data: Mapping[str, Any], *, outcome_id: UUID, experiment_id: UUID, data_through: Any
) -> UUID:
    """Store a snapshot; text, chart, mail and REST answer of a gate all come from it."""
    values = {
        "org_id": tx.org_id, "kind": kind, "data": dict(data), "digest": digest(data), "outcome_id": outcome_id,
        "experiment_id": experiment_id, "data_through": data_through,
    }  # fmt: skip
    return UUID(str(await tx.value(insert(snapshots).values(**values).returning(snapshots.c.id))))


def analysis(
    gate_type: str,
    experiment: Row,
    outcome: Row,
    snapshot_id: UUID,
    snapshot: Mapping[str, Any],
    learnings: Sequence[Mapping[str, Any]],
) -> Ask:
    """Gate 3: ship, kill or iterate? Everything shown comes from the frozen snapshot."""
    result = snapshot["result"]
    without = _barred(result, outcome)
    recommend = {"ship": "ship", "kill": "kill", "iterate": "iterate"}.get(result["advice"])
    if recommend in without:
        recommend = None
    package = _package(
        "analysis", outcome, f"What shall become of “{experiment['title']}”?", facts=_analysis_facts(snapshot, outcome),
        sections=_analysis_sections(experiment, outcome, snapshot), chart=snapshot["chart"] | {"provenance": snapshot["chart"]["provenance"] | {"snapshot_id": str(snapshot_id)}},
        recommendation={"choice": recommend, "why": "; ".join(result["reasons"])} if recommend else None, learnings=list(learnings),
        provenance={"source": outcome["primary_signal"]["source"], "snapshot_id": str(snapshot_id), "data_through": result["data_through"]},
    )  # fmt: skip
    return Ask(
        gate_type, package["headline"], package, evidence.of_analysis(experiment, digest(snapshot)),
        offered(gate_type, without=without, recommend=recommend), experiment["id"], snapshot_id, result,
    )  # fmt: skip


def _barred(result: Mapping[str, Any], outcome: Row) -> list[str]:
    """Nobody is offered to ship what was not measured soundly."""
    return ["ship", "scale"] if result["status"] == "invalid" else []


def _analysis_facts(snapshot: Mapping[str, Any], outcome: Row) -> list[list[str]]:
    result, unit = snapshot["result"], pictures.unit(outcome["primary_signal"])
    return [
        [
            "Effect",
            f"{amount(result['delta'], unit, signed=True)}, {result['confidence']} interval {span(result['ci_lower'], result['ci_upper'], unit)}",
        ],
        ["Predicted", outlook.predicted(result, snapshot["prediction"], unit)],
        [
            "p, valid at any look",
            f"{result['p_value']:.4g}" if isinstance(result["p_value"], float) else str(result["p_value"]),
        ],
        ["Units", f"{result['n_control']:,} control, {result['n_treatment']:,} treatment"],
        ["Randomisation", "MISMATCH: results invalid" if result["srm_flagged"] else "as planned"],
        [
            "Guardrails",
            ", ".join(f"{item['name']} {str(item['state']).replace('_', ' ')}" for item in result["guardrails"])
            or "none set",
        ],
        ["Data through", datetime.fromisoformat(result["data_through"]).strftime("%d %b %Y %H:%M UTC")],
    ]


def _analysis_sections(experiment: Row, outcome: Row, snapshot: Mapping[str, Any]) -> list[dict[str, str]]:
    said = outlook.lines(snapshot["result"], pictures.unit(outcome["primary_signal"]))
    among = outlook.portfolio(snapshot.get("portfolio"))
    return [
        {
            "title": "What the data say",
            "text": "\n".join(f"{name}: {text}" for name, text in [*said, *([("Portfolio", among)] if among else [])]),
        },
        {"title": "Hypothesis", "text": experiment["hypothesis"]},
        {
            "title": "How to read this",
            "text": "The interval holds at every look, not only at this one. It assumes independent users, one count each, and a stable assignment.",
        },
    ]


def resume(experiment: Row, outcome: Row, reason: str) -> Ask:
    """A paused experiment asks what shall become of it; its flag is off meanwhile."""
    package = _package(
        "resume", outcome, f"“{experiment['title']}” is paused. Resume or kill it?",
        facts=[["Why", reason], ["Flag", f"{experiment['feature_flag_key']} is off"]], provenance={},
    )  # fmt: skip
    return Ask(
        "resume_review",
        package["headline"],
        package,
        evidence.of_resume(experiment),
        offered("resume_review"),
        experiment["id"],
    )


def change(outcome: Row, wanted: Mapping[str, Any], differences: str, running: Sequence[str]) -> Ask:
    """A running outcome's target, constraints or gates are to change: a person decides, the file alone doesn't."""
    sections = [{"title": "Difference", "text": differences, "style": "code"}]
    if running:
        kept = "keep the metric, test and thresholds they registered. Changed limits reach them in a new phase, judged by its data."
        sections.append(
            {"title": "Experiments that are running", "text": f"{', '.join(f'“{title}”' for title in running)} {kept}"}
        )
    package = _package(
        "change", outcome, f"May “{outcome['title']}” be changed while it is running?",
        sections=sections, wanted=dict(wanted), provenance={},
    )  # fmt: skip
    return Ask(
        "change_review",
        package["headline"],
        package,
        evidence.of_change(outcome, dict(wanted)),
        offered("change_review"),
    )


def agent_question(experiment: Row, outcome: Row, asked_as: str, question: str, context: Mapping[str, Any]) -> Ask:
    """An agent asks a person. Its words are shown as its words; the answer launches nothing."""
    text = "\n".join(f"{name}: {value}" for name, value in context.items())[:_MOST_CONTEXT]
    package = _package(
        "question", outcome, f"An agent building “{experiment['title']}” asks",
        facts=[["Asked as", asked_as]], sections=[{"title": "Question (in the agent's words)", "text": question}, *([{"title": "Context", "text": text}] if text else [])],
        provenance={},
    )  # fmt: skip
    return Ask(
        "agent_question",
        question,
        package,
        {"question": digest([question, context])},
        offered("agent_question"),
        experiment["id"],
    )
