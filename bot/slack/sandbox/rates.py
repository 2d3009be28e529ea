"""Slack's rate limits: one message a second in a channel with short bursts, and so many calls of a method a minute by its tier."""

import time
from collections import deque
from collections.abc import Mapping

MESSAGES_AHEAD = 5.0
"""Seconds by which a channel may be ahead of one message a second. Slack calls it a short burst and names no figure."""
TIERS: Mapping[int, int] = {1: 1, 2: 20, 3: 50, 4: 100}
"""Calls a minute in each tier; Slack promises at least these."""
TIER_OF: Mapping[str, int] = {
    "chat.update": 3, "chat.delete": 3, "chat.postEphemeral": 4, "reactions.add": 3, "conversations.list": 2, "conversations.history": 3,
    "conversations.replies": 3, "conversations.open": 3, "conversations.info": 3, "users.list": 2, "users.info": 4, "users.lookupByEmail": 3,
    "users.profile.get": 4, "files.getUploadURLExternal": 4, "files.completeUploadExternal": 4, "files.delete": 3, "views.open": 4, "views.update": 4,
    "views.push": 4, "views.publish": 4,
}  # fmt: skip
_MINUTE = 60.0


class Rates:
    """Counts one workspace's calls."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = {}
        self._channels: dict[str, float] = {}

    def wait(self, method: str, channel: str = "") -> int:
        """Whole seconds for Retry-After; 0 lets the call through and counts it."""
        now = time.monotonic()
        if method == "chat.postMessage":
            return self._message(channel, now)
        return self._call(method, now) if method in TIER_OF else 0

    def _message(self, channel: str, now: float) -> int:
        due = max(self._channels.get(channel, 0.0), now)
        if due - now >= MESSAGES_AHEAD:
            return max(1, round(due - now - MESSAGES_AHEAD + 1))
        self._channels[channel] = due + 1.0
        return 0

    def _call(self, method: str, now: float) -> int:
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - _MINUTE:
            calls.popleft()
        if len(calls) >= TIERS[TIER_OF[method]]:
            return max(1, round(calls[0] + _MINUTE - now))
        calls.append(now)
        return 0
