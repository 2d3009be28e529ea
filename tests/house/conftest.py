"""The product's source, read and parsed once for all these tests."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
ROOMS = ("bot", "runtime", "workers", "charts", "migrations", "demo", "benchmarks")


@dataclass(frozen=True)
class Module:
    """One module: its path inside the house, its text, its tree, and what it imports."""

    path: str
    text: str
    tree: ast.Module
    imports: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _imports(tree: ast.Module) -> Iterator[str]:
    """`from a.b import c` may mean the module a.b.c or a name in a.b; both are told."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _read(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    return Module(path.relative_to(HOUSE).as_posix(), text, tree, tuple(_imports(tree)))


@pytest.fixture(scope="session")
def house() -> Path:
    return HOUSE


@pytest.fixture(scope="session")
def modules() -> dict[str, Module]:
    """By dotted name."""
    read = [_read(path) for room in ROOMS for path in sorted((HOUSE / room).rglob("*.py"))]
    return {module.name: module for module in read}
