"""Runs the corpus as anybody would at the command line: `mail preview` writes the letters, `mail interpret` reads the answers."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from bot.cli.mail import mail
from bot.cli.mail_interpret import as_told
from bot.mail import message
from bot.mail.contracts import DnsText, SentLetter, Verdict
from bot.mail.interpret import interpret
from bot.mail.sent import sent_letter
from runtime.core import wall_clock
from tests.mail_corpus.expected import Case, Letters, Tally
from tests.mail_corpus.letter import ANA, AUTHSERV, BEN, sent

SECRET = "s" * 40
BASE = "outcomes@outcome.test"
KINDS = {"launch": ANA, "analysis": ANA, "portfolio": ANA}


@dataclass(frozen=True)
class Desk:
    """A folder with the letters in it, and the command line beside it."""

    folder: Path
    letters: Letters

    @property
    def env(self) -> dict[str, str | None]:
        # Without a PATH there is no browser: the pictures of the letters are nobody's business here.
        return {
            "API_SECRET": SECRET,
            "MAIL_FROM": f"Outcome Runtime <{BASE}>",
            "MAIL_REPLY_TO": BASE,
            "DATA_DIR": str(self.folder / "data"),
            "PATH": "",
            "CHROMIUM": "",
        }

    def command(self, *words: str) -> str:
        done = CliRunner().invoke(mail, list(words), env=self.env, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def path(self, gate: str) -> Path:
        return self.folder / gate / f"{gate}.eml"

    def read(self, cases: Sequence[Case]) -> list[dict[str, Any]]:
        """What `mail interpret` says of each message, all of one gate in one go."""
        found: dict[int, dict[str, Any]] = {}
        for gate in KINDS:
            mine = [(number, case) for number, case in enumerate(cases) if case.gate == gate]
            found |= (
                dict(zip([number for number, _ in mine], self._interpreted(gate, mine), strict=True)) if mine else {}
            )
        return [found[number] for number in range(len(cases))]

    def _interpreted(self, gate: str, mine: Iterable[tuple[int, Case]]) -> list[dict[str, Any]]:
        files = [_written(self.folder / f"{number}.eml", case.build(self.letters)) for number, case in mine]
        told = self.command(
            "interpret", *files, "--sent", str(self.path(gate)), "--known", BEN.address, "--authserv-id", AUTHSERV, "--json"
        )  # fmt: skip
        return [json.loads(line) for line in told.splitlines()]

    def tally(self, cases: Sequence[Case]) -> Tally:
        """The same reading in this process, which also tells what it took for the person's words."""
        tally, letters = Tally(), {gate: sent_letter(self.path(gate).read_bytes()) for gate in KINDS}
        for case in cases:
            found = verdict(case.build(self.letters), letters[case.gate])
            tally.add(case, as_told(found), found.said.text)
        return tally


def verdict(raw: bytes, letter: SentLetter, *, dns: DnsText | None = None) -> Verdict:
    """As `mail interpret` reads a message, for many thousands of them; with `dns` as the running bot does."""
    return interpret(
        message.read(raw), sent=letter, known=(BEN.address,), authserv_id=AUTHSERV, secret=SECRET, now=wall_clock(), raw=raw, dns=dns
    )  # fmt: skip


def _written(path: Path, raw: bytes) -> str:
    path.write_bytes(raw)
    return str(path)


def desk(folder: Path) -> Desk:
    """Letters of sample gates with real tokens, as `mail preview` writes them."""
    empty = Desk(folder, None)  # type: ignore[arg-type]
    for gate, who in KINDS.items():
        empty.command("preview", gate, "--to", who.full, "--out", str(folder / gate))
    empty.command("preview", "launch", "--to", BEN.full, "--out", str(folder / "ben"))
    made = {gate: sent(empty.path(gate).read_bytes()) for gate in KINDS}
    return Desk(folder, Letters(ben=sent((folder / "ben" / "launch.eml").read_bytes()), **made))
