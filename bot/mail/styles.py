"""Which styles hide words: by attribute, by a mail's own style block, by a colour that is its background's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

Colour = tuple[int, int, int]
Attributes = Mapping[str, str]
_NAMED: dict[str, Colour] = {"white": (255, 255, 255), "black": (0, 0, 0), "snow": (255, 250, 250), "ivory": (255, 255, 240), "ghostwhite": (248, 248, 255), "whitesmoke": (245, 245, 245)}  # fmt: skip
_ALIKE = 30
"""So near, summed over red, green and blue, nobody reads one on the other (#f5f5f5 on white)."""
_FAR, _TINY, _FAINT = -500, 1.5, 0.05
_MOST_RULES = 400
_TELLING = frozenset({"hidden", "bgcolor", "color"})
_NUMBER = re.compile(r"\s*(-?[0-9]*\.?[0-9]+)\s*([a-z%]*)")


@dataclass(frozen=True, slots=True)
class Look:
    """How an element shows, with what it inherits."""

    gone: bool = False
    invisible: bool = False
    tiny: bool = False
    colour: Colour | None = (0, 0, 0)
    background: Colour = (255, 255, 255)

    @property
    def hidden(self) -> bool:
        return self.gone or self.invisible or self.tiny or self.colour is None or _near(self.colour, self.background)


@dataclass(frozen=True, slots=True)
class Rule:
    """A selector as its compounds, outermost first: (tag, id, classes)."""

    path: tuple[tuple[str, str, frozenset[str]], ...]
    style: Mapping[str, str]

    def fits(self, chain: Sequence[tuple[str, Attributes]]) -> bool:
        """`chain` is the element's ancestors and itself, outermost first."""
        if not _fits(self.path[-1], chain[-1]):
            return False
        outer = iter(chain[:-1])
        return all(any(_fits(part, item) for item in outer) for part in self.path[:-1])


@lru_cache(maxsize=2048)
def declarations(style: str) -> Mapping[str, str]:
    found = (part.partition(":") for part in style.lower().replace("!important", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in found if value.strip()}


def rules(sheet: str) -> tuple[Rule, ...]:
    """The rules of a style block that can hide; those for small screens or paper say nothing of what a reader saw."""
    plain = re.sub(r"/\*.*?\*/|<!--|-->", " ", sheet, flags=re.DOTALL)
    plain = re.sub(r"@media\s+(?:all|screen)\s*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}", r"\1", plain)
    plain = re.sub(r"@[^{};]*(?:;|\{(?:[^{}]*\{[^{}]*\})*[^{}]*\})", " ", plain)
    found: list[Rule] = []
    for selectors, body in re.findall(r"([^{}]{1,500})\{([^{}]*)\}", plain)[:_MOST_RULES]:
        style = declarations(body)
        if look(Look(), "", {}, style) != Look():
            found += [Rule(path, style) for item in selectors.split(",") if (path := _path(item))]
    return tuple(found)


def look(parent: Look, tag: str, attributes: Attributes, style: Mapping[str, str]) -> Look:
    """The element's own declarations over what it inherits."""
    if not style and tag != "dialog" and not _TELLING & attributes.keys():
        return parent
    shut = "hidden" in attributes or (tag == "dialog" and "open" not in attributes)
    return _looked(parent, shut, tuple(style.items()), attributes.get("bgcolor", ""), attributes.get("color", ""))


@lru_cache(maxsize=4096)
def _looked(parent: Look, shut: bool, declared: tuple[tuple[str, str], ...], bgcolor: str, colour: str) -> Look:  # noqa: FBT001  one key of a cache
    style = dict(declared)
    changed = replace(parent, gone=parent.gone or shut or _gone(style))
    if "visibility" in style:
        changed = replace(changed, invisible=style["visibility"] in {"hidden", "collapse"})
    if "font-size" in style:
        changed = replace(changed, tiny=_tiny(style["font-size"], inherited=parent.tiny))
    background = style.get("background-color") or style.get("background") or bgcolor
    if background and (found := _colour(background)):
        changed = replace(changed, background=found)
    return _coloured(changed, style.get("-webkit-text-fill-color") or style.get("color") or colour)


def _coloured(before: Look, value: str) -> Look:
    if not value:
        return before
    if value == "transparent" or re.fullmatch(r"(?:rgba|hsla)\(.*[,/]\s*0?(?:\.0+)?%?\s*\)", value):
        return replace(before, colour=None)
    found = _colour(value)
    # A colour we cannot read is taken for a readable one.
    return replace(before, colour=found or ((0, 0, 0) if value not in {"inherit", "currentcolor"} else before.colour))


def _gone(style: Mapping[str, str]) -> bool:
    clipped = any(style.get(name, "") in {"hidden", "clip"} for name in ("overflow", "overflow-x", "overflow-y"))
    return (
        style.get("display") == "none"
        or style.get("mso-hide") == "all"
        or _number(style.get("opacity"), 1) <= _FAINT
        or (clipped and any(_number(style.get(name), 100) <= _TINY for name in ("max-height", "height", "max-width", "width")))
        or _number(style.get("text-indent"), 0) <= _FAR
        or (style.get("position") in {"absolute", "fixed", "relative"} and min(_number(style.get(side), 0) for side in ("left", "top", "right", "bottom")) <= _FAR)
        or min(_number(style.get(side), 0) for side in ("margin-left", "margin-top")) <= _FAR
        or bool(re.search(r"rect\(\s*0(?:px)?[\s,]+0(?:px)?[\s,]+0|inset\((?:50|100)%", style.get("clip", "") + style.get("clip-path", "")))
        or bool(re.search(r"scale[xy]?\(\s*0(?:\.0+)?\s*[,)]", style.get("transform", "")))
    )  # fmt: skip


def _tiny(value: str, *, inherited: bool) -> bool:
    if value in {"inherit", "smaller", "larger"} or re.match(r"[0-9.]+(?:em|%)", value):
        return inherited or _number(value, 1) == 0
    return _number(value, 100) <= _TINY and not value.endswith(("rem", "vw", "vh", "in", "cm"))


def _number(value: str | None, otherwise: float) -> float:
    found = _NUMBER.match(value or "")
    return float(found[1]) if found else otherwise


def _colour(value: str) -> Colour | None:
    value = value.strip().lower()
    if found := re.search(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", value):
        digits = found[1] if len(found[1]) > 3 else "".join(char * 2 for char in found[1])  # noqa: PLR2004  #abc is #aabbcc
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if found := re.search(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})", value):
        return int(found[1]), int(found[2]), int(found[3])
    return next((_NAMED[word] for word in value.split() if word in _NAMED), None)


def _near(one: Colour, other: Colour) -> bool:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) <= _ALIKE


def _path(selector: str) -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Empty for a selector that asks for more than tags, ids and classes."""
    words = selector.replace(">", " ").split()
    if not words or not all(
        re.fullmatch(r"(?:\*|[A-Za-z][\w:-]*)?(?:[.#][\w-]+)*", word) and ":" not in word for word in words
    ):
        return ()
    return tuple(
        (
            re.match(r"[A-Za-z][\w-]*|", word)[0].lower(),  # type: ignore[index]  # matches the empty string at worst
            next(iter(re.findall(r"#([\w-]+)", word)), ""),
            frozenset(re.findall(r"\.([\w-]+)", word)),
        )
        for word in words
    )


def _fits(part: tuple[str, str, frozenset[str]], item: tuple[str, Attributes]) -> bool:
    tag, own, classes = part
    name, attributes = item
    return (
        (not tag or tag == name)
        and (not own or own == attributes.get("id"))
        and classes <= frozenset(attributes.get("class", "").split())
    )
