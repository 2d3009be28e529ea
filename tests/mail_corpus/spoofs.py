"""Mail in somebody's name: every way to look like Ana without being her, and the honest mail that resembles it."""

# ruff: noqa: RUF001  words and names of other languages, and forged ones

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.mail_corpus.compose import Envelope, Headers, passed, plain
from tests.mail_corpus.expected import APPROVE, ASK, Case, Letters
from tests.mail_corpus.letter import ANA, AUTHSERV, BEN, MALLORY

DOMAIN = ANA.domain
OURS = passed(ANA)


def _results(*values: str) -> Headers:
    return tuple(("Authentication-Results", value) for value in values)


FAILED = f"{AUTHSERV}; spf=fail smtp.mailfrom={MALLORY.address}; dkim=none; dmarc=fail (p=REJECT) header.from={DOMAIN}"
EVIL = passed(MALLORY)[1]

BORDERS: tuple[tuple[str, Headers], ...] = (
    ("no verdict at all", ()),
    ("dmarc=fail", _results(FAILED)),
    ("dmarc=fail, and a forged pass below", _results(FAILED, OURS[1])),
    ("a stranger's server says pass above our fail", _results(f"mx.evil.test; dmarc=pass header.from={DOMAIN}", FAILED)),
    ("another authserv-id", _results(f"mx.evil.test; dmarc=pass header.from={DOMAIN}; dkim=pass header.d={DOMAIN}")),
    ("our authserv-id as a prefix", _results(f"{AUTHSERV}.evil.test; dmarc=pass header.from={DOMAIN}")),
    ("our authserv-id as a suffix", _results(f"x{AUTHSERV}; dmarc=pass header.from={DOMAIN}")),
    ("our authserv-id in a comment", _results(f"mx.evil.test ({AUTHSERV}); dmarc=pass header.from={DOMAIN}")),
    ("our domain only", _results(f"outcome.test; dmarc=pass header.from={DOMAIN}")),
    ("no authserv-id", _results(f"dmarc=pass header.from={DOMAIN}")),
    ("dmarc=none and spf=pass only", _results(f"{AUTHSERV}; spf=pass smtp.mailfrom={ANA.address}; dmarc=none header.from={DOMAIN}")),
    ("spf=pass only", _results(f"{AUTHSERV}; spf=pass smtp.mailfrom={DOMAIN}")),
    ("dkim of another domain", _results(f"{AUTHSERV}; dkim=pass header.d=evil.test header.i=@evil.test; dmarc=none header.from={DOMAIN}")),
    ("dkim of a look-alike below", _results(f"{AUTHSERV}; dkim=pass header.d={DOMAIN}.evil.test")),
    ("dkim of a look-alike before", _results(f"{AUTHSERV}; dkim=pass header.d=not{DOMAIN}")),
    ("dkim of a top-level domain", _results(f"{AUTHSERV}; dkim=pass header.d=com")),
    ("dkim whose identity lies", _results(f"{AUTHSERV}; dkim=pass header.i=@{DOMAIN} header.d=evil.test")),
    ("dkim=fail", _results(f"{AUTHSERV}; dkim=fail (body hash did not verify) header.d={DOMAIN}")),
    ("dkim=neutral", _results(f"{AUTHSERV}; dkim=neutral header.d={DOMAIN}")),
    ("dmarc=temperror", _results(f"{AUTHSERV}; dmarc=temperror header.from={DOMAIN}")),
    ("dmarc=bestguesspass", _results(f"{AUTHSERV}; dmarc=bestguesspass header.from={DOMAIN}")),
    ("dmarc=pass about another From", _results(f"{AUTHSERV}; dmarc=pass header.from=evil.test")),
    ("pass within a comment", _results(f"{AUTHSERV}; dmarc=fail (dmarc=pass header.from={DOMAIN}) header.from={DOMAIN}")),
    ("pass within a reason", _results(f'{AUTHSERV}; dmarc=fail reason="; dmarc=pass header.from={DOMAIN};" header.from={DOMAIN}')),
    ("pass within a local part", _results(f'{AUTHSERV}; spf=pass smtp.mailfrom="x; dmarc=pass header.from={DOMAIN}; y"@evil.test; dmarc=fail header.from={DOMAIN}')),
    ("pass within a helo name", _results(f"{AUTHSERV}; spf=none smtp.helo=(; dmarc=pass header.from={DOMAIN}); dmarc=fail header.from={DOMAIN}")),
    ("fail and pass at once", _results(f"{AUTHSERV}; dmarc=fail header.from={DOMAIN}; dmarc=pass header.from={DOMAIN}")),
    ("an open quote swallows the fail", _results(f'{AUTHSERV}; spf=pass smtp.mailfrom="evil; dmarc=fail header.from={DOMAIN}')),
    ("none", _results(f"{AUTHSERV}; none")),
    ("a verdict in another header", (("X-Authentication-Results", OURS[1]), ("ARC-Authentication-Results", f"i=1; {OURS[1]}"))),
    ("Received-SPF only", (("Received-SPF", f"pass (domain of {DOMAIN})"),)),
)  # fmt: skip

AUTHORS: tuple[tuple[str, tuple[str, ...], Headers], ...] = (
    ("two From, ours passes the first", (f"Ana Diaz <{ANA.address}>", f"Mallory <{MALLORY.address}>"), (OURS,)),
    ("two From, ours passes the second", (f"Mallory <{MALLORY.address}>", f"Ana Diaz <{ANA.address}>"), (OURS,)),
    ("two From, passes the stranger", (f"Ana Diaz <{ANA.address}>", f"Mallory <{MALLORY.address}>"), _results(EVIL)),
    ("two addresses in From", (f"{ANA.address}, {MALLORY.address}",), (OURS,)),
    ("two addresses in From, the other first", (f"{MALLORY.address}, {ANA.address}",), _results(EVIL)),
    ("display name is her address", (f'"{ANA.address}" <{MALLORY.address}>',), _results(EVIL)),
    ("display name is her name", (f"Ana Diaz <{MALLORY.address}>",), _results(EVIL)),
    ("display name holds her whole From", (f'"Ana Diaz <{ANA.address}>" <{MALLORY.address}>',), _results(EVIL)),
    ("comment is her address", (f"{MALLORY.address} ({ANA.address})",), _results(EVIL)),
    ("comment before", (f"({ANA.address}) {MALLORY.address}",), _results(EVIL)),
    ("encoded word holds an address", (f"=?utf-8?q?ana=40example=2Ecom?= <{MALLORY.address}>",), _results(EVIL)),
    ("encoded word holds brackets", (f"=?utf-8?q?Ana_=3Cana=40example=2Ecom=3E=2C?= <{MALLORY.address}>",), _results(EVIL)),
    ("encoded word holds a new line", (f"=?utf-8?q?x=0D=0AFrom=3A_ana=40example=2Ecom?= <{MALLORY.address}>",), _results(EVIL)),
    ("encoded word in base64 holds NUL", (f"=?utf-8?b?YW5hQGV4YW1wbGUuY29tAA==?= <{MALLORY.address}>",), _results(EVIL)),
    ("two brackets", (f"<{ANA.address}> <{MALLORY.address}>",), _results(EVIL)),
    ("two at signs", (f"<{ANA.address}@evil.test>",), _results(EVIL)),
    ("source route", (f"<@evil.test:{ANA.address}>",), _results(EVIL)),
    ("a group", (f"Team: {ANA.address};",), _results(EVIL)),
    ("a group and an author", (f"Team: {ANA.address}; , {MALLORY.address}",), _results(EVIL)),
    ("quoted local part", (f'"{ANA.address} "@evil.test',), _results(EVIL)),
    ("a space in the address", ("ana @example.com@evil.test",), _results(EVIL)),
    ("no From", (), (OURS,)),
    ("an empty From", ("<>",), (OURS,)),
    ("a Cyrillic letter in the local part", ("Ana Diaz <\u0430na@example.com>",), (OURS,)),
    ("a Cyrillic letter in the domain", ("Ana Diaz <ana@ex\u0430mple.com>",), _results(f"{AUTHSERV}; dmarc=pass header.from=xn--exmple-4nf.com")),
    ("a punycode look-alike", ("Ana Diaz <ana@xn--exmple-4nf.com>",), _results(f"{AUTHSERV}; dmarc=pass header.from=xn--exmple-4nf.com")),
    ("a full-width domain", ("Ana Diaz <ana@ｅxample.com>",), _results(EVIL)),
    ("a sub-domain of hers", ("Ana Diaz <ana@mail.example.com>",), _results(f"{AUTHSERV}; dmarc=pass header.from=mail.example.com")),
    ("a verified stranger", (f"Mallory <{MALLORY.address}>",), _results(EVIL)),
    ("a verified colleague who may not decide", ("Carl <carl@example.com>",), (OURS,)),
    ("plus address of hers", ("Ana <ana+x@example.com>",), (OURS,)),
    ("no-reply in her domain", ("<noreply@example.com>",), (OURS,)),
)  # fmt: skip


def _case(name: str, build: Callable[[Letters], bytes], *, verified: bool | None = None) -> Case:
    return Case(f"spoof, {name}", build, ("quarantine",), verified=verified)


def borders() -> Iterator[Case]:
    for name, results in BORDERS:
        yield _case(
            name,
            lambda letters, results=results: plain(letters.launch, "APPROVE", Envelope(results=results)),
            verified=False,
        )


def authors() -> Iterator[Case]:
    for name, from_, results in AUTHORS:
        case = _case(
            name,
            lambda letters, from_=from_, results=results: plain(
                letters.launch, "APPROVE", Envelope(from_=from_, results=results)
            ),
        )
        # Nobody wrote it: whether it is a person's forgery or a robot's waste, nothing may be decided.
        yield (
            replace(case, want=("quarantine", "ignore"))
            if name in {"no From", "an empty From", "no-reply in her domain"}
            else case
        )


def tokens() -> Iterator[Case]:
    def to(
        address: Callable[[Letters], str], who: Envelope | None = None, said: str = "APPROVE"
    ) -> Callable[[Letters], bytes]:
        return lambda letters: plain(letters.launch, said, replace(who or Envelope(), to=address(letters)))

    yield _case("no token", to(lambda letters: letters.launch.base))
    yield _case("a token with one letter changed", to(lambda letters: _bent(letters.launch.reply_to)))
    yield _case("a token cut short", to(lambda letters: _cut(letters.launch.reply_to)))
    yield _case("a token of another gate", to(lambda letters: _of_another_gate(letters.launch.reply_to)))
    yield _case("Ben's letter, forwarded to Ana", to(lambda letters: letters.ben.reply_to))
    yield _case(
        "Ana's letter, forwarded to Ben",
        to(lambda letters: letters.launch.reply_to, Envelope(who=BEN, results=(passed(BEN),))),
    )
    yield _case(
        "Ana's letter, forwarded to a stranger", to(lambda letters: letters.launch.reply_to, Envelope(who=MALLORY))
    )
    yield _case("a token in the text only", lambda letters: plain(letters.launch, f"APPROVE {letters.launch.reply_to}", Envelope(to=letters.launch.base)))  # fmt: skip
    yield _case("a token in the display name only", lambda letters: plain(letters.launch, "APPROVE", Envelope(to=f'"{letters.launch.reply_to}" <{letters.launch.base}>')))  # fmt: skip
    # All three proofs hold: her own token, her own verified address, her own gate. Some relay rewrote the domain.
    foreign = to(lambda letters: letters.launch.reply_to.partition("@")[0] + "@evil.test")
    yield Case("spoof, a token at a foreign domain", foreign, (APPROVE, "quarantine"))
    yield _case("an empty token", to(lambda letters: letters.launch.base.replace("@", "+@")))


def _bent(address: str) -> str:
    local, _, domain = address.partition("@")
    last = "a" if local[-1] != "a" else "b"
    return f"{local[:-1]}{last}@{domain}"


def _of_another_gate(address: str) -> str:
    """Another gate with this one's MAC."""
    local, _, domain = address.partition("@")
    base, _, token = local.partition("+")
    return f"{base}+{'b' if token[0] != 'b' else 'c'}{token[1:]}@{domain}"


def _cut(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local[:-3]}@{domain}"


def reply_to_tricks() -> Iterator[Case]:
    stranger = Envelope(who=MALLORY, results=_results(EVIL))
    for header in ("Reply-To", "Sender", "X-Original-From", "Resent-From", "On-Behalf-Of"):
        yield _case(f"{header} names Ana", lambda letters, header=header: plain(letters.launch, "APPROVE", replace(stranger, extra=((header, ANA.full),))))  # fmt: skip
    yield _case(
        "the stranger's Return-Path is Ana's",
        lambda letters: plain(letters.launch, "APPROVE", replace(stranger, return_path=ANA.address)),
    )


def addressed() -> Iterator[Case]:
    """Proven words of hers with her own token, which were meant for somebody else."""
    replayed = Envelope(to=MALLORY.full, above=(("X-Original-To", "TOKEN"),))
    for name, envelope, said, want in (
        ("what she wrote to Mallory, handed on to us", replayed, "Approved.", (ASK,)),
        ("a form she wrote to Mallory, handed on to us", replayed, "APPROVE", (ASK,)),
        ("we read along", Envelope(to=BEN.full, extra=(("Cc", "TOKEN"),)), "Approved, please have a look.", (ASK,)),
        ("we read along, and a form is a form", Envelope(to=BEN.full, extra=(("Cc", "TOKEN"),)), "APPROVE", (APPROVE,)),
        ("the token taken out of To by a server", Envelope(to="BASE", above=(("X-Original-To", "TOKEN"),)), "APPROVE", (APPROVE,)),
    ):  # fmt: skip
        yield Case(f"addressed, {name}", lambda letters, e=envelope, s=said: _filled(letters, plain(letters.launch, s, e)), want, verified=True)  # fmt: skip


def _filled(letters: Letters, raw: bytes) -> bytes:
    """With the addresses that only the letters have."""
    named = {"TOKEN": letters.launch.reply_to, "BASE": letters.launch.base}  # fmt: skip
    for name, value in named.items():
        raw = re.sub(rb"(?<![\w-])%s(?![\w-])" % name.encode(), value.encode(), raw)
    return raw


UNTRUE: tuple[tuple[str, Headers, bool], ...] = (
    ("dkim and dmarc pass, and no signature", (OURS,), False),
    ("dkim passes alone, and no signature", _results(f"{AUTHSERV}; dkim=pass header.d={DOMAIN} header.s=s1"), False),
    ("dkim by identity alone, and no signature", _results(f"{AUTHSERV}; dkim=pass header.i=@{DOMAIN}"), False),
    ("a relay's signature that is not there", _results(f"{AUTHSERV}; dkim=pass header.d=relay.test; dmarc=pass header.from={DOMAIN}"), True),
    ("dmarc about another From, dkim about hers", _results(f"{AUTHSERV}; dmarc=pass header.from=evil.test; dkim=pass header.d={DOMAIN}"), True),
)  # fmt: skip
"""What only a forger would write under our server's name, where that server lets such headers through; and whether it is signed."""


def untrue() -> Iterator[Case]:
    """Told from an honest verdict where signatures are checked as well, as the running bot does."""
    for name, results, signed in UNTRUE:
        yield _case(
            f"untrue, {name}",
            lambda letters, results=results, signed=signed: plain(
                letters.launch, "APPROVE", Envelope(results=results, signed=signed)
            ),
            verified=False,
        )


def honest() -> Iterator[Case]:
    """What resembles the above and is Ana."""
    domain = DOMAIN
    good: tuple[tuple[str, Headers], ...] = (
        ("dmarc=pass in capitals", _results(f"{AUTHSERV.upper()}; DMARC=Pass header.from=Example.COM")),
        ("with a version", _results(f"{AUTHSERV} 1; dmarc=pass header.from={domain}")),
        ("aligned dkim only", _results(f"{AUTHSERV}; dkim=pass header.d={domain} header.s=s1")),
        ("one of two signatures is hers", _results(f"{AUTHSERV}; dkim=fail header.d=list.test; dkim=pass header.d={domain}; dmarc=pass header.from={domain}")),
        ("folded", _results(f"{AUTHSERV};\r\n\tdkim=pass (2048-bit key) header.d={domain}\r\n\theader.i=@{domain};\r\n\tdmarc=pass (p=none)\r\n\theader.from={domain}")),
        ("a foreign verdict below", _results(OURS[1], f"mx.evil.test; dmarc=fail header.from={domain}")),
        ("spf failed as forwarding does", _results(f"{AUTHSERV}; spf=softfail smtp.mailfrom=forward.test; dkim=pass header.d={domain}; dmarc=pass header.from={domain}")),
    )  # fmt: skip
    for name, results in good:
        yield Case(f"honest, {name}", lambda letters, results=results: plain(letters.launch, "APPROVE", Envelope(results=results)), (APPROVE,), verified=True, human="APPROVE")  # fmt: skip
    for name, from_ in (
        ("address in capitals", "Ana Diaz <ANA@Example.COM>"),
        ("bare address", ANA.address),
        ("encoded name", f"=?utf-8?b?w4FuYSBEw61heg==?= <{ANA.address}>"),
        ("quoted name with a comma", f'"Diaz, Ana" <{ANA.address}>'),
        ("name with brackets", f'"Ana Diaz [Example]" <{ANA.address}>'),
        ("a comment", f"{ANA.address} (Ana Diaz)"),
        ("folded", f"Ana\r\n Diaz\r\n <{ANA.address}>"),
    ):
        yield Case(f"honest, From: {name}", lambda letters, from_=from_: plain(letters.launch, "APPROVE", Envelope(from_=[from_])), (APPROVE,), verified=True)  # fmt: skip
    yield Case(
        "honest, Ben answers his own letter",
        lambda letters: plain(letters.ben, "APPROVE", Envelope(who=BEN)),
        (APPROVE, "quarantine"),
    )
    yield Case(
        "honest, token in capitals",
        lambda letters: plain(letters.launch, "APPROVE", Envelope(to=letters.launch.reply_to.upper())),
        (APPROVE,),
    )
    yield Case("honest, references joined by commas", lambda letters: plain(letters.launch, "APPROVE", Envelope(references=f"<a@b>,{letters.launch.message_id}")), (APPROVE,))  # fmt: skip
    yield Case(
        "honest, no references at all",
        lambda letters: plain(letters.launch, "APPROVE", Envelope(references="", in_reply_to="")),
        (APPROVE,),
    )
    yield Case(
        "honest, another subject",
        lambda letters: plain(letters.launch, "APPROVE", Envelope(subject="AW: Freigabe")),
        (APPROVE,),
    )
    yield Case("honest, an own Reply-To", lambda letters: plain(letters.launch, "APPROVE", Envelope(extra=(("Reply-To", "ana@private.test"),))), (APPROVE,))  # fmt: skip
    yield Case("honest, also to others", lambda letters: plain(letters.launch, "APPROVE", Envelope(extra=(("Cc", f"{BEN.full}, Carl <carl@example.com>"),))), (APPROVE,))  # fmt: skip


def cases() -> Iterator[Case]:
    yield from borders()
    yield from authors()
    yield from tokens()
    yield from reply_to_tricks()
    yield from addressed()
    yield from honest()
