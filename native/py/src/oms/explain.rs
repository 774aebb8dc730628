//! What the gate would say of a command, and how far everything is from its limits, as columns.

use omni_oms::{CheckLevel, CheckRow, Oms};
use omni_types::{AccountId, InstrumentId};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::columns::Columns;

/// Rows as columns; levels, accounts and instruments by their names.
pub(crate) fn columns<'py>(py: Python<'py>, oms: &Oms, rows: &[CheckRow]) -> PyResult<Bound<'py, PyDict>> {
    let numbers = Columns::new(py)
        .with("value", rows.iter().map(|row| row.value))?
        .with("limit", rows.iter().map(|row| row.limit))?
        .with("headroom", rows.iter().map(CheckRow::headroom))?
        .with("passes", rows.iter().map(|row| row.passes))?
        .with("sector", rows.iter().map(|row| i64::from(row.sector)))?;
    let table = numbers.done();
    table.set_item("check", rows.iter().map(|row| row.check.name()).collect::<Vec<_>>())?;
    table.set_item("level", rows.iter().map(|row| level(oms, row.level)).collect::<Vec<_>>())?;
    table.set_item("severity", rows.iter().map(|row| row.severity.name()).collect::<Vec<_>>())?;
    table.set_item("account", rows.iter().map(|row| account(oms, row.level)).collect::<Vec<_>>())?;
    table.set_item("instrument", rows.iter().map(|row| row.instrument.map_or("", |id| symbol(oms, id))).collect::<Vec<_>>())?;
    Ok(table)
}

fn level(oms: &Oms, level: CheckLevel) -> String {
    match level {
        CheckLevel::Everything => "everything".to_owned(),
        CheckLevel::Instrument(instrument) => symbol(oms, instrument).to_owned(),
        CheckLevel::Account(account) => name(oms, account).to_owned(),
        CheckLevel::Position(account, instrument) => format!("{}.{}", name(oms, account), symbol(oms, instrument)),
    }
}

/// The account of a level; none of everything and of an instrument.
fn account(oms: &Oms, level: CheckLevel) -> &str {
    match level {
        CheckLevel::Everything | CheckLevel::Instrument(_) => "",
        CheckLevel::Account(account) | CheckLevel::Position(account, _) => name(oms, account),
    }
}

fn name(oms: &Oms, account: AccountId) -> &str {
    &oms.config().accounts[account.0 as usize].name
}

fn symbol(oms: &Oms, instrument: InstrumentId) -> &str {
    &oms.config().instruments[instrument.0 as usize].symbol
}
