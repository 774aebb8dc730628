"""Screens: books as figures, a journal and a run to walk through. They draw what others computed."""

from omni_lab.ui.books import auction_orders, before_after, book_figure, ladder_of
from omni_lab.ui.limits import headroom_figure
from omni_lab.ui.markets import Flow, MarketWindow
from omni_lab.ui.replay import FrameReplay, RecordingOMS, replay_panel, replay_widget
from omni_lab.ui.runs import RunFilm, run_film, run_panel, run_replay
from omni_lab.ui.scenes import Scene, compare, random_orders, small_book
from omni_lab.ui.takers import Takers, market_takers

__all__ = [
    "Flow",
    "FrameReplay",
    "MarketWindow",
    "RecordingOMS",
    "RunFilm",
    "Scene",
    "Takers",
    "auction_orders",
    "before_after",
    "book_figure",
    "compare",
    "headroom_figure",
    "ladder_of",
    "market_takers",
    "random_orders",
    "replay_panel",
    "replay_widget",
    "run_film",
    "run_panel",
    "run_replay",
    "small_book",
]
