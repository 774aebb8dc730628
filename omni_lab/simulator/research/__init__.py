"""Research at scale on one machine: parameter searches, walks forward, combinatorial cross-validation.

``EventSimulator.sweep``, ``walk_forward`` and ``cross_validate`` are the faces of what is here;
``docs/research.md`` is the contract.
"""

from omni_lab.simulator.research.optuna_search import OptunaSearch
from omni_lab.simulator.research.search import Between, GridSearch, RandomSearch, Search
from omni_lab.simulator.research.splits import CombinatorialPurged, Fold, Split, WalkForward

__all__ = [
    "Between",
    "CombinatorialPurged",
    "Fold",
    "GridSearch",
    "OptunaSearch",
    "RandomSearch",
    "Search",
    "Split",
    "WalkForward",
]
