"""What our buttons and forms carry: small, versionless, and read as outside data when it comes back."""

from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import InvalidRequest


class Carried(BaseModel):
    """Written short: a button's value has 2,000 characters, an option's 150."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    g: UUID

    def dump(self) -> str:
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def load(cls, text: Any) -> Self:
        try:
            return cls.model_validate_json(text or "{}")
        except ValidationError as error:
            raise InvalidRequest(
                "This button is from an older version of the message; use the newest one in the channel."
            ) from error


class Pressed(Carried):
    """A choice of a gate: gate, choice, and the first 16 characters of the evidence it was shown with."""

    c: str = Field(max_length=60)
    e: str = Field(min_length=16, max_length=64)


class Wanted(Carried):
    """Something else about a gate: delegate, details, ask, reopen, terms, edit, snooze, file; `e` is the evidence it was shown with."""

    do: str = Field(max_length=20)
    e: str = Field("", max_length=64)


class Form(Carried):
    """A form in the middle of a decision: `s` is the selection, `ch` and `ts` the message it was opened from."""

    c: str = ""
    e: str = ""
    s: list[UUID] | None = None
    ch: str | None = None
    ts: str | None = None
    lift: bool = False
