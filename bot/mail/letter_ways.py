"""The forms in which a gate's letter can be answered: only those that this gate offers. PURE."""

from collections.abc import Iterator, Sequence

from bot.mail.letter_parts import Option, Ways, line

LEAD = "Reply to this letter with one of these on the first line:"
_SAYS = {
    "approve": ("APPROVE", "yes, as it stands here"),
    "ship": ("SHIP", "everybody gets it, for good"),
    "scale": ("SCALE 50%", "so many users get it, and it is measured on"),
    "run_on": ("RUN ON", "keep measuring before anybody decides"),
    "iterate": ("ITERATE: why", "end it and propose a better one"),
    "kill": ("KILL: why", "turn the flag off for everybody"),
    "resume": ("RESUME why", "turn the flag on again"),
    "confirm": ("CONFIRM", "agree with the first answer, just as it was given"),
}
_CONDITIONS = {
    "cap": "cap 20%",
    "deadline": "until 2026-12-01",
    "segment": "segment platform=ios",
    "constraint": "refund_rate <= 0.02",
    "note": "note any words",
}


def ways(options: Sequence[Option], *, confirming: bool = False, many: bool = False, cap: str = "") -> Ways:
    """`confirming`: a first answer waits for a second person. `many`: several experiments are asked about at once. `cap` binds them."""
    shown = [option for option in options if option["id"] != "confirm" or confirming]
    return Ways(LEAD, tuple(_forms(shown, many=many, cap=cap)))


def _forms(options: Sequence[Option], *, many: bool, cap: str) -> Iterator[tuple[str, str]]:
    by_id = {option["id"]: option for option in options}
    for name, option in by_id.items():
        if name == "reject":
            yield _rejecting(option, by_id)
        elif name == "approve":
            yield "APPROVE", "yes, all of them (some of them: on the gate's page)" if many else _SAYS["approve"][1]
            if option.get("terms"):
                yield "APPROVE IF condition; condition", _conditions(option)
        elif name == "ship" and cap:
            yield "SHIP AND LIFT CAP: why", f"everybody gets it, for good; it is held to {line(cap, 160)}"
        elif name in _SAYS:
            yield _SAYS[name]
    yield "DELEGATE address", "hand it to a colleague, whose time starts anew"


def _rejecting(option: Option, by_id: dict[str, Option]) -> tuple[str, str]:
    """A choice that says more than no says it; building anew has its own form."""
    form = "REJECT why" if option.get("needs_reason") else "REJECT"
    label = line(option["label"], 60).lower()
    says = "no, nothing of it" if label in {"no", "reject"} else f"no: {label}"
    return form, f"{says}; SEND BACK why has it built anew" if "rework" in by_id else says


def _conditions(option: Option) -> str:
    said = "; ".join(words for kind, words in _CONDITIONS.items() if kind in option["terms"])
    return f"yes, within limits: {said}"
