//! The venue: an order-management system, with a journal or without.

use std::path::Path;

use omni_journal::{Durability, Options};
use omni_oms::{AccountConfig, Command, Config, DurableOms, Error, InstrumentConfig, Limits, Oms, OmsEvent};
use omni_types::{Money, Ticks};

/// Commands between two commits of the journal.
const GROUP: u32 = 4_096;

/// Either system.
pub(crate) enum System {
    Plain(Box<Oms>),
    /// And how many of its events were read, and the commands since the last commit.
    Durable {
        oms: Box<DurableOms>,
        n_read: usize,
        n_pending: u32,
    },
}

impl std::fmt::Debug for System {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("System").field("sequence", &self.oms().sequence()).finish_non_exhaustive()
    }
}

impl System {
    /// A system of one instrument; accounts by name, the first of them with `capital` and held to `limits`.
    pub fn new(
        names: impl Iterator<Item = String>,
        (capital, limits): (Money, Limits),
        tick_value: Money,
        reference: i64,
        journal: Option<&Path>,
    ) -> Result<Self, Error> {
        let account = |(place, name)| {
            let others = AccountConfig { name, ..AccountConfig::default() };
            if place == 0 { AccountConfig { limits, capital, ..others } } else { others }
        };
        let instrument =
            InstrumentConfig { symbol: "SIM".to_owned(), tick_value, reference: Ticks(reference), ..InstrumentConfig::default() };
        let accounts = names.enumerate().map(account).collect();
        let config = Config { instruments: vec![instrument], accounts, ..Config::default() };
        let oms = Oms::new(config)?;
        let Some(dir) = journal else { return Ok(Self::Plain(Box::new(oms))) };
        let options = Options { durability: Durability::None, ..Options::default() };
        let oms = Box::new(DurableOms::begin(oms, dir, options)?);
        Ok(Self::Durable { oms, n_read: 0, n_pending: 0 })
    }

    #[inline]
    pub fn oms(&self) -> &Oms {
        match self {
            Self::Plain(oms) => oms,
            Self::Durable { oms, .. } => oms.oms(),
        }
    }

    /// Carry out a command; its events are those of [`System::events`] until the next.
    pub fn execute(&mut self, command: &Command) -> Result<(), Error> {
        match self {
            Self::Plain(oms) => {
                oms.clear_events();
                oms.execute(command)?;
            }
            Self::Durable { oms, n_read, n_pending } => {
                *n_read = oms.oms().events().len();
                if *n_pending == GROUP {
                    oms.commit()?;
                    oms.clear_events();
                    (*n_read, *n_pending) = (0, 0);
                }
                *n_pending += 1;
                oms.execute(command)?;
            }
        }
        Ok(())
    }

    /// What came of the last command.
    #[inline]
    pub fn events(&self) -> &[OmsEvent] {
        match self {
            Self::Plain(oms) => oms.events(),
            Self::Durable { oms, n_read, .. } => &oms.oms().events()[*n_read..],
        }
    }

    /// Hand all frames of the journal over.
    pub fn commit(&mut self) -> Result<(), Error> {
        if let Self::Durable { oms, n_read, n_pending } = self {
            oms.commit()?;
            oms.clear_events();
            (*n_read, *n_pending) = (0, 0);
        }
        Ok(())
    }
}
