//! Symbols, accounts and grids of one configuration.

use std::hash::Hash;

use omni_oms::Config;
use omni_types::{AccountId, InstrumentId};
use pyo3::prelude::*;
use pyo3::types::PyString;
use rustc_hash::FxHashMap;

use super::numbers::steps;
use crate::errors::Facts;

/// What people call things, and what those are here.
pub(crate) struct Names {
    symbols: FxHashMap<String, InstrumentId>,
    accounts: FxHashMap<String, AccountId>,
    /// Tick and lot by instrument.
    grids: Vec<(f64, f64)>,
}

impl Names {
    pub fn new(config: &Config) -> Self {
        let symbols = config.instruments.iter().map(|instrument| instrument.symbol.clone());
        let accounts = config.accounts.iter().map(|account| account.name.clone());
        Self {
            symbols: symbols.zip((0..).map(InstrumentId)).collect(),
            accounts: accounts.zip((0..).map(AccountId)).collect(),
            grids: config.instruments.iter().map(|instrument| (instrument.tick_size, instrument.lot_size)).collect(),
        }
    }

    /// The instrument of a symbol.
    #[inline]
    pub fn instrument(&self, symbol: &Bound<'_, PyAny>) -> PyResult<InstrumentId> {
        look_up(&self.symbols, symbol)?.ok_or_else(|| {
            Facts::new("UnknownSymbolError", "no such instrument")
                .object(symbol)
                .choices(by_number(&self.symbols))
                .raise(symbol.py())
        })
    }

    /// The account of a name; none is the first.
    #[inline]
    pub fn account(&self, name: Option<&Bound<'_, PyAny>>) -> PyResult<AccountId> {
        let Some(name) = name else { return Ok(AccountId(0)) };
        look_up(&self.accounts, name)?.ok_or_else(|| {
            Facts::new("ConfigError", "no such account").object(name).choices(by_number(&self.accounts)).raise(name.py())
        })
    }

    /// A price in ticks.
    #[inline]
    pub fn ticks(&self, instrument: InstrumentId, price: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<i64> {
        price.map_or(Ok(0), |price| steps(price, self.grids[instrument.0 as usize].0, name))
    }

    /// A quantity in lots.
    #[inline]
    pub fn lots(&self, instrument: InstrumentId, qty: &Bound<'_, PyAny>, name: &str) -> PyResult<i64> {
        steps(qty, self.grids[instrument.0 as usize].1, name)
    }
}

#[inline]
fn look_up<T: Copy>(names: &FxHashMap<String, T>, name: &Bound<'_, PyAny>) -> PyResult<Option<T>> {
    match name.cast::<PyString>() {
        Ok(name) => Ok(names.get(name.to_str()?).copied()),
        Err(_) => Ok(None),
    }
}

fn by_number<T: Copy + Ord + Hash>(names: &FxHashMap<String, T>) -> impl Iterator<Item = &str> {
    let mut ordered: Vec<_> = names.iter().map(|(name, &number)| (number, name.as_str())).collect();
    ordered.sort_unstable();
    ordered.into_iter().map(|(_, name)| name)
}
