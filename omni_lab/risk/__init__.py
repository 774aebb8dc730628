"""Risk: what may be lost, how sure that is, whose it is, and what a bad time would do.

Value at risk and expected shortfall by seven methods, and whether they kept their word; components by asset
and factor; liquidity; drawdowns; scenarios of history and of fear; regimes. Arrays in, arrays or fitted
objects out. Losses are positive in everything that is called a risk, and negative in returns and profits.
"""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.risk.backtest import ShortfallTest, VarBacktest, acerbi_szekely_test, backtest_var
    from omni_lab.risk.components import (
        ComponentRisk,
        Parts,
        historical_components,
        normal_components,
        student_components,
    )
    from omni_lab.risk.cornish_fisher import cornish_fisher_is_valid, cornish_fisher_risk
    from omni_lab.risk.coverage import (
        LikelihoodRatio,
        TrafficLight,
        Transitions,
        basel_traffic_light,
        christoffersen_test,
        conditional_coverage_test,
        kupiec_test,
        transitions,
    )
    from omni_lab.risk.drawdowns import (
        Drawdown,
        drawdown,
        max_drawdown,
        max_drawdown_days,
        max_drawdown_length,
        time_under_water,
        top_drawdowns,
    )
    from omni_lab.risk.evt import ParetoTail, evt_risk, fit_pareto_tail, mean_excess
    from omni_lab.risk.factors import FactorModel, FactorRisk, fit_factor_model
    from omni_lab.risk.falls import DrawdownMeasures, drawdown_measures
    from omni_lab.risk.filtered import filtered_evt_risk, filtered_risk
    from omni_lab.risk.liquidity import days_to_liquidate, liquidation_schedule, liquidation_var, spread_cost
    from omni_lab.risk.methods import RISK_METHODS, TailBand, tail_bands, tail_risk
    from omni_lab.risk.regimes import RegimeFit, RegimeProbabilities, fit_regimes, rolling_regimes
    from omni_lab.risk.rolling import RollingRisk, rolling_var
    from omni_lab.risk.stress import (
        CRISES,
        Crisis,
        Scenarios,
        factor_scenarios,
        historical_scenarios,
        propagate_shock,
        shock_scenarios,
    )
    from omni_lab.risk.student import StudentFit, fit_student, student_risk
    from omni_lab.risk.tails import TailRisk, historical_risk, normal_risk

__all__ = [
    "CRISES",
    "RISK_METHODS",
    "ComponentRisk",
    "Crisis",
    "Drawdown",
    "DrawdownMeasures",
    "FactorModel",
    "FactorRisk",
    "LikelihoodRatio",
    "ParetoTail",
    "Parts",
    "RegimeFit",
    "RegimeProbabilities",
    "RollingRisk",
    "Scenarios",
    "ShortfallTest",
    "StudentFit",
    "TailBand",
    "TailRisk",
    "TrafficLight",
    "Transitions",
    "VarBacktest",
    "acerbi_szekely_test",
    "backtest_var",
    "basel_traffic_light",
    "christoffersen_test",
    "conditional_coverage_test",
    "cornish_fisher_is_valid",
    "cornish_fisher_risk",
    "days_to_liquidate",
    "drawdown",
    "drawdown_measures",
    "evt_risk",
    "factor_scenarios",
    "filtered_evt_risk",
    "filtered_risk",
    "fit_factor_model",
    "fit_pareto_tail",
    "fit_regimes",
    "fit_student",
    "historical_components",
    "historical_risk",
    "historical_scenarios",
    "kupiec_test",
    "liquidation_schedule",
    "liquidation_var",
    "max_drawdown",
    "max_drawdown_days",
    "max_drawdown_length",
    "mean_excess",
    "normal_components",
    "normal_risk",
    "propagate_shock",
    "rolling_regimes",
    "rolling_var",
    "shock_scenarios",
    "spread_cost",
    "student_components",
    "student_risk",
    "tail_bands",
    "tail_risk",
    "time_under_water",
    "top_drawdowns",
    "transitions",
]

__getattr__ = attributes(
    __name__,
    {
        "ShortfallTest": "backtest",
        "VarBacktest": "backtest",
        "acerbi_szekely_test": "backtest",
        "backtest_var": "backtest",
        "ComponentRisk": "components",
        "Parts": "components",
        "historical_components": "components",
        "normal_components": "components",
        "student_components": "components",
        "cornish_fisher_is_valid": "cornish_fisher",
        "cornish_fisher_risk": "cornish_fisher",
        "LikelihoodRatio": "coverage",
        "TrafficLight": "coverage",
        "Transitions": "coverage",
        "basel_traffic_light": "coverage",
        "christoffersen_test": "coverage",
        "conditional_coverage_test": "coverage",
        "kupiec_test": "coverage",
        "transitions": "coverage",
        "Drawdown": "drawdowns",
        "drawdown": "drawdowns",
        "max_drawdown": "drawdowns",
        "max_drawdown_days": "drawdowns",
        "max_drawdown_length": "drawdowns",
        "time_under_water": "drawdowns",
        "top_drawdowns": "drawdowns",
        "ParetoTail": "evt",
        "evt_risk": "evt",
        "fit_pareto_tail": "evt",
        "mean_excess": "evt",
        "FactorModel": "factors",
        "FactorRisk": "factors",
        "fit_factor_model": "factors",
        "DrawdownMeasures": "falls",
        "drawdown_measures": "falls",
        "filtered_evt_risk": "filtered",
        "filtered_risk": "filtered",
        "days_to_liquidate": "liquidity",
        "liquidation_schedule": "liquidity",
        "liquidation_var": "liquidity",
        "spread_cost": "liquidity",
        "RISK_METHODS": "methods",
        "TailBand": "methods",
        "tail_bands": "methods",
        "tail_risk": "methods",
        "RegimeFit": "regimes",
        "RegimeProbabilities": "regimes",
        "fit_regimes": "regimes",
        "rolling_regimes": "regimes",
        "RollingRisk": "rolling",
        "rolling_var": "rolling",
        "CRISES": "stress",
        "Crisis": "stress",
        "Scenarios": "stress",
        "factor_scenarios": "stress",
        "historical_scenarios": "stress",
        "propagate_shock": "stress",
        "shock_scenarios": "stress",
        "StudentFit": "student",
        "fit_student": "student",
        "student_risk": "student",
        "TailRisk": "tails",
        "historical_risk": "tails",
        "normal_risk": "tails",
    },
)
