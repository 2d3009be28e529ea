"""Which addresses may be called: public ones, and those the operator names; so no outcome.yaml can reach inside the house."""

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from runtime.errors import InvalidConfiguration

Address = IPv4Address | IPv6Address
_NAT64 = IPv6Network("64:ff9b::/96")
_HOST_PORT = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<host>[a-z0-9_.*-]+))(?::(?P<port>\d{1,5}))?", re.IGNORECASE)


class AddressRefused(OSError):
    """The host resolves only to private, loopback or link-local addresses and the operator does not allow it."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is a private address")
        self.host = host


class AllowedHosts:
    """What the operator lets us call although it is private: `host`, `host:port`, `*.domain`, an address or a network."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        self._hosts: set[tuple[str, int | None]] = set()
        for entry in entries:
            self._add(entry.strip())

    def _add(self, entry: str) -> None:
        network = _network(entry)
        if network is not None:
            self._networks.append(network)
            return
        match = _HOST_PORT.fullmatch(entry)
        if match is None:
            raise InvalidConfiguration(
                f"'{entry}' cannot be allowed; write a host, host:port, *.domain, an address or a network.", entry=entry
            )
        host = (match["v6"] or match["host"]).lower()
        self._hosts.add((host, int(match["port"]) if match["port"] else None))

    def admits(self, host: str, port: int, address: str) -> bool:
        """Whether `address`, to which `host` resolved a moment ago, may be connected to."""
        ip = ip_address(address.partition("%")[0])
        if is_public(ip) or any(ip in network for network in self._networks):
            return True
        names = {host.lower().rstrip("."), str(ip)}
        names |= {f"*{name[dot:]}" for name in names for dot in range(len(name)) if name[dot] == "."}
        return any((name, wanted) in self._hosts for name in names for wanted in (port, None))


class GuardedResolver(AbstractResolver):
    """Hands the connector only admitted addresses. What is checked is what is connected to: rebinding finds no gap."""

    def __init__(self, allowed: AllowedHosts) -> None:
        self._allowed = allowed
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        admitted = [result for result in found if self._allowed.admits(host, port, result["host"])]
        if not admitted:
            raise AddressRefused(host)
        return admitted

    async def close(self) -> None:
        await self._inner.close()


def is_public(ip: Address) -> bool:
    """Globally routable, and so is every IPv4 address hidden inside it (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(ip.ipv4_mapped)
        if not all(is_public(inner) for inner in _hidden(ip)) or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast


def _hidden(ip: IPv6Address) -> list[IPv4Address]:
    inner = [ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        inner.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [address for address in inner if address is not None]


def is_literal(host: str) -> bool:
    """Whether the host is an address already, so that no resolver will be asked."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None
