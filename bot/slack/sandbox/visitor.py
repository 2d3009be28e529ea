"""A scripted person: does by the page's own API what a hand does on the page, for tests and demonstrations."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from types import TracebackType
from typing import Any, Self

import aiohttp

from runtime.errors import InvalidRequest, NotFound, OutcomeRuntimeError

POLL_SECONDS = 0.05
Message = dict[str, Any]


class Refused(OutcomeRuntimeError):
    """The page showed an error instead of doing it; its words are the message."""

    code = "SANDBOX_REFUSED"


class Visitor:
    """`async with Visitor(url, "dana@shop.test") as dana: await dana.press("Approve", message)`."""

    def __init__(self, url: str, email: str) -> None:
        self._url, self._email = url.rstrip("/"), email
        self.id = ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"X-Sandbox": "1"}, trust_env=False)
        known = (await self._get("people"))["people"]
        self.id = next((person["id"] for person in known if person["email"] == self._email), "")
        if not self.id:
            await self._session.close()
            raise NotFound(f"Nobody with the address {self._email} lives in this sandbox; see --people.")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def look(self) -> dict[str, Any]:
        """Everything this person sees now."""
        return await self._get("state", {"as": self.id})

    async def messages(self, channel: str) -> list[Message]:
        """By channel name or id, oldest first; `outcome` (the bot's name) is the direct conversation."""
        seen = await self.look()
        place = self._place(seen, channel)
        return [message for message in seen["messages"] if message["channel"] == place]

    async def wait_for(self, channel: str, fits: Callable[[Message], bool], seconds: float = 10.0) -> Message:
        """The newest message that fits, as soon as there is one."""
        return await self._until(lambda: self._newest(channel, fits), f"a message in {channel}", seconds)

    async def wait_for_modal(self, seconds: float = 10.0, fits: Callable[[Message], bool] = bool) -> Message:
        """The form on top, as soon as it is there and fits: many are opened with a line to wait, and filled later."""
        return await self._until(lambda: self._modal(fits), "a modal", seconds)

    async def say(self, channel: str, text: str, thread_ts: str | None = None, files: Sequence[str] = ()) -> str:
        """A typed message, with files that `upload` answered; answers its ts."""
        said = {"channel": self._place(await self.look(), channel), "text": text, "thread_ts": thread_ts}
        return str((await self._post("message", {**said, "files": list(files)}))["ts"])

    async def command(self, channel: str, text: str) -> None:
        await self._post("command", {"channel": self._place(await self.look(), channel), "text": text})

    async def press(self, label: str, on: Message, state: Mapping[str, Any] | None = None) -> None:
        """Press the button with this label, on a message or a view."""
        block_id, element = button_called(label, on)
        await self.touch(on, block_id, element["action_id"], None, state)

    async def touch(
        self, on: Message, block_id: str, action_id: str, value: Any, state: Mapping[str, Any] | None = None
    ) -> None:
        """Choose, tick or pick: `value` is an option's value, a list of them, an id, or a date."""
        where = {"channel": on["channel"], "ts": on["ts"]} if "ts" in on else {"view_id": on["id"]}
        touched = {"block_id": block_id, "action_id": action_id, "value": value, "state": state or {}}
        await self._post("press", {**where, "rev": on.get("rev"), **touched})

    async def submit(self, view: Message, values: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, str]:
        """Send the modal; answers the errors shown under its fields."""
        given = {"view_id": view["id"], "rev": view.get("rev"), "values": values or {}}
        return dict((await self._post("submit", given))["errors"])

    async def close(self, view: Message, *, everything: bool = False) -> None:
        await self._post("close", {"view_id": view["id"], "everything": everything})

    async def upload(self, name: str, content: bytes) -> str:
        """Choose a file: answers its id, which is the value of a form's file field, or goes with `say`."""
        where = {"as": self.id, "name": name}
        async with self._session.post(f"{self._url}/sandbox/api/upload", params=where, data=BytesIO(content)) as reply:
            return str(_checked(await reply.json())["file"])

    async def open_home(self) -> None:
        await self._post("home", {})

    async def use_shortcut(self, callback_id: str, on: Message | None = None) -> None:
        under = {"channel": on["channel"], "ts": on["ts"]} if on else {}
        await self._post("shortcut", {"callback_id": callback_id, **under})

    async def set_status(self, text: str, emoji: str = ":palm_tree:") -> None:
        await self._post("status", {"status_text": text, "status_emoji": emoji})

    async def reply_to_letter(self, mail_id: int, text: str) -> int:
        return int((await self._post("mail/reply", {"mail_id": mail_id, "text": text}))["mail_id"])

    async def do(self, deed: str, **fields: Any) -> dict[str, Any]:
        """Any other deed of the page, by its path."""
        return await self._post(deed, fields)

    async def _newest(self, channel: str, fits: Callable[[Message], bool]) -> Message | None:
        return next((message for message in reversed(await self.messages(channel)) if fits(message)), None)

    async def _modal(self, fits: Callable[[Message], bool]) -> Message | None:
        found: Message | None = (await self.look())["modal"]
        return found if found and fits(found) else None

    async def _until(self, ask: Callable[[], Any], what: str, seconds: float) -> Message:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found: Message | None = await ask()
            if found:
                return found
            await asyncio.sleep(POLL_SECONDS)
        raise NotFound(f"{self._email} waited {seconds:g} s for {what}; it did not come.")

    def _place(self, seen: Mapping[str, Any], channel: str) -> str:
        name = channel.removeprefix("#")
        for known in seen["channels"]:
            if name in (known["id"], known["name"]) or (known["kind"] == "im" and name == seen["bot"]["name"]):
                return str(known["id"])
        raise NotFound(f"There is no channel {channel} in this sandbox.")

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        async with self._session.get(f"{self._url}/sandbox/api/{path}", params=query) as reply:
            return _checked(await reply.json())

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        async with self._session.post(f"{self._url}/sandbox/api/{path}", json={"as": self.id, **body}) as reply:
            return _checked(await reply.json())


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("ok") is False:
        raise Refused(str(answer["message"]), **answer.get("context", {}))
    return answer


def button_called(label: str, on: Message) -> tuple[str, dict[str, Any]]:
    """The block id and element of a button, by what stands on it."""
    for block in on.get("blocks", []):
        for element in [*(block.get("elements") or []), block.get("accessory") or {}]:
            if element.get("type") == "button" and element["text"]["text"] == label:
                return block["block_id"], element
    raise InvalidRequest(f"There is no button {label!r} here.")


def text_of(message: Message) -> str:
    """Every word a message shows, for looking something up in it."""
    if not message.get("blocks"):
        return str(message.get("text", ""))
    return "\n".join(_words(message["blocks"]))


def _words(node: Any) -> list[str]:
    if isinstance(node, list):
        return [word for each in node for word in _words(each)]
    if not isinstance(node, dict):
        return []
    own = [node["text"]] if isinstance(node.get("text"), str) else []
    return own + [word for key, value in node.items() if key != "value" for word in _words(value)]
