"""The page behind a letter's link: a look changes nothing, a form decides, and who holds the link must show that they are its owner."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from aiohttp import web
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from bot.mail import links, page_form, page_guard, page_view
from bot.mail.letter_parts import line
from bot.mail.links import PATH, Link
from bot.mail.page_form import Typed
from bot.mail.page_guard import Pace, PageRefused
from bot.mail.page_view import Seen
from bot.slack.words import clean
from runtime.core import Runtime
from runtime.db.mail import letters, link_uses
from runtime.db.tables import journal
from runtime.digest import digest
from runtime.errors import InvalidRequest, NotFound, OutcomeRuntimeError, ReasonNeeded
from runtime.gates import held, holding, rows, service
from runtime.identity import codes, members
from runtime.identity.codes import TooManyCodes, WrongCode
from runtime.identity.people import Member, person

if TYPE_CHECKING:
    from jinja2 import Environment

log = structlog.get_logger(__name__)

ADDRESS = PATH + "/{token}"
LARGEST = 64 * 1024
GONE = "This link leads nowhere any more. Look for a newer letter about this decision, or ask whoever sent you here."
_TEMPLATES = Path(__file__).parent / "templates"
_MOST_DRAWN = 32
_USED = "This form was used already; it is recorded once. This is how the gate stands now."
_Act = Callable[["Visit", Typed], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: whose link it came by, at which gate, in which browser."""

    door: "GatePage"
    request: web.Request
    link: Link
    org_id: UUID
    member: Member
    browser: str


class GatePage:
    """Its handlers. Nothing is kept here but how often somebody asked, and drawings."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._looks, self._forms = Pace(120), Pace(20)
        self._drawn: dict[str, bytes] = {}

    async def look(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, self._looks, self._look)

    async def chart(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, self._looks, self._chart)

    async def send(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, self._forms, self._send)

    async def _answered(
        self, request: web.Request, pace: Pace, work: Callable[[Visit], Awaitable[web.Response]]
    ) -> web.StreamResponse:
        """As a page, whatever happens; headers that keep the page's address and content to itself stand on each."""
        try:
            # By address as well, so that whoever holds a forwarded link cannot keep its owner out.
            pace.take(f"{request.match_info['token']} {request.remote}")
            response = await work(await self._visit(request))
        except NotFound as error:
            response = _page("page_said.html", status=404, title="No such page", text=error.message)
        except OutcomeRuntimeError as error:
            response = _page("page_said.html", status=403, title="Not recorded", text=error.message)
        response.headers.update(_HEADERS)
        return response

    async def _visit(self, request: web.Request) -> Visit:
        settings = self.runtime.settings
        link = links.read(page_guard.key(settings), request.match_info["token"])
        if link is None or link.expires < self.runtime.now():
            raise NotFound(GONE)
        async with self.runtime.engine.connect() as conn:
            org_id = (await conn.execute(text("select org_by_gate(:gate)"), {"gate": link.gate_id})).scalar()
        if org_id is None:
            raise NotFound(GONE)
        async with self.runtime.transaction(org_id) as tx:
            known = {member.email: member for member in await members.listed(tx)}
        whose = links.owner(page_guard.key(settings), link, known)
        if whose is None:
            raise NotFound(GONE)
        return Visit(self, request, link, org_id, known[whose], page_guard.browser_of(request))

    async def _look(self, visit: Visit) -> web.Response:
        return await shown(visit)

    async def _chart(self, visit: Visit) -> web.Response:
        async with self.runtime.transaction(visit.org_id) as tx:
            chart = (await rows.get(tx, visit.link.gate_id))["context_package"].get("chart")
        png = await self._png(chart) if chart else None
        if png is None:
            raise NotFound("This gate has no chart.")
        return web.Response(body=png, content_type="image/png")

    async def _png(self, chart: Mapping[str, Any]) -> bytes | None:
        mark = digest(chart)
        if mark not in self._drawn:
            found = await drawn_png(chart)
            if found is None:
                return None
            self._drawn[mark] = found
            while len(self._drawn) > _MOST_DRAWN:
                self._drawn.pop(next(iter(self._drawn)))
        return self._drawn.get(mark)

    async def _send(self, visit: Visit) -> web.Response:
        """First whose form it is, then who sits there, and only then what they want."""
        settings, request = self.runtime.settings, visit.request
        page_guard.own_form(request, settings)
        form = page_form.typed(await _fields(request))
        page_guard.own_field(settings, visit.link, visit.browser, form.csrf)
        if page_guard.is_theirs(request, settings, visit.member.email, visit.browser, self.runtime.now()):
            return await _acted(visit, form)
        refused = await _checked(visit, form)
        if refused is not None:
            return refused
        response = await _acted(visit, form)
        page_guard.remember_person(response, settings, visit.member.email, visit.browser, self.runtime.now())
        return response


async def _fields(request: web.Request) -> list[tuple[str, str]]:
    """Only what a form without files sends, and not much of it."""
    if request.content_type != "application/x-www-form-urlencoded" or (request.content_length or 0) > LARGEST:
        raise PageRefused
    sent = await request.post()
    return [(name, value) for name, value in sent.items() if isinstance(value, str)]


async def _checked(visit: Visit, form: Typed) -> web.Response | None:
    """None once the six digits were right; else the page that asks for them."""
    runtime, gate_id = visit.door.runtime, visit.link.gate_id
    if not form.code:
        return await _ask_for_code(visit, form, await _new_code(visit), "")
    try:
        code_id = UUID(form.code_id)
    except ValueError as error:
        raise PageRefused from error
    try:
        await codes.check(
            runtime, visit.org_id, gate_id, visit.member, form.code, code_id=code_id, browser=visit.browser
        )
    except WrongCode as error:
        return await _ask_for_code(visit, form, code_id, error.message, status=422)
    return None


async def _new_code(visit: Visit) -> UUID:
    return await codes.send(visit.door.runtime, visit.org_id, visit.link.gate_id, visit.member, browser=visit.browser)


async def _ask_for_code(visit: Visit, form: Typed, code_id: UUID, error: str, *, status: int = 200) -> web.Response:
    where = "your address" + (" and as a direct message in Slack" if visit.member.slack_user_id else "")
    return _own(
        visit, "page_code.html", status=status, title="Is that you?", error=error, code_id=str(code_id), sent_to=where,
        kept=page_view.kept(form), reader=visit.member.name or visit.member.email,
    )  # fmt: skip


async def _acted(visit: Visit, form: Typed) -> web.Response:
    """What is wrong stands on the page again, beside what was typed."""
    try:
        if form.do not in _DO:
            raise InvalidRequest("This form is from an older version of the page; fill in this one.")
        return await _DO[form.do](visit, form)
    except (PageRefused, TooManyCodes):
        raise
    except OutcomeRuntimeError as error:
        field = "note" if isinstance(error, ReasonNeeded) else str(error.context.get("field") or "")
        status = 422 if isinstance(error, InvalidRequest) else 409
        return await shown(visit, form=form, error=error.message, field=field, status=status)


async def _answer(visit: Visit, form: Typed) -> web.Response:
    runtime, now = visit.door.runtime, visit.door.runtime.now()
    seen = page_guard.shown_evidence(runtime.settings, visit.link, visit.browser, form.once, now)
    async with runtime.transaction(visit.org_id) as tx:
        gate = await rows.get(tx, visit.link.gate_id)
    wanted = page_form.decision(form, gate["options"] or [], seen)
    if not await _first_use(visit, form.once):
        return await shown(visit, notice=_USED, status=409)
    await holding.hold(runtime, visit.org_id, gate["id"], wanted, by=person(visit.member, "page"), now=now)
    return _back(visit)


async def _first_use(visit: Visit, token: str) -> bool:
    used = insert(link_uses).values(
        org_id=visit.org_id, digest=page_guard.digest(token), gate_id=visit.link.gate_id, member=visit.member.email
    )
    async with visit.door.runtime.transaction(visit.org_id) as tx:
        noted = await tx.run(used.on_conflict_do_nothing().returning(link_uses.c.digest))
        return noted.first() is not None


async def _undo(visit: Visit, form: Typed) -> web.Response:
    runtime = visit.door.runtime
    by = person(visit.member, "page")
    await holding.undo(runtime, visit.org_id, visit.link.gate_id, by=by, now=runtime.now())
    return _back(visit)


async def _delegate(visit: Visit, form: Typed) -> web.Response:
    runtime, named = visit.door.runtime, form.get("to").strip()
    async with runtime.transaction(visit.org_id) as tx:
        to = await members.by_email(tx, named)
    if to is None:
        raise InvalidRequest(f"{named or 'Nobody'} is not known here; write the address of a colleague.", field="to")
    by = person(visit.member, "page")
    await service.delegate(runtime, visit.org_id, visit.link.gate_id, to=to, by=by, now=runtime.now())
    return _back(visit)


async def _ask(visit: Visit, form: Typed) -> web.Response:
    from runtime.answers.service import answer  # noqa: PLC0415  it knows every room of the house

    question = form.get("question").strip()
    if not question:
        raise InvalidRequest("Write your question first.", field="question")
    found = await answer(visit.door.runtime, visit.org_id, question, member=visit.member, gate_id=visit.link.gate_id)
    told = {"question": line(question), "text": clean(found.text), "alt": "", "image": ""}
    if found.chart:
        png = await drawn_png(found.chart)
        told |= {"alt": _words(found.chart)[0]}
        told |= {"image": f"data:image/png;base64,{base64.b64encode(png).decode()}"} if png else {}
    return await shown(visit, answer=told)


_DO: Mapping[str, _Act] = {"answer": _answer, "undo": _undo, "delegate": _delegate, "ask": _ask}


def _back(visit: Visit) -> web.Response:
    """To the page as it is now, so that a reload repeats nothing."""
    return web.Response(status=303, headers={"Location": f"{PATH}/{visit.link.token}"})


async def shown(visit: Visit, *, form: Typed | None = None, status: int = 200, **said: Any) -> web.Response:
    """The gate as it is at this moment, with whatever was typed before."""
    runtime, now = visit.door.runtime, visit.door.runtime.now()
    seen = await _seen(visit)
    typed = form.values if form else {}
    window = runtime.settings.mail_undo_seconds
    once = page_guard.decision_token(runtime.settings, visit.link, visit.browser, seen.gate["evidence_hash"], now)
    return _own(
        visit, "page_gate.html", status=status, title=line(seen.gate["question"]), gate=page_view.shown(seen), once=once,
        typed=typed, picked=form.picked if form else None, bound=any(typed.get(name) for name in page_form.TERMS.values()),
        undo=f"{window:g} seconds after you give it" if window else "at once",
        **{"error": "", "notice": "", "field": "", "answer": None, **said},
    )  # fmt: skip


async def _seen(visit: Visit) -> Seen:
    gate_id, mine = visit.link.gate_id, visit.member.email
    of_gate = select(journal).where(journal.c.subject_id == gate_id, journal.c.subject_kind == "gate")
    to_me = select(letters).where(letters.c.gate_id == gate_id, letters.c.recipient == mine)
    async with visit.door.runtime.transaction(visit.org_id) as tx:
        gate = await rows.get(tx, gate_id)
        seen = Seen(
            gate, visit.member, visit.door.runtime.now(), await held.current(tx, gate_id),
            {member.email.casefold(): member.name for member in await members.listed(tx)},
            await tx.all(of_gate.order_by(journal.c.id)), await tx.all(to_me.order_by(letters.c.created_at)),
        )  # fmt: skip
    alt, sparkline = await asyncio.to_thread(_words, gate["context_package"].get("chart"))
    return replace(seen, alt=alt, sparkline=sparkline)


def _words(chart: Mapping[str, Any] | None) -> tuple[str, str]:
    """A chart in words and in block characters; nothing where it cannot be read."""
    import charts  # noqa: PLC0415  numpy comes with it
    from bot.pictures import ChartUnreadable, picture  # noqa: PLC0415

    try:
        known = picture(chart) if chart else None
        return (charts.alt_text(known), charts.sparkline(known)) if known else ("", "")
    except (ChartUnreadable, ValueError, ArithmeticError) as error:
        log.warning("page.chart_unreadable", error=str(error)[:300])
        return "", ""


async def drawn_png(chart: Mapping[str, Any]) -> bytes | None:
    """None where it cannot be drawn: the page has its words."""
    from bot.pictures import drawn, picture  # noqa: PLC0415  as above

    try:
        return (await drawn(picture(chart))).png
    except Exception:  # the drawing library may fail in any way, and the page must come all the same
        log.exception("page.chart_not_drawn")
        return None


def _own(visit: Visit, template: str, *, status: int, **values: Any) -> web.Response:
    """A page with forms of its own: their field and the browser's cookie belong together."""
    settings = visit.door.runtime.settings
    csrf = page_guard.form_mark(settings, visit.link, visit.browser)
    response = _page(template, status=status, csrf=csrf, action=f"{PATH}/{visit.link.token}", **values)
    page_guard.remember_browser(response, settings, visit.browser)
    return response


def _page(template: str, *, status: int, **values: Any) -> web.Response:
    body = _environment().get_template(template).render(css=_css(), **values)
    response = web.Response(text=body, content_type="text/html", status=status)
    mark = base64.b64encode(hashlib.sha256(_css().encode()).digest()).decode()
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; img-src 'self' data:; style-src 'sha256-{mark}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return response


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  only who opens a page needs it

    return Environment(
        autoescape=True, loader=FileSystemLoader(_TEMPLATES), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )  # fmt: skip


@cache
def _css() -> "Any":
    from markupsafe import Markup  # noqa: PLC0415  comes with jinja2

    return Markup((_TEMPLATES / "page.css").read_text(encoding="utf-8"))  # noqa: S704  our own file


_HEADERS = {
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
}  # fmt: skip


def page_routes(runtime: Runtime) -> list[web.RouteDef]:
    """GET shows, POST acts; nothing else is answered."""
    door = GatePage(runtime)
    return [
        web.get(ADDRESS, door.look),
        web.get(f"{ADDRESS}/chart.png", door.chart),
        web.post(ADDRESS, door.send),
    ]
