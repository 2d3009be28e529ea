"""`analyze`: statistical questions at the command line, answered as they come."""

import os
import sys
from typing import IO

import click

from runtime.analysis.stream import Lines, reply

_CHUNK = 64 * 1024


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
def analyze(file: IO[bytes]) -> None:
    """Answer each request in FILE (default `-`, standard input), one JSON object a line, with one line of JSON.

    Answers keep the order of the requests. A request that cannot be answered gets {"id", "error"}; the others go on.
    """
    try:
        _answer_all(file, sys.stdout.buffer)
    except BrokenPipeError:
        _leave_quietly()


def _answer_all(file: IO[bytes], out: IO[bytes]) -> None:
    """Reads what is there and flushes before it waits, so that a partner at the other end of a pipe is never kept."""
    lines = Lines()
    while chunk := os.read(file.fileno(), _CHUNK):
        for line in lines.feed(chunk):
            out.write(reply(line))
        out.flush()
    for line in lines.end():
        out.write(reply(line))
    out.flush()


def _leave_quietly() -> None:
    """Nobody reads any more: what Python would flush at exit goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
