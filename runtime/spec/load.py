"""Read an outcome.yaml: everything that is wrong with it at once, each with its line, or the whole file."""

from collections.abc import Mapping

from pydantic import ValidationError

from runtime.spec import explain
from runtime.spec.blocks import every_block
from runtime.spec.models import OutcomeFile
from runtime.spec.problems import InvalidOutcomeFile, Problem
from runtime.spec.references import missing_variables
from runtime.spec.rules import whole_file
from runtime.spec.tree import Node, read

LARGEST = 1024 * 1024
MOST_LINES = 50_000


def load(text: str | bytes, *, name: str = "outcome.yaml", env: Mapping[str, str] | None = None) -> OutcomeFile:
    """References like ${NAME} are kept as written; with `env` given, variables it lacks are problems too."""
    root, found = read(_decoded(text, name), name)
    if root is None:
        raise InvalidOutcomeFile(tuple(found))
    file, more = _validated(root, name)
    found += more
    if env is not None:
        found += [explain.place(fault, root, name) for fault in missing_variables(root.plain(), env)]
    if file is None or found:
        raise InvalidOutcomeFile(
            tuple(sorted(dict.fromkeys(found), key=lambda problem: (problem.line, problem.column)))
        )
    return file


def _validated(root: Node, name: str) -> tuple[OutcomeFile | None, list[Problem]]:
    plain = root.plain()
    try:
        return OutcomeFile.model_validate(plain, by_alias=True, by_name=False), []
    except ValidationError as error:
        across = [explain.place(fault, root, name) for fault in (*whole_file(plain), *every_block(plain))]
        return None, [*explain.problems(error, root, name), *across]


def _decoded(text: str | bytes, name: str) -> str:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > LARGEST:
        size = f"is {len(raw) / LARGEST:.1f} MiB long, the limit is 1 MiB"
        raise InvalidOutcomeFile((Problem(name, 1, 1, "", size, "split the file"),))
    if raw.count(b"\n") + raw.count(b"\r") > MOST_LINES:
        raise InvalidOutcomeFile((Problem(name, 1, 1, "", f"has more than {MOST_LINES} lines", "split the file"),))
    try:
        return raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        problem = Problem(name, line, column, "", "is not UTF-8 text", "save the file as UTF-8")
        raise InvalidOutcomeFile((problem,)) from error
