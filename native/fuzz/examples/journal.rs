//! Writes the journal of a story and prints the state hash and the number of trades: `journal SEED COMMANDS DIR`.
//!
//! Builds of every profile write the same bytes; `tests/builds.rs` sees to it.

use std::env;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [seed, commands, dir] = &arguments[..] else { return Err("usage: journal SEED COMMANDS DIR".into()) };
    println!("{:?}", omni_fuzz::write_journal(seed.parse()?, commands.parse()?, Path::new(dir))?);
    Ok(())
}
