"""The shop's feature flags: one JSON file, one rule for who gets what."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import mmh3
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from demo.files import write_atomic

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Attribute = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class FlagWish(BaseModel):
    """The body of `PUT /flags/{key}`; a missing segment means everybody."""

    model_config = ConfigDict(extra="forbid", strict=True)

    description: str = Field("", max_length=2000)
    enabled: bool
    percentage: int = Field(ge=0, le=100)
    segment: dict[Attribute, Attribute] | None = Field(None, max_length=20)


class Flag(FlagWish):
    """On is treatment for `percentage` % of the segment, off is control; `version` grows with each real change."""

    model_config = ConfigDict(extra="ignore", strict=False, frozen=True)

    key: Key
    version: int = 0

    def answer(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "description": self.description,
            "enabled": self.enabled,
            "percentage": self.percentage,
            "segment": self.segment,
            "version": self.version,
        }


def hundredth(key: str, unit: str) -> int:
    """1..100, Unleash's rule: murmur3_32(group:id, seed 0) modulo 100, plus one."""
    return int(mmh3.hash(f"{key}:{unit}", 0, signed=False)) % 100 + 1


def in_segment(flag: Flag, attributes: Mapping[str, Any]) -> bool:
    return all(attributes.get(name) == value for name, value in (flag.segment or {}).items())


def is_on(flag: Flag, unit: str, attributes: Mapping[str, Any]) -> bool:
    return flag.enabled and in_segment(flag, attributes) and hundredth(flag.key, unit) <= flag.percentage


class VersionConflict(Exception):
    """The flag is no longer at the version named in If-Match."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the flag is at version {version}; read it again before changing it")
        self.version = version


class FlagBook:
    """All flags, in memory and in a file that is replaced whole at each change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flags: dict[str, Flag] = {}
        self.counter = 0
        if path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            self.counter = stored["counter"]
            self.flags = {key: Flag.model_validate({**flag, "key": key}) for key, flag in stored["flags"].items()}

    def get(self, key: str) -> Flag | None:
        return self.flags.get(key)

    def put(self, key: str, wish: FlagWish, *, if_match: str | None = None) -> Flag:
        """Makes or replaces the flag; asking for what is already so changes nothing, not even the version."""
        now = self.flags.get(key)
        self._expect(now, if_match)
        wanted = wish.model_dump(include=set(FlagWish.model_fields))
        if now is not None and now.model_dump(include=set(FlagWish.model_fields)) == wanted:
            return now
        self.counter += 1
        flag = Flag.model_validate({**wanted, "key": key, "version": self.counter})
        self._save({**self.flags, key: flag})
        return flag

    def kill(self, key: str, *, if_match: str | None = None) -> Flag | None:
        """Off for everybody; the percentage stays as it was, for the record."""
        now = self.flags.get(key)
        if now is None:
            return None
        off = {**now.model_dump(include=set(FlagWish.model_fields)), "enabled": False}
        return self.put(key, FlagWish.model_validate(off), if_match=if_match)

    def delete(self, key: str, *, if_match: str | None = None) -> int:
        """Version of the deletion; a flag that never was is as good as deleted."""
        now = self.flags.get(key)
        self._expect(now, if_match)
        if now is not None:
            self.counter += 1
            self._save({other: flag for other, flag in self.flags.items() if other != key})
        return self.counter

    @staticmethod
    def _expect(now: Flag | None, if_match: str | None) -> None:
        version = now.version if now else 0
        wanted = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
        if wanted is None or (wanted == "*" and now is not None):
            return
        if wanted != str(version):
            raise VersionConflict(version)

    def _save(self, flags: dict[str, Flag]) -> None:
        saved = {
            "about": "Feature flags of the simulated shop",
            "saved_at": datetime.now(UTC).isoformat(),
            "counter": self.counter,
            "flags": {key: flag.answer() for key, flag in sorted(flags.items())},
        }
        write_atomic(self.path, json.dumps(saved, indent=2, ensure_ascii=False) + "\n")
        self.flags = flags
