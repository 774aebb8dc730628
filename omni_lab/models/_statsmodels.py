"""The one door to statsmodels, of the extra ``samples``."""

from __future__ import annotations

from functools import cache
from typing import Any

from omni_lab.errors import MissingExtraError


class Tools:
    """The functions of statsmodels and scipy that this floor uses."""

    def __init__(self) -> None:
        try:
            from scipy.special import gammaincc
            from statsmodels.stats.multitest import multipletests
            from statsmodels.tsa.adfvalues import mackinnonp
            from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression
            from statsmodels.tsa.stattools import adfuller
            from statsmodels.tsa.vector_ar.vecm import coint_johansen
        except ImportError as error:
            raise MissingExtraError(
                "statsmodels", extra="samples", what="A test of cointegration or a model of regimes"
            ) from error
        self.gammaincc: Any = gammaincc
        self.multipletests: Any = multipletests
        self.adfuller: Any = adfuller
        self.mackinnonp: Any = mackinnonp
        self.coint_johansen: Any = coint_johansen
        self.markov_regression: Any = MarkovRegression


@cache
def statsmodels() -> Tools:
    """Imported when first used: it takes seconds."""
    return Tools()
