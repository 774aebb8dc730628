"""A journal as a film: a slider over its frames, with what each command said and did.

`state` holds where the film stands, `moment` what there is to see, `page` how it looks; the views in `widget`
(JupyterLab) and `dashboard` (Panel) only put buttons around it and are imported when they are asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omni_lab.ui.replay.memory import FrameReplay, RecordingOMS
from omni_lab.ui.replay.source import ReplaySource, open_source

if TYPE_CHECKING:
    from omni_lab.ui.replay.dashboard import ReplayView
    from omni_lab.ui.replay.page import Scheme
    from omni_lab.ui.replay.widget import ReplayBox

__all__ = ["FrameReplay", "RecordingOMS", "ReplaySource", "replay_panel", "replay_widget"]


def replay_widget(source: str | Path | ReplaySource, *, sequence: int | None = None) -> ReplayBox:
    """A slider over a journal, for JupyterLab.

    Parameters
    ----------
    source : path or ReplaySource
        Directory of a journal, or what can show one frame after the other.
    sequence : int, optional
        Frame to begin with; the last one by default.

    Raises
    ------
    MissingExtraError
        If ``ipywidgets`` or ``param`` are not installed: extra ``lab``.
    """
    from omni_lab.ui.replay.state import ReplayState
    from omni_lab.ui.replay.widget import ReplayBox

    return ReplayBox(ReplayState(open_source(source), sequence=sequence))


def replay_panel(
    source: str | Path | ReplaySource, *, sequence: int | None = None, theme: Scheme = "light"
) -> ReplayView:
    """A slider over a journal, for a Panel server: ``replay_panel(path).servable()``.

    Parameters
    ----------
    source : path or ReplaySource
        Directory of a journal, or what can show one frame after the other.
    sequence : int, optional
        Frame to begin with; the last one by default.
    theme : {"light", "dark"}
        Colours.

    Raises
    ------
    MissingExtraError
        If ``panel`` is not installed: extra ``dashboard``.
    """
    from omni_lab.ui.replay.dashboard import ReplayView
    from omni_lab.ui.replay.state import ReplayState

    return ReplayView(ReplayState(open_source(source), sequence=sequence), theme=theme)
