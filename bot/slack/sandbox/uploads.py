"""Files that people put into a form's file field or send with a message: kept as Slack keeps them, named by their id."""

import asyncio
import mimetypes
from pathlib import Path

from aiohttp import web

from bot.slack.sandbox.config import Person
from bot.slack.sandbox.ids import fresh_id
from bot.slack.sandbox.keys import WORKSPACE, origin_of, private_url
from bot.slack.sandbox.store import dump
from bot.slack.sandbox.workspace import Workspace
from runtime.errors import InvalidRequest

LARGEST = 10 * 1024 * 1024


async def upload(request: web.Request) -> web.Response:
    """The raw bytes; `as` says who, `name` what the file is called."""
    workspace = request.app[WORKSPACE]
    person = workspace.directory.person(request.query.get("as", ""))
    name = Path(request.query.get("name", "")).name
    content = await request.read()
    if not name or len(content) > LARGEST:
        raise InvalidRequest("Send a file of at most 10 MiB with its name.")
    file = fresh_id("F")
    await asyncio.to_thread((workspace.store.files / file).write_bytes, content)
    _keep(workspace, origin_of(request), person, file, name, len(content))
    return web.json_response({"ok": True, "file": file, "name": name})


def _keep(workspace: Workspace, origin: str, person: Person, file: str, name: str, size: int) -> None:
    body = {
        "id": file, "created": int(workspace.now()), "name": name, "title": name, "size": size, "user": person.id, "mode": "hosted",
        "mimetype": mimetypes.guess_type(name)[0] or "text/plain", "filetype": Path(name).suffix.removeprefix("."), "alt_txt": "",
        "is_external": False, "is_public": False, "url_private": private_url(origin, file, name), "permalink": f"{origin}/files/{file}",
        "channels": [],
    }  # fmt: skip
    with workspace.store.change():
        workspace.store.run("insert into files values (?, ?, 'complete', ?)", file, fresh_id("token-"), dump(body))


UPLOAD_ROUTES = [web.post("/sandbox/api/upload", upload)]
