"""What is wrong with an outcome.yaml, each thing with its line, and the error that carries them all."""

from dataclasses import asdict, dataclass

from runtime import errors

MOST_PROBLEMS = 100
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend; `line` and `column` count from 1, `key` reads `outcomes[0].target.to`."""

    file: str
    line: int
    column: int
    key: str
    reason: str
    mend: str

    def __str__(self) -> str:
        what = f"{self.key}: {self.reason}" if self.key else self.reason
        end = "" if self.mend.endswith("?") else "."
        return f"{self.file}:{self.line}:{self.column} {what}. Mend: {self.mend}{end}"


class InvalidOutcomeFile(errors.InvalidOutcomeFile):
    """outcome.yaml has errors; each is named with its line, and nothing was applied."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(_message(problems), problems=[asdict(problem) for problem in problems])


def _message(problems: tuple[Problem, ...]) -> str:
    count = len(problems)
    head = f"{count} problem{'s' if count > 1 else ''}, nothing was applied:"
    rest = [f"... and {count - MOST_SHOWN} more"] if count > MOST_SHOWN else []
    return "\n".join([head, *map(str, problems[:MOST_SHOWN]), *rest])
