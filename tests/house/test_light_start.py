"""The command line answers at once: `--help` imports nothing heavy, and nothing heavy is imported before it is used."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
HEAVY = (
    "numpy", "scipy", "matplotlib", "sqlalchemy", "aiohttp", "asyncpg", "alembic", "anthropic", "openai", "mcp", "slack_bolt",
    "slack_sdk", "dramatiq", "redis", "cryptography", "ruamel", "tokenizers", "safetensors", "pydantic", "asyncio",
)  # fmt: skip
LIMIT_SECONDS = 0.4

HELP = """
import sys
from bot.cli import group
try:
    group.main(["--help"], prog_name="outcome-runtime")
except SystemExit as end:
    assert end.code == 0
sys.stderr.write(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""

LATER = {
    "charts": ("matplotlib", "numpy", "scipy"),
    "runtime.integrations.catalogue": ("asyncpg", "mmh3"),
    "runtime.learnings.embeddings": ("tokenizers", "safetensors"),
    "runtime.llm.gateway": ("anthropic", "openai"),
    "workers.effects": ("matplotlib", "slack_bolt", "mcp", "anthropic", "openai", "tokenizers", "scipy.stats", "bot"),
}
"""Modules that processes load at their start, and what must not come with them."""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, timeout=60, check=True
    )


def test_help_imports_nothing_heavy() -> None:
    done = python(HELP)
    assert "Commands:" in done.stdout
    assert not set(done.stderr.split()) & set(HEAVY)


def test_help_answers_within_400_milliseconds() -> None:
    """Processor time, the best of five: what the command costs, whatever else the machine is doing."""
    spent = []
    for _ in range(5):
        before = _children_seconds()
        subprocess.run(
            [sys.executable, "-m", "bot.cli", "--help"], cwd=HOUSE, stdout=subprocess.DEVNULL, timeout=60, check=True
        )
        spent.append(_children_seconds() - before)
    assert min(spent) < LIMIT_SECONDS


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("module", sorted(LATER))
def test_what_is_heavy_waits_until_it_is_used(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {LATER[module]!r} if name in sys.modules])"
    assert not python(code).stdout.split()


def test_a_mistyped_command_is_answered_with_the_nearest_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "aply"], cwd=HOUSE, capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"COLUMNS": "100"}
    )  # fmt: skip
    assert done.returncode == 2
    assert "Did you mean 'apply'?" in done.stderr
