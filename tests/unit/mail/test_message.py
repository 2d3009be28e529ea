"""Any bytes become a message; who wrote it cannot be faked by how it is written."""

import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mail import intake, message, reply, robots, visible
from bot.mail.message import AUTHOR_FAULTS

BODY = b"\r\n\r\nAPPROVE\r\n"


def of(*lines: str, body: bytes = BODY) -> message.Incoming:
    return message.read("\r\n".join(lines).encode("utf-8", "surrogateescape") + body)


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("Dana <Dana@X.org>", "dana@x.org"),
        ("dana@x.org", "dana@x.org"),
        ("dana@x.org (Dana (VP) of X)", "dana@x.org"),
        ('"Scully, Dana" <dana@x.org>', "dana@x.org"),
        ("=?utf-8?q?D=C3=A4na?= <dana@x.org>", "dana@x.org"),
        ("Däna <dana@exämple.org>", "dana@exämple.org"),
        ("Dana\r\n <dana@x.org>", "dana@x.org"),
        ("<dana@x.org>", "dana@x.org"),
        ('"boss <boss@x.org>" <dana@x.org>', "dana@x.org"),
    ],
)
def test_the_author_is_the_single_address_in_from(line: str, address: str) -> None:
    assert of(f"From: {line}").sender == address


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["From: dana@x.org", "From: boss@x.org"], "two_from"),
        (["From: dana@x.org", "from : boss@x.org"], "hidden_from"),
        (["Subject: x", "this line ends the header", "From: boss@x.org"], "hidden_from"),
        (["From: dana@x.org, boss@x.org"], "several_authors"),
        (["From: Team: dana@x.org;"], "group"),
        (["From: Dana"], "not_an_address"),
        (["From: <dana@x.org> boss@x.org"], "text_after_address"),
        (["From: <boss@x.org> <dana@x.org>"], "text_after_address"),
        (["From: =?utf-8?q?boss=40x.org?="], "not_an_address"),
        (["From: dana@x.org@y.org"], "not_an_address"),
        (["From: Dana <dana@x.org"], "text_after_address"),
        (["From:"], "not_an_address"),
        (["Subject: x"], "no_from"),
        (["Subject: x\rFrom: boss@x.org", "To: a@b.c"], "bare_carriage_return"),
        (["From: boss@x.org\0.evil.org"], "control_character"),
    ],
)
def test_a_doubtful_author_is_nobody(lines: list[str], fault: str) -> None:
    incoming = of(*lines)
    assert incoming.sender == ""
    assert fault in incoming.faults
    assert fault in AUTHOR_FAULTS


def test_names_that_look_like_other_addresses_and_senders_for_others_are_told() -> None:
    assert "name_is_another_address" in of('From: "boss@x.org" <evil@y.org>').faults
    assert "name_is_another_address" in of("From: =?utf-8?q?boss=40x.org?= <evil@y.org>").faults
    assert "name_is_another_address" not in of('From: "dana@x.org" <dana@x.org>').faults
    assert "another_sender" in of("From: dana@x.org", "Sender: evil@y.org").faults
    assert of("From: dana@x.org", "Sender: Dana <dana@x.org>").faults == ()


def test_a_kelvin_sign_is_no_k_and_reply_to_is_no_author() -> None:
    assert of("From: dana@wor\u212a.org").sender != "dana@work.org"
    assert of("From: dana@x.org", "Reply-To: boss@x.org").sender == "dana@x.org"


def test_an_encoded_line_break_stays_in_the_name() -> None:
    incoming = of("From: =?utf-8?q?Dana=0D=0AFrom=3A_boss=40x=2Eorg?= <dana@x.org>")
    assert incoming.sender == "dana@x.org"
    assert "\n" not in incoming.sender_name


def test_recipients_come_from_the_envelope_and_every_header_that_names_them() -> None:
    incoming = message.read(
        b"To: A <a@x.org>, b@x.org\r\nCc: c@x.org\r\nDelivered-To: D@x.org\r\nX-Original-To: e@x.org\r\nX-Gm-Original-To: f@x.org\r\n"
        b"Envelope-To: g@x.org\r\nResent-To: h@x.org\r\nFrom: dana@x.org" + BODY,
        envelope_to=("I@x.org", "<a@x.org>"),
    )
    assert set(incoming.recipients) == {f"{name}@x.org" for name in "abcdefghi"}
    assert incoming.recipients[0] == "i@x.org"


@pytest.mark.parametrize(
    ("paths", "told", "sender"),
    [
        ([], None, None),
        (["<>"], None, ""),
        (["<dana@x.org>", "<>"], None, "dana@x.org"),
        (["<>"], "Dana@x.org", "dana@x.org"),
        (["<dana@x.org>"], "", ""),
    ],
)
def test_only_the_topmost_return_path_counts_where_the_envelope_is_not_told(
    paths: list[str], told: str | None, sender: str | None
) -> None:
    raw = "\r\n".join([*(f"Return-Path: {path}" for path in paths), "From: dana@x.org"]).encode() + BODY
    assert message.read(raw, envelope_from=told).envelope_from == sender


def test_what_it_answers_is_read_in_every_way_clients_write_it() -> None:
    incoming = of(
        "From: dana@x.org",
        "Message-ID: <me@x.org>",
        "In-Reply-To: <c@x>",
        "References: <a@x>,<b@x>,\r\n <c@x>\r\n <fold\r\n ed@x>",
    )
    assert incoming.message_id == "<me@x.org>"
    assert incoming.in_reply_to == ("<c@x>", "<folded@x>", "<b@x>", "<a@x>")


def test_subjects_and_dates_are_read_tolerantly() -> None:
    assert of("From: a@b.c", "Subject: =?utf-8?b?RsO8cg==?=\r\n =?iso-8859-1?q?_Gr=FC=DFe?=").subject == "Für Grüße"
    assert message.read(b"From: a@b.c\r\nSubject: Gr\xfc\xdfe" + BODY).subject == "Grüße"
    assert of("From: a@b.c", "Subject: =?no-such?q?x?=").subject == "x"
    assert of("From: a@b.c", "Date: Mon, 23 Nov 2026 10:00:00 -0000").date == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert of("From: a@b.c", "Date: soon").date is None


@pytest.mark.parametrize(
    ("kind", "encoding", "payload", "text"),
    [
        ("text/plain; charset=iso-8859-1", "8bit", "Größe\x80".encode("cp1252", "replace"), "Größe"),
        ("text/plain; charset=utf-8", "8bit", "Größe".encode("latin-1"), "Größe"),
        ("text/plain; charset=nonsense", "8bit", "Größe".encode(), "Größe"),
        ("text/plain; charset=base64", "8bit", "Größe".encode(), "Größe"),
        ('text/plain; charset="\0utf-8"', "8bit", "Größe".encode(), "Größe"),
        ("text/plain", "base64", base64.b64encode("Größe".encode()), "Größe"),
        ("text/plain; charset=utf-8", "quoted-printable", b"Gr=C3=B6=C3=9F=\r\ne", "Größe"),
        ("text/plain; charset=iso-2022-jp", "7bit", "承認".encode("iso-2022-jp"), "承認"),
        ("text/plain; charset=gb2312", "8bit", "批准".encode("gb18030"), "批准"),
        (
            "text/plain; charset=utf-8; format=flowed",
            "8bit",
            b"a long \r\nline\r\n> quoted \r\n> on\r\n-- \r\nDana",
            "a long line\n> quoted on\n-- \nDana",
        ),
        ("text/plain; charset=utf-8; format=flowed; delsp=yes", "8bit", "承 \r\n認".encode(), "承認"),
    ],
)
def test_text_is_read_whatever_it_claims_to_be(kind: str, encoding: str, payload: bytes, text: str) -> None:
    raw = (
        f"From: a@b.c\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + payload
    )
    assert message.read(raw).text.replace("?", "").strip() == text


def multipart(*parts: str) -> bytes:
    inner = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return f"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{inner}--b--\r\n".encode()


def test_attachments_and_forwarded_messages_are_never_read() -> None:
    incoming = message.read(
        multipart(
            "Content-Type: text/plain\r\n\r\nno",
            "Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nAPPROVE",
            "Content-Type: text/plain; name=notes.txt\r\nContent-Disposition: inline; filename=notes.txt\r\n\r\nAPPROVE",
            "Content-Type: message/rfc822\r\n\r\nFrom: boss@x.org\r\n\r\nAPPROVE",
            "Content-Type: text/html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n<p>APPROVE</p>",
            "Content-Type: application/octet-stream\r\n\r\nAPPROVE",
        )
    )
    assert incoming.text.strip() == "no"
    assert incoming.html == ""


def test_pieces_of_text_between_pictures_are_joined_and_html_in_a_text_part_is_html() -> None:
    assert message.read(
        multipart("Content-Type: text/plain\r\n\r\none", "Content-Type: image/png\r\n\r\nx", "\r\ntwo")
    ).text.split() == ["one", "two"]
    odd = message.read(multipart("Content-Type: text/plain\r\n\r\n<html><p>hidden?</p></html>"))
    assert (odd.text, "hidden?" in odd.html) == ("", True)


def test_deeply_nested_mail_is_cut_not_followed() -> None:
    raw = b"From: a@b.c\r\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2000)
    )
    assert "nested_too_deep" in message.read(raw).faults


@given(st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    incoming = message.read(raw)
    reply.newest(incoming, "We sent this.")
    robots.kind(incoming)


HEADERS = st.sampled_from(
    [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Content-Type",
        "Content-Transfer-Encoding",
        "References",
        "Auto-Submitted",
    ]
)
VALUES = st.one_of(
    st.text(max_size=60),
    st.sampled_from([
        "multipart/mixed; boundary=b", "multipart/report; report-type=delivery-status; boundary=b", "text/html; charset=utf-16", "text/plain; charset*=x''%", "base64",
        "quoted-printable", '"a\\', "=?utf-8?b?=", "=?x?q?a?= <a@b.c>", 'a@b.c, "', "Mon, 99 Foo 99999 99:99", "message/delivery-status",
    ]),
)  # fmt: skip


@given(st.lists(st.tuples(HEADERS, VALUES), max_size=8), st.text(max_size=200))
def test_no_headers_raise(head: list[tuple[str, str]], body: str) -> None:
    raw = (
        "\r\n".join(f"{name}: {value}" for name, value in head).encode("utf-8", "replace")
        + b"\r\n\r\n--b\r\n\r\n"
        + body.encode("utf-8", "replace")
    )
    incoming = message.read(raw)
    assert not (incoming.sender and AUTHOR_FAULTS.intersection(incoming.faults))
    reply.newest(incoming, body)
    robots.kind(incoming)


@given(st.text(alphabet="<>/=\"'! -pdivstylebqr{}.#;:hidden\n", max_size=300))
def test_no_markup_raises(html: str) -> None:
    visible.lines(html)


BOMBS = {
    "messages in messages": b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    "parts in parts": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)),
    "a hundred thousand headers": b"X: y\r\n" * 100_000,
    "a million lines": b"\r\n" + b"y\r\n" * 1_000_000,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_what_was_made_to_break_its_readers_is_named_and_read_in_no_time(name: str) -> None:
    """One that cannot be kept would be fetched from the mailbox again and again, and keep all others waiting."""
    raw = b"From: ana@example.com\r\nTo: o@x.test\r\nMessage-ID: <1@x>\r\n" + BOMBS[name] + b"\r\nAPPROVE\r\n"
    began = time.process_time()
    named = intake.named(raw, [])
    found = message.read(raw)
    assert time.process_time() - began < 4
    assert (named.message_id, found.sender) == ("<1@x>", "ana@example.com")
    assert named.content_hash != intake.named(raw.replace(b"APPROVE", b"REJECT"), []).content_hash


def test_of_a_thousand_reply_addresses_ten_are_looked_up() -> None:
    made = [
        f"o+{base64.b32encode(n.to_bytes(16, 'big')).decode().rstrip('=').lower()}.{'a' * 16}@x.test"
        for n in range(1000)
    ]
    assert len(intake.named(b"From: a@b.test\r\nTo: " + ", ".join(made).encode() + b"\r\n\r\nx", []).gates) == 10
