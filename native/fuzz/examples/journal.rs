//! Writes the journal of a story, with two snapshots on the way, and prints the state hash: `journal SEED COMMANDS DIR`.
//!
//! Builds of every profile write the same bytes; `tests/builds.rs` sees to it.

use std::env;
use std::error::Error;
use std::path::Path;

use omni_fuzz::Story;
use omni_journal::{Durability, Options};
use omni_oms::DurableOms;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [seed, commands, dir] = &arguments[..] else { return Err("usage: journal SEED COMMANDS DIR".into()) };
    let (mut story, commands) = (Story::new(seed.parse()?), commands.parse::<u64>()?);
    let options = Options { durability: Durability::None, segment_bytes: 256 << 10, group_bytes: 16 << 10, ..Options::default() };
    let mut oms = DurableOms::open(Path::new(dir), story.config(), options)?.0;
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
    println!("{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Ok(())
}
