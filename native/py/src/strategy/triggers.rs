//! Conditions that wake a strategy: read from the tuples in which `omni_lab.strategies` spells them, and declared with their indicators.

use omni_sim::{BarPanel, Column, Condition, IndicatorSet, IndicatorSpec, Operand};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::Facts;

/// A condition and what it calls.
pub(super) struct Trigger {
    pub condition: Condition,
    pub callback: Py<PyAny>,
    pub name: String,
}

const COLUMNS: [Column; 5] = [Column::Open, Column::High, Column::Low, Column::Close, Column::Volume];

/// The indicator of a name, refused where it does not exist, its window is too small, or the bars lack what it looks at.
pub(crate) fn spec(py: Python<'_>, panel: &BarPanel, name: &str, window: i64, column: &str) -> PyResult<IndicatorSpec> {
    let column = COLUMNS.into_iter().find(|known| known.name() == column).ok_or_else(|| {
        Facts::new("SchemaError", "no such column").found(column).expected("open, high, low, close or volume").raise(py)
    })?;
    let spec = IndicatorSpec::named(name, usize::try_from(window).unwrap_or_default(), column)
        .ok_or_else(|| Facts::new("ConfigError", "unknown indicator").found(name).raise(py))?;
    let least = spec.least_window();
    if window < least as i64 {
        let expected = format!("a whole number ≥ {least}");
        let what = format!("the window of {name} cannot be used");
        return Err(Facts::new("ConfigError", what).found(window).expected(&expected).raise(py));
    }
    let lacks = if spec.needs_ohlc() && !panel.has_ohlc() {
        "open, high and low"
    } else if spec.needs_volume() && !panel.has_volume() {
        "volume"
    } else {
        return Ok(spec);
    };
    let error = Facts::new("SchemaError", format!("{name} needs {lacks}, and the bars have none"));
    Err(error.hint("Load bars that carry it.").raise(py))
}

/// The text in which a strategy would write an indicator.
pub(super) fn shown(spec: IndicatorSpec) -> String {
    let (name, window) = match spec {
        IndicatorSpec::Price(column) => return column.name().to_owned(),
        IndicatorSpec::Sma(n) => ("sma", n),
        IndicatorSpec::Ema(n) => ("ema", n),
        IndicatorSpec::Std(n) => ("std", n),
        IndicatorSpec::ZScore(n) => ("zscore", n),
        IndicatorSpec::Highest(n, _) => ("highest", n),
        IndicatorSpec::Lowest(n, _) => ("lowest", n),
        IndicatorSpec::Rsi(n) => ("rsi", n),
        IndicatorSpec::Atr(n) => ("atr", n),
        IndicatorSpec::Vwap(n) => ("vwap", n),
        IndicatorSpec::Returns(n) => ("returns", n),
        IndicatorSpec::MomentumZ(n) => ("momentum_z", n),
    };
    format!("{name}({window})")
}

/// A condition from its tuple, with its indicators declared in the set.
pub(super) fn condition(spelled: &Bound<'_, PyAny>, panel: &BarPanel, set: &mut IndicatorSet) -> PyResult<Condition> {
    let parts = spelled.cast::<PyTuple>().map_err(|_| unreadable(spelled))?;
    let head: String = parts.get_item(0).and_then(|head| head.extract()).map_err(|_| unreadable(spelled))?;
    let two = || Ok::<_, PyErr>((parts.get_item(1)?, parts.get_item(2)?));
    let operand = |given: &Bound<'_, PyAny>, set: &mut IndicatorSet| operand(given, panel, set);
    let comparison: fn(Operand, Operand) -> Condition = match head.as_str() {
        "not" => return Ok(Condition::Not(Box::new(condition(&parts.get_item(1)?, panel, set)?))),
        "and" | "or" => {
            let (a, b) = two()?;
            let (a, b) = (Box::new(condition(&a, panel, set)?), Box::new(condition(&b, panel, set)?));
            return Ok(if head == "and" { Condition::And(a, b) } else { Condition::Or(a, b) });
        }
        "above" => Condition::Above,
        "below" => Condition::Below,
        "cross_above" => Condition::CrossAbove,
        "cross_below" => Condition::CrossBelow,
        _ => return Err(unreadable(spelled)),
    };
    let (a, b) = two()?;
    Ok(comparison(operand(&a, set)?, operand(&b, set)?))
}

fn operand(given: &Bound<'_, PyAny>, panel: &BarPanel, set: &mut IndicatorSet) -> PyResult<Operand> {
    if let Ok(number) = given.extract::<f64>() {
        return Ok(Operand::Number(number));
    }
    let (name, window, column): (String, i64, String) = given.extract().map_err(|_| unreadable(given))?;
    let spec = spec(given.py(), panel, &name, window, &column)?;
    Ok(Operand::Indicator(set.declare(spec, panel.n_symbols())))
}

fn unreadable(given: &Bound<'_, PyAny>) -> PyErr {
    let error = Facts::new("ConfigError", "this is not a condition").object(given);
    error
        .expected("cross_above, cross_below, above or below of two indicators or numbers, or several of them with &, | and ~")
        .raise(given.py())
}
