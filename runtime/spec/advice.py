"""What is allowed in outcome.yaml and still unwise: secrets written out, references where none are read."""

import re
from typing import Any

from runtime.spec.faults import At, spell
from runtime.spec.models import OutcomeFile
from runtime.spec.references import defaults, has_reference, literal_part, readable, texts

SECRET_NAME = re.compile(
    r"(?i)(secret|token|password|passwd|credentials(_json)?|service_account|dsn"
    r"|(api|app|sdk|access|private|secret|signing|server|admin)_?key)$"
)
SECRET_TEXT = re.compile(
    r"xox[a-z]-|xapp-|\bsk-[\w-]{12,}|\b(sdk|api|mob)-[0-9a-f]{8}-[0-9a-f]{4}|\bph[xs]_\w{8,}|\bwhsec_|\bpplx-\w{8,}"
    r"|\bgh[pousr]_\w{16,}|\bgithub_pat_|\bAKIA[0-9A-Z]{16}|\bAIza[\w-]{20,}|\bsecret-\w{12,}|-----BEGIN "
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.|://[^/\s:@]*:[^/\s@]+@"
)
SHORTEST_SECRET = 8


def warnings(file: OutcomeFile) -> list[str]:
    """One sentence for each; the suspected secret itself is never repeated."""
    data = file.model_dump(mode="json", by_alias=True)
    exposed = [
        f"{spell(at)}: looks like a secret written out; put it in the environment and write ${{NAME}} here."
        for at, text in readable(data)
        if looks_secret(at, text)
    ]
    return exposed + [
        f"{spell(at)}: ${{...}} is plain text here; references are read in config and notifications only."
        for at, text in texts(data["outcomes"], ("outcomes",))
        if has_reference(text)
    ]


def looks_secret(at: At, text: str) -> bool:
    """By the look of the text, or because its key is named like one; a reference alone is no secret, a path is none."""
    if SECRET_TEXT.search(literal_part(text)):
        return True
    named = any(SECRET_NAME.search(str(step)) for step in at[2:])
    literal = defaults(text) if has_reference(text) else text
    return named and len(literal) >= SHORTEST_SECRET and not literal.startswith(("/", "./"))


def masked(at: At, value: Any) -> Any:
    """The value as it may be shown to people, with suspected secrets hidden."""
    if isinstance(value, str):
        return "(hidden)" if looks_secret(at, value) else value
    if isinstance(value, dict):
        return {key: masked((*at, key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked((*at, index), inner) for index, inner in enumerate(value)]
    return value
