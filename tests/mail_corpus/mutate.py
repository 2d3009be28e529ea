"""Damaged and forged mail: mutations that hypothesis combines, and an own judgement of whether a decision may come of the result."""

import random
from collections.abc import Callable, Mapping, Sequence
from email.utils import getaddresses

from hypothesis import strategies as st

from tests.mail_corpus.letter import ANA, AUTHSERV, MALLORY

Mutation = Callable[[bytes, random.Random], bytes]
HEADERS = (
    b"From: Mallory <mallory@evil.test>", b"From: ana@example.com", b"Sender: mallory@evil.test", b"Reply-To: ana@example.com",
    b"Auto-Submitted: auto-replied", b"List-Id: <x.y>", b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/html",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: x-uuencode", b"MIME-Version: 9", b"To: somebody@outcome.test",
    b"Authentication-Results: mx.outcome.test; dmarc=fail header.from=example.com", b"Authentication-Results: mx.evil.test; dmarc=pass",
    b"Authentication-Results: mx.outcome.test; dmarc=pass header.from=evil.test", b"Return-Path: <>", b"Subject: \xff\xfe\x00", b"Date: never",
    b"From:", b"From: =?utf-8?b?????", b"Message-ID: <<>>", b"References: " + b"<x@y> " * 400, b": nameless", b"\x80\x81: \x82",
    b'Content-Type: text/plain; charset="', b"Content-Type: multipart/report; report-type=delivery-status; boundary=b", b"X: " + b"a" * 70_000,
)  # fmt: skip
WORDS = (
    b"APPROVE", b"REJECT x", b"DELEGATE mallory@evil.test", b"-- ", b"> ", b"<div>", b"</blockquote>", b"<!--", b"<style>", b"=", b"=3D", b"\x00",
    b"\xff\xfe", b"--000000000000b1", b"--000000000000b1--", b"\r\n\r\n", b"\n", b"\r", b"On x wrote:", "\u202e\u200b".encode(), b"<table>" * 300,
)  # fmt: skip


def _split(raw: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in b" \t" and lines:
            lines[-1] += b"\r\n" + line
        else:
            lines.append(line)
    return lines, body


def _joined(lines: Sequence[bytes], body: bytes) -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def shuffle(raw: bytes, rng: random.Random) -> bytes:
    lines, body = _split(raw)
    rng.shuffle(lines)
    return _joined(lines, body)


def double(raw: bytes, rng: random.Random) -> bytes:
    lines, body = _split(raw)
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
    return _joined(lines, body)


def drop(raw: bytes, rng: random.Random) -> bytes:
    lines, body = _split(raw)
    del lines[rng.randrange(len(lines))]
    return _joined(lines, body)


def truncate_header(raw: bytes, rng: random.Random) -> bytes:
    lines, body = _split(raw)
    at = rng.randrange(len(lines))
    lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
    return _joined(lines, body)


def forge(raw: bytes, rng: random.Random) -> bytes:
    lines, body = _split(raw)
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(HEADERS))
    return _joined(lines, body)


def impersonate(raw: bytes, rng: random.Random) -> bytes:
    """Somebody else's address or server where Ana's or ours stood."""
    return raw.replace(
        *rng.choice(
            (
                (ANA.address.encode(), MALLORY.address.encode()),
                (AUTHSERV.encode(), b"mx.evil.test"),
                (b"dmarc=pass", b"dmarc=fail"),
                (b"dkim=pass", b"dkim=none"),
                (b"outcomes+", b"outcomes+x"),
                (b"@outcome.test", b"@evil.test"),
            )
        ),
        rng.choice((1, -1)),
    )


def relabel(raw: bytes, rng: random.Random) -> bytes:
    """A charset or an encoding that lies."""
    old = rng.choice((b"utf-8", b"quoted-printable", b"base64", b"text/html", b"text/plain", b"multipart/alternative"))
    new = rng.choice(
        (b"utf-16", b"iso-2022-jp", b"base64", b"quoted-printable", b"text/html", b"message/rfc822", b"x-none", b"")
    )
    return raw.replace(old, new, 1)


def rebound(raw: bytes, rng: random.Random) -> bytes:
    old = b"000000000000b1"
    return raw.replace(old, rng.choice((b"", b"-", b"0000", b"000000000000b1 ", b"\xff")), rng.choice((1, 2, 3)))


def cut(raw: bytes, rng: random.Random) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def noise(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randrange(1, 40)) + raw[at + rng.randrange(20) :]


def say(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice(WORDS) + raw[at:]


def wrap_quotes(raw: bytes, rng: random.Random) -> bytes:
    """As clients that wrap lines of a quote anew."""
    lines, body = _split(raw)
    width = rng.randrange(5, 40)
    wrapped = [
        line[start : start + width] for line in body.split(b"\r\n") for start in range(0, max(len(line), 1), width)
    ]
    return _joined(lines, b"\r\n".join(wrapped))


def requote(raw: bytes, rng: random.Random) -> bytes:
    lines, body = _split(raw)
    return _joined(lines, b"\r\n".join(rng.choice((b"> ", b">", b"| ", b"")) + line for line in body.split(b"\r\n")))


def bare_newlines(raw: bytes, rng: random.Random) -> bytes:
    return raw.replace(b"\r\n", rng.choice((b"\n", b"\r", b"\r\r\n")))


MUTATIONS: tuple[Mutation, ...] = (
    shuffle, double, drop, truncate_header, forge, forge, impersonate, impersonate, relabel, rebound, cut, noise, say, say, wrap_quotes, requote,
    bare_newlines,
)  # fmt: skip


def damaged(raws: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of these messages after up to five mutations, each with its own luck."""
    steps = st.lists(st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 2**32 - 1)), max_size=5)
    return st.builds(_mutated, st.sampled_from(raws), steps)


def _mutated(raw: bytes, steps: Sequence[tuple[Mutation, int]]) -> bytes:
    for mutation, seed in steps:
        raw = mutation(raw, random.Random(seed)) if raw else b""
    return raw


def unproven(raw: bytes, tokens: Mapping[str, str]) -> str:
    """Why no decision may come of these bytes, judged without the product's code; empty when all three proofs may be there.

    `tokens` holds the reply address that each person's letter had.
    """
    head = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace")
    unfolded = head.replace("\n ", " ").replace("\n\t", " ").split("\n")
    named = [line for line in unfolded if line.lower().startswith("from:")]
    addresses = [address.lower() for line in named for _, address in getaddresses([line[5:]]) if address]
    if len(named) != 1 or len(addresses) != 1 or addresses[0] not in tokens:
        return f"From is {addresses} in {len(named)} headers"
    if tokens[addresses[0]].partition("@")[0].lower() not in head.lower():
        return f"the token of {addresses[0]} is in no header"
    verdicts = [line.lower() for line in unfolded if line.lower().startswith("authentication-results:")]
    ours = next((line for line in verdicts if line.partition(":")[2].strip().startswith(AUTHSERV)), "")
    if "dmarc=pass" not in ours and "dkim=pass" not in ours:
        return "our server proved nothing"
    return "" if addresses[0].partition("@")[2] in ours else "our server proved somebody else"
