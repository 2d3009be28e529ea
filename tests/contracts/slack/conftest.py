"""Slack's own published types as JSON Schemas."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

_FILE = Path(__file__).with_name("slack_types.schema.json")


@cache
def definitions() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_text())["definitions"]
    return found


@cache
def _validator(kind: str) -> Draft7Validator:
    return Draft7Validator({"$ref": f"#/definitions/{kind}", "definitions": definitions()})


@pytest.fixture(scope="session")
def slack_types() -> dict[str, Any]:
    return definitions()


@pytest.fixture(scope="session")
def against() -> Callable[[str, Any], list[str]]:
    """What speaks against a value being of one of Slack's types; a block is held against its own kind, so that the reason is readable."""

    def check(kind: str, value: Any) -> list[str]:
        return [f"{error.json_path}: {error.message[:200]}" for error in _validator(kind).iter_errors(value)]

    return check
