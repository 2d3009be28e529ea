"""Modals that are opened before anything is read and filled when it has been: Slack gives three seconds for the first part only."""

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import kit
from bot.slack.asked import Answer
from bot.slack.kit import Block
from bot.slack.wire import FAILURES, code_of, failed
from bot.slack.words import fit, lines
from runtime.errors import InvalidRequest

METADATA = 3000
"""Characters Slack keeps with a modal for us."""
_LARGEST = 100_000
_OLDER = "This form is from an older version; close it and open it again."


async def loading(client: AsyncWebClient, trigger_id: str, title: str) -> str:
    """Opens at once with a line that says to wait; answers the modal's id."""
    view = kit.modal(title, [kit.section("One moment, I am looking things up…")])
    try:
        return str((await client.views_open(trigger_id=trigger_id, view=view))["view"]["id"])
    except FAILURES as error:
        if code_of(error) in {"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"}:
            raise InvalidRequest("That took too long for Slack to open the form; try again.") from error
        raise failed(error, "to open the form") from error


async def fill(client: AsyncWebClient, view_id: str, view: Block, *, seen: str | None = None) -> None:
    """With `seen`, the hash of the modal as it was read, an older drawing never replaces a newer one."""
    try:
        await client.views_update(view_id=view_id, view=view, **({"hash": seen} if seen else {}))
    except FAILURES as error:
        if code_of(error) not in {"hash_conflict", "not_found"}:
            raise failed(error, "to draw the form") from error


async def told(client: AsyncWebClient, view_id: str, title: str, answer: Answer) -> Answer:
    """What a command with a form has to say stands in the form; nothing means the form was filled already."""
    if isinstance(answer, str) and answer:
        await fill(client, view_id, kit.modal(title, [kit.section(lines(answer.splitlines(), kit.SECTION))]))
        return ""
    return answer


def finished(title: str, text: str) -> Block:
    """The last page: closing it closes what lies below, too. `text` must be escaped already."""
    return kit.modal(title, [kit.section(text)]) | {"clear_on_close": True}


def refusal(title: str, text: str) -> Block:
    return kit.modal(title, [kit.section(fit(text, kit.SECTION))])


def packed(text: str) -> str | None:
    """Small enough to be kept with a modal, or None."""
    made = base64.b85encode(zlib.compress(text.encode(), 9)).decode()
    return made if len(made) <= METADATA else None


def unpacked(text: Any) -> str:
    """What `packed` kept; whatever does not read as that is from another version of the form."""
    try:
        opened = zlib.decompressobj()
        found = opened.decompress(base64.b85decode(str(text)), _LARGEST).decode()
    except (ValueError, zlib.error, binascii.Error) as error:
        raise InvalidRequest(_OLDER) from error
    if not opened.eof:
        raise InvalidRequest(_OLDER)
    return found


def values(view: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, by field: text, one choice, or a list of choices; what follows a dot in a block's name only marks a redrawing."""
    found: Mapping[str, Mapping[str, Mapping[str, Any]]] = (view.get("state") or {}).get("values") or {}
    return {
        block.partition(".")[0]: _held(element) for block, elements in found.items() for element in elements.values()
    }


def _held(element: Mapping[str, Any]) -> Any:
    if "selected_options" in element:
        return [option["value"] for option in element["selected_options"] or []]
    if "selected_option" in element:
        return (element["selected_option"] or {}).get("value")
    names = ("value", "selected_user", "selected_users", "selected_channel", "files")
    return next((element[name] for name in names if element.get(name)), None)


def under(view: Mapping[str, Any], errors: Mapping[str, str]) -> dict[str, str]:
    """Errors by field as errors by block, in the blocks as they are named now."""
    found = (view.get("state") or {}).get("values") or {}
    blocks = {block.partition(".")[0]: block for block in found}
    return {blocks.get(field, field): message[:300] for field, message in errors.items()}
