"""Takes secrets out of texts that people or logs will see."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
_TELLING = re.compile(r"authorization|token|secret|key|signature|cookie|password", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


def redact(text: str, secrets: Iterable[str]) -> str:
    """Masks each secret, plain or URL-quoted, and any credentials inside an address. Under four characters masks nothing."""
    spellings = {form for secret in secrets if len(secret) >= SHORTEST for form in _spellings(secret)}
    for form in sorted(spellings, key=len, reverse=True):
        text = text.replace(form, MASK)
    return _USERINFO.sub(f"{MASK}@", text)


def secrets_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The values of headers that carry credentials, whole and without their scheme."""
    values = [value for name, value in headers.items() if _TELLING.search(name)]
    return tuple(part for value in values for part in (value, value.partition(" ")[2]) if part)


def _spellings(secret: str) -> tuple[str, ...]:
    return secret, quote(secret, safe=""), quote_plus(secret)
