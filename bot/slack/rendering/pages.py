"""Each sample as one HTML file that needs nothing beside it: the sandbox's own scripts and styles are inside. PURE but for reading those."""

import base64
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bot.slack.samples import Sample
from bot.slack.sandbox.page import static_folder

READY = "window.previewHeight"
"""True in a page as soon as it is drawn, pictures included; its value is the height."""
_OWN = Path(__file__).parent
_IMPORT = re.compile(r'(from\s+|import\s*\(?\s*)"\./([\w-]+\.js)"')
_ICON = "/static/icon.svg"
_STYLES = ("style.css", "messages.css", "blocks.css", "mail.css")
_PEOPLE = [
    {"id": "U0ANA00001", "name": "Ana Diaz", "email": "ana@example.com", "tz": "Europe/Berlin", "color": "7a3e9d"},
    {"id": "U0CYRA0001", "name": "Cyra Lind", "email": "cyra@example.com", "tz": "Europe/Berlin", "color": "1f7a4d"},
]


def page(sample: Sample, charts: Mapping[str, bytes]) -> str:
    """`charts` are the PNGs of the uploaded pictures by file id."""
    kept = {
        "name": sample.name,
        "surface": sample.surface,
        "text": sample.text,
        "blocks": sample.blocks,
        "view": sample.view,
    }
    shown = {
        "sample": _pictured(kept, {file: _data("image/png", png) for file, png in charts.items()}),
        "people": _PEOPLE,
    }
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(sample.name)}</title><style>{_styles()}</style>"
        f'<script type="importmap">{_scripts()}</script></head><body>'
        '<main id="main"></main><div id="layer"></div><div id="toasts"></div>'
        f'<script type="application/json" id="sample">{_embedded(shown)}</script>'
        f'<script type="module">{(_OWN / "preview.js").read_text()}</script></body></html>'
    )


def index(names: Mapping[str, list[str]]) -> str:
    """Everything on one page, to scroll through; `names` maps a sample to its files."""
    rows = (
        f"<h2>{html.escape(name)}</h2>" + "".join(_shown(html.escape(file)) for file in files)
        for name, files in names.items()
    )
    return f'<!doctype html><meta charset="utf-8"><title>Slack messages</title>{"".join(rows)}\n'


def _shown(file: str) -> str:
    return f'<img src="{file}" alt="{file}"> ' if file.endswith(".png") else f'<a href="{file}">{file}</a> '


def _pictured(node: Any, addresses: Mapping[str, str]) -> Any:
    """Uploaded files live in Slack: here the charts themselves stand in their place."""
    if isinstance(node, dict):
        if set(node) == {"id"} and node["id"] in addresses:
            return {"url": addresses[node["id"]]}
        return {key: _pictured(value, addresses) for key, value in node.items()}
    return [_pictured(item, addresses) for item in node] if isinstance(node, list) else node


def _embedded(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value).replace("<", "\\u003c")


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@cache
def _icon() -> str:
    return _data("image/svg+xml", (static_folder() / "icon.svg").read_bytes())


@cache
def _styles() -> str:
    own = (_OWN / "preview.css").read_text()
    return "\n".join([*((static_folder() / name).read_text() for name in _STYLES), own])


@cache
def _scripts() -> str:
    """The sandbox's modules under bare names, since a file's scripts may not import its neighbours."""
    found = {
        file.name: _data("text/javascript", _IMPORT.sub(r'\1"\2"', file.read_text().replace(_ICON, _icon())).encode())
        for file in static_folder().glob("*.js")
        if file.name != "app.js"
    }
    return json.dumps({"imports": found})
