"""One line a figure: ours, the bar, the peer's in the same run, and whether the bar is reached."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Peers = Mapping[str, Mapping[str, str]]
Section = Callable[["Bench"], Iterator["Line"]]


@dataclass(frozen=True, slots=True)
class Bench:
    """`peers` has, by figure and then by peer, what the peer got; empty where none could be run."""

    quick: bool = False
    peers: Peers = field(default_factory=dict)

    def runs(self, full: int) -> int:
        return full // 5 if self.quick else full

    def peer(self, key: str) -> str:
        return ", ".join(f"{name} {figure}" for name, figure in self.peers.get(key, {}).items())


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    value: float
    bar: float | None
    side: Literal["<=", ">="] = "<="
    form: str = ".4f"
    unit: str = ""
    peer: str = ""

    @property
    def reached(self) -> bool:
        if self.bar is None:
            return True
        return self.value <= self.bar if self.side == "<=" else self.value >= self.bar

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        bar = "-" if self.bar is None else f"{self.side} {self.bar:{self.form}}{unit}"
        state = "" if self.bar is None else "ok" if self.reached else "MISSED"
        return f"{self.name:<58} {self.value:>10{self.form}}{unit:<5} {bar:<16} {state:<7} {self.peer}".rstrip()
