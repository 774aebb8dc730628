"""`Replies`: the answers that were given to idempotency keys, in the gateway's database."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from omni_lab.errors import ConfigError, StateError
from omni_lab.pipelines.registry.processes import is_gone, this_process
from omni_lab.store.database import create_tables, exc, sa
from omni_lab.system.people import Person

HEADER = "Idempotency-Key"
_SWEEP_S = 600.0

metadata = sa.MetaData()
replies = sa.Table(
    "gateway_replies",
    metadata,
    sa.Column("person", sa.String(200), primary_key=True),
    sa.Column("route", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("body_sha256", sa.String(64), nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("begun", sa.Double, nullable=False, index=True),
    sa.Column("status", sa.Integer),
    sa.Column("media_type", sa.String(100)),
    sa.Column("location", sa.String(300)),
    sa.Column("body", sa.LargeBinary),
)


class Replies:
    """Answers by person, route and key.

    A key is written down before anything is done, and its answer after. Whoever sends it again meanwhile
    waits for the answer in this process, and is told to try again by another one. Where a process died in
    between, the next request with the key is carried out: what it creates carries the key itself, so that
    it is not created twice.

    Parameters
    ----------
    engine : Engine
        The database; whoever opened it closes it.
    kept_s : float
        How long an answer is kept, seconds.
    """

    def __init__(self, engine: sa.Engine, *, kept_s: float = 86_400.0) -> None:
        self._engine = engine
        create_tables(engine, metadata)
        self._kept_s = kept_s
        self._process = this_process()
        self._going: dict[tuple[str, str, str], asyncio.Lock] = {}
        self._swept = 0.0

    async def once(
        self, request: Request, route: str, person: Person, handle: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """The answer to a request with a key: kept, or made and kept.

        Raises
        ------
        ConfigError
            If the key is too long or has other than printable ASCII.
        StateError
            If it was used with another body, or another process is at it.
        """
        key = _checked(request.headers[HEADER])
        place = (person.name, route, key)
        digest = hashlib.sha256(_asked(request) + await request.body()).hexdigest()
        lock = self._going.setdefault(place, asyncio.Lock())
        try:
            async with lock:
                return await self._once(place, digest, request, handle)
        finally:
            if not lock.locked() and not getattr(lock, "_waiters", None):
                self._going.pop(place, None)

    async def _once(
        self,
        place: tuple[str, str, str],
        digest: str,
        request: Request,
        handle: Callable[[Request], Awaitable[Response]],
    ) -> Response:
        kept = await run_in_threadpool(self._begin, place, digest)
        if kept is not None:
            return kept
        try:
            made = await handle(request)
        except BaseException:
            await run_in_threadpool(self._forget, place)
            raise
        if made.status_code < 500:
            await run_in_threadpool(self._keep, place, made)
        else:
            await run_in_threadpool(self._forget, place)
        return made

    def _begin(self, place: tuple[str, str, str], digest: str) -> Response | None:
        """Write a key down; its answer if there is one already."""
        self._sweep()
        now, process = time.time(), json.dumps(self._process)
        row = dict(zip(("person", "route", "key"), place, strict=True))
        try:
            with self._engine.begin() as connection:
                values = row | {"body_sha256": digest, "process": process, "begun": now}
                connection.execute(replies.insert(), values)
                return None
        except exc.IntegrityError:
            pass
        with self._engine.begin() as connection:
            found = connection.execute(sa.select(replies).where(_is(place))).first()
            if found is None or (found.status is None and self._is_free(found)):
                connection.execute(replies.delete().where(_is(place)))
                values = row | {"body_sha256": digest, "process": process, "begun": now}
                connection.execute(replies.insert(), values)
                return None
        if found.body_sha256 != digest:
            raise StateError("this key was used for something else", found=place[2], where=f"header.{HEADER}")
        if found.status is None:
            raise StateError("this is being done", found=place[2], hint="Try again in a second.")
        headers = {"Idempotency-Replayed": "true"}
        if found.location is not None:
            headers["Location"] = found.location
        return Response(found.body, found.status, headers, found.media_type)

    def _is_free(self, row: Any) -> bool:
        """Whether nobody is at it any more."""
        process = json.loads(row.process)
        return process == self._process or bool(is_gone(process)) or row.begun < time.time() - 300.0

    def _keep(self, place: tuple[str, str, str], made: Response) -> None:
        values = {
            "status": made.status_code,
            "media_type": made.headers.get("content-type"),
            "location": made.headers.get("location"),
            "body": bytes(made.body),
        }
        with self._engine.begin() as connection:
            connection.execute(replies.update().where(_is(place)).values(values))

    def _forget(self, place: tuple[str, str, str]) -> None:
        with self._engine.begin() as connection:
            connection.execute(replies.delete().where(_is(place)))

    def _sweep(self) -> None:
        """Forget what is too old, now and then."""
        now = time.time()
        if now < self._swept + min(_SWEEP_S, self._kept_s):
            return
        self._swept = now
        with self._engine.begin() as connection:
            connection.execute(replies.delete().where(replies.c.begun < now - self._kept_s))


def _is(place: tuple[str, str, str]) -> sa.ColumnElement[bool]:
    c = replies.c
    return sa.and_(c.person == place[0], c.route == place[1], c.key == place[2])


def _checked(key: str) -> str:
    if not 1 <= len(key) <= 64 or not all("!" <= each <= "~" for each in key):
        raise ConfigError(
            "this cannot be an idempotency key",
            found=key[:64],
            expected="1 to 64 printable ASCII characters",
            where=f"header.{HEADER}",
        )
    return key


def _asked(request: Request) -> bytes:
    """What else the answer depends on: the path with its ids, and the query."""
    return f"{request.scope['path']}?{request.scope.get('query_string', b'').decode('latin-1')}\n".encode()
