"""A reply decides only with all three proofs; robots, doubts and questions go elsewhere, each with its reasons."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from bot.mail import tokens
from bot.mail.contracts import SentLetter, Verdict
from bot.mail.interpret import interpret
from bot.mail.message import read
from runtime.gates.choices import offered

SECRET, BASE, OURS = "s" * 40, "outcomes@outcome.test", "mx.outcome.test"
GATE, OTHER = UUID(int=7), UUID(int=8)
ANA, BEN, MALLORY = "ana@example.com", "ben@example.com", "mallory@evil.test"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PASSED = f"{OURS}; dmarc=pass header.from=example.com"


def token(recipient: str = ANA, gate: UUID = GATE) -> str:
    return tokens.reply_address(BASE, gate, recipient, SECRET)


def letter(kind: str = "launch_approval", *, proposal: UUID | None = None) -> SentLetter:
    said = "Launch the shorter checkout?\nReply with APPROVE or REJECT why."
    return SentLetter(GATE, ANA, "<gate@outcome.test>", said, tuple(offered(kind)), "abc", token(), proposal)


def mail(
    text: str,
    *,
    author: str = f"Ana Diaz <{ANA}>",
    to: str | None = None,
    results: Sequence[str] = (PASSED,),
    extra: str = "",
) -> bytes:
    """As it lies in the mailbox: our border server's header on top."""
    head = "".join(f"Authentication-Results: {result}\r\n" for result in results)
    head += f"{extra}From: {author}\r\nTo: {to or token()}\r\nSubject: Re: Launch?\r\nMessage-ID: <1@example.com>\r\n"
    head += "Date: Mon, 23 Nov 2026 11:00:00 +0000\r\nIn-Reply-To: <gate@outcome.test>\r\n"
    head += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return (head + text.replace("\n", "\r\n")).encode()


def verdict(raw: bytes, sent: SentLetter | None = None, known: Sequence[str] = (BEN,)) -> Verdict:
    return interpret(
        read(raw), sent=sent or letter(), known=known, authserv_id=OURS, secret=SECRET, now=NOW, raw=raw
    )  # fmt: skip


def test_a_proven_answer_decides_with_note_and_conditions():
    found = verdict(mail("APPROVE\n\nKeep an eye on refunds."))
    assert (found.action, found.decision, found.choice) == ("decide", "approve", "approve")
    assert (found.note, found.sender_verified, found.token_of) == ("Keep an eye on refunds.", True, ANA)
    bound = verdict(mail("APPROVE IF legal agrees; refunds are watched; cap 20%"))
    assert (bound.action, bound.decision) == ("decide", "conditions")
    assert set(bound.conditions) == {"at most 20 % of users", "legal agrees", "refunds are watched"}
    refused = verdict(mail("Nein, zu riskant."))
    assert (refused.decision, refused.note) == ("reject", "zu riskant.")
    handed = verdict(mail("DELEGATE Ben@Example.com"))
    assert (handed.action, handed.decision, handed.delegate_to) == ("decide", "delegate", BEN)


def test_a_gate_with_shares_and_other_answers_says_which_it_was():
    def at_analysis(text: str) -> Verdict:
        return verdict(mail(text), letter("analysis_review"))

    scaled, run_on, killed = at_analysis("SCALE 50%"), at_analysis("RUN ON"), at_analysis("KILL: too slow")
    assert (scaled.decision, scaled.conditions, scaled.percent) == ("conditions", ("50 % of users",), 50)
    assert (run_on.decision, run_on.choice) == ("conditions", "run_on")
    assert (killed.decision, killed.choice) == ("reject", "kill")
    assert at_analysis("yes").action == "ask_back"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail("APPROVE", to=BASE), "no reply address"),
        (mail("APPROVE", to=token(gate=OTHER)), "another gate"),
        (mail("APPROVE", to=token(MALLORY)), "none that anybody asked here"),
        (mail("APPROVE", to=token(BEN)), f"{BEN}'s letter"),
        (mail("APPROVE", to=token().replace("@outcome.test", "@evil.test")), "no reply address"),
        (mail("APPROVE", author=f"Ana Diaz <{MALLORY}>"), "not among those who decide"),
        (mail("APPROVE", author=f"{ANA} <{MALLORY}>"), "another address"),
        (mail("APPROVE", results=()), ""),
        (mail("APPROVE", results=("mx.evil.test; dmarc=pass header.from=example.com", PASSED)), ""),
        (mail("APPROVE", results=(f"{OURS}; dmarc=fail header.from=example.com",)), ""),
        (mail("APPROVE", extra=f"From: Mallory <{MALLORY}>\r\n"), "two From"),
    ],
)
def test_without_every_proof_it_is_put_aside_with_the_reasons(raw, reason):
    found = verdict(raw)
    assert (found.action, found.decision, found.choice) == ("quarantine", "none", "")
    assert found.reasons
    assert reason in "; ".join(found.reasons)


def test_somebody_else_who_may_decide_does_so_with_a_token_of_their_own():
    own = mail("APPROVE", author=f"Ben Okri <{BEN}>", to=token(BEN))
    assert verdict(own).action == "decide"
    assert verdict(own, known=()).action == "quarantine"
    forwarded = verdict(mail("APPROVE", author=f"Ben Okri <{BEN}>"))
    assert forwarded.action == "quarantine"
    assert f"{ANA}'s letter" in "; ".join(forwarded.reasons)


def test_robots_are_set_aside_before_anything_else():
    away = mail("I am out of the office. APPROVE", extra="Auto-Submitted: auto-replied\r\n")
    assert verdict(away).action == "ignore"
    assert verdict(away).robot is not None


def test_doubts_are_asked_back_with_the_words_that_caused_them():
    found = verdict(mail("I guess ok?"))
    assert (found.action, found.decision, found.why) == ("ask_back", "none", "emphasis")
    assert found.note == "I guess ok?"
    hedged = verdict(mail("Probably fine"))
    assert (hedged.why, "Probably" in hedged.reasons[0]) == ("hedge", True)
    nothing = verdict(mail("> APPROVE\n"))
    assert (nothing.action, nothing.why) == ("ask_back", "empty")
    late = verdict(mail("APPROVE IF until 2026-11-01"))
    assert (late.action, "passed" in late.reasons[0]) == ("ask_back", True)


def test_what_is_too_long_to_be_read_to_its_end_decides_nothing():
    found = verdict(mail("APPROVE\n" + " \n" * 5000 + "if legal agrees, which they do not"))
    assert (found.action, found.decision) == ("ask_back", "none")
    assert "too long" in found.reasons[0]


def test_questions_and_words_about_earlier_answers_are_answered():
    asked = verdict(mail("How many users saw it?"))
    assert (asked.action, asked.decision, asked.kind, asked.note) == (
        "answer", "question", "question", "How many users saw it?",
    )  # fmt: skip
    undone = verdict(mail("UNDO"))
    assert (undone.action, undone.decision, undone.kind) == ("answer", "none", "undo")
    proposing = letter(proposal=UUID(int=9))
    assert [verdict(mail(said), proposing).kind for said in ("YES", "no", "UNDO")] == ["yes", "no", "undo"]
    assert verdict(mail("APPROVE IF cap 20%"), proposing).decision == "conditions"
    assert verdict(mail("yes?"), proposing).action == "ask_back"


OTHERS_LETTER = tokens.message_id("launch", OTHER, ANA, SECRET, "outcome.test")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (mail("APPROVE", to=f"{token()}, {token(gate=OTHER)}"), "two gates at once"),
        (mail("APPROVE", extra=f"Cc: {token(gate=OTHER)}\r\n"), "two gates at once"),
        (
            mail("APPROVE").replace(b"In-Reply-To: <gate@outcome.test>", f"In-Reply-To: {OTHERS_LETTER}".encode()),
            "addressed to another",
        ),
        (mail("Approved.", to="carl@example.com", extra=f"Cc: {token()}\r\n"), "somebody else"),
        (mail("APPROVE", to="mallory@evil.test", extra=f"X-Original-To: {token()}\r\n"), "somebody else"),
        (mail("APPROVE", to="mallory+x@evil.test", extra=f"Delivered-To: {token()}\r\n"), "somebody else"),
    ],
)
def test_what_may_be_meant_for_another_gate_or_another_person_is_asked_back(raw: bytes, why: str) -> None:
    """All three proofs hold; the words may still not be an answer to this."""
    found = verdict(raw)
    assert (found.action, found.decision, found.sender_verified) == ("ask_back", "none", True)
    assert why in found.reasons[0]


def test_who_answers_in_copy_or_through_a_server_that_strips_tokens_is_understood():
    in_copy = mail("APPROVE\n\nCarl, fyi.", to="carl@example.com", extra=f"Cc: {token()}\r\n")
    assert verdict(in_copy).decision == "approve"
    stripped = mail("Approved.", to=BASE, extra=f"Delivered-To: {token()}\r\n")
    assert verdict(stripped).decision == "approve"
    somebody_elses = mail("APPROVE", to=f"{token()}, {token(BEN, OTHER)}")
    assert verdict(somebody_elses).decision == "approve", "Ben's token of another gate is nothing to Ana"
    question = mail("How sure are we?", to="carl@example.com", extra=f"Cc: {token()}\r\n")
    assert verdict(question).action == "answer", "a question is answered wherever it was asked"
