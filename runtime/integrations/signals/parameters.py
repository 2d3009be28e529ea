"""Named parameters in SQL (`:experiment`, `:from`, ...) turned into Postgres's `$1`, `$2`, ... without touching anything else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runtime.errors import InvalidConfiguration

TYPES = {
    "experiment": "text",
    "from": "timestamptz",
    "to": "timestamptz",
    "limit": "numeric",
    "steps": "text[]",
    "segment": "jsonb",
}

# Order matters: what may hold a colon that is no parameter comes first, and is taken whole.
_TOKEN = re.compile(
    r"""
    (?P<line>--[^\n]*)
  | (?P<block>/\*)
  | (?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")
  | (?P<dollar>(?<![A-Za-z0-9_$])\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$)
  | (?P<cast>::|:=)
  | (?P<open>\[) | (?P<close>\])
  | :(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with numbered parameters; `names[i]` is what goes in for `$i+1`."""

    sql: str
    names: tuple[str, ...]


def numbered(sql: str) -> Statement:
    """Each parameter is cast to its type (`$1::text`), so that Postgres never has to guess one.

    A name it does not know is an error, except in brackets, where `a[1:n]` is an array slice.
    """
    names: list[str] = []
    parts = []
    depth = 0
    for text, kind in _pieces(sql):
        if kind == "name":
            parts.append(_placeholder(text, names, in_brackets=depth > 0))
            continue
        depth += {"open": 1, "close": -1}.get(kind, 0)
        parts.append(text)
    return Statement("".join(parts), tuple(names))


def _placeholder(name: str, names: list[str], *, in_brackets: bool) -> str:
    if name not in TYPES:
        if in_brackets:
            return f":{name}"
        known = ", ".join(f":{known}" for known in TYPES)
        raise InvalidConfiguration(f"There is no parameter :{name}; a query may use {known}.", parameter=name)
    if name not in names:
        names.append(name)
    return f"${names.index(name) + 1}::{TYPES[name]}"


def _pieces(sql: str) -> Iterator[tuple[str, str]]:
    """The whole text in order, each piece with its kind; a parameter's piece is its bare name."""
    at = 0
    while match := _TOKEN.search(sql, at):
        yield sql[at : match.start()], "plain"
        kind, at = str(match.lastgroup), _end_of(match, sql)
        yield (match["name"] if kind == "name" else sql[match.start() : at]), kind
    yield sql[at:], "plain"


def _end_of(token: re.Match[str], sql: str) -> int:
    if token.lastgroup == "block":
        return _end_of_comment(sql, token.end())
    if token.lastgroup == "dollar":
        closing = sql.find(token[0], token.end())
        return len(sql) if closing < 0 else closing + len(token[0])
    return token.end()


def _end_of_comment(sql: str, at: int) -> int:
    """Postgres's block comments nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(sql, at)
        if edge is None:
            return len(sql)
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return at
