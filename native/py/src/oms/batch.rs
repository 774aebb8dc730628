//! Many commands as columns. `omni_lab.execution.commands` has looked at names, types and lengths; values are checked here, all of them
//! before any command acts.

use std::ops::Range;

use numpy::{PyReadonlyArray1, PyUntypedArrayMethods};
use omni_oms::{Command, EVERY_ACCOUNT, EVERY_INSTRUMENT};
use omni_types::{
    AccountId, InstrumentId, Nanos, NewOrder, OrderId, OrderType, PegReference, PostOnly, Qty, SelfTrade, Side, Terms, Ticks,
    TimeInForce, TradingPhase, TrailUnit, Trigger,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::events::EventColumns;
use super::system::System;
use super::words::COMMAND_KINDS;
use crate::errors::Refusal;

const NEW: i64 = 1;
const CANCEL: i64 = 2;
const REPLACE: i64 = 3;
const MASS_CANCEL: i64 = 4;
const SET_PHASE: i64 = 5;
const ADVANCE: i64 = 6;
const MARK: i64 = 7;
const WRITE_REGISTER: i64 = 8;
const KILL_SWITCH: i64 = 9;
/// Stands for every account, or every instrument, as does the largest number of 32 bits.
const ALL: i64 = -1;
const NUMBERS_END: i64 = 1 << 32;
/// Rows that are copied together before their commands are made of them: reading 27 columns row by row waits for memory at each.
const BLOCK: usize = 128;

/// A column, or one value that stands for a column of it.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a, T> {
    values: &'a [T],
    /// All ones, or 0 for a single value.
    mask: usize,
}

impl<'a, T: Copy> Column<'a, T> {
    fn new(values: &'a [T]) -> Self {
        Self { values, mask: if values.len() == 1 { 0 } else { usize::MAX } }
    }

    #[inline]
    fn at(&self, row: usize) -> T {
        self.values[row & self.mask]
    }

    /// The first row whose value is not as it should be.
    fn first_wrong(&self, n_rows: usize, is_right: impl Fn(T) -> bool) -> Option<usize> {
        self.values.iter().take(n_rows).position(|&value| !is_right(value))
    }
}

macro_rules! columns {
    ($($name:ident: $type:ty = $default:expr,)+) => {
        /// The columns as Python gave them; absent ones are `None`.
        pub(crate) struct Arrays<'py> {
            len: usize,
            $($name: Option<PyReadonlyArray1<'py, $type>>,)+
        }

        /// The columns as they are read; absent ones hold their defaults.
        pub(crate) struct Rows<'a> {
            len: usize,
            /// The time of commands that state none is the clock.
            has_ts: bool,
            $($name: Column<'a, $type>,)+
        }

        /// Some rows of every column, close together.
        struct Block {
            $($name: [$type; BLOCK],)+
        }

        impl Block {
            /// Room for rows; single values stand in it already.
            fn of(rows: &Rows) -> Box<Self> {
                Box::new(Self { $($name: [rows.$name.values.first().copied().unwrap_or_default(); BLOCK],)+ })
            }

            /// Takes the rows of a range.
            fn take(&mut self, rows: &Rows, range: Range<usize>) {
                $(if rows.$name.mask != 0 {
                    self.$name[..range.len()].copy_from_slice(&rows.$name.values[range.clone()]);
                })+
            }
        }

        impl<'py> Arrays<'py> {
            /// Contiguous arrays by name: of `n_rows` values, or of one.
            pub fn of(columns: &Bound<'py, PyDict>, n_rows: usize) -> PyResult<Self> {
                Ok(Self {
                    len: n_rows,
                    $($name: columns.get_item(stringify!($name))?.map(|column| column.extract()).transpose()?,)+
                })
            }

            pub fn rows(&self) -> PyResult<Rows<'_>> {
                $(if let Some(column) = &self.$name {
                    assert!(column.len() == self.len || column.len() == 1, "lengths were compared before");
                })+
                Ok(Rows {
                    len: self.len,
                    has_ts: self.ts.is_some(),
                    $($name: Column::new(match &self.$name {
                        Some(column) => column.as_slice()?,
                        None => &[$default],
                    }),)+
                })
            }
        }
    };
}

columns! {
    kind: i64 = NEW,
    ts: i64 = 0,
    order_id: u64 = 0,
    client_order_id: u64 = 0,
    client_order_id_high: u64 = 0,
    account: i64 = 0,
    instrument: i64 = 0,
    side: i64 = 1,
    order_type: i64 = 2,
    time_in_force: i64 = 0,
    self_trade: i64 = 0,
    post_only: i64 = 0,
    qty: i64 = 0,
    price: i64 = 0,
    stop_price: i64 = 0,
    trail: i64 = 0,
    trail_unit: i64 = 0,
    trigger: i64 = 0,
    peg_reference: i64 = 0,
    peg_offset: i64 = 0,
    display_qty: i64 = -1,
    min_qty: i64 = 0,
    all_or_none: i64 = 0,
    expire_at: i64 = 0,
    phase: i64 = 2,
    address: u64 = 0,
    value: u64 = 0,
}

/// What came of a batch.
pub(crate) struct Applied {
    pub events: EventColumns,
    /// Why the last snapshot that was due could not be stored.
    pub lost_snapshot: Option<Refusal>,
}

/// Carries out all rows, commits once, and hands out what came of them.
pub(crate) fn apply(system: &mut System, rows: Rows<'_>) -> Result<Applied, Refusal> {
    let clock = [system.oms().clock().0];
    let mut rows = rows;
    if !rows.has_ts {
        rows.ts = Column::new(&clock);
    }
    rows.check(system)?;
    let since = system.oms().sequence();
    let mut lost_snapshot = None;
    let mut block = Block::of(&rows);
    let mut commands = Vec::with_capacity(BLOCK);
    for start in (0..rows.len).step_by(BLOCK) {
        let range = start..rows.len.min(start + BLOCK);
        block.take(&rows, range.clone());
        commands.clear();
        commands.extend((0..range.len()).map(|row| block.command(row)));
        for (index, command) in commands.iter().enumerate() {
            system.oms().look_ahead(&commands, index);
            system.act(command)?;
            if let Some(lost) = system.snapshot_if_due()? {
                lost_snapshot = Some(lost);
            }
        }
    }
    system.commit()?;
    let events = system.drain_since(since, EventColumns::of)?;
    Ok(Applied { events, lost_snapshot })
}

impl Block {
    /// The command of a row that was checked.
    #[inline]
    fn command(&self, row: usize) -> Command {
        let ts = Nanos(self.ts[row]);
        let account = AccountId(self.account[row] as u32);
        let instrument = InstrumentId(self.instrument[row] as u32);
        let order_id = OrderId(self.order_id[row]);
        let (qty, price) = (Qty(self.qty[row]), Ticks(self.price[row]));
        match self.kind[row] {
            NEW => {
                let client_order_id = u128::from(self.client_order_id_high[row]) << 64 | u128::from(self.client_order_id[row]);
                let order = NewOrder {
                    account,
                    instrument,
                    side: decoded(self.side[row], Side::from_code),
                    order_type: decoded(self.order_type[row], OrderType::from_code),
                    time_in_force: decoded(self.time_in_force[row], TimeInForce::from_code),
                    self_trade: decoded(self.self_trade[row], SelfTrade::from_code),
                    post_only: decoded(self.post_only[row], PostOnly::from_code),
                    qty,
                    price,
                    terms: self.terms(row),
                };
                Command::New { ts, client_order_id, order }
            }
            CANCEL => Command::Cancel { ts, order_id },
            REPLACE => Command::Replace { ts, order_id, qty, price, stop_price: Ticks(self.stop_price[row]) },
            MASS_CANCEL => {
                let side = Side::from_code(self.side[row] as u8);
                Command::MassCancel { ts, account, instrument, side }
            }
            SET_PHASE => Command::SetPhase { ts, instrument, phase: decoded(self.phase[row], TradingPhase::from_code) },
            ADVANCE => Command::Advance { ts },
            MARK => Command::Mark { ts, instrument, price },
            _ => Command::WriteRegister { ts, address: self.address[row], value: self.value[row] },
        }
    }

    #[inline]
    fn terms(&self, row: usize) -> Terms {
        Terms {
            stop_price: Ticks(self.stop_price[row]),
            trail: self.trail[row],
            peg_offset: Ticks(self.peg_offset[row]),
            display_qty: Qty(self.display_qty[row]),
            min_qty: Qty(self.min_qty[row]),
            expire_at: Nanos(self.expire_at[row]),
            trail_unit: decoded(self.trail_unit[row], TrailUnit::from_code),
            trigger: decoded(self.trigger[row], Trigger::from_code),
            peg_reference: decoded(self.peg_reference[row], PegReference::from_code),
            all_or_none: self.all_or_none[row] == 1,
        }
    }
}

impl Rows<'_> {
    /// Refuses what no command could say; in the order of `omni_lab.execution.commands`.
    fn check(&self, system: &System) -> Result<(), Refusal> {
        if self.len == 0 {
            return Ok(());
        }
        let is_kind = |code: u8| COMMAND_KINDS.iter().any(|&(_, kind)| kind == u16::from(code));
        self.check_code("kind", &self.kind, "CommandKind", is_kind)?;
        // A kill switch says who and why, which no column does.
        let of_columns = |kind: i64| kind != KILL_SWITCH;
        if let Some(row) = self.kind.first_wrong(self.len, of_columns) {
            return Err(wrong("kind", &self.kind, row, "is thrown and reset by a command of its own, which says who and why"));
        }
        self.check_sides()?;
        self.check_code("order_type", &self.order_type, "OrderType", |code| OrderType::from_code(code).is_some())?;
        self.check_code("time_in_force", &self.time_in_force, "TimeInForce", |code| TimeInForce::from_code(code).is_some())?;
        self.check_code("self_trade", &self.self_trade, "SelfTrade", |code| SelfTrade::from_code(code).is_some())?;
        self.check_code("post_only", &self.post_only, "PostOnly", |code| PostOnly::from_code(code).is_some())?;
        self.check_code("trail_unit", &self.trail_unit, "TrailUnit", |code| TrailUnit::from_code(code).is_some())?;
        self.check_code("trigger", &self.trigger, "Trigger", |code| Trigger::from_code(code).is_some())?;
        self.check_code("peg_reference", &self.peg_reference, "PegReference", |code| PegReference::from_code(code).is_some())?;
        self.check_code("phase", &self.phase, "TradingPhase", |code| TradingPhase::from_code(code).is_some())?;
        if let Some(row) = self.all_or_none.first_wrong(self.len, |flag| flag == 0 || flag == 1) {
            return Err(wrong("all_or_none", &self.all_or_none, row, "is not 0 or 1"));
        }
        self.check_numbers("account", &self.account)?;
        self.check_numbers("instrument", &self.instrument)?;
        self.check_instruments(system.oms().config().instruments.len())?;
        self.check_writes(system)
    }

    fn check_code(
        &self,
        name: &'static str,
        codes: &Column<i64>,
        class: &str,
        is_code: impl Fn(u8) -> bool,
    ) -> Result<(), Refusal> {
        let known: Vec<bool> = (0..=u8::MAX).map(is_code).collect();
        let is_known = |code: i64| usize::try_from(code).is_ok_and(|code| known.get(code) == Some(&true));
        codes.first_wrong(self.len, is_known).map_or(Ok(()), |row| Err(wrong(name, codes, row, &format!("is no {class}"))))
    }

    /// A mass cancel may be of no side, which is both.
    fn check_sides(&self) -> Result<(), Refusal> {
        let is_right = |row: usize| {
            let side = self.side.at(row);
            side == 1 || side == 2 || (side == 0 && self.kind.at(row) == MASS_CANCEL)
        };
        (0..self.len).find(|&row| !is_right(row)).map_or(Ok(()), |row| Err(wrong("side", &self.side, row, "is no Side")))
    }

    /// Only where it is allowed may a number be −1, for all.
    fn check_numbers(&self, name: &'static str, numbers: &Column<i64>) -> Result<(), Refusal> {
        let is_right = |row: usize| {
            let number = numbers.at(row);
            (0..NUMBERS_END).contains(&number) || (number == ALL && matches!(self.kind.at(row), MASS_CANCEL | SET_PHASE))
        };
        let what = "is no number that an account or instrument could have";
        (0..self.len).find(|&row| !is_right(row)).map_or(Ok(()), |row| Err(wrong(name, numbers, row, what)))
    }

    /// The market of an instrument that there is not has no phase and no reference price.
    fn check_instruments(&self, known: usize) -> Result<(), Refusal> {
        let is_right = |row: usize| {
            let number = self.instrument.at(row);
            let is_all = number == ALL || number == i64::from(EVERY_INSTRUMENT.0);
            match self.kind.at(row) {
                SET_PHASE => is_all || number < known as i64,
                MARK => number < known as i64,
                _ => true,
            }
        };
        let what = format!("is no instrument: there are {known}");
        (0..self.len).find(|&row| !is_right(row)).map_or(Ok(()), |row| Err(wrong("instrument", &self.instrument, row, &what)))
    }

    fn check_writes(&self, system: &System) -> Result<(), Refusal> {
        for row in (0..self.len).filter(|&row| self.kind.at(row) == WRITE_REGISTER) {
            let write = Command::WriteRegister { ts: Nanos(0), address: self.address.at(row), value: self.value.at(row) };
            system.oms().check(&write).map_err(|error| Refusal::Row { row, error })?;
        }
        Ok(())
    }
}

/// The value of a code that was checked.
#[inline]
fn decoded<T>(code: i64, from_code: impl Fn(u8) -> Option<T>) -> T {
    from_code(code as u8).expect("codes are checked before anything acts")
}

#[cold]
fn wrong(column: &'static str, values: &Column<i64>, row: usize, what: &str) -> Refusal {
    Refusal::Value { column, row, found: values.at(row), what: what.to_owned() }
}

const _: () = assert!(EVERY_ACCOUNT.0 == ALL as u32 && EVERY_INSTRUMENT.0 == ALL as u32);
