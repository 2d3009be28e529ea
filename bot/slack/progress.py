"""The living message of an experiment: how it stands, or how it ended. PURE."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bot.slack import kit
from bot.slack.blocks import picture_blocks
from bot.slack.kit import Block, Blocks
from bot.slack.view import Picture, Who, person
from bot.slack.words import bold, fit
from runtime.gates import outlook
from runtime.gates.wording import amount, span

STATES = {
    "hypothesis": "💡 proposed",
    "awaiting_portfolio_gate": "🗳️ waits for gate 1",
    "building": "🛠️ being built",
    "failed_build": "🛠️ build failed",
    "awaiting_launch_gate": "🗳️ waits for gate 2",
    "running": "🚀 running",
    "measuring": "📏 measuring",
    "awaiting_analysis_gate": "🗳️ waits for gate 3",
    "scaling": "📈 scaling",
    "awaiting_scale_gate": "🗳️ waits for the scale gate",
    "paused": "⏸️ paused",
    "shipped": "✅ shipped",
    "killed": "⛔ killed",
}
_GUARDS = {"violated": "⛔", "kill": "⛔", "pause": "⚠️", "harm": "⚠️", "safe": "✅"}


def experiment_message(
    row: Mapping[str, Any],
    outcome: Mapping[str, Any],
    unit: str,
    picture: Picture | None,
    *,
    early: str | None = None,
    people: Mapping[str, Who] = MappingProxyType({}),
) -> tuple[str, Blocks]:
    """`early` says what is missing before anything may be called better or worse; guardrails are shown from the first look."""
    if early:
        row = {**row, "current_result": {**(row["current_result"] or {}), "headline": early}}
    result: Mapping[str, Any] = row["current_result"] or {}
    blocks = [kit.section(f"{bold(row['title'])}\n{_state(row, people)}"), *picture_blocks(None if early else picture)]
    if result:
        ahead = [] if early else list(_ahead(result, unit))
        blocks += [*_numbers(result, unit, judged=early is None), *ahead, *_guardrails(result)]
    blocks.append(kit.context(_about(row, outcome, result)))
    return fit(f"{row['title']}: {_plain_state(row)}", kit.MESSAGE), blocks


def _state(row: Mapping[str, Any], people: Mapping[str, Who]) -> str:
    final: Mapping[str, Any] = row["final_result"] or {}
    if final.get("violated"):
        return f"⛔ *Killed by a hard constraint; the flag is off for everybody.*\n{fit(final['violated'], 1000)}"
    if row["status"] in {"shipped", "killed"} and final:
        note = f"\n> {fit(' '.join(str(final['note']).split()), 800)}" if final.get("note") else ""
        return f"{STATES[row['status']]} by {person(people, final.get('decided_by') or 'nobody').shown}{note}"
    if row["status"] == "paused":
        return f"⏸️ *Paused; the flag is off.* {fit(row['pause_reason'] or '', 800)}"
    headline = (row["current_result"] or {}).get("headline")
    return STATES.get(row["status"], fit(row["status"], 60)) + (f" — {fit(headline, 500)}" if headline else "")


def _plain_state(row: Mapping[str, Any]) -> str:
    if (row["final_result"] or {}).get("violated"):
        return f"killed by a hard constraint, the flag is off. {row['final_result']['violated']}"
    return str((row["current_result"] or {}).get("headline") or row["status"].replace("_", " "))


def _numbers(result: Mapping[str, Any], unit: str, *, judged: bool) -> Iterator[Block]:
    p_value = result.get("p_value")
    effect = [
        ("Effect so far", amount(result.get("delta"), unit, signed=True)),
        (f"{result.get('confidence', '')} interval", span(result.get("ci_lower"), result.get("ci_upper"), unit)),
        ("p, valid at any look", f"{p_value:.4g}" if isinstance(p_value, float) else str(p_value or "unknown")),
    ]
    pairs = [
        *(effect if judged else []),
        ("Units", f"{_count(result.get('n_control'))} control, {_count(result.get('n_treatment'))} treatment"),
    ]
    if result.get("srm_flagged"):
        pairs.append(("Randomisation", "MISMATCH: results invalid"))
    yield kit.fields(f"{bold(name)}\n{fit(value, 300)}" for name, value in pairs)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown"


def _guardrails(result: Mapping[str, Any]) -> Iterator[Block]:
    found = result.get("guardrails") or []
    if found:
        said = ", ".join(f"{_GUARDS.get(item['state'], '▫️')} {item['name']} {item['state']}" for item in found[:20])
        yield kit.context(f"Guardrails: {fit(said, 1500)}")


def _ahead(result: Mapping[str, Any], unit: str) -> Iterator[Block]:
    """What gate 3 would say of the time ahead; the verdict itself stands in the headline."""
    said = [f"{bold(name)}: {fit(text, 400)}" for name, text in outlook.ahead(result, unit)]
    if said:
        yield kit.context(*said[:5])


def _about(row: Mapping[str, Any], outcome: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    parts = [
        fit(outcome["title"], 200),
        f"{row['rollout_percent']} % of users",
        f"flag `{fit(row['feature_flag_key'] or 'none', 100)}`",
    ]
    if result.get("data_through"):
        parts.append(f"data through {fit(str(result['data_through'])[:16].replace('T', ' '), 20)}")
    return "  ·  ".join(parts)


def alarm(row: Mapping[str, Any], owner: str) -> str:
    """Said aloud, since a changed message calls nobody."""
    reason = fit((row["final_result"] or {}).get("violated") or "", 1000)
    return f"⛔ {owner}: {bold(row['title'])} was killed by a hard constraint and its flag is off. {reason}"
