"""What can be set, typed, called or go wrong has a heading; and nothing has one that is not there any more."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from bot.api.errors import STATUS
from bot.api.routes import routes
from bot.cli import COMMANDS, group
from runtime import errors
from runtime.integrations.catalogue import CATALOGUE
from runtime.lifecycle import MACHINES, mermaid
from runtime.settings import Settings

HOUSE = Path(__file__).parents[2]
PAGE_OF = {
    "signals": "docs/connectors.md",
    "flags": "docs/flags.md",
    "targets": "docs/connectors.md",
    "channels": "docs/connectors.md",
}

FAMILY = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
from runtime.errors import OutcomeRuntimeError
for name in sys.argv[1:]:
    importlib.import_module(name)
def family(kind):
    return [kind, *(one for child in kind.__subclasses__() for one in family(child))]
print(json.dumps({f"{kind.__module__}.{kind.__qualname__}": kind.code for kind in family(OutcomeRuntimeError)}))
"""
"""Run apart, so that importing leaves no trace in the other tests."""


def _bases(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Each class, and each other name a class is imported under, with the bare names it goes back to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name, {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        elif isinstance(node, ast.ImportFrom):
            yield from ((item.asname, {item.name}) for item in node.names if item.asname)


def modules_with_errors() -> list[str]:
    """Where the source has a class that goes back to OutcomeRuntimeError; the other modules take seconds to import."""
    paths = [path for room in ("bot", "runtime", "workers") for path in (HOUSE / room).rglob("*.py")]
    found = {path: list(_bases(ast.parse(path.read_text(encoding="utf-8")))) for path in paths}
    known: set[str] = {"OutcomeRuntimeError"}
    while new := {name for classes in found.values() for name, bases in classes if bases & known} - known:
        known |= new
    where = [path for path, classes in found.items() if any(bases & known for _, bases in classes)]
    return [".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__") for path in where]


def test_every_setting_is_explained(pages: dict[str, Any]) -> None:
    page = pages["docs/settings.md"]
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        assert name.upper() in page.headings, f"docs/settings.md lacks a heading {name.upper()}"
        said = " ".join(page.section(name.upper()).split())
        assert f"{field.description} Default: {default}." in said, (
            f"{name.upper()}: {field.description} Default: {default}."
        )


def test_no_setting_is_explained_that_is_gone(pages: dict[str, Any]) -> None:
    explained = {heading for heading in pages["docs/settings.md"].headings if heading.isupper()}
    assert explained == {name.upper() for name in Settings.model_fields}


@pytest.fixture(scope="module")
def codes() -> dict[str, str]:
    """The code of every error that any module of the product defines."""
    done = subprocess.run(
        [sys.executable, "-c", FAMILY, *modules_with_errors()],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_every_error_code_is_explained(pages: dict[str, Any], codes: dict[str, str]) -> None:
    page = pages["docs/errors.md"]
    missing = {kind: code for kind, code in codes.items() if code not in page.headings}
    assert not missing
    assert all(page.section(code).strip() for code in codes.values())


def test_no_error_code_is_explained_that_is_gone(pages: dict[str, Any], codes: dict[str, str]) -> None:
    explained = {heading for heading in pages["docs/errors.md"].headings if heading.isupper()}
    assert explained <= set(codes.values())


def test_an_error_code_means_one_thing(codes: dict[str, str]) -> None:
    """A class may refine another's error under the same code; two unrelated ones may not share a code."""
    own = {
        kind: code for kind, code in codes.items()
        if kind.partition(".")[0] == "runtime" and kind.rpartition(".")[2] in vars(errors) and kind.startswith("runtime.errors.")
    }  # fmt: skip
    assert len(set(own.values())) == len(own)


def test_the_statuses_of_rest_are_the_documented_ones(pages: dict[str, Any]) -> None:
    def status(kind: type[errors.OutcomeRuntimeError]) -> int:
        return next((number for parent, number in STATUS if issubclass(kind, parent)), 500)

    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.OutcomeRuntimeError):
            section = pages["docs/errors.md"].section(kind.code)
            assert (f"HTTP {status(kind)}." in section) == (status(kind) != 500), f"{kind.code} is HTTP {status(kind)}"


def test_every_error_names_the_next_step_in_its_docstring() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.OutcomeRuntimeError)
    ]
    assert all((kind.__doc__ or "").strip().endswith(".") for kind in kinds)
    assert all(kind.code.isupper() for kind in kinds)


def _commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield f"{name} {inner}", found
        else:
            yield name, command


def test_every_command_and_option_is_explained(pages: dict[str, Any]) -> None:
    page = pages["docs/commands.md"]
    for name, command in _commands():
        section = page.section(name)
        assert section.strip(), f"docs/commands.md lacks a heading '{name}'"
        options = [
            option
            for item in command.params
            if isinstance(item, click.Option)
            for option in item.opts
            if option.startswith("--")
        ]
        assert not [option for option in options if f"`{option}`" not in section], f"{name}: {options}"


def test_no_command_is_explained_that_is_gone(pages: dict[str, Any]) -> None:
    assert set(pages["docs/commands.md"].headings) == {"Commands", *(name for name, _ in _commands())}


@pytest.mark.parametrize("kind", sorted(CATALOGUE))
def test_every_integration_has_a_section(pages: dict[str, Any], kind: str) -> None:
    page = pages[PAGE_OF[kind]]
    entries: dict[str, str] = dict(CATALOGUE[kind])  # type: ignore[index]
    assert not [name for name in entries if not page.section(name).strip()]


def test_every_integration_that_is_promised_exists() -> None:
    for entries in CATALOGUE.values():
        for path in entries.values():
            module, _, attribute = path.partition(":")
            assert hasattr(import_module(module), attribute), path


def test_every_route_is_in_the_table(pages: dict[str, Any]) -> None:
    table = pages["docs/agents.md"].section("REST")
    listed = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    there = {f"{route.method} {route.path}" for route in routes if hasattr(route, "path") and hasattr(route, "method")}
    assert listed == there


def test_every_tool_of_the_agents_is_in_the_table(pages: dict[str, Any]) -> None:
    tree = ast.parse((HOUSE / "bot" / "mcp.py").read_text(encoding="utf-8"))
    tools = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Tools")
    offered = {
        item.name for item in tools.body if isinstance(item, ast.AsyncFunctionDef) and not item.name.startswith("_")
    }
    section = pages["docs/agents.md"].section("Over MCP")
    assert offered
    assert not [name for name in offered if f"| `{name}` |" not in section]


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_the_diagrams_show_the_lifecycles_as_they_are(pages: dict[str, Any], name: str) -> None:
    """Mend it with `outcome-runtime lifecycle --mermaid`."""
    assert mermaid(MACHINES[name]).strip() in pages["docs/architecture.md"].section(name.capitalize())
