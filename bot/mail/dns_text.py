"""TXT records, for the keys of DKIM signatures; blocking, with little patience."""

from collections.abc import Sequence

_PATIENCE = 4.0


def texts(name: str) -> Sequence[str]:
    """Empty when there is no such record or no answer: a signature that cannot be checked proves nothing."""
    import dns.exception  # noqa: PLC0415  only mail that no border server has vouched for needs it
    import dns.resolver  # noqa: PLC0415  as above

    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=_PATIENCE)
    except (dns.exception.DNSException, OSError, ValueError):
        return []
    return [b"".join(record.strings).decode("ascii", "replace") for record in answer]
