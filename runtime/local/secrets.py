"""The secrets of an installation that were given none: made once, kept in one private file."""

import base64
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import InvalidConfiguration
from runtime.local.files import locked, read_private, write_private
from runtime.local.server import in_plain_words


def _base64(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()


class LocalSecrets(BaseModel):
    """Defaults for the settings of the same names; a setting that is given wins over what stands here."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    api_secret: str = Field(default_factory=lambda: secrets.token_urlsafe(48), min_length=32)
    encryption_keys: str = Field(default_factory=lambda: f"local:{_base64(32)}", min_length=44)
    slack_signing_secret: str = Field(default_factory=lambda: secrets.token_hex(16), min_length=32)
    slack_bot_token: str = Field(default_factory=lambda: f"xoxb-sandbox-{secrets.token_hex(16)}", min_length=24)
    agent_secret: str = Field(default_factory=lambda: f"whsec_{_base64(32)}", min_length=24)

    def __repr__(self) -> str:
        return "LocalSecrets(…)"

    __str__ = __repr__


def load_or_create_secrets(data_dir: Path) -> LocalSecrets:
    """Read DATA_DIR/secrets.json (0600), or make it; a secret a newer version needs is added, none is ever replaced."""
    path = data_dir / "secrets.json"
    with (
        in_plain_words("outcome-runtime", data_dir),
        locked(data_dir / "run" / "secrets.lock", wait_seconds=10),
    ):
        text = read_private(path)
        found = _parse(text, path) if text is not None else LocalSecrets()
        written = found.model_dump_json(indent=2) + "\n"
        if text != written:
            write_private(path, written)
    return found


def _parse(text: str, path: Path) -> LocalSecrets:
    try:
        return LocalSecrets.model_validate_json(text)
    except ValidationError as error:
        places = sorted({".".join(map(str, item["loc"])) or "the whole file" for item in error.errors()})
        raise InvalidConfiguration(
            f"{path} is damaged ({', '.join(places)}); put it back from a backup. "
            "Deleting it makes new secrets, and then stored keys can no longer be opened.",
            file=str(path),
        ) from error
