"""Token buckets that several replicas share: one script of Redis, by the clock of Redis."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from omni_lab.errors import MissingExtraError
from omni_lab.gateway.security.limits import MemoryLimits
from omni_lab.gateway.security.settings import Rate

try:
    from redis import RedisError
    from redis.asyncio import Redis
except ImportError as error:
    raise MissingExtraError("redis", extra="redis", what="limits that several replicas share") from error

logger = logging.getLogger(__name__)

_ALONE_S = 5.0

# KEYS: the bucket. ARGV: rate and burst of each part. A hash of levels and their time in microseconds.
SCRIPT: Final = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local n = #ARGV / 2
local before = tonumber(redis.call('HGET', KEYS[1], 't') or now)
local passed = math.max(0, now - before) / 1000000
local wait, keep, levels = 0, 0, {}
for i = 1, n do
  local rate, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local level = tonumber(redis.call('HGET', KEYS[1], i) or burst)
  levels[i] = math.min(burst, level + passed * rate)
  if levels[i] < 1 then wait = math.max(wait, (1 - levels[i]) / rate) end
  keep = math.max(keep, burst / rate)
end
for i = 1, n do
  local level = levels[i]
  if wait == 0 then level = level - 1 end
  redis.call('HSET', KEYS[1], i, string.format('%.9f', level))
end
redis.call('HSET', KEYS[1], 't', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(keep * 1000) + 1000)
return tostring(wait)
"""


class RedisLimits:
    """Buckets in Redis. While it does not answer, each replica counts for itself: the limits stay.

    Parameters
    ----------
    address : str
        ``redis://host:port/0``.
    rates : mapping of str to sequence of Rate
    prefix : str, optional
        Of the keys.
    """

    def __init__(
        self, address: str, rates: Mapping[str, Sequence[Rate]], *, prefix: str = "omni:limits"
    ) -> None:
        self._redis: Any = Redis.from_url(address, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._script = self._redis.register_script(SCRIPT)
        self._arguments = {
            kind: [number for rate in each for number in (rate.per_second, rate.burst)]
            for kind, each in rates.items()
        }
        self._prefix = prefix
        self._own = MemoryLimits(rates)
        self._alone_until = 0.0

    async def take(self, kind: str, who: str) -> float:
        """See `Limits.take`."""
        if time.monotonic() < self._alone_until:
            return self._own.take_now(kind, who)
        try:
            wait = await self._script(keys=[f"{self._prefix}:{kind}:{who}"], args=self._arguments[kind])
        except (RedisError, OSError):
            logger.warning("Redis does not answer: this replica counts for itself for %g s", _ALONE_S)
            self._alone_until = time.monotonic() + _ALONE_S
            return self._own.take_now(kind, who)
        return float(wait)

    async def close(self) -> None:
        """Let the connections go."""
        await self._redis.aclose()
