"""Which loopback port an embedded server listens on: the wanted one, the remembered one, or a free one."""

import secrets
import socket

from runtime.errors import LocalServerFailed
from runtime.local.processes import wait_until

LOOPBACK = "127.0.0.1"
# Below the range the kernel hands to outgoing connections, so that no client sits on the port while a server restarts.
_FIRST, _LAST = 20_000, 32_000


class PortTaken(LocalServerFailed):
    """Another program listens on the port; stop it, or name another port in the settings."""

    code = "PORT_TAKEN"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen here now; SO_REUSEADDR as servers set it, so TIME_WAIT does not count as taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    for _ in range(50):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def require_free(port: int, *, host: str = LOOPBACK, setting: str) -> None:
    if not wait_until(lambda: is_free(port, host), 1):
        raise PortTaken(
            f"Port {port} on {host} is taken by another program; stop it, or name another port in {setting}.",
            port=port,
            setting=setting,
        )


def choose_port(wanted: int, remembered: int | None, *, setting: str) -> int:
    """`wanted` (0 = any) must be free; a remembered port is only a wish, but worth waiting for one second.

    A server that was killed a moment ago may still be letting go of it.
    """
    if wanted:
        require_free(wanted, setting=setting)
        return wanted
    return remembered if remembered and wait_until(lambda: is_free(remembered), 1) else free_port()
