"""Runs a command that ends when the demo's launcher ends: `python -m demo.leash ARGUMENT...`."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """On Linux this process is told to stop when the one that started it is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> None:
    """The leash outlives exec: the kernel keeps it for the same process."""
    die_with_parent()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])  # noqa: S606  our own command, no shell wanted


if __name__ == "__main__":
    main()
