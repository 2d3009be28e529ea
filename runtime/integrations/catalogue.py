"""Which integrations there are: a name and where its class lives, imported only when it is used; then installed plug-ins."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, cast

from runtime.errors import InvalidConfiguration
from runtime.integrations.contracts import Channel, ExecutionTarget, FlagService, SignalConnector
from runtime.integrations.http import Http
from runtime.integrations.signals.webhook import StoredSignals

Group = Literal["signals", "flags", "targets", "channels"]

CATALOGUE: Mapping[Group, Mapping[str, str]] = {
    "signals": {
        "postgres": "runtime.integrations.signals.postgres:PostgresSignals",
        "webhook": "runtime.integrations.signals.webhook:WebhookSignals",
    },
    "flags": {
        "custom": "runtime.integrations.flags.custom:CustomFlags",
        "memory": "runtime.integrations.flags.memory:MemoryFlags",
    },
    "targets": {
        "generic": "runtime.integrations.targets.generic:GenericTarget",
        "mcp": "runtime.integrations.targets.mcp:McpTarget",
    },
    "channels": {
        "email": "bot.mail.channel:EmailChannel",
        "slack": "bot.slack.channel:SlackChannel",
    },
}


def connector(
    type_: str, config: Mapping[str, Any], http: Http, *, stored: StoredSignals | None = None
) -> SignalConnector:
    """`stored` reaches only a connector that declares `reads_store = True`, as `webhook` does."""
    made = load("signals", type_)
    more = {"stored": stored} if getattr(made, "reads_store", False) else {}
    return cast("SignalConnector", made(config, http, **more))


def flag_service(provider: str, config: Mapping[str, Any], http: Http) -> FlagService:
    return cast("FlagService", load("flags", provider)(config, http))


def target(type_: str, config: Mapping[str, Any], http: Http) -> ExecutionTarget:
    return cast("ExecutionTarget", load("targets", type_)(config, http))


def channel(name: str) -> Callable[..., Channel]:
    """The class of the channel; who opens it knows what it is made of."""
    return cast("Callable[..., Channel]", load("channels", name))


def names(group: Group) -> list[str]:
    """Everything that can be used here, plug-ins included."""
    return sorted({*CATALOGUE[group], *(point.name for point in _installed(group))})


def load(group: Group, name: str) -> Callable[..., Any]:
    """Our own names win over plug-ins', so that installing one never changes what a working outcome.yaml means."""
    path = CATALOGUE[group].get(name)
    if path is not None:
        module, _, attribute = path.partition(":")
        return cast("Callable[..., Any]", getattr(import_module(module), attribute))
    point = next((point for point in _installed(group) if point.name == name), None)
    if point is None:
        raise InvalidConfiguration(
            f"There is no '{name}' among the {group}; known are {', '.join(names(group))}.", name=name, group=group
        )
    return _plug_in(point, group)


def _plug_in(point: EntryPoint, group: Group) -> Callable[..., Any]:
    try:
        return cast("Callable[..., Any]", point.load())
    except Exception as error:
        raise InvalidConfiguration(
            f"The plug-in '{point.name}' ({point.value}) for {group} cannot be loaded: {error}; reinstall or remove it.",
            name=point.name,
            group=group,
        ) from error


@cache
def _installed(group: Group) -> tuple[EntryPoint, ...]:
    """Looked for once a process: reading the metadata of every installed package takes a tenth of a second."""
    return tuple(entry_points(group=f"outcome_runtime.{group}"))
