"""How code is written here: annotated, opened by a sentence, without swallowed errors, left-over notes or machine paths."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

Node = TypeVar("Node", bound=ast.AST)
NAMES_TO_AVOID = re.compile(r"(Manager|Helper|Helpers|Util|Utils|Base|Impl)$")

# Put together here, so that this very file does not hold what it looks for.
LEFT_OVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
UNMEASURED = re.compile(r"pragma:\s*no " + "cover")
EXCUSE = re.compile(r"#\s*(?:" + "no" + r"qa(?!:)|" + "type: " + r"ignore(?!\[))")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home/(?!postgres/pgdata)|Users/|root/|work/)\w")
INDEX_OPTION = re.compile(r"index[-_]url\b")
CODE = {".py", ".sh", ".js", ".sql", ".toml", ".yml", ".yaml"}
BINARY = {".png", ".ico", ".gz", ".woff2", ".jpg"}
HERE = "tests/house/test_manners.py"


@pytest.fixture(scope="module")
def tracked(house: Path) -> dict[str, str]:
    """Every text file that is, or would be, in the repository; but not this one, which names what it looks for."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=house, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    found = {name: house / name for name in listed.stdout.split("\0") if name and name != HERE}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in found.items()
        if path.is_file() and path.suffix not in BINARY
    }


def _every(modules: dict[str, Any], kind: type[Node]) -> Iterator[tuple[str, Node]]:
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, kind):
                yield f"{module.path}:{getattr(node, 'lineno', 0)}", node


def _lines(tracked: dict[str, str], pattern: re.Pattern[str], suffixes: set[str] | None = None) -> list[str]:
    return [
        f"{name}:{number} {line.strip()[:100]}"
        for name, text in tracked.items()
        if suffixes is None or Path(name).suffix in suffixes
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_every_module_opens_with_a_sentence(modules: dict[str, Any]) -> None:
    """Import names are generic here, so each module says what it is. A package without code needs no sentence."""
    written = {module.path: ast.get_docstring(module.tree) or "" for module in modules.values() if module.tree.body}
    opening = {path: text.split("\n\n")[0].rstrip() for path, text in written.items()}
    assert not [path for path, sentence in opening.items() if not sentence.endswith((".", "?", "!", ":"))]


def test_every_function_says_what_it_takes_and_returns(modules: dict[str, Any]) -> None:
    bare = []
    for module in modules.values():
        for function in module.functions:
            taken = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            untyped = [arg.arg for arg in taken if arg.annotation is None and arg.arg not in {"self", "cls"}]
            if untyped or function.returns is None:
                bare.append(f"{module.path}:{function.lineno} {function.name} {untyped}")
    assert not bare


def test_no_error_is_swallowed_in_silence(modules: dict[str, Any]) -> None:
    """A handler that does nothing hides the error; `contextlib.suppress` names what may be ignored."""
    silent = [
        place
        for place, handler in _every(modules, ast.ExceptHandler)
        if handler.type is None or all(isinstance(line, ast.Pass) or _is_ellipsis(line) for line in handler.body)
    ]
    assert not silent


def _is_ellipsis(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and line.value.value is Ellipsis


def test_names_say_what_a_thing_is(modules: dict[str, Any]) -> None:
    vague = [
        f"{place} {node.name}" for place, node in _every(modules, ast.ClassDef) if NAMES_TO_AVOID.search(node.name)
    ]
    assert not vague


@pytest.mark.parametrize("pattern", [LEFT_OVER, UNMEASURED, EXCUSE], ids=["note", "unmeasured line", "bare excuse"])
def test_nothing_is_left_for_later(tracked: dict[str, str], pattern: re.Pattern[str]) -> None:
    assert not _lines(tracked, pattern, CODE)


def test_nothing_knows_the_machine_it_was_written_on(tracked: dict[str, str], house: Path) -> None:
    assert not _lines(tracked, MACHINE_PATH)
    assert not [name for name, text in tracked.items() if str(house) in text]


def test_no_package_index_is_named(tracked: dict[str, str]) -> None:
    """The lock file holds hashes, never addresses, and works with whatever index a machine uses."""
    assert not _lines(tracked, INDEX_OPTION, {".lock", ".toml", ".txt", ".sh", ".cfg", ".yml"})
    assert "://" not in tracked["requirements.lock"]
    settings = ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL")
    hosts = {host for name in settings if (host := urlsplit(os.environ.get(name, "")).hostname)}
    assert not [(name, host) for name, text in tracked.items() for host in hosts if host in text]


def test_nothing_that_machines_make_is_kept(tracked: dict[str, str]) -> None:
    made = (".pyc", ".log", ".sqlite", ".db")
    places = (".venv/", ".tools/", ".outcome-runtime/", ".mypy_cache/", ".ruff_cache/")
    assert not [name for name in tracked if name.endswith(made) or name.startswith(places)]
