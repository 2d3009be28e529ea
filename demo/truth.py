"""What each change really does to shoppers: drawn once from a seed, hidden from whoever measures it."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["helps", "nothing", "harms", "slows"]
KINDS: tuple[Kind, ...] = ("helps", "nothing", "harms", "slows")
MOBILE_CONVERSION = 0.32

# Which words in a change's title or description put it into which family of tactics; the first hit counts.
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("urgency", ("urgency", "scarcity", "countdown", "low stock")),
    ("media", ("video", "recommend", "personalis", "personaliz", "chat", "carousel", "widget")),
    ("wallet", ("wallet", "express", "one-tap", "one-click", "apple pay", "google pay")),
    ("guest", ("guest", "account", "sign-in", "sign in", "login")),
    ("form", ("form", "field", "autofill", "keyboard", "validation", "address")),
    ("speed", ("latency", "speed", "preload", "faster", "page weight")),
    ("trust", ("trust", "badge", "secure", "guarantee", "reassur", "review")),
    ("clarity", ("copy", "wording", "label", "total", "shipping", "cost", "price", "progress", "summary")),
)
# Odds of (helps, nothing, harms, slows) for each family.
ODDS: dict[str, tuple[float, float, float, float]] = {
    "urgency": (0.35, 0.25, 0.35, 0.05),
    "media": (0.35, 0.15, 0.10, 0.40),
    "wallet": (0.70, 0.10, 0.05, 0.15),
    "guest": (0.75, 0.15, 0.10, 0.00),
    "form": (0.75, 0.15, 0.10, 0.00),
    "speed": (0.80, 0.20, 0.00, 0.00),
    "trust": (0.55, 0.30, 0.10, 0.05),
    "clarity": (0.65, 0.25, 0.10, 0.00),
    "other": (0.60, 0.18, 0.12, 0.10),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """`conversion` is the absolute change of the mobile conversion rate; latencies are multiplied by `latency_factor`."""

    kind: Kind
    family: str
    conversion: float
    latency_factor: float

    @property
    def lift(self) -> float:
        """Factor on the chance to order, the same for every platform."""
        return 1 + self.conversion / MOBILE_CONVERSION


def family_of(text: str) -> str:
    words = text.casefold()
    return next((name for name, hints in FAMILIES if any(hint in words for hint in hints)), "other")


def draw(seed: int, flag_key: str, family: str) -> Truth:
    """The same three arguments always give the same truth."""
    digest = hashlib.sha256(f"{seed}|{flag_key}|{family}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
    kind = KINDS[int(rng.choice(len(KINDS), p=ODDS[family]))]
    effect = {
        "helps": rng.uniform(0.014, 0.036),
        "nothing": 0.0,
        "harms": -rng.uniform(0.012, 0.040),
        "slows": -rng.uniform(0.0, 0.010),
    }
    slower = {"slows": rng.uniform(1.7, 2.2), "helps": 0.9 if family == "speed" else 1.0}
    return Truth(kind, family, round(float(effect[kind]), 4), round(float(slower.get(kind, 1.0)), 3))
