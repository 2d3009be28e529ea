"""The catalogue: names lead to classes, lazily; plug-ins come in by the same door and cannot take a name of ours."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import InvalidConfiguration
from runtime.integrations import catalogue
from runtime.integrations.http import Http

ENTRY_POINTS = """
[outcome_runtime.signals]
weather = a_weather_plug_in:Weather
postgres = a_weather_plug_in:Weather
broken = a_module_that_is_not_there:Nothing
"""

LOOK = """
import sys
import runtime.integrations.catalogue as catalogue
catalogue.names("signals")
print([module for module in sys.modules if module in {"asyncpg", "mmh3"} or module.startswith("bot")])
"""


@pytest.fixture
def plug_in(tmp_path: Path) -> Iterator[None]:
    """A distribution on the path, as pip would leave it."""
    about = tmp_path / "a_weather_plug_in-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: a-weather-plug-in\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "a_weather_plug_in.py").write_text(
        "class Weather:\n    slug = 'weather'\n    def __init__(self, config, http):\n        self.config = dict(config)\n"
    )
    sys.path.append(str(tmp_path))
    catalogue._installed.cache_clear()
    yield
    sys.path.remove(str(tmp_path))
    catalogue._installed.cache_clear()
    sys.modules.pop("a_weather_plug_in", None)


@pytest.mark.parametrize("group", ["signals", "flags", "targets"])
def test_every_entry_leads_to_a_class_that_bears_its_name(group: catalogue.Group) -> None:
    for name in catalogue.CATALOGUE[group]:
        assert getattr(catalogue.load(group, name), "slug", None) == name


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidConfiguration, match="no 'mixpannel' among the signals; known are postgres, webhook"):
        catalogue.connector("mixpannel", {}, Http())
    with pytest.raises(InvalidConfiguration, match="custom, memory"):
        catalogue.flag_service("", {}, Http())
    with pytest.raises(InvalidConfiguration, match="generic, mcp"):
        catalogue.target("devin", {}, Http())
    with pytest.raises(InvalidConfiguration, match="known are email, slack"):
        catalogue.channel("pigeon")


def test_channels_are_known_by_name_only() -> None:
    assert catalogue.names("channels") == ["email", "slack"]
    assert all(path.startswith("bot.") for path in catalogue.CATALOGUE["channels"].values())


def test_looking_at_the_catalogue_imports_no_integration() -> None:
    """In a process of its own, since ours has imported them."""
    seen = subprocess.run(
        [
            sys.executable,
            "-c",
            LOOK,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        cwd=Path(__file__).parents[3],
    )
    assert seen.stdout.strip() == "[]"


@pytest.mark.usefixtures("plug_in")
def test_an_installed_plug_in_is_used_like_our_own() -> None:
    assert "weather" in catalogue.names("signals")
    assert catalogue.connector("weather", {"city": "Leeds"}, Http()).slug == "weather"


@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_cannot_take_the_place_of_our_own() -> None:
    assert catalogue.load("signals", "postgres").__module__ == "runtime.integrations.signals.postgres"


@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_that_does_not_import_is_named() -> None:
    with pytest.raises(InvalidConfiguration, match=r"'broken'.*reinstall or remove"):
        catalogue.load("signals", "broken")


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({}, "base_url: Field required"),
        ({"base_url": "flags.example", "token": "geheim-1"}, "base_url: Input should be a valid URL"),
        ({"base_url": "ftp://flags.example", "token": "geheim-1"}, "base_url: URL scheme"),
        ({"base_url": "https://flags.example", "token": ""}, "token: "),
        ({"base_url": "https://flags.example", "token": "geheim-1", "tokn": "geheim-2"}, "tokn: Extra inputs"),
    ],
)
def test_a_wrong_config_is_named_by_key_and_never_shows_a_value(config: dict[str, str], complaint: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        catalogue.flag_service("custom", config, Http())
    assert complaint in refused.value.message
    assert "Its keys are base_url, token" in refused.value.message
    assert "geheim" not in refused.value.message + str(refused.value.context)
