"""The command as scripts in other languages use it: through a file, a pipe, a conversation, and an end cut off."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "bot.cli", "analyze"]
HOUSE = Path(__file__).parents[3]
TUNING = b'{"id": %d, "test": "tuning", "alpha": 0.05, "sides": 2}\n'


def run(text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=text, capture_output=True, cwd=HOUSE, timeout=60, check=False)


def told(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def conversation() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=HOUSE
    ) as process:
        yield process
        process.kill()


def test_one_answer_a_line_in_order_whatever_goes_wrong(tmp_path: Path) -> None:
    lines = [
        TUNING % 1,
        b"\xff\x00 garbage\n",
        b"\n",
        b"x" * (10 * 1024 * 1024) + b"\n",
        b'{"id": 4, "test": "tuning", "alpha": 7}\n',
        b"[" * 200_000 + b"\n",
        b'{"id": 5, "test": "tuning", "alpha": 0.05}',
    ]
    (tmp_path / "requests.jsonl").write_bytes(b"".join(lines))
    answers = told(run(b"", str(tmp_path / "requests.jsonl")))
    assert [answer["id"] for answer in answers] == [1, None, None, 4, None, 5]
    codes = [answer["error"]["code"] if "error" in answer else None for answer in answers]  # type: ignore[index]
    assert codes == [None, "INVALID_JSON", "LINE_TOO_LONG", "INVALID_REQUEST", "INVALID_JSON", None]
    assert told(run(b"".join(lines), "-")) == answers
    assert told(run(b"".join(lines))) == answers


def test_nothing_asked_nothing_told() -> None:
    assert run(b"").stdout == b""


def test_a_partner_who_waits_for_each_answer_gets_it(conversation: subprocess.Popen[bytes]) -> None:
    assert conversation.stdin
    assert conversation.stdout
    for number in range(3):
        conversation.stdin.write(TUNING % number)
        conversation.stdin.flush()
        assert json.loads(conversation.stdout.readline())["id"] == number
    conversation.stdin.close()
    assert conversation.stdout.read() == b""
    assert conversation.wait(timeout=30) == 0


def test_a_reader_who_leaves_is_let_go_quietly(conversation: subprocess.Popen[bytes]) -> None:
    assert conversation.stdin
    assert conversation.stdout
    assert conversation.stderr
    conversation.stdin.write(TUNING % 1)
    conversation.stdin.flush()
    conversation.stdout.readline()
    conversation.stdout.close()
    conversation.stdin.write(TUNING % 2)
    conversation.stdin.close()
    assert conversation.wait(timeout=30) == 0
    assert conversation.stderr.read() == b""


def test_memory_does_not_grow_with_the_stream(conversation: subprocess.Popen[bytes]) -> None:
    """12,000 requests and a line of 64 MB that never ends."""
    assert conversation.stdin
    assert conversation.stdout
    asked, size = 12, 1000

    def held() -> int:
        status = Path(f"/proc/{conversation.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))

    if not Path("/proc/self/status").exists():
        pytest.skip("memory of another process is read from /proc")
    marks = []
    for _ in range(asked):
        conversation.stdin.write(TUNING % 1 * size)
        conversation.stdin.flush()
        for _ in range(size):
            conversation.stdout.readline()
        marks.append(held())
    for _ in range(64):
        conversation.stdin.write(b"[" * 1024 * 1024)
    conversation.stdin.write(b"\n")
    conversation.stdin.flush()
    assert json.loads(conversation.stdout.readline())["error"]["code"] == "LINE_TOO_LONG"
    assert max(marks[5:]) - marks[4] < 4 * 1024
    assert held() - marks[4] < 32 * 1024


def test_a_file_that_is_not_there_is_one_sentence() -> None:
    done = run(b"", "nowhere.jsonl")
    assert done.returncode == 2
    assert b"nowhere.jsonl" in done.stderr
