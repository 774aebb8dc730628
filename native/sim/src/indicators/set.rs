//! The indicators of a run: each declared once, one kernel an instrument, with its value now and at the bar before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Candle, Indicator, IndicatorSpec};
use crate::bars::BarPanel;

/// One indicator of all instruments.
struct Declared {
    spec: IndicatorSpec,
    kernels: Vec<Box<dyn Indicator + Send>>,
    /// Values at the last closed bar, as bits, for readers in other hands.
    now: Arc<[AtomicU64]>,
    /// Values at the bar before it.
    before: Vec<f64>,
}

/// Indicators kept current together.
#[derive(Default)]
pub struct IndicatorSet {
    declared: Vec<Declared>,
}

impl IndicatorSet {
    /// Declare an indicator for `n_symbols` instruments; the same one twice is one. Returns its place.
    ///
    /// # Panics
    /// If the window is less than [`IndicatorSpec::least_window`].
    pub fn declare(&mut self, spec: IndicatorSpec, n_symbols: usize) -> usize {
        if let Some(place) = self.declared.iter().position(|each| each.spec == spec) {
            return place;
        }
        self.declared.push(Declared {
            spec,
            kernels: (0..n_symbols).map(|_| spec.kernel()).collect(),
            now: (0..n_symbols).map(|_| AtomicU64::new(f64::NAN.to_bits())).collect(),
            before: vec![f64::NAN; n_symbols],
        });
        self.declared.len() - 1
    }

    /// Where the values of an indicator are read, as the bits of doubles, one an instrument.
    pub fn cells(&self, place: usize) -> Arc<[AtomicU64]> {
        Arc::clone(&self.declared[place].now)
    }

    /// Bring all indicators of one instrument up to date with its closed bar.
    pub fn update(&mut self, panel: &BarPanel, step: usize, symbol: usize) {
        if self.declared.is_empty() {
            return;
        }
        let (bar, instrument) = (Candle::of(panel, step, symbol), &panel.instruments()[symbol]);
        for each in &mut self.declared {
            let value = each.kernels[symbol].update(&bar);
            let value = if each.spec.in_ticks() { instrument.mean_price(value) } else { value };
            each.before[symbol] = f64::from_bits(each.now[symbol].swap(value.to_bits(), Ordering::Relaxed));
        }
    }

    /// Value of an indicator at the last closed bar of an instrument.
    #[inline]
    pub fn now(&self, place: usize, symbol: usize) -> f64 {
        f64::from_bits(self.declared[place].now[symbol].load(Ordering::Relaxed))
    }

    /// Its value at the bar before.
    #[inline]
    pub fn before(&self, place: usize, symbol: usize) -> f64 {
        self.declared[place].before[symbol]
    }
}
