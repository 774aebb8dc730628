"""`Subject`: what the routes of one subject share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

from omni_lab.gateway.client.decode import decode
from omni_lab.gateway.client.http import Http

T = TypeVar("T")
LARGEST_PAGE = 1_000


class Subject:
    """Routes of one subject.

    Parameters
    ----------
    http : Http
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def _get(self, kind: type[T], path: str, **query: Any) -> T:
        return decode(kind, self._http.get(path, **query))

    def _post(self, path: str, body: Any = None, *, key: str | None = "") -> Any:
        return self._http.ask("POST", path, body=body, key=key)

    def _list(
        self, kind: type[T], path: str, most: int, *, first: str | None = None, **query: Any
    ) -> list[T]:
        return list(islice(self._items(kind, path, most, first, query), most))

    def _items(
        self, kind: type[T], path: str, most: int, cursor: str | None, query: dict[str, Any]
    ) -> Iterator[T]:
        """Items of a list, page by page, from a cursor on."""
        while True:
            page = self._http.get(path, limit=min(most, LARGEST_PAGE), cursor=cursor, **query)
            for item in page["items"]:
                yield decode(kind, item)
            cursor = page["next"]
            if cursor is None:
                return

    def _name(self, name: str) -> str:
        """A name as a segment of a path."""
        return quote(name, safe="")


def given(**values: Any) -> dict[str, Any]:
    """Values that are not None, by name."""
    return {name: value for name, value in values.items() if value is not None}
