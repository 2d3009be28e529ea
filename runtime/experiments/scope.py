"""Which files an experiment may touch. PURE."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any


def outside_scope(files: Iterable[str], scope: Mapping[str, Any]) -> list[str]:
    """The files that lie in no allowed path or in a forbidden one; with no allowed paths, everything not forbidden is allowed."""
    allowed, forbidden = scope.get("allowed_paths") or [], scope.get("forbidden_paths") or []
    return [
        file
        for file in files
        if not _clean(file) or (allowed and not _within(file, allowed)) or _within(file, forbidden)
    ]


def _clean(file: str) -> bool:
    path = PurePosixPath(file)
    return bool(file.strip()) and not path.is_absolute() and ".." not in path.parts and "\\" not in file


def _within(file: str, roots: Sequence[str]) -> bool:
    path = PurePosixPath(file)
    return any(path.is_relative_to(PurePosixPath(root)) for root in roots)
