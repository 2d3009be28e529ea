"""Web API: files.* in three steps (a URL to upload to, the bytes, the completion), and serving what was uploaded."""

import asyncio
import mimetypes
import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.slack.sandbox import payloads
from bot.slack.sandbox.content import Arguments
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.ids import fresh_id
from bot.slack.sandbox.keys import WORKSPACE, private_url
from bot.slack.sandbox.methods import Answer, Call, method
from bot.slack.sandbox.methods_chat import joined
from bot.slack.sandbox.store import body_of, dump
from bot.slack.sandbox.workspace import Workspace

SHOWN_INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}


class Ask(Arguments):
    filename: str
    length: int
    alt_txt: str = ""
    snippet_type: str = ""


class Done(Arguments):
    files: list[dict[str, Any]]
    channel_id: str | None = None
    channels: str | None = None
    initial_comment: str = ""
    thread_ts: str | None = None


class OneFile(Arguments):
    file: str


@method("files.getUploadURLExternal", Ask)
def get_upload_url(call: Call, given: Ask) -> Answer:
    name, token = fresh_id("F"), secrets.token_urlsafe(24)
    kind = mimetypes.guess_type(given.filename)[0] or "application/octet-stream"
    body = {
        "id": name, "created": int(call.workspace.now()), "name": Path(given.filename).name, "title": given.filename,
        "mimetype": kind, "filetype": Path(given.filename).suffix.removeprefix("."), "size": given.length, "alt_txt": given.alt_txt,
        "user": call.workspace.config.bot_user_id, "mode": "hosted", "is_external": False, "is_public": False,
        "url_private": private_url(call.origin, name, given.filename), "permalink": f"{call.origin}/files/{name}", "channels": [],
    }  # fmt: skip
    with call.workspace.store.change():
        call.workspace.store.run("insert into files values (?, ?, 'promised', ?)", name, token, dump(body))
    return {"upload_url": f"{call.origin}/upload/v1/{token}", "file_id": name}


@method("files.completeUploadExternal", Done)
def complete_upload(call: Call, given: Done) -> Answer:
    places = [place for place in (given.channel_id, *(given.channels or "").split(",")) if place]
    channels = [joined(call.workspace, place) for place in places]
    done = [_complete(call.workspace, one, [channel.id for channel in channels]) for one in given.files]
    for channel in channels:
        said = payloads.said_by_bot(
            call.workspace.config, text=given.initial_comment, thread_ts=given.thread_ts, files=done
        )
        call.workspace.say(channel, said)
    return {"files": done}


def _complete(workspace: Workspace, one: dict[str, Any], channels: list[str]) -> dict[str, Any]:
    found = workspace.store.row("select * from files where id = ? and state != 'deleted'", str(one.get("id", "")))
    if found is None or found["state"] == "promised":
        raise SlackRefusal("file_not_found" if found is None else "file_upload_incomplete")
    body = {**body_of(found), "title": one.get("title") or body_of(found)["title"], "channels": channels}
    with workspace.store.change():
        workspace.store.run("update files set state = 'complete', body = ? where id = ?", dump(body), found["id"])
    return body


@method("files.info", OneFile)
def files_info(call: Call, given: OneFile) -> Answer:
    found = call.workspace.store.row("select * from files where id = ? and state = 'complete'", given.file)
    if found is None:
        raise SlackRefusal("file_not_found")
    return {"file": body_of(found), "content": "", "comments": []}


@method("files.delete", OneFile)
def files_delete(call: Call, given: OneFile) -> Answer:
    """Whoever uploaded a file may delete it; messages that show it keep a place where it was."""
    found = call.workspace.store.row("select * from files where id = ? and state != 'promised'", given.file)
    if found is None:
        raise SlackRefusal("file_not_found")
    if found["state"] == "deleted":
        raise SlackRefusal("file_deleted")
    if body_of(found).get("user") != call.workspace.config.bot_user_id:
        raise SlackRefusal("cant_delete_file")
    with call.workspace.store.change():
        call.workspace.store.run("update files set state = 'deleted' where id = ?", given.file)
    (call.workspace.store.files / given.file).unlink(missing_ok=True)
    return {}


async def upload(request: web.Request) -> web.Response:
    """The bytes of a promised file, raw or as a form's first part; the URL is good for one upload."""
    workspace = request.app[WORKSPACE]
    found = workspace.store.row(
        "select * from files where token = ? and state = 'promised'", request.match_info["token"]
    )
    if found is None:
        raise web.HTTPNotFound(text="unknown upload url")
    content = await _bytes_of(request)
    if len(content) != body_of(found)["size"]:
        raise web.HTTPBadRequest(text=f"expected {body_of(found)['size']} bytes, got {len(content)}")
    await asyncio.to_thread(_keep, workspace.store.files / found["id"], content)
    with workspace.store.change():
        workspace.store.run("update files set state = 'uploaded' where id = ?", found["id"])
    return web.Response(text=f"OK - {len(content)}")


async def _bytes_of(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    part = next((value for value in (await request.post()).values() if isinstance(value, web.FileField)), None)
    return part.file.read() if part else b""


def _keep(path: Path, content: bytes) -> None:
    half = path.with_suffix(".part")
    half.write_bytes(content)
    half.replace(path)


async def serve(request: web.Request) -> web.StreamResponse:
    """An uploaded file for the page's own reader; anything but a picture is offered as a download, never rendered."""
    store = request.app[WORKSPACE].store
    found = store.row(
        "select * from files where id = ? and state in ('uploaded', 'complete')", request.match_info["file"]
    )
    if found is None:
        raise web.HTTPNotFound(text="no such file")
    body = body_of(found)
    inline = body["mimetype"] in SHOWN_INLINE
    headers = {
        "Content-Type": body["mimetype"] if inline else "application/octet-stream",
        "Cache-Control": "private, max-age=31536000, immutable",
    }
    if not inline:
        headers["Content-Disposition"] = f'attachment; filename="{found["id"]}"'
    return web.FileResponse(store.files / found["id"], headers=headers)
