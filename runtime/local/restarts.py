"""When a program that ended is started again: soon the first time, later and later while it keeps failing."""

from dataclasses import dataclass
from typing import Literal

from runtime.errors import LocalServerFailed, OutcomeRuntimeError
from runtime.local.children import Program

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
HEALTHY_AFTER = 30.0
START_LIMIT = 300.0
FIRST_TRIES = 3


class NeverReady(LocalServerFailed):
    """A process of ours cannot be started; its log says why."""

    code = "NEVER_READY"


def pause_after(failures: int) -> float:
    """Seconds until the next try: 0.2 after the first failure in a row, doubling to 10."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))


@dataclass(frozen=True, slots=True)
class News:
    """What happened to a program, for the console and the log; `bad` when a person should look."""

    kind: Literal["started", "ready", "ended"]
    name: str
    text: str = ""
    bad: bool = False


@dataclass
class Watch:
    """The life of one program. Times are seconds of any steadily running clock.

    A program that was ready once is brought back for ever; one that never was is given up after three tries.
    """

    program: Program
    phase: Literal["waiting", "starting", "ready"] = "waiting"
    since: float = 0.0
    failures: int = 0
    next_at: float = 0.0
    was_ready: bool = False

    def look(self, now: float) -> News | None:
        if self.phase == "waiting":
            return self._launch(now) if now >= self.next_at else None
        how = self.program.ended()
        if how is not None:
            return self._ended(how, now)
        return self._starting(now) if self.phase == "starting" else None

    def already_ready(self, now: float) -> None:
        """For a server that was started before the supervisor was."""
        self.phase, self.since, self.was_ready = "ready", now, True

    def _launch(self, now: float) -> News:
        self.phase, self.since = "starting", now
        try:
            self.program.launch()
        except OutcomeRuntimeError as error:
            return self._ended(error.message, now)
        except OSError as error:
            return self._ended(f"{error.strerror}: {error.filename}", now)
        return News("started", self.program.name)

    def _starting(self, now: float) -> News | None:
        if self.program.ready():
            lasted, self.phase, self.since, self.was_ready = now - self.since, "ready", now, True
            return News("ready", self.program.name, f"in {lasted:.1f} s")
        if now - self.since > START_LIMIT:
            self.program.kill()
        return None

    def _ended(self, how: str, now: float) -> News:
        self.failures = 1 if self.phase == "ready" and now - self.since >= HEALTHY_AFTER else self.failures + 1
        if not self.was_ready and self.failures >= FIRST_TRIES:
            raise NeverReady(self.program.why(), ended=how, log=str(self.program.log))
        pause = pause_after(self.failures)
        said = f"{self.program.why()} " if self.phase == "starting" else ""
        self.phase, self.next_at = "waiting", now + pause
        return News("ended", self.program.name, f"{said}({how}); again in {pause:g} s", bad=True)
