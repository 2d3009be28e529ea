"""`mail interpret` at the command line: real letters from `mail preview`, one line a file, whatever the files are."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli.mail import mail
from bot.mail.sent import sent_letter
from runtime.errors import InvalidRequest

OURS = "mx.outcome.test"
FIELDS = ["file", "action", "decision", "note", "conditions", "delegate_to", "sender_verified", "reasons"]


def run(folder: Path, *words: str) -> Result:
    """No API_SECRET, so that both commands find the one generated under DATA_DIR; no PATH, so that no browser is started."""
    env = {
        "DATA_DIR": str(folder / "data"),
        "MAIL_FROM": "o@outcome.test",
        "API_SECRET": None,
        "PATH": "",
        "CHROMIUM": "",
    }
    return CliRunner().invoke(mail, list(words), env=env)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("letters")
    done = run(made, "preview", "launch", "--to", "Ana <ana@example.com>", "--out", str(made))
    assert done.exit_code == 0, done.output
    return made


def answered(folder: Path, name: str, text: str, *, author: str = "ana@example.com") -> str:
    letter = sent_letter((folder / "launch.eml").read_bytes())
    quoted = "\n".join(f"> {line}" for line in letter.said.splitlines())
    path = folder / name
    path.write_text(
        f"Authentication-Results: {OURS}; dmarc=pass header.from={author.partition('@')[2]}\n"
        f"From: Ana <{author}>\nTo: {letter.reply_to}\nSubject: Re: Launch\nMessage-ID: <{name}@example.com>\n"
        f"In-Reply-To: {letter.message_id}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
        f"{text}\n\nOn Mon, Nov 23, 2026 at 10:00 AM Outcome Runtime <o@outcome.test> wrote:\n{quoted}\n"
    )
    return str(path)


def interpreted(folder: Path, *files: str) -> list[dict[str, Any]]:
    done = run(folder, "interpret", *files, "--sent", str(folder / "launch.eml"), "--authserv-id", OURS, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_file_gets_one_line_with_exactly_the_promised_fields(folder: Path) -> None:
    files = [
        answered(folder, "yes.eml", "Hi,\n\nLGTM\n\nThanks,\nAna"),
        answered(folder, "bound.eml", "APPROVE IF cap 20%; until 2030-01-15"),
        answered(folder, "hand.eml", "DELEGATE ben@example.com"),
        answered(folder, "asked.eml", "Wie viele Nutzer sehen das?"),
        answered(folder, "vague.eml", "I guess ok?\u2028承認"),
        answered(folder, "stranger.eml", "APPROVE", author="mallory@evil.test"),
    ]
    told = interpreted(folder, *files)
    assert [line["file"] for line in told] == files
    assert all(list(line) == FIELDS for line in told)
    assert [(line["action"], line["decision"]) for line in told] == [
        ("decide", "approve"), ("decide", "conditions"), ("decide", "delegate"), ("answer", "question"), ("ask_back", "none"), ("quarantine", "none"),
    ]  # fmt: skip
    assert told[1]["conditions"] == ["at most 20 % of users", "until 2030-01-15, then paused"]
    assert told[2]["delegate_to"] == "ben@example.com"
    assert [line["sender_verified"] for line in told] == [True] * 6
    assert all(line["reasons"] for line in told)


def test_files_that_are_no_mail_break_nothing_and_are_told_at_the_end(folder: Path) -> None:
    (folder / "noise.eml").write_bytes(bytes(range(256)) * 20)
    (folder / "empty.eml").write_bytes(b"")
    files = [str(folder / name) for name in ("missing.eml", "noise.eml", "empty.eml")]
    done = run(folder, "interpret", *files, str(folder), answered(folder, "last.eml", "REJECT no"), "--sent", str(folder / "launch.eml"),
               "--authserv-id", OURS, "--json")  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 2
    assert ["error" in line for line in told] == [True, False, False, True, False]
    assert [line.get("action") for line in told] == [None, "quarantine", "quarantine", None, "decide"]


def test_without_json_each_file_is_a_readable_line(folder: Path) -> None:
    path = answered(folder, "plain.eml", "REJECT the sample is \x1b[31mtoo small")
    done = run(folder, "interpret", path, "--sent", str(folder / "launch.eml"), "--authserv-id", OURS)
    (line,) = done.output.splitlines()
    assert "decide reject" in line
    assert "too small" in line
    assert "\x1b" not in line


def test_a_letter_that_is_none_of_ours_is_refused_with_the_way_to_get_one(folder: Path) -> None:
    (folder / "other.eml").write_bytes(b"From: a@b.test\nTo: c@d.test\n\nhello")
    done = run(folder, "interpret", answered(folder, "x.eml", "yes"), "--sent", str(folder / "other.eml"))
    assert isinstance(done.exception, InvalidRequest)
    assert "mail preview" in done.exception.message
    assert isinstance(run(folder, "interpret", "x.eml", "--sent", str(folder / "gone.eml")).exception, InvalidRequest)


def test_who_is_known_decides_with_a_letter_of_their_own(folder: Path) -> None:
    ben = folder / "ben"
    run(folder, "preview", "launch", "--to", "ben@example.com", "--out", str(ben))
    path = answered(ben, "ben.eml", "yes", author="ben@example.com")
    sent = ("--sent", str(folder / "launch.eml"), "--authserv-id", OURS, "--json")
    alone, known = (
        run(folder, "interpret", path, *sent),
        run(folder, "interpret", path, *sent, "--known", "Ben@example.com"),
    )
    assert json.loads(alone.stdout)["action"] == "quarantine"
    assert json.loads(known.stdout)["action"] == "decide"
