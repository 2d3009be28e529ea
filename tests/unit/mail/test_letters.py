"""Letters by what they mean: one thread, one recipient, answers offered, nothing active, nothing from outside in a header."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest
from bs4 import BeautifulSoup

from bot.mail import letter_gate, letter_notes, sent, tokens
from bot.mail.house import House
from bot.mail.letter_html import html_of
from bot.mail.letter_parts import Chart, left, moment
from bot.mail.letter_text import WIDTH, text_of
from bot.mail.letter_ways import ways
from bot.mail.letters import Heading, write
from bot.mail.samples import GATE, SAMPLES, Scene, letter, reader
from bot.slack.sample_rows import BEN, CYRA
from runtime.errors import MailRefused
from runtime.gates import language, replies
from runtime.gates.choices import CHOICES, offered

NOW = datetime(2026, 11, 23, 10, 31, tzinfo=UTC)
HOUSE = House("Outcome Runtime <outcomes@outcome.test>", "outcomes@outcome.test", "s" * 40, "https://gates.example.com")
CHART = Chart("Effect +2.1 pp, 95 % always-valid interval +0.6 to +3.6", "▁▂▄▅▇")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
HOSTILE = '<script>alert(1)</script><img src="https://evil.test/x.png">[a](https://evil.test)\r\nBcc: all@example.com\r\n\u202e{{ 7*7 }}'
URL = re.compile(r"https?://[^\s\"'<>]+")


def scene(say=str, zone="Europe/Berlin", chart=CHART):
    return Scene(reader(HOUSE, "ana@example.com", NOW, name="Ana Diaz", zone=zone), NOW, say, chart)


def made(kind, **more):
    raw = letter(kind, HOUSE, scene(**more), PNG).message.as_bytes()
    return message_from_bytes(raw, policy=default)


def text(message):
    return message.get_body(("plain",)).get_content()


def html(message):
    return message.get_body(("html",)).get_content()


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_kind_is_whole_in_text_alone_and_says_the_same_in_html(kind):
    message = made(kind)
    plain, page = text(message), BeautifulSoup(html(message), "html.parser")
    assert message.get_content_type() == "multipart/alternative"
    assert next(part.get_content_type() for part in message.iter_parts()) == "text/plain"
    assert all(len(one) <= WIDTH or URL.fullmatch(one) for one in plain.splitlines())
    assert not re.search(r"</?\w+>|&\w+;|cid:", plain)
    shown = " ".join(page.get_text(" ").split())
    words = [word for word in re.findall(r"[A-Za-z]{4,}", URL.sub("", plain)) if word not in {"Chart", "evidence"}]
    folded = shown.casefold() + " ".join(str(one.get("alt", "")) for one in page.find_all("img")).casefold()
    assert [word for word in words if word.casefold() not in folded] == []
    for header in ("Message-ID", "Date", "From", "To", "Reply-To", "Subject"):
        assert len(message.get_all(header)) == 1
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert (message["List-Unsubscribe"] is not None) is (kind == "digest")


@pytest.mark.parametrize("kind", SAMPLES)
def test_nothing_a_stranger_wrote_becomes_active_or_reaches_a_header(kind):
    message = made(kind, say=lambda words: HOSTILE + words)
    page = BeautifulSoup(html(message), "html.parser")
    assert page.find_all(["script", "iframe", "form", "object", "link", "base"]) == []
    assert {one["src"].partition(":")[0] for one in page.find_all("img")} <= {"cid"}
    links = {one["href"] for one in page.find_all("a")}
    assert all(one.startswith("https://gates.example.com/g/") for one in links)
    assert not [one for tag in page.find_all(True) for one in tag.attrs if one.startswith("on")]
    assert "url(" not in html(message)
    assert message["Bcc"] is None
    assert "\u202e" not in text(message) + html(message) + str(message["Subject"])
    assert "49" not in BeautifulSoup(html(message), "html.parser").title.get_text()
    assert message["To"].addresses[0].addr_spec == "ana@example.com"


@pytest.mark.parametrize("gate_type", CHOICES)
def test_the_ways_to_answer_are_those_the_gate_offers_and_the_language_reads(gate_type):
    options = offered(gate_type)
    forms = dict(ways(options).forms)
    ids = {option["id"] for option in options}
    assert list(forms)[-1] == "DELEGATE address"
    for form in forms:
        said = form.replace("address", "ben@example.com").replace("why", "too risky")
        said = said.replace("condition; condition", "note look at the refunds")
        found = replies.reply(said, options)
        assert not isinstance(found, language.Unclear), form
        if isinstance(found, language.Answer):
            assert found.choice in ids
    if ids >= {"approve", "reject"}:
        assert any(form.startswith("REJECT") for form in forms)
        assert len(forms) == 4


def test_where_a_cap_binds_shipping_is_offered_with_the_word_that_lifts_it():
    options = offered("analysis_review")
    forms = dict(ways(options, cap="at most 50 % of users (set by ben@example.com)").forms)
    assert "SHIP" not in forms
    assert "50 % of users" in forms["SHIP AND LIFT CAP: why"]
    found = replies.reply("SHIP AND LIFT CAP: refunds are fine", options)
    assert isinstance(found, language.Answer)
    assert (found.choice, found.lift, found.note) == ("ship", True, "refunds are fine")


def test_a_letter_names_its_gate_recipient_and_options_for_whoever_reads_the_reply():
    letter_ = letter("launch", HOUSE, scene(), PNG)
    read = sent.sent_letter(letter_.message.as_bytes())
    token = tokens.read(read.reply_to, HOUSE.base)
    assert token is not None
    assert token.gate_id == read.gate_id == GATE
    assert tokens.owner(token, [BEN, "ana@example.com", CYRA], HOUSE.secret) == "ana@example.com"
    assert letter_.envelope_from == read.reply_to
    assert [option["id"] for option in read.options] == [option["id"] for option in offered("launch_approval")]
    assert read.evidence == "0123456789abcdef" * 4


def test_letters_of_a_gate_to_a_person_make_one_thread_with_one_subject():
    first, later = made("launch"), [made(kind) for kind in ("reminder", "escalation", "decided", "receipt", "undone")]
    assert first["In-Reply-To"] is None
    for one in later:
        assert one["Subject"] == f"Re: {first['Subject']}"
        assert one["In-Reply-To"] == first["Message-ID"]
        assert first["Message-ID"] in one["References"]
        assert one["Message-ID"] != first["Message-ID"]
    assert made("launch")["Message-ID"] == first["Message-ID"], "the same letter is the same letter"


def test_the_chart_is_inside_and_its_words_stand_where_it_cannot():
    with_, without = made("analysis"), write(SAMPLES["analysis"].page(scene()), _heading()).message
    [picture] = [part for part in with_.walk() if part.get_content_maintype() == "image"]
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html(with_)
    assert picture.get_content_disposition() == "inline"
    image = BeautifulSoup(html(with_), "html.parser").find("img")
    assert image["alt"] == CHART.alt
    assert "▁▂▄▅▇" in text(with_)
    assert CHART.alt in " ".join(text(with_).split())
    assert "cid:" not in html(without)
    assert CHART.alt in html(without)


def _heading(**more):
    values = {
        "sender": HOUSE.sender, "recipient": "ana@example.com", "reply_to": HOUSE.base, "message_id": "<a@outcome.test>", "subject": "x", "date": NOW,
    }  # fmt: skip
    return Heading(**(values | more))


def test_headers_take_no_line_breaks_no_forged_ids_and_long_threads_keep_their_first():
    page = letter_notes.note("t", "x")
    ids = [f"<{n}@outcome.test>" for n in range(40)]
    heading = _heading(
        subject="a\r\nBcc: x@y.z\r\n", name='"Eve" <eve@evil.test>\r\nX: y', answers="<a b>\r\nX: y", references=ids
    )
    message = message_from_bytes(write(page, heading).message.as_bytes(), policy=default)
    assert message["Bcc"] is None
    assert message["X"] is None
    assert message["In-Reply-To"] is None
    assert [one.addr_spec for one in message["To"].addresses] == ["ana@example.com"]
    found = message["References"].split()
    assert found[0] == ids[0]
    assert found[-1] == ids[-1]
    assert len(found) == 12


@pytest.mark.parametrize("address", ["nobody", "a@b\r\nBcc: x@y.z", "anä@example.com", "@example.com"])
def test_an_address_that_is_none_is_refused_before_anything_is_sent(address):
    with pytest.raises(MailRefused):
        write(letter_notes.note("t", "x"), _heading(recipient=address))


def test_times_are_the_readers_own_and_name_their_zone():
    assert moment(NOW, "Europe/Berlin") == "Mon 23 Nov 2026, 11:31 CET (Europe/Berlin)"
    assert moment(NOW, "UTC") == "Mon 23 Nov 2026, 10:31 UTC"
    assert moment(NOW, "America/Sao_Paulo") == "Mon 23 Nov 2026, 07:31 UTC-03:00 (America/Sao_Paulo)"
    assert moment(NOW, "Nowhere/Land") == "Mon 23 Nov 2026, 10:31 UTC"
    assert left(NOW.replace(hour=12, minute=0), NOW) == "89 min"
    assert left(NOW, NOW) == "no time"
    assert "in 20 h" in text(made("launch"))
    assert "CET (Europe/Berlin)" in " ".join(text(made("launch")).split())


def test_who_else_can_decide_and_who_comes_next_is_said():
    said = " ".join(text(made("launch")).split())
    assert "Ben Okri (ben@example.com), then Cyra Lind (cyra@example.com)" in said
    assert "Owners and admins can decide" in said
    alone = replace(scene().gate("launch_approval"), chain=())
    assert "Nobody is asked after you" in " ".join(text_of(letter_gate.asked(alone)).split())


def test_long_texts_are_folded_and_say_so():
    gate = scene().gate("launch_approval")
    package = {
        **gate.view.package,
        "sections": [{"title": "Diff", "text": "\n".join(f"+ line {n}" for n in range(400)), "style": "code"}],
    }
    page = letter_gate.asked(replace(gate, view=replace(gate.view, package=package)))
    assert "386 more lines" in text_of(page)
    assert "+ line 399" not in html_of(page)


def test_a_receipt_says_who_what_when_on_what_and_how_to_undo():
    said = " ".join(text(made("receipt")).split())
    for words in (
        "Approve launch",
        "cap 20 % of users",
        "Ana Diaz (ana@example.com)",
        "11:31 CET",
        "0123456789ab",
        "Reply UNDO",
    ):
        assert words in said


def test_the_digest_alone_can_be_left():
    digest = made("digest")
    assert digest["List-Unsubscribe"].startswith("<https://gates.example.com/")
    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert digest["X-Outcome-Gate"] is None


def test_letters_fit_into_what_mail_programs_show_whole():
    """Gmail cuts the HTML part at 102 KB."""
    for kind in SAMPLES:
        assert len(html(made(kind)).encode()) < 60_000
