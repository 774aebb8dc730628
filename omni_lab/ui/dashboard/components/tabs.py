"""Parts of the pages of runs: tabs, jobs on their way, documents, buttons in a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omni_lab.ui.dashboard.components.boxes import Empty
from omni_lab.ui.dashboard.components.live import Live
from omni_lab.ui.panels import pn


class Tabs(Live):
    """One of several views; only the one that is shown is in the browser.

    Parameters
    ----------
    title : str
        What they are of, for those who do not see them.
    tabs : mapping of str to (str, Viewable)
        Label and view by name.
    switched : callable, optional
        Told which one is shown from now on.
    """

    def __init__(
        self,
        title: str,
        tabs: Mapping[str, tuple[str, Any]],
        *,
        switched: Callable[[str], Any] | None = None,
        **params: Any,
    ) -> None:
        options = {"title": title, "tabs": [[name, label] for name, (label, _) in tabs.items()]}
        super().__init__("tabs", options, heard=self._heard, **params)
        self.tab = ""
        self._tabs, self._switched = dict(tabs), switched
        self._slot = pn.Column(sizing_mode="stretch_width", margin=0)
        self._counts: dict[str, int] = {}

    @property
    def whole(self) -> Any:
        """The bar, and the view below it."""
        return pn.Column(self, self._slot, sizing_mode="stretch_width", margin=0)

    def open(self, tab: str) -> None:
        """Show one of them."""
        if tab not in self._tabs or tab == self.tab:
            return
        self.tab = tab
        self._tell()
        self._slot[:] = [self._tabs[tab][1]]
        if self._switched is not None:
            self._switched(tab)

    def count(self, **counts: int) -> None:
        """Say behind a label how many there are."""
        if counts != self._counts:
            self._counts = counts
            self._tell()

    def _tell(self) -> None:
        self.show({"tab": self.tab, "counts": dict(self._counts)})

    def _heard(self, said: dict[str, Any]) -> None:
        self.open(str(said.get("tab")))


class Document(Live):
    """A page of HTML that we did not make: it is shown, and may run nothing.

    Parameters
    ----------
    title : str
    height : int
        Pixels.
    """

    def __init__(self, title: str, *, height: int = 760, **params: Any) -> None:
        super().__init__("document", {"title": title, "height": height}, **params)
        self.show({})


class Actions(Live):
    """Buttons in a row.

    Parameters
    ----------
    act : callable
        Told the name of the button.
    """

    def __init__(self, act: Callable[[str], Any], **params: Any) -> None:
        super().__init__("actions", {}, heard=lambda said: act(str(said.get("act"))), **params)

    def fill(self, actions: Sequence[Mapping[str, Any]], text: str = "") -> None:
        """Show these buttons: ``name``, ``label``, ``why_not`` (why it cannot be pressed), ``tone``."""
        self.show({"actions": [dict(each) for each in actions], "text": text})


class Jobs(Live):
    """Jobs with how far they are.

    Parameters
    ----------
    title : str
    empty : (str, str)
        What is said where there are none, and the next step.
    cancel, open : callable
        Told the id of a job.
    """

    def __init__(
        self,
        title: str,
        *,
        empty: Empty,
        cancel: Callable[[str], Any],
        open: Callable[[str], Any],
        **params: Any,
    ) -> None:
        super().__init__("jobList", {"title": title, "empty": list(empty)}, heard=self._heard, **params)
        self._cancel, self._open = cancel, open

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"cancel": str(job)}:
                self._cancel(job)
            case {"open": str(job)}:
                self._open(job)
            case _:
                pass
