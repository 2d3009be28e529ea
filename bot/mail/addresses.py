"""Our own addresses, and words from outside as a database can keep them."""

from email.utils import parseaddr

from bot.mail import tokens
from bot.mail.contracts import Token
from runtime.settings import Settings


def from_address(settings: Settings) -> str:
    """The bare address of MAIL_FROM."""
    return parseaddr(settings.mail_from)[1].lower() or settings.mail_from.lower()


def reply_base(settings: Settings) -> str:
    """The address whose plus-addresses replies come to."""
    return parseaddr(settings.mail_reply_to)[1].lower() or from_address(settings)


def is_ours(address: str, settings: Settings) -> bool:
    """Whether a recipient is our reply address, with or without a token, or the one we write from."""
    local, _, domain = address.lower().rpartition("@")
    bare = f"{local.partition('+')[0]}@{domain}"
    return bare in {reply_base(settings), from_address(settings)}


def carried(address: str) -> Token | None:
    """The token in a plus-address, whichever of our names it came in by: its MAC proves it, not the name before it."""
    local, _, domain = address.strip().lower().rpartition("@")
    return tokens.read(address, f"{local.partition('+')[0]}@{domain}")


def storable(value: str, most: int = 998) -> str:
    """Without what Postgres refuses: NUL, lone surrogates, and more than a mail header may have."""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "")[:most]
