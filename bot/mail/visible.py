"""What a reader of an HTML part saw, line by line, with quotes and signatures marked; hidden words are left out."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser
from typing import Literal

from bot.mail.styles import Attributes, Look, Rule, declarations, look, rules

Mark = Literal["", "quote", "signature", "boundary"]
LONGEST, _DEEPEST, _MOST_LINES = 400_000, 300, 8000
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_SILENT = frozenset(["script", "style", "template", "title", "head", "noscript", "textarea", "select", "option", "svg", "math", "object", "iframe", "audio", "video", "canvas", "xml"])  # fmt: skip
_STRUCK = frozenset({"s", "strike", "del"})
"""Words that were taken back are said no longer."""
_BLOCK = frozenset(["address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt", "fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul"])  # fmt: skip
_SPACED = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre"])
_CLOSES = {"p": ("p",), "li": ("li",), "dt": ("dt", "dd"), "dd": ("dt", "dd"), "td": ("td", "th"), "th": ("td", "th"), "tr": ("tr", "td", "th")}  # fmt: skip
_STOPS = {"li": ("ul", "ol"), "td": ("tr", "table"), "th": ("tr", "table"), "tr": ("table",)}
_QUOTES = frozenset(
    {"moz-cite-prefix", "gmail_attr", "outlookmessageheader", "tutanota_quote", "front-blockquote", "cite"}
)
_WRAPPERS = frozenset({"gmail_quote", "gmail_extra", "yahoo_quoted", "yahoo-quoted-begin", "protonmail_quote", "zmail_extra", "gmx_quote", "freebirdformattedhtml"})  # fmt: skip
_QUOTE_IDS = frozenset({"olk_src_body_section", "mail-editor-reference-message-container", "isforwardcontent", "isreplycontent", "oriMsgHtmlSeperator".lower()})  # fmt: skip
_BOUNDARY_IDS = frozenset({"appendonsend", "divrplyfwdmsg", "stopspelling"})
_SIGNATURES = frozenset({"gmail_signature", "moz-signature", "protonmail_signature_block", "applemailsignature", "ms-outlook-mobile-signature", "signature", "ms-outlook-ios-signature", "outlook-ios-signature", "iosmailsignature", "email-signature", "zmail_signature"})  # fmt: skip
_OUTLOOK = re.compile(r"border-top:\s*(?:solid\s+#(?:e1e1e1|b5c4df|cccccc)|(?:1(?:\.0)?pt|1px|0\.75pt)\s+solid\s+(?:#(?:e1e1e1|b5c4df)|rgb\(\s*(?:225|181)))")  # fmt: skip
_SIDE = re.compile(r"border-left:\s*(?:solid\s+(?:blue|#0000ff)\s+1\.5pt|(?:1\.5pt|2px)\s+solid\s+(?:blue|#1010ff|#0000ff|rgb\(16,\s*16,\s*255\)))")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `quote` covers what a client marked as quoted, after `boundary` all is an older message."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True, slots=True)
class Visible:
    lines: tuple[Line, ...]
    hidden: bool


@dataclass(slots=True)
class _Frame:
    tag: str
    attributes: Attributes
    look: Look
    quote: bool = False
    signature: bool = False
    silent: bool = False
    wrapper: int | None = None
    """For a client's wrapper of attribution and quote: how many lines stood before it."""
    quoted_inside: bool = False


@lru_cache(maxsize=4)
def lines(html: str) -> Visible:
    """Tolerant of any markup; what is not closed is closed where browsers do. Robots and replies ask for the same page."""
    html = html[:LONGEST]
    sheets = tuple(rule for sheet in re.findall(r"<style\b[^>]*>(.*?)(?:</style|\Z)", html, re.DOTALL | re.IGNORECASE) for rule in rules(sheet))  # fmt: skip
    # Comments end in more ways than html.parser of each Python version knows.
    bare = re.sub(r"<!--(?:-?>|.*?(?:--!?>|\Z))", "", html.replace("\0", ""), flags=re.DOTALL)
    reader = _Reader(sheets)
    reader.feed(bare)
    reader.close()
    return Visible(tuple(reader.finished()), reader.hid)


def text(html: str) -> str:
    """The visible words outside quotes and signatures."""
    return "\n".join(line.text for line in lines(html).lines if not line.mark).strip()


@dataclass(slots=True)
class _Page:
    done: list[Line] = field(default_factory=list)
    now: list[str] = field(default_factory=list)
    mark: Mark = ""


class _Reader(HTMLParser):
    def __init__(self, sheet: tuple[Rule, ...]) -> None:
        super().__init__(convert_charrefs=True)
        self.hid = False
        self._sheet = sheet
        self._stack = [_Frame("", {}, Look())]
        self._page = _Page()

    def parse_html_declaration(self, i: int) -> int:
        """A declaration, whatever is in it, ends at the next `>`, as in browsers (https://html.spec.whatwg.org/#bogus-comment-state).

        html.parser reads it as SGML, and raises where a client's `<![endif]>` was damaged.
        """
        end = self.rawdata.find(">", i)
        return end + 1 if end >= 0 else len(self.rawdata)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in reversed(attrs)}
        if tag in _VOID:
            self._void(tag, attributes)
            return
        self._imply(tag)
        frame = self._frame(tag, attributes)
        if tag in _BLOCK:
            self._break(spaced=tag in _SPACED)
        if _boundary(attributes):
            self._page.done.append(Line("", "boundary"))
        if frame.quote and not self._stack[-1].quote:
            for outer in self._stack:
                outer.quoted_inside = True
        if len(self._stack) < _DEEPEST:
            self._stack.append(frame)
        if tag == "li":
            self._write("* ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """In HTML a closing slash closes nothing, `<div/>` is an open div; Office's `<o:p/>` is empty."""
        self.handle_starttag(tag, attrs)
        if ":" in tag:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "br":
            self._break()
        places = [place for place, frame in enumerate(self._stack) if frame.tag == tag]
        while places and len(self._stack) > places[-1]:
            self._close()

    def handle_data(self, data: str) -> None:
        frame = self._stack[-1]
        if frame.silent:
            return
        if frame.look.hidden:
            self.hid = self.hid or bool(re.search(r"\w", data))
        elif any(outer.tag == "pre" for outer in self._stack) or "pre-wrap" in frame.attributes.get("style", ""):
            for number, part in enumerate(data.split("\n")):
                if number:
                    self._break()
                self._write(part)
        else:
            self._write(re.sub(r"[ \t\r\n\f]+", " ", data))

    def finished(self) -> list[Line]:
        while len(self._stack) > 1:
            self._close()
        self._break()
        return self._page.done[:_MOST_LINES]

    def _void(self, tag: str, attributes: Attributes) -> None:
        if tag == "br":
            self._break(always=True)
        elif tag == "hr":
            self._break(spaced=True)
        elif tag == "img" and not self._stack[-1].look.hidden and _emoji(attributes):
            self._write(attributes["alt"])

    def _imply(self, tag: str) -> None:
        """A `<p>` in a `<p>`, an `<li>` in an `<li>`: the earlier one ends, and with it what it hid."""
        closes = _CLOSES.get(tag, ("p",) if tag in _BLOCK else ())
        for place in range(len(self._stack) - 1, 0, -1):
            name = self._stack[place].tag
            if name in closes:
                while len(self._stack) > place:
                    self._close()
                return
            if name in _STOPS.get(tag, ()) or (name in _BLOCK and tag not in _STOPS):
                return

    def _frame(self, tag: str, attributes: Attributes) -> _Frame:
        outer = self._stack[-1]
        own = declarations(attributes.get("style", ""))
        if self._sheet:
            chain = [(frame.tag, frame.attributes) for frame in self._stack[1:]] + [(tag, attributes)]
            sheet = {name: value for rule in self._sheet if rule.fits(chain) for name, value in rule.style.items()}
            own = {**sheet, **own}
        names = _names(attributes)
        return _Frame(
            tag,
            attributes,
            look(outer.look, tag, attributes, own),
            quote=outer.quote or _quotes(tag, attributes, names),
            signature=outer.signature
            or bool(names & _SIGNATURES)
            or attributes.get("data-smartmail") == "gmail_signature",
            silent=outer.silent or tag in _SILENT or tag in _STRUCK or "line-through" in own.get("text-decoration", ""),
            wrapper=len(self._page.done) if names & _WRAPPERS else None,
        )

    def _close(self) -> None:
        frame = self._stack[-1]
        if frame.tag in _BLOCK:
            self._break(spaced=frame.tag in _SPACED)
        elif frame.tag in {"td", "th"}:
            self._write(" ")
        self._stack.pop()
        if frame.wrapper is not None and not frame.quoted_inside:
            # A wrapper without a quote in it (a forward, Yahoo) is itself the quote.
            self._break()
            done = self._page.done
            done[frame.wrapper :] = [Line(line.text, "quote") for line in done[frame.wrapper :]]

    def _write(self, words: str) -> None:
        frame, page = self._stack[-1], self._page
        if frame.silent or frame.look.hidden:
            return
        mark: Mark = "quote" if frame.quote else "signature" if frame.signature else ""
        if page.now and mark != page.mark and words.strip():
            self._break()
        if words.strip() or not page.now:
            page.mark = mark
        page.now.append(words)

    def _break(self, *, spaced: bool = False, always: bool = False) -> None:
        page = self._page
        shown = re.sub(r"[ \t]+", " ", "".join(page.now).replace("\xa0", " ")).rstrip()
        if shown.strip():
            page.done.append(Line(shown.strip() if not shown.startswith("-- ") else shown, page.mark))
        if (spaced or (always and not shown.strip())) and page.done and page.done[-1].text:
            page.done.append(Line("", page.mark if page.mark == "quote" else ""))
        page.now.clear()


def _names(attributes: Attributes) -> frozenset[str]:
    """Classes and id, lower case, without the `x_` that Outlook puts before those of a quoted letter."""
    found = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower().split()
    return frozenset(name.removeprefix("x_") for name in found)


def _quotes(tag: str, attributes: Attributes, names: frozenset[str]) -> bool:
    style = attributes.get("style", "").lower()
    if tag == "blockquote":
        indented = re.search(r"border:\s*(?:none|0)|margin:\s*0(?:px)?\s+0(?:px)?\s+0(?:px)?\s+40px", style)
        return not (indented and not attributes.get("cite") and attributes.get("type") != "cite" and not names)
    return bool(names & (_QUOTES | _QUOTE_IDS)) or (tag == "div" and bool(_SIDE.search(style)))


def _boundary(attributes: Attributes) -> bool:
    raw = attributes.get("id", "").lower()
    return raw in _BOUNDARY_IDS or bool(_OUTLOOK.search(attributes.get("style", "").lower()))


def _emoji(attributes: Attributes) -> bool:
    """Gmail and Outlook write emoji as pictures; any other picture's alt text is no speech."""
    alt = attributes.get("alt", "")
    known = "data-emoji" in attributes or "emoji" in attributes.get("class", "").lower()
    return bool(alt) and (known or (len(alt) <= 4 and not alt.isascii()))  # noqa: PLR2004  one emoji with its joiners
