"""The models of a run in the numbers of its bars: columns for symbols, nanoseconds for times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from omni_lab.data.bars import Bars
from omni_lab.errors import ConfigError
from omni_lab.simulator.config import SimulationConfig
from omni_lab.simulator.events import Currencies, actions_to_engine, column_of, halts_to_engine
from omni_lab.simulator.marks import last_known
from omni_lab.typing import FloatArray

_INVERSE = "1/"


def models_to_engine(bars: Bars, config: SimulationConfig) -> dict[str, Any] | None:
    """What the native engine takes beside the plain settings; None where there is nothing.

    Raises
    ------
    ConfigError
        If a setting names a symbol that the bars lack, or needs volumes or rates that they do not have.
    """
    if config.impact is not None and not bars.has_volume:
        raise ConfigError(
            "impact needs volumes, and these bars have none",
            where="SimulationConfig.impact",
            hint="Set it to None, or load bars with volume.",
        )
    models = plain_models(config, bars.symbols)
    if config.currencies is not None:
        rates, of = _currencies(bars, config.currencies)
        models["currencies"] = {"rates": rates, "of": of}
    return models or None


def plain_models(config: Any, symbols: Sequence[str]) -> dict[str, Any]:
    """What the native engine takes of the models of a run, on bars or in a market, but for its currencies.

    Raises
    ------
    ConfigError
        If a setting names a symbol that the data lack.
    """
    models: dict[str, Any] = {}
    if config.fees is not None:
        models["fees"] = config.fees.to_engine()
    if config.impact is not None:
        models["impact"] = config.impact.to_engine()
    if config.financing is not None:
        for symbol in config.financing.borrow_rates:
            column_of(symbol, symbols, "financing")
        models["financing"] = config.financing.to_engine(symbols)
    if config.actions:
        models["actions"] = actions_to_engine(config.actions, symbols)
    if config.halts:
        models["halts"] = halts_to_engine(config.halts, symbols)
    return models


def currencies_of_a_feed(currencies: Currencies, symbols: Sequence[str]) -> dict[str, Any]:
    """Place and direction of each rate, and number of each instrument's currency, for the engine.

    Raises
    ------
    ConfigError
        If a symbol is not of the feed, or a currency has no rate.
    """
    names = currency_names(currencies)
    for symbol, currency in currencies.of.items():
        column_of(symbol, symbols, "currencies")
        if currency not in names:
            raise ConfigError(
                f"{symbol} is quoted in {currency}, for which there is no rate",
                expected=list(names),
                where="currencies",
            )
    return {
        "rates": _rates(currencies, symbols),
        "of": [names.index(currencies.of.get(symbol, currencies.base)) for symbol in symbols],
    }


def currency_names(currencies: Currencies | None) -> tuple[str, ...]:
    """The currencies of a run by number; the base is 0."""
    return ("",) if currencies is None else (currencies.base, *currencies.rates)


def rates_by_step(bars: Bars, currencies: Currencies | None) -> FloatArray | None:
    """Worth of one unit of each instrument's currency in the base, at the close of each step.

    Returns
    -------
    ndarray of float64, shape (n_times, n_symbols), or None
        None where there is one currency.
    """
    by_currency = rates_by_currency(bars, currencies)
    if currencies is None or by_currency is None:
        return None
    _, of = _currencies(bars, currencies)
    return np.asarray(by_currency[:, of])


def rates_by_currency(bars: Bars, currencies: Currencies | None) -> FloatArray | None:
    """Worth of one unit of each currency in the base, at the close of each step.

    Returns
    -------
    ndarray of float64, shape (n_times, n_currencies), or None
        In the order of :func:`currency_names`; None where there is one currency.
    """
    if currencies is None:
        return None
    rates, _ = _currencies(bars, currencies)
    closes = last_known(bars.close())
    columns = [np.ones(bars.n_times)]
    columns += [1.0 / closes[:, at] if inverse else closes[:, at] for at, inverse in rates]
    return np.column_stack(columns)


def _currencies(bars: Bars, currencies: Currencies) -> tuple[list[tuple[int, bool]], list[int]]:
    """Column and direction of each rate, and the number of each instrument's currency."""
    rates = _rates(currencies, bars.symbols)
    names = currency_names(currencies)
    present = ~np.isnan(bars.close())
    first = present.argmax(axis=0)
    numbers = []
    for column, instrument in enumerate(bars.instruments):
        currency = currencies.of.get(instrument.symbol, instrument.currency)
        if currency not in names:
            raise ConfigError(
                f"{instrument.symbol} is quoted in {currency}, for which there is no rate",
                expected=list(names),
                where="SimulationConfig.currencies",
                hint=f"Add the bars of its rate, and rates={{'{currency}': …}}.",
            )
        number = names.index(currency)
        numbers.append(number)
        if number and first[rates[number - 1][0]] > first[column]:
            raise ConfigError(
                f"the bars of {instrument.symbol} begin before those of the rate of {currency}",
                where="SimulationConfig.currencies",
                hint="Load the rate from the same day on.",
            )
    return rates, numbers


def _rates(currencies: Currencies, symbols: Sequence[str]) -> list[tuple[int, bool]]:
    """Column and direction of each rate."""
    return [
        (column_of(symbol.removeprefix(_INVERSE), symbols, "currencies"), symbol.startswith(_INVERSE))
        for symbol in currencies.rates.values()
    ]
