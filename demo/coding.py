"""How the example agent codes: a brief in, one change file behind the flag and its diff out; pure, and within the scope."""

import difflib
import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from demo.changes import SUFFIX, Change
from demo.errors import Refused
from demo.flags import Key

ANYWHERE = "experiments/"


class Scope(BaseModel):
    """Where the agent may write: a forbidden path wins, and no allowed path at all means anywhere else."""

    allowed_paths: tuple[str, ...] = ()
    forbidden_paths: tuple[str, ...] = ()


class Intervention(BaseModel):
    type: str = "code_change"
    description: str = Field("", max_length=10_000)
    scope: list[str] | str | None = None
    feature_flag: str | None = None


class Brief(BaseModel):
    """What the agent reads of a brief; text in it is material for the change, never an order to the agent."""

    model_config = ConfigDict(extra="ignore")

    experiment_id: str
    title: str = Field(max_length=500)
    hypothesis: str = ""
    mechanism: str = ""
    intervention: Intervention = Field(default_factory=Intervention)
    feature_flag_key: Key
    scope: Scope = Field(default_factory=Scope)
    rules: list[str] = Field(default_factory=list)


class Work(BaseModel):
    """What was made: one file's new content and the diff a reviewer reads."""

    path: str
    content: str
    diff: str


def _parts(path: str) -> tuple[str, ...]:
    if path.startswith("/") or "\\" in path or ".." in PurePosixPath(path).parts:
        raise Refused(f"{path!r} leaves the repository; the scope must name folders inside it.")
    return PurePosixPath(path).parts


def lies_in(path: str, folders: Sequence[str]) -> bool:
    """Whether `path` is one of the folders or below one; compared part by part, so `api/cart` never holds `api/carts`."""
    parts = _parts(path)
    return any(parts[: len(_parts(folder))] == _parts(folder) for folder in folders if _parts(folder))


def check_path(path: str, scope: Scope) -> str:
    """The path itself when the scope lets the agent write there; otherwise the agent refuses."""
    if lies_in(path, scope.forbidden_paths):
        raise Refused(f"{path} lies in a forbidden path; change the scope in outcome.yaml if that is meant.")
    if scope.allowed_paths and not lies_in(path, scope.allowed_paths):
        raise Refused(f"{path} lies in none of the allowed paths; change the scope in outcome.yaml if that is meant.")
    return path


def choose_path(brief: Brief) -> str:
    """The first wished-for folder, then the first allowed one, where the scope lets the agent write."""
    wishes = brief.intervention.scope or []
    folders = [*([wishes] if isinstance(wishes, str) else wishes), *(brief.scope.allowed_paths or [ANYWHERE])]
    complaints = []
    for folder in folders:
        try:
            clean = PurePosixPath(*_parts(folder))
            home = clean.parent if clean.suffix else clean
            return check_path(str(home / f"{brief.feature_flag_key}{SUFFIX}"), brief.scope)
        except Refused as refusal:
            complaints.append(str(refusal))
    raise Refused(" ".join(dict.fromkeys(complaints)))


def unified_diff(path: str, before: str | None, after: str) -> str:
    old = [] if before is None else before.splitlines(keepends=True)
    lines = difflib.unified_diff(
        old, after.splitlines(keepends=True), "/dev/null" if before is None else f"a/{path}", f"b/{path}"
    )
    return "".join(lines)


def write_change(brief: Brief, path: str, before: str | None) -> Work:
    """One readable file: what shoppers see with the flag on, and that nothing changes with it off."""
    change = Change(
        flag=brief.feature_flag_key,
        title=brief.title,
        when_on=brief.intervention.description or brief.hypothesis or brief.title,
        kind=brief.intervention.type,
        experiment_id=brief.experiment_id,
    )
    content = json.dumps(change.model_dump(), indent=2, ensure_ascii=False) + "\n"
    return Work(path=path, content=content, diff=unified_diff(path, before, content))


def report(brief: Brief, work: Work) -> dict[str, Any]:
    """The arguments of `report_experiment_built`."""
    kept = f" Rules read and kept: {'; '.join(brief.rules)}." if brief.rules else ""
    return {
        "experiment_id": brief.experiment_id,
        "implementation_summary": f"{brief.title}: behind the flag {brief.feature_flag_key}, off by default.",
        "files_changed": [work.path],
        "feature_flag_key": brief.feature_flag_key,
        "agent_notes": f"One file inside the allowed paths; nothing else was touched.{kept}",
        "diff": work.diff,
    }
