"""Who sees the treatment: Unleash's rollout rule, so that every service that follows it agrees on each unit."""

import mmh3

from runtime.errors import FlagServiceFailed
from runtime.integrations.contracts import Variant

WHOLE = 100


def hundredth(key: str, unit: str) -> int:
    """1..100: murmur3_32 of `key:unit` with seed 0, modulo 100, plus one (checked against Unleash's own engine)."""
    return int(mmh3.hash(f"{key}:{unit}", 0, signed=False)) % WHOLE + 1


def variant_of(key: str, unit: str, percentage: int) -> Variant:
    """Raising the percentage only ever moves units from control to treatment."""
    return "treatment" if hundredth(key, unit) <= percentage else "control"


def checked_percentage(percentage: int) -> None:
    if not 0 <= percentage <= WHOLE:
        raise FlagServiceFailed(f"{percentage} % is no rollout; choose 0 to {WHOLE}.", percentage=percentage)
