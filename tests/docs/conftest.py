"""The documentation as it is: pages by name, with their headings."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One Markdown page."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.relative_to(HOUSE).as_posix()

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def headings(self) -> list[str]:
        return [line.lstrip("#").strip() for line in self.prose.splitlines() if line.startswith("#")]

    @property
    def anchors(self) -> set[str]:
        """What a link may point to after `#`, as code hosts make it from a heading."""
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in self.headings}

    def section(self, heading: str) -> str:
        """The text under a heading, up to the next heading."""
        found = re.search(rf"^#+ +{re.escape(heading)}\s*\n(.*?)(?=^#|\Z)", self.text, re.MULTILINE | re.DOTALL)
        return found.group(1) if found else ""


@pytest.fixture(scope="session")
def pages() -> dict[str, Page]:
    """Every page of the repository that people read."""
    paths = [*HOUSE.glob("*.md"), *(HOUSE / "docs").rglob("*.md")]
    found = [Page(path, path.read_text(encoding="utf-8")) for path in sorted(paths)]
    return {page.name: page for page in found}
