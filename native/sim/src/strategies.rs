//! Strategies that run here whole, by their settings alone. Each has a twin in Python, `omni_lab.strategies`, that decides the same from the same
//! indicators.

use std::sync::Arc;

use crate::engine::BarEngine;
use crate::indicators::{IndicatorSet, IndicatorSpec};

/// What a strategy looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Long while the fast average of closes is above the slow one, short while it is below.
    SmaCross {
        /// Bars of the fast average.
        fast: usize,
        /// Bars of the slow one.
        slow: usize,
    },
    /// Against the z-score of the close: long from −entry, short from +entry, out again from −exit or +exit.
    ZScoreReversion {
        /// Bars of the score.
        window: usize,
        /// Score at which to enter.
        entry: f64,
        /// Score at which to leave.
        exit: f64,
    },
}

/// A strategy with its state.
pub struct NativeStrategy {
    rule: Rule,
    weight: f64,
    long_only: bool,
    indicators: IndicatorSet,
    places: [usize; 2],
    /// Direction of each instrument: 1, 0 or −1.
    aims: Vec<i8>,
}

impl NativeStrategy {
    /// A strategy that puts `weight` of the equity into each position.
    ///
    /// # Panics
    /// If a window is too small for its indicator.
    pub fn new(rule: Rule, weight: f64, long_only: bool, n_symbols: usize) -> Self {
        let mut indicators = IndicatorSet::default();
        let places = match rule {
            Rule::SmaCross { fast, slow } => [IndicatorSpec::Sma(fast), IndicatorSpec::Sma(slow)],
            Rule::ZScoreReversion { window, .. } => [IndicatorSpec::ZScore(window); 2],
        }
        .map(|spec| indicators.declare(spec, n_symbols));
        Self { rule, weight, long_only, indicators, places, aims: vec![0; n_symbols] }
    }

    /// Run an engine to the step `until` (exclusive).
    pub fn run(&mut self, engine: &mut BarEngine, until: usize) {
        let panel = Arc::clone(engine.panel());
        for step in engine.step()..until.min(panel.n_steps()) {
            engine.open();
            engine.inside();
            engine.close();
            let present = (0..panel.n_symbols()).filter(|&symbol| panel.has_bar(step, symbol));
            for symbol in present.clone() {
                self.indicators.update(&panel, step, symbol);
            }
            for symbol in present {
                self.decide(engine, symbol);
            }
            engine.settle();
        }
    }

    fn decide(&mut self, engine: &mut BarEngine, symbol: usize) {
        let Some(wanted) = self.wanted(symbol) else { return };
        let wanted = if self.long_only { wanted.max(0) } else { wanted };
        if wanted != self.aims[symbol] {
            self.aims[symbol] = wanted;
            engine.target_weight(symbol, f64::from(wanted) * self.weight);
        }
    }

    /// Where to be, or `None` to stay.
    fn wanted(&self, symbol: usize) -> Option<i8> {
        let [first, second] = self.places.map(|place| self.indicators.now(place, symbol));
        match self.rule {
            Rule::SmaCross { .. } if first > second => Some(1),
            Rule::SmaCross { .. } if first < second => Some(-1),
            Rule::SmaCross { .. } => None,
            Rule::ZScoreReversion { entry, .. } if first <= -entry => Some(1),
            Rule::ZScoreReversion { entry, .. } if first >= entry => Some(-1),
            Rule::ZScoreReversion { exit, .. } => {
                let out = f64::from(self.aims[symbol]) * first >= -exit;
                (self.aims[symbol] != 0 && out).then_some(0)
            }
        }
    }
}
