"""Reads the free-form `config:` of an integration into its own model, naming what is wrong but never its value."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import InvalidConfiguration


class IntegrationConfig(BaseModel):
    """Unknown keys are refused, since a misspelt key would otherwise be a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class SignalConfig(IntegrationConfig):
    """What every signal source may be told; without `reread_days` the setting REREAD_DAYS counts."""

    reread_days: float | None = Field(default=None, gt=0, le=3650, allow_inf_nan=False)

    @property
    def reread(self) -> timedelta | None:
        """How far behind what was read last each look begins, in data time."""
        return None if self.reread_days is None else timedelta(days=self.reread_days)


ConfigT = TypeVar("ConfigT", bound=IntegrationConfig)


def read_config(model: type[ConfigT], config: Mapping[str, Any], slug: str) -> ConfigT:
    try:
        return model.model_validate(dict(config))
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, item['loc'])) or 'config'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise InvalidConfiguration(
            f"The config of '{slug}' is wrong: {'; '.join(wrong)}. Its keys are {', '.join(model.model_fields)}.",
            integration=slug,
            wrong=wrong,
        ) from error
