"""Only our own server's word, or a signature that holds, says who wrote."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bot.mail import message, sender
from bot.mail.contracts import Sender

NOW = datetime.now(UTC)
RAW = b"From: Dana <dana@x.org>\r\nTo: o@y.org\r\nSubject: Re: x\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nAPPROVE\r\n"
KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505  quick to make
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def dns(name: str) -> Sequence[str]:
    return {
        "s._domainkey.x.org": [f"v=DKIM1; k=rsa; p={PUBLIC}"],
        "s._domainkey.evil.org": [f"v=DKIM1; k=rsa; p={PUBLIC}"],
        "test._domainkey.x.org": [f"v=DKIM1; k=rsa; t=y; p={PUBLIC}"],
        "two._domainkey.x.org": [f"v=DKIM1; k=rsa; p={PUBLIC}", "v=DKIM1; p=AAAA"],
        "gone._domainkey.x.org": ["v=DKIM1; p="],
    }.get(name, [])


def signed(domain: bytes = b"x.org", selector: bytes = b"s", *, length: bool = False, raw: bytes = RAW) -> bytes:
    header: bytes = dkim.sign(raw, selector, domain, PEM, include_headers=[b"from", b"to", b"subject"], length=length)
    return header + raw


def checked(raw: bytes, authserv_id: str = "mx.y.org", *, keys: bool = False, now: datetime | None = None) -> Sender:
    return sender.verified(
        message.read(raw), raw, authserv_id=authserv_id, dns=dns if keys else None, now=now or datetime.now(UTC)
    )


def told(*results: str) -> Sender:
    return checked("".join(f"Authentication-Results: {result}\r\n" for result in results).encode() + RAW)


@pytest.mark.parametrize(
    ("result", "how"),
    [
        ("mx.y.org; dmarc=pass (p=none) header.from=x.org", "dmarc"),
        ("MX.Y.ORG 1; spf=pass smtp.mailfrom=dana@x.org; dmarc=pass header.from=X.org", "dmarc"),
        ("mx.y.org; dkim=pass header.d=x.org header.s=s", "dkim"),
        ("mx.y.org; dkim=pass header.i=@x.org", "dkim"),
        (
            "mx.y.org;\r\n dkim=pass header.i=@other.org header.b=AbCd;\r\n dmarc=pass (p=NONE dis=NONE) header.from=x.org",
            "dmarc",
        ),
        (
            "mx.y.org; dkim=pass (signature was verified) header.d=x.org;dmarc=pass action=none header.from=x.org;compauth=pass reason=100",
            "dmarc",
        ),
    ],
)
def test_our_own_servers_word_counts(result: str, how: str) -> None:
    assert told(result) == Sender("dana@x.org", verified=True, how=how)


@pytest.mark.parametrize(
    "results",
    [
        [],
        ["mx.y.org; none"],
        ["mx.y.org; spf=pass smtp.mailfrom=x.org"],
        ["mx.y.org; dmarc=fail header.from=x.org; dkim=pass header.d=x.org"],
        ["mx.y.org; dmarc=pass header.from=x.org; dmarc=fail header.from=x.org"],
        ["mx.y.org; dmarc=pass header.from=evil.org"],
        ["mx.y.org; dmarc=pass header.from=x.org header.from=evil.org"],
        ["mx.y.org; dmarc=pass header.from=evil.org; dkim=pass header.d=x.org"],
        ["mx.y.org; dmarc=none header.from=evil.org; dkim=pass header.d=x.org"],
        ["mx.y.org; dkim=pass header.d=evil.org"],
        ["mx.y.org; dkim=pass header.d=org"],
        ["mx.y.org; dkim=pass header.d=a.x.org"],
        ["mx.y.org; dkim=pass (dmarc=pass header.from=x.org) header.d=evil.org"],
        ["mx.y.org (x; dmarc=pass header.from=x.org"],
        ["mx.y.org.evil.org; dmarc=pass header.from=x.org"],
        ["mx.evil.org; dmarc=pass header.from=x.org"],
        ["mx.evil.org; none", "mx.y.org; dmarc=pass header.from=x.org"],
        ["mx.y.org; none", "mx.y.org; dmarc=pass header.from=x.org"],
        ["mx.y.org 2; dmarc=pass header.from=x.org"],
        ["garbage;;;"],
        ["spf=pass (sender IP is 1.2.3.4) smtp.mailfrom=x.org; dmarc=pass header.from=x.org"],
    ],
)
def test_nobody_elses_word_and_nothing_below_the_top_counts(results: list[str]) -> None:
    found = told(*results)
    assert not found.verified
    assert found.reasons


def test_without_a_name_of_our_server_no_header_counts() -> None:
    assert not checked(b"Authentication-Results: ; dmarc=pass header.from=x.org\r\n" + RAW, "").verified
    assert not checked(b"Authentication-Results: mx.y.org; dmarc=pass header.from=x.org\r\n" + RAW, "").verified


def test_a_doubtful_author_is_never_verified() -> None:
    raw = b"Authentication-Results: mx.y.org; dmarc=pass header.from=x.org\r\nFrom: boss@x.org\r\n" + RAW
    assert checked(raw) == Sender("", verified=False, reasons=("two_from",))


def test_a_subdomain_is_vouched_for_by_the_domain_above_it_not_below() -> None:
    assert sender.aligned("x.org", "x.org")
    assert sender.aligned("X.org.", "mail.x.org")
    assert not sender.aligned("mail.x.org", "x.org")
    assert not sender.aligned("org", "x.org")
    assert not sender.aligned("", "x.org")
    assert not sender.aligned("x.org", "evilx.org")


STAMP = b"DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=gone; h=from; bh=x; b=x\r\n"


@pytest.mark.parametrize(
    ("claim", "signatures", "verified"),
    [
        ("dkim=pass header.d=x.org", b"", False),
        ("dkim=pass header.d=x.org", STAMP % b"other.org", False),
        ("dkim=pass header.i=@x.org", b"", False),
        ("dkim=pass header.d=x.org; dmarc=pass header.from=x.org", b"", False),
        (
            "dkim=pass header.d=x.org; dkim=pass header.d=relay.org; dmarc=pass header.from=x.org",
            STAMP % b"x.org",
            False,
        ),
        ("dkim=pass header.d=x.org; dmarc=pass header.from=x.org", STAMP % b"X.org", True),
        ("dkim=pass header.i=@mail.x.org; dmarc=pass header.from=x.org", STAMP % b"x.org", True),
        ("dkim=fail header.d=relay.org; spf=pass smtp.mailfrom=x.org; dmarc=pass header.from=x.org", b"", True),
        ("spf=pass smtp.mailfrom=x.org; dmarc=pass header.from=x.org", b"", True),
    ],
)
def test_where_signatures_are_checked_here_our_servers_word_must_fit_the_letter(
    claim: str, signatures: bytes, *, verified: bool
) -> None:
    """A server that let a forged header through did not write it: it claims what is not there."""
    raw = f"Authentication-Results: mx.y.org; {claim}\r\n".encode() + signatures + RAW
    found = checked(raw, keys=True)
    assert found.verified is verified
    assert verified or any("does not have" in why for why in found.reasons)


def test_a_signature_that_holds_proves_what_a_forged_header_says_wrongly() -> None:
    raw = b"Authentication-Results: mx.y.org; dkim=pass header.d=other.org\r\n" + signed()
    assert checked(raw, keys=True) == Sender("dana@x.org", verified=True, how="own dkim")


def test_our_own_check_of_a_signature() -> None:
    assert checked(signed(), "", keys=True) == Sender("dana@x.org", verified=True, how="own dkim")
    assert checked(b"Received: by us\r\n" + signed().replace(b"\r\n", b"\n"), "", keys=True).verified
    assert checked(signed(raw=RAW) + b"", "mx.y.org", keys=True).verified


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (RAW, "no DKIM signature"),
        (signed().replace(b"APPROVE", b"REJECT!"), "does not hold"),
        (signed().replace(b"Dana <dana", b"Dana <boss"), "does not hold"),
        (signed(length=True), "only the beginning"),
        (signed(b"evil.org"), "another domain's"),
        (signed(selector=b"none"), "does not hold"),
        (signed(selector=b"test"), "does not hold"),
        (signed(selector=b"two"), "does not hold"),
        (signed(selector=b"gone"), "does not hold"),
        (signed().replace(b"rsa-sha256", b"rsa-sha1"), "weak"),
        (signed().replace(b"h=from", b"h=date"), "From out"),
        (signed().replace(b"v=1;", b"v=1; d=x.org;"), "cannot be read"),
        (signed().replace(b"v=1;", b"v=1; x=1000;"), "run out"),
        (signed().replace(b"v=1;", b"v=1; x=soon;"), "run out"),
    ],
)
def test_signatures_that_prove_nothing(raw: bytes, why: str) -> None:
    found = checked(raw, "", keys=True)
    assert not found.verified
    assert why in found.reasons[0]


def test_a_signature_from_the_future_proves_nothing() -> None:
    assert "future" in checked(signed(), "", keys=True, now=NOW - timedelta(days=1)).reasons[0]


def test_a_second_signature_may_hold_where_the_first_does_not() -> None:
    both = dkim.sign(RAW, b"s", b"evil.org", PEM, include_headers=[b"from"]) + signed()
    assert checked(both, "", keys=True).verified


def test_where_our_server_says_fail_no_signature_helps() -> None:
    raw = b"Authentication-Results: mx.y.org; dmarc=fail header.from=x.org\r\n" + signed()
    assert not checked(raw, keys=True).verified
