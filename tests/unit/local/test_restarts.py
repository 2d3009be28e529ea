"""When programs come back, without a process in sight: the clock is a number."""

from pathlib import Path

import pytest

from runtime.local.restarts import HEALTHY_AFTER, START_LIMIT, NeverReady, Watch, pause_after


class Scripted:
    """A program whose life the test writes."""

    def __init__(self) -> None:
        self.name, self.pid, self.log, self.stop_seconds = "worker-1", None, Path("worker-1.log"), 1.0
        self.launches = 0
        self.end: str | None = None
        self.is_ready = False

    def launch(self) -> None:
        self.launches += 1
        self.end = None

    def ended(self) -> str | None:
        return self.end

    def ready(self) -> bool:
        return self.is_ready

    def why(self) -> str:
        return "worker-1 does not start: no such module."

    def ask_to_stop(self) -> None:
        self.end = "signal 15"

    def kill(self) -> None:
        self.end = "signal 9"


def test_pauses_double_from_a_fifth_of_a_second_and_stop_growing_at_ten() -> None:
    assert [pause_after(n) for n in range(1, 9)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert pause_after(10_000) == 10.0


def test_a_program_that_dies_is_started_again_after_its_pause_and_not_before() -> None:
    program = Scripted()
    watch = Watch(program)
    program.is_ready = True
    assert [watch.look(0.0).kind, watch.look(0.1).kind] == ["started", "ready"]
    program.end = "signal 9"
    news = watch.look(5.0)
    assert (news.kind, news.text, news.bad) == ("ended", "(signal 9); again in 0.2 s", True)
    assert watch.look(5.1) is None
    assert program.launches == 1
    assert watch.look(5.2).kind == "started"
    assert program.launches == 2


def test_the_pause_grows_while_it_keeps_dying_and_is_short_again_after_half_a_minute_of_health() -> None:
    program = Scripted()
    program.is_ready = True
    watch = Watch(program)
    now, pauses = 0.0, []
    for lives in (1.0, 1.0, 1.0, HEALTHY_AFTER, 1.0):
        watch.look(now)
        watch.look(now)
        program.end = "signal 9"
        watch.look(now + lives)
        pauses.append(round(watch.next_at - now - lives, 3))
        now = watch.next_at
    assert pauses == [0.2, 0.4, 0.8, 0.2, 0.4]


def test_a_program_that_was_never_ready_is_given_up_after_three_tries_and_the_reason_is_told() -> None:
    program = Scripted()
    watch = Watch(program)
    for now in (0.0, 1.0):
        watch.look(now)
        program.end = "exit code 1"
        assert "no such module" in watch.look(now + 0.1).text
    watch.look(3.0)
    program.end = "exit code 1"
    with pytest.raises(NeverReady, match="no such module"):
        watch.look(3.1)


def test_a_program_that_was_ready_once_is_never_given_up() -> None:
    program = Scripted()
    program.is_ready = True
    watch = Watch(program)
    watch.already_ready(0.0)
    now = 0.0
    for _ in range(20):
        program.end = "signal 9"
        watch.look(now)
        now = watch.next_at
        watch.look(now)
    assert program.launches == 20


def test_a_program_that_hangs_before_it_is_ready_is_ended_and_tried_again() -> None:
    program = Scripted()
    watch = Watch(program)
    watch.look(0.0)
    watch.look(START_LIMIT + 1)
    assert watch.look(START_LIMIT + 1.1).kind == "ended"


def test_a_disk_that_is_full_at_launch_counts_as_an_ending_and_not_as_the_end() -> None:
    class NoRoom(Scripted):
        def launch(self) -> None:
            raise OSError(28, "No space left on device", "/data/logs/worker-1.log")

    watch = Watch(NoRoom())
    watch.already_ready(0.0)
    watch.program.kill()
    watch.look(1.0)
    news = watch.look(2.0)
    assert news.kind == "ended"
    assert "No space left on device: /data/logs/worker-1.log" in news.text
    assert watch.phase == "waiting"
