"""Coding agents that come and fetch: the order waits until one asks for it over MCP."""

from collections.abc import Mapping
from typing import Any, ClassVar

from runtime.integrations.config import IntegrationConfig, read_config
from runtime.integrations.contracts import BuildOrder, Dispatched, Probe
from runtime.integrations.http import Http


class McpConfig(IntegrationConfig):
    """There is nothing to configure: agents bring a key made by `outcome-runtime key create --kind agent`."""


class McpTarget:
    """Sends nothing, so nothing can fail; the build's deadline is what ends a wait in vain."""

    slug: str = "mcp"
    Config: ClassVar[type[McpConfig]] = McpConfig

    def __init__(self, config: Mapping[str, Any], http: Http) -> None:
        read_config(McpConfig, config, self.slug)

    async def test_connection(self) -> Probe:
        return Probe(ok=True, detail="nothing to reach: agents fetch their orders over MCP")

    async def dispatch(self, order: BuildOrder) -> Dispatched:
        detail = (
            f"waits at {order.mcp_url} until a coding agent fetches it with `get_experiment_brief` "
            f"(experiment {order.experiment_id}), at the latest {order.deadline:%Y-%m-%d %H:%M %Z}"
        )
        return Dispatched(None, None, detail)

    async def close(self) -> None:
        """Nothing is open."""
