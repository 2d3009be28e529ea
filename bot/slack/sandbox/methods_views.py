"""Web API: open, push, update and publish views."""

from typing import Any

from bot.slack.sandbox import views
from bot.slack.sandbox.content import Arguments, accepted_view
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.methods import Answer, Call, method


class Open(Arguments):
    trigger_id: str
    view: Any


class Update(Arguments):
    view: Any
    view_id: str | None = None
    external_id: str | None = None
    hash: str | None = None


class Publish(Arguments):
    user_id: str
    view: Any
    hash: str | None = None


def _show(call: Call, given: Open, *, pushed: bool) -> Answer:
    workspace = call.workspace
    view = accepted_view(workspace, given.view, "modal")
    person = workspace.redeem(given.trigger_id)
    open_before = views.stack_of(workspace.store, person)
    if pushed and not open_before:
        raise SlackRefusal("not_found")
    if open_before and not pushed:
        views.close(workspace.store, open_before[0]["id"], everything=True, replaced=True)
    kept = views.open_new(workspace.store, workspace.config, view, person=person, kind="modal", now=workspace.now())
    return {"view": kept}


@method("views.open", Open)
def views_open(call: Call, given: Open) -> Answer:
    """A modal that is open already is replaced: the person has answered with another button."""
    return _show(call, given, pushed=False)


@method("views.push", Open)
def views_push(call: Call, given: Open) -> Answer:
    return _show(call, given, pushed=True)


@method("views.update", Update)
def views_update(call: Call, given: Update) -> Answer:
    workspace = call.workspace
    if not (given.view_id or given.external_id):
        raise SlackRefusal("invalid_arguments")
    view_id = given.view_id or views.named(workspace.store, given.external_id or "")
    kind = views.get(workspace.store, view_id)["kind"]
    view = accepted_view(workspace, given.view, kind)
    kept = views.redraw(workspace.store, workspace.config, view, view_id=view_id, seen=given.hash, now=workspace.now())
    return {"view": kept}


@method("views.publish", Publish)
def views_publish(call: Call, given: Publish) -> Answer:
    workspace = call.workspace
    if given.user_id not in workspace.directory.people:
        raise SlackRefusal(
            "invalid_arguments", response_metadata={"messages": ["[ERROR] user not found [json-pointer:/user_id]"]}
        )
    view = accepted_view(workspace, given.view, "home")
    before = views.home_of(workspace.store, given.user_id)
    if before is None:
        return {
            "view": views.open_new(
                workspace.store, workspace.config, view, person=given.user_id, kind="home", now=workspace.now()
            )
        }
    return {
        "view": views.redraw(
            workspace.store, workspace.config, view, view_id=before["id"], seen=given.hash, now=workspace.now()
        )
    }
