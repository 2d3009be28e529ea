"""Gates by e-mail: how soon a reply is understood, whether damaged mail can decide, and a pile of letters over the death of a worker.

    .venv/bin/python -m benchmarks.mail [--letters 10000] [--fuzz 100000] [--rounds 3] [--quick]

The corpus of tests/mail_corpus is read in this process; letters go through an embedded Postgres and queue, two real worker processes and a
real SMTP server on loopback. Prints figures and bars; asserts nothing.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.letters import handed_over
from bot.mail.sent import sent_letter
from runtime.local.postgres import start_postgres
from runtime.local.valkey import start_valkey

UNDERSTOOD = 0.015
"""Seconds, at the median."""


def understood(folder: Path, rounds: int) -> None:
    """Every message of the corpus, from its bytes to the verdict; then through the command, for what is right."""
    from tests.mail_corpus.cases import all_cases  # noqa: PLC0415  nothing of the tests is needed for the pile
    from tests.mail_corpus.run import desk, verdict  # noqa: PLC0415  as above

    at, cases = desk(folder), all_cases()
    letter = sent_letter(at.path("launch").read_bytes())
    raws = [case.build(at.letters) for case in cases if case.gate == "launch"]
    verdict(raws[0], letter)
    taken = []
    for raw in raws * rounds:
        began = time.perf_counter()
        verdict(raw, letter)
        taken.append(time.perf_counter() - began)
    tally = at.tally(cases)
    print(f"messages of the corpus         {tally.cases:>10}     {tally.share:.2%} right (bar 95 %)")
    print(f"forbidden outcomes             {len(tally.forbidden):>10}     bar 0")
    print(f"human words lost               {len(tally.lost):>10}     bar 0")
    _tell("message -> verdict, median", taken, 0.5, UNDERSTOOD)
    _tell("message -> verdict, p99", taken, 0.99)


def _tell(name: str, taken: Sequence[float], share: float, bar: float | None = None) -> None:
    found = sorted(taken)[min(len(taken) - 1, int(len(taken) * share))]
    held = f"bar < {bar * 1000:.0f} ms" if bar else f"mean {statistics.mean(taken) * 1000:.1f} ms"
    print(f"{name:<30} {found * 1000:>10.1f} ms  {held}")


def damaged_mail(folder: Path, examples: int) -> None:
    """Hypothesis mutates messages of the corpus; nothing may raise, and nothing unproven may decide."""
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415  only here

    from tests.mail_corpus.cases import all_cases  # noqa: PLC0415  as above
    from tests.mail_corpus.mutate import damaged, unproven  # noqa: PLC0415  as above
    from tests.mail_corpus.run import desk, verdict  # noqa: PLC0415  as above

    at, actions, wrong, slowest = desk(folder), Counter[str](), Counter[str](), 0.0
    letter = sent_letter(at.path("launch").read_bytes())
    raws = [case.build(at.letters) for case in all_cases() if case.gate == "launch"]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(raws))
    def read(raw: bytes) -> None:
        nonlocal slowest
        began = time.thread_time()  # whatever else the machine does meanwhile
        try:
            found = verdict(raw, letter)
        except Exception as error:  # noqa: BLE001  counted, whatever it is
            wrong[f"raised {type(error).__name__}: {str(error)[:80]}"] += 1
            return
        slowest = max(slowest, time.thread_time() - began)
        actions[found.action] += 1
        if found.action == "decide" and (why := unproven(raw, at.letters.tokens)):
            wrong[f"decided although {why}"] += 1

    began = time.perf_counter()
    read()
    taken = time.perf_counter() - began
    print(
        f"damaged messages read          {sum(actions.values()):>10}     in {taken:.0f} s, the slowest {slowest * 1000:.0f} ms of processor time: {dict(actions)}"
    )
    print(f"raised, or decided unproven    {sum(wrong.values()):>10}     bar 0")
    for what, times in wrong.most_common(10):
        print(f"  {times} times: {what}")


def pile(folder: Path, letters: int) -> None:
    postgres = start_postgres(folder / "postgres")
    valkey = start_valkey(folder / "valkey")
    try:
        asyncio.run(handed_over(postgres, valkey.url, folder, letters))
    finally:
        valkey.stop()
        postgres.stop()


def main() -> None:
    reading = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reading.add_argument("--letters", type=int, default=10_000, help="Letters in the pile; 0 leaves it out.")
    reading.add_argument("--fuzz", type=int, default=100_000, help="Damaged messages; 0 leaves them out.")
    reading.add_argument("--rounds", type=int, default=3, help="Times the corpus is read; 0 leaves it out.")
    reading.add_argument("--quick", action="store_true", help="A tenth of a minute of each.")
    arguments = reading.parse_args()
    if arguments.quick:
        arguments.letters, arguments.fuzz, arguments.rounds = min(arguments.letters, 200), min(arguments.fuzz, 1000), 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.rounds:
            understood(folder / "corpus", arguments.rounds)
        if arguments.fuzz:
            damaged_mail(folder / "damaged", arguments.fuzz)
        if arguments.letters:
            pile(folder, arguments.letters)


if __name__ == "__main__":
    main()
