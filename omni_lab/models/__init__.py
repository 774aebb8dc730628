"""Models: arrays in, arrays or fitted objects out.

Quotes under inventory risk (Avellaneda and Stoikov; Guéant, Lehalle and Fernandez-Tapia) and paths of dealers
who follow them; intensities of fills and volatility from data; arrivals that excite each other (Hawkes); the
impact of trades and what schedules cost. No file is read here and no market data is known.
"""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.models.almgren_chriss import AlmgrenChriss
    from omni_lab.models.arrivals import count_reaching, depths_reached, taker_depths
    from omni_lab.models.avellaneda_stoikov import (
        AvellanedaStoikov,
        indifference_prices,
        indifference_prices_infinite,
    )
    from omni_lab.models.glft import Glft, GlftSolution
    from omni_lab.models.hawkes import Hawkes
    from omni_lab.models.hawkes_fit import HawkesFit, fit_hawkes, hawkes_log_likelihood
    from omni_lab.models.hawkes_paths import simulate_hawkes
    from omni_lab.models.impact import linear_cost, linear_impact, square_root_cost, square_root_impact
    from omni_lab.models.intensity import (
        FillIntensity,
        fit_intensity_intervals,
        fit_intensity_mle,
        fit_intensity_regression,
    )
    from omni_lab.models.propagator import (
        Decay,
        ExponentialDecay,
        PowerDecay,
        optimal_trades,
        rates_cost,
        trades_cost,
    )
    from omni_lab.models.quoting import (
        PAPER_MARKET,
        QuoteRule,
        QuotingMarket,
        QuotingPath,
        QuotingRuns,
        simulate_quoting,
    )
    from omni_lab.models.volatility import ema_volatility, realised_volatility

__all__ = [
    "PAPER_MARKET",
    "AlmgrenChriss",
    "AvellanedaStoikov",
    "Decay",
    "ExponentialDecay",
    "FillIntensity",
    "Glft",
    "GlftSolution",
    "Hawkes",
    "HawkesFit",
    "PowerDecay",
    "QuoteRule",
    "QuotingMarket",
    "QuotingPath",
    "QuotingRuns",
    "count_reaching",
    "depths_reached",
    "ema_volatility",
    "fit_hawkes",
    "fit_intensity_intervals",
    "fit_intensity_mle",
    "fit_intensity_regression",
    "hawkes_log_likelihood",
    "indifference_prices",
    "indifference_prices_infinite",
    "linear_cost",
    "linear_impact",
    "optimal_trades",
    "rates_cost",
    "realised_volatility",
    "simulate_hawkes",
    "simulate_quoting",
    "square_root_cost",
    "square_root_impact",
    "taker_depths",
    "trades_cost",
]

__getattr__ = attributes(
    __name__,
    {
        "AlmgrenChriss": "almgren_chriss",
        "count_reaching": "arrivals",
        "depths_reached": "arrivals",
        "taker_depths": "arrivals",
        "AvellanedaStoikov": "avellaneda_stoikov",
        "indifference_prices": "avellaneda_stoikov",
        "indifference_prices_infinite": "avellaneda_stoikov",
        "Glft": "glft",
        "GlftSolution": "glft",
        "Hawkes": "hawkes",
        "HawkesFit": "hawkes_fit",
        "fit_hawkes": "hawkes_fit",
        "hawkes_log_likelihood": "hawkes_fit",
        "simulate_hawkes": "hawkes_paths",
        "linear_cost": "impact",
        "linear_impact": "impact",
        "square_root_cost": "impact",
        "square_root_impact": "impact",
        "FillIntensity": "intensity",
        "fit_intensity_intervals": "intensity",
        "fit_intensity_mle": "intensity",
        "fit_intensity_regression": "intensity",
        "Decay": "propagator",
        "ExponentialDecay": "propagator",
        "PowerDecay": "propagator",
        "optimal_trades": "propagator",
        "rates_cost": "propagator",
        "trades_cost": "propagator",
        "PAPER_MARKET": "quoting",
        "QuoteRule": "quoting",
        "QuotingMarket": "quoting",
        "QuotingPath": "quoting",
        "QuotingRuns": "quoting",
        "simulate_quoting": "quoting",
        "ema_volatility": "volatility",
        "realised_volatility": "volatility",
    },
)
