"""What an app wants to say, checked as Slack checks it before a message is made of it."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from bot.slack.sandbox import blocks as block_kit
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.limits import MESSAGE_TEXT_MAX_LENGTH, Surface
from bot.slack.sandbox.schema import problem
from bot.slack.sandbox.views import fresh_names
from bot.slack.sandbox.workspace import Workspace


class Arguments(BaseModel):
    """A method's arguments: unknown ones are ignored, JSON may come as text, as Slack allows."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    @field_validator("blocks", "attachments", "metadata", "view", "files", mode="before", check_fields=False)
    @classmethod
    def read_json(cls, value: Any) -> Any:
        if not (isinstance(value, str) and value[:1] in {"[", "{"}):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise ValueError("must be valid JSON") from error


class Content(Arguments):
    text: str = ""
    blocks: Any = None
    attachments: Any = None
    metadata: Any = None


def parts(workspace: Workspace, content: Content) -> dict[str, Any]:
    """Blocks and attachments ready to be kept; raises Slack's refusal when they are not acceptable."""
    if not (content.text or content.blocks or content.attachments):
        raise SlackRefusal("no_text")
    if len(content.text) > MESSAGE_TEXT_MAX_LENGTH:
        raise SlackRefusal("msg_too_long")
    kept = {"attachments": content.attachments, "metadata": content.metadata}
    if not content.blocks:
        return kept
    return {**kept, "blocks": accepted(workspace, content.blocks)}


def accepted(workspace: Workspace, found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, list):
        raise SlackRefusal("invalid_blocks_format")
    wrong = block_kit.problems(found, "message") or missing_files(workspace, found)
    if wrong:
        raise SlackRefusal(
            "invalid_blocks", errors=[_plain(one) for one in wrong], response_metadata={"messages": wrong}
        )
    return block_kit.with_ids(found, fresh_names())


def accepted_view(workspace: Workspace, view: Any, surface: Surface) -> dict[str, Any]:
    wrong = block_kit.view_problems(view, surface) or missing_files(workspace, view["blocks"])
    if wrong:
        raise SlackRefusal("invalid_arguments", response_metadata={"messages": wrong})
    kept: dict[str, Any] = view
    return kept


def missing_files(workspace: Workspace, found: block_kit.Blocks) -> list[str]:
    """Slack shows a file only after its upload was completed."""
    wanted = set(block_kit.files_in(found))
    ready = {
        name for name in wanted if workspace.store.row("select 1 from files where id = ? and state = 'complete'", name)
    }
    return [problem("/blocks", f"invalid slack file: {name}") for name in sorted(wanted - ready)]


def _plain(message: str) -> str:
    return message.removeprefix("[ERROR] ")
