"""The pages about integrations: every entry has its heading, every key its row, every example works."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from runtime.integrations import catalogue
from runtime.integrations.http import Http
from runtime.integrations.signals.parameters import TYPES

DOCS = Path(__file__).parents[2] / "docs"
CONNECTORS, FLAGS = (DOCS / "connectors.md").read_text(), (DOCS / "flags.md").read_text()
PAGES = {"signals": CONNECTORS, "targets": CONNECTORS, "channels": CONNECTORS, "flags": FLAGS}
ENTRIES = [(group, name) for group, entries in catalogue.CATALOGUE.items() for name in entries]
CONFIGURED = [(group, name) for group, name in ENTRIES if group != "channels"]
VALUES = {"SHOP_DSN": "postgresql://reader:x@db.example/shop", "FLAGS_URL": "https://flags.example", "FLAGS_TOKEN": "t"}


class Nothing:
    """A store without points, for building the webhook connector."""

    async def rows_many(self, *_: Any) -> list[Any]:
        return []

    async def latest_ends(self, *_: Any) -> dict[Any, Any]:
        return {}

    async def metrics(self) -> list[str]:
        return []


def section(group: str, name: str) -> str:
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", PAGES[group], re.MULTILINE | re.DOTALL)
    assert found, f"docs: '{name}' of {group} has no heading; add `## {name}`"
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items()}
    return re.sub(r"\$\{(\w+)\}", lambda match: VALUES[match[1]], value) if isinstance(value, str) else value


@pytest.mark.parametrize(("group", "name"), ENTRIES)
def test_every_entry_of_the_catalogue_has_a_section(group: str, name: str) -> None:
    assert len(section(group, name).split()) > 15


@pytest.mark.parametrize(("group", "name"), CONFIGURED)
def test_every_key_of_a_config_is_explained(group: catalogue.Group, name: str) -> None:
    config = catalogue.load(group, name).Config  # type: ignore[attr-defined]
    missing = [key for key in config.model_fields if f"`{key}`" not in section(group, name)]
    assert not missing, f"docs: {name} does not explain {missing}"


@pytest.mark.parametrize("name", list(catalogue.CATALOGUE["signals"]))
def test_the_examples_of_signal_sources_can_be_opened(name: str) -> None:
    examples = blocks(section("signals", name), "yaml")
    assert examples
    for example in examples:
        for declared in YAML(typ="safe").load(example)["signal_connectors"]:
            made = catalogue.connector(declared["type"], filled(declared["config"]), Http(), stored=Nothing())
            assert made.slug == name


@pytest.mark.parametrize("name", list(catalogue.CATALOGUE["flags"]))
def test_the_examples_of_flag_services_can_be_opened(name: str) -> None:
    examples = blocks(section("flags", name), "yaml")
    assert examples
    for example in examples:
        declared = YAML(typ="safe").load(example)["feature_flags"]
        assert catalogue.flag_service(declared["provider"], filled(declared["config"]), Http()).slug == name


def test_every_parameter_of_a_query_is_explained_with_its_type() -> None:
    text = section("signals", "postgres")
    rows = [line for line in text.splitlines() if line.startswith("| `:")]
    for name, kind in TYPES.items():
        assert any(f"`:{name}`" in row and f"| {kind} |" in row for row in rows), name


@pytest.mark.parametrize("text", blocks(CONNECTORS, "json"))
def test_the_messages_shown_are_json(text: str) -> None:
    assert json.loads(text)


def test_links_between_the_pages_lead_to_headings() -> None:
    for page, anchor in re.findall(r"\]\((flags\.md)?#([\w-]+)\)", CONNECTORS):
        target = FLAGS if page else CONNECTORS
        assert f"\n## {anchor}\n" in target, anchor
