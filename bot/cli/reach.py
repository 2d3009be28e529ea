"""Stores and settings that stop a command before it begins, each told in one sentence."""

import socket
from urllib.parse import urlsplit

from pydantic import ValidationError

from runtime.errors import DatabaseFailed, InvalidConfiguration

_PATIENCE = 3.0
_REDIS_PORT = 6379


def database_silent(error: Exception) -> DatabaseFailed:
    """What the driver said, without the address: that holds a password."""
    said = str(error).partition("\n")[0] or type(error).__name__
    return DatabaseFailed(f"DATABASE_URL leads to no database that answers: {said}. Start it, or correct the address.")


def queue_silent(redis_url: str) -> str:
    """Why nothing listens at the queue's address; empty when something does."""
    try:
        place = urlsplit(redis_url)
        with socket.create_connection((place.hostname or "", place.port or _REDIS_PORT), timeout=_PATIENCE):
            return ""
    except (OSError, ValueError) as error:
        return f"REDIS_URL leads to no queue that answers ({error}). Start it, or correct the address."


def wrong_setting(error: ValidationError) -> InvalidConfiguration:
    """Each setting by its name and what it must be, never what it holds: that may be a secret."""
    found = [
        f"{'.'.join(map(str, details['loc'])).upper()}: {details['msg']}"
        for details in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return InvalidConfiguration(f"{'; '.join(found)}. docs/settings.md says what each setting takes.")
