//! Commands at random, for those who want many rather than strange ones, and a journal of them.

use std::path::Path;

use omni_journal::{Durability, Options};
use omni_oms::{Command, Config, DurableOms, Error, Oms};

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
    /// The story of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = seed;
        let bytes = bytes(&mut dice);
        let mut input = Input::new(&bytes);
        let market = Market::read(&mut input);
        Self { market, config: market.config(&mut input), dice }
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
            // At the end of time everything has expired.
            if let Some(command) = command.filter(|command| command.ts().0 < i64::MAX / 2 && oms.check(command).is_ok()) {
                return command;
            }
        }
    }
}

/// Writes the journal of the first `commands` commands of a story, with two snapshots on the way, and returns the state hash.
///
/// # Errors
///
/// Those of the journal.
pub fn write_journal(seed: u64, commands: u64, dir: &Path) -> Result<[u8; 32], Error> {
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
    let hash = oms.oms().state_hash();
    oms.close()?;
    Ok(hash)
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
