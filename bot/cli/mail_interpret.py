"""`mail interpret`: what the runtime would do with replies to a letter, said and not done."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bot.mail.contracts import DnsText, SentLetter, Verdict

_UNREADABLE = 2


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE.eml...", type=click.Path(path_type=Path))
@click.option(
    "--sent",
    "letter",
    required=True,
    metavar="GATE.eml",
    type=click.Path(path_type=Path),
    help="The letter they answer.",
)
@click.option(
    "--known",
    multiple=True,
    metavar="ADDRESS",
    help="Who may decide the gate besides the letter's recipient; may be repeated.",
)
@click.option(
    "--authserv-id",
    default=None,
    metavar="ID",
    help="Whose Authentication-Results are believed; MAIL_AUTHSERV_ID unless said otherwise.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line a file.")
@click.pass_context
def interpret(
    ctx: click.Context, files: tuple[Path, ...], letter: Path, known: tuple[str, ...], authserv_id: str | None, *, as_json: bool
) -> None:  # fmt: skip
    """Say what the runtime would do with each message, as a reply to the letter, without doing it.

    It needs no running server. Without an authserv-id the DKIM signatures are checked here, which asks the DNS.
    """
    reader = _Reader(_sent(letter), known, authserv_id)
    told = [reader.told(path) for path in files]
    for line in told:
        click.echo(json.dumps(line) if as_json else _plain(line))
    if any("error" in line for line in told):
        ctx.exit(_UNREADABLE)


class _Reader:
    """Everything that all the messages are read with."""

    def __init__(self, sent: "SentLetter", known: tuple[str, ...], authserv_id: str | None) -> None:
        from runtime.core import wall_clock  # noqa: PLC0415  `--help` needs none of this
        from runtime.settings import Settings, secret  # noqa: PLC0415  as above

        settings = Settings()
        self.sent, self.known, self.now = sent, known, wall_clock()
        self.authserv_id = settings.mail_authserv_id if authserv_id is None else authserv_id
        self.secret = secret(settings.api_secret) or _generated(settings.data_dir)
        self.dns: DnsText | None = None
        if not self.authserv_id:
            from bot.mail.dns_text import texts  # noqa: PLC0415  as above

            self.dns = texts

    def told(self, path: Path) -> dict[str, Any]:
        """One line; of a file that cannot be read, or that breaks the reading, the error."""
        try:
            raw = path.read_bytes()
        except OSError as error:
            return {"file": str(path), "error": f"cannot be read: {error.strerror or error}"}
        try:
            return {"file": str(path), **as_told(self.verdict(raw))}
        except Exception as error:  # noqa: BLE001  whatever one message does, the others must still be read
            return {"file": str(path), "error": f"cannot be interpreted: {type(error).__name__}: {error}"}

    def verdict(self, raw: bytes) -> "Verdict":
        from bot.mail.interpret import interpret as judged  # noqa: PLC0415  as above
        from bot.mail.message import read  # noqa: PLC0415  as above

        return judged(
            read(raw), sent=self.sent, known=self.known, authserv_id=self.authserv_id, secret=self.secret, now=self.now, raw=raw, dns=self.dns
        )  # fmt: skip


def as_told(verdict: "Verdict") -> dict[str, Any]:
    """The fields anybody may rely on."""
    return {
        "action": verdict.action,
        "decision": verdict.decision,
        "note": verdict.note,
        "conditions": list(verdict.conditions),
        "delegate_to": verdict.delegate_to,
        "sender_verified": verdict.sender_verified,
        "reasons": list(verdict.reasons),
    }


def _sent(path: Path) -> "SentLetter":
    from bot.mail.sent import sent_letter  # noqa: PLC0415  as above
    from runtime.errors import InvalidRequest  # noqa: PLC0415  as above

    try:
        return sent_letter(path.read_bytes())
    except OSError as error:
        raise InvalidRequest(f"--sent {path} cannot be read: {error.strerror or error}.") from error


def _generated(data_dir: Path) -> str:
    """The secret this machine's bot made for itself, under which `mail preview` writes its tokens as well."""
    from runtime.local.secrets import load_or_create_secrets  # noqa: PLC0415  as above

    return load_or_create_secrets(data_dir).api_secret


def _plain(line: dict[str, Any]) -> str:
    """A readable line; nothing from a message may steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in _in_words(line))


def _in_words(line: dict[str, Any]) -> str:
    if "error" in line:
        return f"{line['file']}: {line['error']}"
    decided = f" {line['decision']}" if line["decision"] != "none" else ""
    facts = [
        f"to {line['delegate_to']}" if line["delegate_to"] else "",
        "; ".join(line["conditions"]),
        f"“{' '.join(line['note'].split())[:100]}”" if line["note"] else "",
        "sender verified" if line["sender_verified"] else "sender not verified",
        "; ".join(line["reasons"]),
    ]
    return f"{line['file']}: {line['action']}{decided} ({' · '.join(fact for fact in facts if fact)})"
