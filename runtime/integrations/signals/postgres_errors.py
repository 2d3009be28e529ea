"""What Postgres refused, as one sentence that says what to mend."""

import asyncpg
from asyncpg import exceptions as pg

from runtime.errors import SignalUnavailable
from runtime.integrations.redaction import redact

LONGEST = 200

MENDING: tuple[tuple[type[Exception], str], ...] = (
    (pg.QueryCanceledError, "took longer than the limit{limit}; add an index, or raise statement_timeout_ms"),
    (pg.ReadOnlySQLTransactionError, "tries to write; a query may only SELECT"),
    (pg.InsufficientPrivilegeError, "may not read this ({said}); GRANT SELECT on it to the connector's role"),
    (pg.UndefinedColumnError, "names a column that does not exist ({said}); correct the query"),
    (pg.UndefinedTableError, "names a table that does not exist ({said}); correct the query"),
    (pg.PostgresSyntaxError, "is not valid SQL ({said}); it must be one SELECT"),
    (pg.LockNotAvailableError, "waited too long for a lock; it is tried again at the next measurement"),
    (pg.InvalidAuthorizationSpecificationError, "could not log in; check user and password in dsn"),
    (pg.InvalidCatalogNameError, "names a database that does not exist; correct dsn"),
    (pg.TooManyConnectionsError, "found no free connection; raise the server's limit or close others"),
    (pg.CannotConnectNowError, "found the server starting or stopping; it is tried again at the next measurement"),
    (pg.PostgresConnectionError, "lost its connection; it is tried again at the next measurement"),
    (pg.DataError, "failed on the data ({said}); correct the query"),
    (asyncpg.PostgresError, "was refused ({said}); correct the query"),
    (asyncpg.InterfaceError, "could not be sent ({said}); correct the query or its parameters"),
    (TimeoutError, "got no answer in time; is the server reachable from here?"),
    (OSError, "could not reach the server; check host and port in dsn, and that it is running"),
)


def explain(error: Exception, place: str, dsn: str = "", limit_ms: int | None = None) -> SignalUnavailable:
    """Never quotes the dsn; the server's own first line is quoted where it names the mistake."""
    sentence = next((text for kind, text in MENDING if isinstance(error, kind)), "failed; look at the server's log")
    said = " ".join(str(getattr(error, "message", None) or error).split())[:LONGEST]
    limit = "" if limit_ms is None else f" of {limit_ms} ms"
    text = sentence.replace("{limit}", limit).replace("{said}", said)
    return SignalUnavailable(
        redact(f"`{place}` {text}.", _secrets(dsn)), place=place, sqlstate=getattr(error, "sqlstate", None)
    )


def _secrets(dsn: str) -> tuple[str, ...]:
    credentials = dsn.partition("://")[2].rpartition("@")[0]
    return tuple(part for part in (dsn, credentials, credentials.partition(":")[2]) if part)
