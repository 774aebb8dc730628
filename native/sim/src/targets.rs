//! Drives an engine with an array of targets: one row per step, one column per instrument.

use std::sync::Arc;

use crate::engine::BarEngine;

/// What the numbers of a target array mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// Signed quantity to hold.
    Quantity,
    /// Signed fraction of equity to hold.
    Weight,
}

/// Why a target array cannot be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TargetError {
    /// Not one target for each cell of the panel.
    Length {
        /// Targets found.
        found: usize,
        /// Targets expected.
        expected: usize,
    },
    /// A target is infinite, or larger than 2^53.
    Value {
        /// Row.
        row: usize,
        /// Instrument.
        symbol: usize,
        /// What stands there.
        value: f64,
    },
}

/// Largest target that a double holds to the unit.
const LARGEST_TARGET: f64 = 9_007_199_254_740_992.0;

/// Check a target array against the engine's panel.
///
/// # Errors
/// If it has the wrong number of cells, or a cell is neither NaN nor a usable number.
pub fn check_targets(engine: &BarEngine, targets: &[f64]) -> Result<(), TargetError> {
    let n_symbols = engine.panel().n_symbols();
    let expected = engine.panel().n_steps() * n_symbols;
    if targets.len() != expected {
        return Err(TargetError::Length { found: targets.len(), expected });
    }
    match targets.iter().position(|target| target.abs() > LARGEST_TARGET) {
        None => Ok(()),
        Some(at) => Err(TargetError::Value { row: at / n_symbols, symbol: at % n_symbols, value: targets[at] }),
    }
}

/// Run the engine to the step `until` (exclusive), deciding row *t* of `targets` at the close of step *t*; NaN decides nothing.
///
/// # Panics
/// If `targets` has not passed [`check_targets`].
pub fn run_targets(engine: &mut BarEngine, targets: &[f64], kind: TargetKind, until: usize) {
    let panel = Arc::clone(engine.panel());
    let n_symbols = panel.n_symbols();
    let until = until.min(panel.n_steps());
    while engine.step() < until {
        if n_symbols == 1 && kind == TargetKind::Quantity && engine.is_idle() {
            // Most targets repeat what is held: go straight to the next that does not.
            let held = panel.instruments()[0].quantity(engine.ledger().lots(0));
            let ahead = &targets[engine.step()..until];
            let quiet = ahead.iter().position(|&target| target != held && !target.is_nan()).unwrap_or(ahead.len());
            engine.coast(engine.step() + quiet);
            if engine.step() == until {
                return;
            }
        }
        let step = engine.step();
        engine.open();
        engine.inside();
        engine.close();
        let row = &targets[step * n_symbols..(step + 1) * n_symbols];
        let cells = row.iter().zip(panel.close_row(step)).enumerate();
        let decided = cells.filter(|(_, (target, close))| !target.is_nan() && **close != 0);
        match kind {
            TargetKind::Quantity => {
                for (symbol, (&target, _)) in decided {
                    engine.target(symbol, panel.instruments()[symbol].lots(target));
                }
            }
            TargetKind::Weight => {
                let equity = engine.ledger().equity().to_f64();
                for (symbol, (&weight, _)) in decided {
                    engine.target_weight_of(symbol, weight, equity);
                }
            }
        }
        engine.settle();
    }
}
