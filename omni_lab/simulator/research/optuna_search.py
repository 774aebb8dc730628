"""Parameter sets that Optuna proposes: asked in batches and told in order, so that the workers stay ours.

The only module that imports Optuna.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from omni_lab.errors import ConfigError, MissingExtraError
from omni_lab.simulator.research.search import Between, Proposals, checked_space, positive

_SAMPLERS = ("tpe", "random")


class OptunaSearch:
    """Parameter sets proposed by a sampler of Optuna, which learns from the trials before.

    Proposals come in batches of fixed size, and a batch is told in its order once all of it has ended. So the
    trials do not depend on the number of workers; a batch smaller than that leaves some idle, and a larger
    one learns later.

    Parameters
    ----------
    space : mapping of str to values
        By name: a :class:`Between`; a sequence to choose from; or one value, which is always taken.
    n_trials : int
        How many sets to propose.
    metric : str
        What to maximise, a metric of the sweep. A trial that failed, or has none, is told as failed.
    seed : int
        Of the sampler.
    sampler : {"tpe", "random"} or optuna.samplers.BaseSampler
        Which sampler; an object of your own must be seeded by you, and new for each run.
    batch : int
        How many sets are proposed at once.

    Raises
    ------
    MissingExtraError
        If Optuna is not installed.

    References
    ----------
    .. [1] Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization", NIPS 2011:
       the tree-structured Parzen estimator.
    """

    def __init__(
        self,
        space: Mapping[str, Any],
        n_trials: int,
        *,
        metric: str = "sharpe_ratio",
        seed: int = 7,
        sampler: Any = "tpe",
        batch: int = 8,
    ) -> None:
        _optuna()
        if isinstance(sampler, str) and sampler not in _SAMPLERS:
            raise ConfigError("there is no such sampler", found=sampler, expected=_SAMPLERS, where="sampler")
        self.space, self.metric, self.seed, self.sampler = checked_space(space), metric, seed, sampler
        for name, values in self.space.items():
            if not isinstance(values, Between | list):
                raise ConfigError(
                    "Optuna cannot draw from this",
                    found=type(values).__name__,
                    expected="Between(low, high) or a list of choices",
                    where=name,
                )
        self._n_trials, self.batch = positive(n_trials, "n_trials"), positive(batch, "batch")

    @property
    def n_trials(self) -> int:
        """How many sets it proposes."""
        return self._n_trials

    def proposals(self) -> Proposals:
        """Batches of parameter sets."""
        optuna = _optuna()
        loud = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            study = optuna.create_study(direction="maximize", sampler=self._seeded(optuna))
        finally:
            optuna.logging.set_verbosity(loud)
        space = {name: self._distribution(optuna, values) for name, values in self.space.items()}
        failed = optuna.trial.TrialState.FAIL
        for start in range(0, self._n_trials, self.batch):
            asked = [study.ask(space) for _ in range(start, min(start + self.batch, self._n_trials))]
            figures = yield [self._set_of(each.params) for each in asked]
            for trial, metrics in zip(asked, figures, strict=True):
                if self.metric not in metrics:
                    raise ConfigError("no such metric", found=self.metric, expected=list(metrics))
                value = metrics[self.metric]
                if math.isfinite(value):
                    study.tell(trial, value)
                else:
                    study.tell(trial, state=failed)

    def _seeded(self, optuna: Any) -> Any:
        if self.sampler == "tpe":
            # Trials of the same batch, not told yet, count as bad ones: the batch spreads out.
            return optuna.samplers.TPESampler(seed=self.seed, constant_liar=True)
        if self.sampler == "random":
            return optuna.samplers.RandomSampler(seed=self.seed)
        return self.sampler

    def _distribution(self, optuna: Any, values: Any) -> Any:
        kinds = optuna.distributions
        if isinstance(values, list):
            # Optuna stores plain values only; the place in the list stands for whatever is there.
            return kinds.CategoricalDistribution(range(len(values)))
        if values.is_whole:
            return kinds.IntDistribution(values.low, values.high, log=values.log)
        return kinds.FloatDistribution(values.low, values.high, log=values.log)

    def _set_of(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: values[params[name]] if isinstance(values, list) else params[name]
            for name, values in self.space.items()
        }


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise MissingExtraError("optuna", extra="optuna", what="a search by Optuna") from None
    return optuna
