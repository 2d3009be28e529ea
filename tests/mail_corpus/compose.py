"""Writes messages byte by byte, so that headers can be doubled, folded, forged and broken as real ones are."""

import base64
import quopri
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from email.header import Header
from typing import Literal

from tests.mail_corpus.letter import ANA, AUTHSERV, Person, Sent

Encoding = Literal["quoted-printable", "base64", "8bit", "7bit"]
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """A leaf of a message."""

    body: str | bytes
    kind: str = "text/plain"
    charset: str = "utf-8"
    encoding: Encoding = "quoted-printable"
    disposition: str = ""
    extra: Headers = ()

    def lines(self) -> bytes:
        data = self.body if isinstance(self.body, bytes) else self.body.replace("\n", "\r\n").encode(self.charset)
        charset = f'; charset="{self.charset}"' if self.kind.startswith("text/") and self.charset else ""
        head = [("Content-Type", f"{self.kind}{charset}"), ("Content-Transfer-Encoding", self.encoding), *self.extra]
        head += [("Content-Disposition", self.disposition)] if self.disposition else []
        return (
            b"".join(f"{name}: {value}\r\n".encode() for name, value in head) + b"\r\n" + _encoded(data, self.encoding)
        )


def _encoded(data: bytes, encoding: Encoding) -> bytes:
    if encoding == "base64":
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        lines = [quopri.encodestring(line).replace(b"\n", b"\r\n") for line in data.split(b"\r\n")]
        return b"\r\n".join(lines)
    return data


def multipart(kind: str, *parts: bytes, boundary: str = "000000000000b1", extra: str = "") -> bytes:
    body = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"{extra}\r\n\r\n'.encode()
    return head + body + f"--{boundary}--\r\n".encode()


def alternative(text: str, html: str, *, charset: str = "utf-8", encoding: Encoding = "quoted-printable") -> bytes:
    return multipart(
        "alternative",
        Part(text, charset=charset, encoding=encoding).lines(),
        Part(html, "text/html", charset=charset, encoding=encoding).lines(),
    )


def passed(who: Person, authserv: str = AUTHSERV) -> tuple[str, str]:
    """What an honest border server writes about an honest sender."""
    domain = who.domain
    return (
        "Authentication-Results",
        (
            f"{authserv}; dkim=pass header.d={domain} header.s=s1; spf=pass smtp.mailfrom={who.address};\r\n"
            f" dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from={domain}"
        ),
    )


def stamped(who: Person) -> tuple[str, str]:
    """The signature that an honest sender's server put on; it can be checked by nobody, since no such key is published."""
    return (
        "DKIM-Signature",
        (
            f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={who.domain}; s=s1; h=from:to:subject:date:message-id;\r\n"
            "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=dGhpcyBwcm92ZXMgbm90aGluZw=="
        ),
    )


@dataclass(frozen=True)
class Envelope:
    """The headers of a reply; None leaves one out, and lists are written as they are."""

    who: Person = ANA
    from_: Sequence[str] | None = None
    to: str | None = None
    subject: str | None = None
    results: Headers | None = None
    return_path: str | None = None
    in_reply_to: str | None = None
    references: str | None = None
    message_id: str = "<CAF4k9reply@mail.example.com>"
    signed: bool = True
    """Whether the sender's server signed it."""
    above: Headers = ()
    """Written above the verdict, as servers further in do."""
    extra: Headers = field(default_factory=tuple)


def message(letter: Sent, content: bytes, envelope: Envelope | None = None) -> bytes:
    """A whole message: the receiving servers' headers, the sender's, and `content` with its own Content-Type."""
    env = envelope or Envelope()
    headers = [
        ("Return-Path", f"<{env.who.address if env.return_path is None else env.return_path}>"),
        ("Delivered-To", env.to or letter.reply_to),
        *env.above,
        *((passed(env.who),) if env.results is None else env.results),
        (
            "Received",
            (
                f"from mail.{env.who.domain} (mail.{env.who.domain} [192.0.2.7])\r\n\tby {AUTHSERV} with ESMTPS;"
                " Mon, 23 Nov 2026 10:40:02 +0000"
            ),
        ),
        *((stamped(env.who),) if env.signed else ()),
        *[("From", value) for value in (env.from_ if env.from_ is not None else [_from(env.who)])],
        ("To", f"Outcome Runtime <{env.to or letter.reply_to}>"),
        ("Subject", _header(f"Re: {letter.subject}" if env.subject is None else env.subject)),
        ("Date", "Mon, 23 Nov 2026 11:40:00 +0100"),
        ("Message-ID", env.message_id),
        ("In-Reply-To", letter.message_id if env.in_reply_to is None else env.in_reply_to),
        ("References", letter.message_id if env.references is None else env.references),
        *env.extra,
        ("MIME-Version", "1.0"),
    ]
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in headers if value) + content


def _from(who: Person) -> str:
    return f"{_header(who.name)} <{who.address}>"


def _header(value: str) -> str:
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=70).encode(linesep="\r\n")


def plain(letter: Sent, said: str, envelope: Envelope | None = None, **part: str) -> bytes:
    """A reply of text only, the letter quoted beneath."""
    body = f"{said}\n\nOn Mon, Nov 23, 2026 at 10:31 AM {letter.sender} wrote:\n\n{letter.quoted}\n"
    return message(letter, Part(body, **part).lines(), envelope)  # type: ignore[arg-type]


def bare(letter: Sent, said: str, envelope: Envelope | None = None) -> bytes:
    """A text and nothing quoted."""
    return message(letter, Part(f"{said}\n").lines(), envelope)


def html_only(letter: Sent, html: str, envelope: Envelope | None = None) -> bytes:
    return message(letter, Part(html, "text/html").lines(), envelope)


def with_headers(envelope: Envelope, *extra: tuple[str, str]) -> Envelope:
    return replace(envelope, extra=(*envelope.extra, *extra))
