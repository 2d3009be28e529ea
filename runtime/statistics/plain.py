"""Plain JSON values from frozen dataclasses, infinities carried as the words "inf" and "-inf"."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def plain(value: Any) -> Any:
    """What json.dumps(..., allow_nan=False) accepts; not-a-number becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return _plain_float(value) if isinstance(value, float) else value


def number(value: Any) -> float:
    """The float a plain value stands for: "inf", "-inf", null and integers included."""
    return math.nan if value is None else float(value)


def numbers(values: Any) -> tuple[float, ...]:
    return tuple(number(value) for value in values)


def _plain_float(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
