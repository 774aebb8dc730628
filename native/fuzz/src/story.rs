//! Commands at random, for those who want many rather than strange ones, and a journal of them.

use std::path::Path;

use omni_journal::{Durability, Options};
use omni_oms::{Command, Config, DurableOms, Error, Oms};
use omni_types::TradingPhase;

use crate::{Input, Market};

/// Bytes of a command at most.
const LENGTH: usize = 160;

/// A market and what is sent to it, from a number alone.
#[derive(Clone, Debug)]
pub struct Story {
    market: Market,
    config: Config,
    dice: u64,
}

impl Story {
    /// The story of a seed, in a market that is open and where everybody may trade.
    pub fn new(seed: u64) -> Self {
        let market = Market { n_accounts: 4, n_instruments: 3, phase: TradingPhase::Continuous, centre: 100, step: 1 };
        Self { market, config: market.config(&mut Input::new(&[])), dice: seed }
    }

    /// What to begin with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The next command for a system that did what came before, and one that it does not refuse to journal.
    pub fn next_command(&mut self, oms: &Oms) -> Command {
        loop {
            let bytes = bytes(&mut self.dice);
            let command = self.market.command(&mut Input::new(&bytes), oms);
            if let Some(command) = command.filter(|command| self.is_mild(command, oms) && oms.check(command).is_ok()) {
                return command;
            }
        }
    }

    /// Whether trading goes on after it: no switch is thrown, time passes by the microsecond, and a market that stops is rare.
    fn is_mild(&self, command: &Command, oms: &Oms) -> bool {
        command.ts().0 < oms.clock().0.saturating_add(1_000)
            && match *command {
                Command::WriteRegister { value, .. } => value > 1 << 32,
                Command::KillSwitch { on, .. } => !on,
                Command::SetPhase { phase, .. } => phase == TradingPhase::Continuous || self.dice.is_multiple_of(8),
                Command::New { .. }
                | Command::Cancel { .. }
                | Command::Replace { .. }
                | Command::MassCancel { .. }
                | Command::Advance { .. }
                | Command::Mark { .. } => true,
            }
    }
}

/// Writes the journal of the first `commands` commands of a story, with two snapshots on the way, and returns the state hash and how many
/// trades there were.
///
/// # Errors
///
/// Those of the journal.
pub fn write_journal(seed: u64, commands: u64, dir: &Path) -> Result<([u8; 32], u64), Error> {
    let mut story = Story::new(seed);
    let options = Options { durability: Durability::None, segment_bytes: 256 << 10, group_bytes: 16 << 10, ..Options::default() };
    let mut oms = DurableOms::open(dir, story.config(), options)?.0;
    for at in 1..=commands {
        let command = story.next_command(oms.oms());
        oms.execute(&command)?;
        oms.clear_events();
        if at == commands / 3 || at == commands / 2 {
            oms.snapshot()?;
        }
    }
    let outcome = (oms.oms().state_hash(), oms.oms().engine().next_trade_id() - 1);
    oms.close()?;
    Ok(outcome)
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
fn bytes(dice: &mut u64) -> Vec<u8> {
    let next = |_| {
        *dice = dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)).to_le_bytes()
    };
    (0..LENGTH / 8).flat_map(next).collect()
}
