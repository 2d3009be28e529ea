"""How a rule of outcome.yaml says no: where, why, and what to write instead."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

At = tuple[str | int, ...]
LONGEST_SHOWN = 60
FAULT = "outcome_yaml_rule"


@dataclass(frozen=True, slots=True)
class Fault:
    """`at` is the way to the value: keys and 0-based indices, relative to the block whose rule it breaks."""

    at: At
    reason: str
    mend: str

    def under(self, *place: str | int) -> "Fault":
        return Fault((*place, *self.at), self.reason, self.mend)


def refuse(faults: Iterable[Fault]) -> None:
    """Raise all faults as one pydantic error, so that a validator can report more than one."""
    found = tuple(faults)
    if found:
        reasons = "; ".join(f"{spell(fault.at)} {fault.reason}".strip() for fault in found)
        raise PydanticCustomError(FAULT, "{reasons}", {"reasons": reasons, "faults": found})


def spell(at: At) -> str:
    """`outcomes[0].target.to`; keys that are not plain words are quoted: `config["a.b"]`."""
    return "".join(map(spell_step, at)).removeprefix(".")


def spell_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    plain = len(step) <= LONGEST_SHOWN and step.replace("-", "_").isidentifier()
    return f".{step}" if plain else f"[{shown(step)}]"


def shown(value: object, limit: int = LONGEST_SHOWN) -> str:
    """A value as it may be printed in a message: one line, escaped, cut."""
    text = value if isinstance(value, str) else str(value)
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f'"{escaped}"'
