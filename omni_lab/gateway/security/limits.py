"""Token buckets: who asks too much is told when to ask again."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol

from omni_lab.gateway.security.settings import Rate

MOST: Final = 100_000
"""Buckets kept in memory; the one not asked for the longest goes first."""


class Limits(Protocol):
    """Where the buckets are."""

    async def take(self, kind: str, who: str) -> float:
        """Take a token from every bucket of a class.

        Parameters
        ----------
        kind : str
            The class: ``"read"``, ``"write"``, ``"login"``, ``"address"``.
        who : str
            Whose buckets.

        Returns
        -------
        float
            0 if there was one in each, else seconds until there will be, and none was taken.
        """
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


class MemoryLimits:
    """Buckets of this process.

    Parameters
    ----------
    rates : mapping of str to sequence of Rate
    clock : callable, optional
        Seconds that only grow.
    """

    def __init__(
        self, rates: Mapping[str, Sequence[Rate]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = {kind: tuple(each) for kind, each in rates.items()}
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, list[float]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take_now(self, kind: str, who: str) -> float:
        """`Limits.take`, which waits for nobody here."""
        now, key, rates = self._clock(), (kind, who), self._rates[kind]
        found = self._buckets.pop(key, None)
        if found is None:
            levels = [rate.burst for rate in rates]
            if len(self._buckets) >= MOST:
                self._buckets.popitem(last=False)
        else:
            passed = max(0.0, now - found[0])
            levels = [
                min(rate.burst, level + passed * rate.per_second)
                for rate, level in zip(rates, found[1], strict=True)
            ]
        wait = max(
            0.0 if level >= 1 else (1 - level) / rate.per_second
            for rate, level in zip(rates, levels, strict=True)
        )
        self._buckets[key] = (now, levels if wait else [level - 1 for level in levels])
        return wait

    async def take(self, kind: str, who: str) -> float:
        """See `Limits.take`."""
        return self.take_now(kind, who)

    async def close(self) -> None:
        """Nothing is held."""


@lru_cache(4096)
def neighbourhood(address: str) -> str:
    """Who shares an address for the limits: itself, and of IPv6 its /64, which one host is given whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
