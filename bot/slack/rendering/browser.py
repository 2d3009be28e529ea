"""A headless Chromium, spoken to by its DevTools protocol: open a page, wait for it, take its picture."""

import asyncio
import base64
import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from runtime.errors import OutcomeRuntimeError

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "about:blank",
)  # fmt: skip
_PATIENCE = 30.0
_POLL = 0.05
_LARGEST = 16 * 1024 * 1024
_TALLEST = 12_000
"""Pixels; a taller page is cut there."""


class BrowserFailed(OutcomeRuntimeError):
    """Chromium did not start or did not answer; set CHROMIUM to one that does, or look at the HTML files instead."""

    code = "BROWSER_FAILED"


def chromium() -> str | None:
    """The program that CHROMIUM names, else one on PATH."""
    return os.environ.get("CHROMIUM") or next((found for found in map(shutil.which, _NAMES) if found), None)


class Browser:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._ids = socket, itertools.count(1)

    async def picture(self, url: str, width: int, *, ready: str) -> bytes:
        """A PNG of the whole page at this width, once the JavaScript expression `ready` is true; its value is the height."""
        await self._sized(width, 800)
        await self._ask("Page.navigate", url=url)
        height = min(_TALLEST, await self._until(ready))
        await self._sized(width, height)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = await self._ask("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    async def _sized(self, width: int, height: int) -> None:
        await self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def _until(self, expression: str) -> int:
        async with asyncio.timeout(_PATIENCE):
            while True:
                answer = await self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
                found = answer["result"].get("value")
                if found:
                    return int(found)
                await asyncio.sleep(_POLL)

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            said = await self._socket.receive_json(timeout=_PATIENCE)
            if said.get("id") == number:
                if "error" in said:
                    raise BrowserFailed(f"Chromium refused {method}: {said['error'].get('message', '')}.")
                result: dict[str, Any] = said["result"]
                return result


@asynccontextmanager
async def browsing(program: str) -> AsyncIterator[Browser]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        running = await asyncio.create_subprocess_exec(
            program, f"--user-data-dir={folder}", *_ARGUMENTS,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = await _port(Path(folder) / "DevToolsActivePort", running)
            async with aiohttp.ClientSession(trust_env=False) as http:
                address = await _tab(http, port)
                async with http.ws_connect(address, max_msg_size=_LARGEST * 4) as socket:
                    yield Browser(socket)
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.terminate()
            await running.wait()


async def _port(file: Path, running: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(_PATIENCE):
        while running.returncode is None:
            if port := await asyncio.to_thread(_first_line, file):
                return int(port)
            await asyncio.sleep(_POLL)
    raise BrowserFailed("Chromium ended before it could be spoken to; set CHROMIUM to one that starts.")


def _first_line(file: Path) -> str:
    """Empty until Chromium has written it."""
    return next(iter(file.read_text().splitlines()), "") if file.exists() else ""


async def _tab(http: aiohttp.ClientSession, port: int) -> str:
    async with http.get(f"http://127.0.0.1:{port}/json/list") as reply:
        found = await reply.json(content_type=None)
    return next(str(tab["webSocketDebuggerUrl"]) for tab in found if tab["type"] == "page")
