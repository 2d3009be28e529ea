"""Calls tools of an MCP server over streamable HTTP with a bearer token, by the official client."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent

from demo.errors import DemoFailed


class ToolFailed(DemoFailed):
    """The tool answered with an error; its own words follow."""


@asynccontextmanager
async def opened(url: str, token: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), read_timeout_seconds=30) as client,
    ):
        yield client


async def call(client: Client, tool: str, arguments: dict[str, Any]) -> Any:
    """The tool's structured answer, or the JSON of its text."""
    answer = await client.call_tool(tool, arguments)
    text = "\n".join(part.text for part in answer.content if isinstance(part, TextContent))
    if answer.is_error:
        raise ToolFailed(f"{tool}: {text}")
    content = answer.structured_content
    if content is None:
        return _json(text)
    if isinstance(content, dict) and set(content) == {"result"}:
        inner = content["result"]
        return _json(inner) if isinstance(inner, str) else inner
    return content


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
