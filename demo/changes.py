"""Change files: what a coding agent leaves in the shop's code, each behind a flag."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demo.flags import Key
from demo.truth import family_of

SUFFIX = ".change.json"


class Change(BaseModel):
    """One change to the checkout: what shoppers see while the flag is on for them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    flag: Key
    title: str = Field(max_length=500)
    when_on: str = Field(max_length=10_000)
    when_off: str = "The checkout as it was before."
    kind: str = "code_change"
    experiment_id: str = ""

    @property
    def family(self) -> str:
        """The family of tactics the change belongs to: its title says more than its details."""
        by_title = family_of(self.title)
        return by_title if by_title != "other" else family_of(self.when_on)


def _readable(code: Path) -> Iterator[Change]:
    for path in sorted(code.rglob(f"*{SUFFIX}")):
        try:
            yield Change.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            print(f"shop: {path.name} is not deployed, it cannot be read: {error}".splitlines()[0], flush=True)


def deployed(code: Path) -> dict[str, Change]:
    """Every readable change in the shop's code, by flag key."""
    return {change.flag: change for change in _readable(code)}


class Deployments:
    """Looks at the shop's code again only when a file in it changed."""

    def __init__(self, code: Path) -> None:
        self.code = code
        self.changes: dict[str, Change] = {}
        self._seen: tuple[tuple[str, int, int], ...] | None = None

    def refresh(self) -> dict[str, Change]:
        seen = tuple(sorted(self._stamps()))
        if seen != self._seen:
            self.changes, self._seen = deployed(self.code), seen
        return self.changes

    def _stamps(self) -> Iterator[tuple[str, int, int]]:
        for path in self.code.rglob(f"*{SUFFIX}"):
            stat = path.stat()
            yield str(path), stat.st_mtime_ns, stat.st_size
