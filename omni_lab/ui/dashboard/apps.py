"""Applications that a server mounts: the same session at the address of every page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from omni_lab.figures.theme import THEMES
from omni_lab.system.people import LOCAL, Person
from omni_lab.ui.dashboard import look
from omni_lab.ui.dashboard.page import Page
from omni_lab.ui.dashboard.pages import ICONS, find_pages
from omni_lab.ui.dashboard.session import Session
from omni_lab.ui.dashboard.shell import Shell
from omni_lab.ui.panels import pn

if TYPE_CHECKING:
    from omni_lab.system.services import Services

PersonOf = Callable[[Mapping[str, str]], Person]
"""Who somebody is, from the headers of the request that opened the session."""


def local_person(_: Mapping[str, str]) -> Person:
    """The only user of this machine."""
    return LOCAL


def dashboard_apps(
    services: Services, person_of: PersonOf = local_person, *, prefix: str = "/dashboard"
) -> dict[str, Callable[[], Any]]:
    """The dashboard as ``panel.io.fastapi.add_applications`` and ``panel.serve`` take it.

    Parameters
    ----------
    services : Services
    person_of : callable
        Who a request is from, given its headers. An `OmniError` of it is what the page says.
    prefix : str
        Where the first page is; the others are below.

    Returns
    -------
    dict of str to callable
        By path: the first page, and each page by its slug.
    """
    pages = tuple(page for page in find_pages() if page.needs(services) is None)
    paths = {page.slug: f"{prefix}/{page.slug}" for page in pages}
    apps = {prefix: dashboard_app(services, person_of, pages=pages, paths=paths)}
    for page in pages:
        apps[paths[page.slug]] = dashboard_app(services, person_of, pages=pages, paths=paths, first=page.slug)
    return apps


def dashboard_app(
    services: Services,
    person_of: PersonOf = local_person,
    *,
    pages: tuple[Page, ...] | None = None,
    paths: Mapping[str, str] | None = None,
    first: str | None = None,
) -> Callable[[], Any]:
    """One application: a function that makes a session each time somebody comes.

    Parameters
    ----------
    services, person_of
        As in `dashboard_apps`.
    pages : tuple of Page, optional
        All that can be shown, by default.
    paths : mapping of str to str, optional
        Address of each page; without it, all are at one address and ``?page=`` says which.
    first : str, optional
        Slug of the page that is shown first.
    """

    def app() -> Any:
        return open_session(services, person_of, pages or find_pages(), paths, first)

    return app


def open_session(
    services: Services,
    person_of: PersonOf,
    pages: tuple[Page, ...],
    paths: Mapping[str, str] | None,
    first: str | None,
) -> Any:
    """The screen of somebody who came."""
    pn.extension()
    document = pn.state.curdoc
    assert document is not None
    person = person_of({name: value for name, value in pn.state.headers.items() if isinstance(value, str)})
    query = {name: each[0].decode("utf-8", "replace") for name, each in pn.state.session_args.items() if each}
    shown = tuple(page for page in pages if page.needs(services) is None)
    slugs = [page.slug for page in shown]
    wanted = first or query.get("page", "")
    here = wanted if wanted in slugs else slugs[0]
    theme = query.get("theme", "dark")
    session = Session(
        services,
        person,
        document,
        page=here,
        query={name: value for name, value in query.items() if name not in ("page", "theme", "zone")},
        theme=theme if theme in THEMES else "dark",
    )
    shell = Shell(session, shown, paths)
    document.template = look.template()
    document.template_variables["omni"] = {
        **look.fixed(),
        "theme": session.theme,
        "title": next(page.title for page in shown if page.slug == here),
        "page": here,
        "person": person.name,
        "role": person.role.value,
        # Whoever signed in may leave; the one local user has nowhere to go.
        "leave": "" if person == LOCAL else "/logout",
        "pages": [
            {
                "title": page.title,
                "key": page.key,
                "slug": page.slug,
                "icon": ICONS.get(page.slug, page.icon),
                "address": paths[page.slug] if paths else f"?page={page.slug}",
            }
            for page in shown
        ],
    }
    pn.state.on_session_destroyed(lambda _: shell.end())
    shell.begin()
    return shell.root
