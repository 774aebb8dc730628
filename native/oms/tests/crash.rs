//! A real process, killed at any moment: every command that it acknowledged is in the system that is recovered, and that system is what
//! the commands in the journal make of a fresh one.
//!
//! The test binary runs itself as the victim, so that no helper has to be built or installed.

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use omni_journal::{Durability, Options};
use omni_oms::DurableOms;
use support::{check_recovered, config, next_command, oms};

const KILLS: u64 = 160;
/// After so many the next journal begins, in the other mode.
const KILLS_PER_JOURNAL: u64 = 20;
const DIR: &str = "OMNI_OMS_VICTIM_DIR";
const MODE: &str = "OMNI_OMS_VICTIM_MODE";

fn options(journal: u64) -> Options {
    let durability = if journal.is_multiple_of(2) { Durability::Every } else { Durability::Batch };
    Options { durability, segment_bytes: 32 << 10, group_bytes: 2 << 10, ..Options::default() }
}

/// Not a test of its own: goes on with the story for ever, and says what is acknowledged.
#[test]
#[ignore = "started and killed by the test below"]
fn victim() {
    let (Ok(dir), Ok(mode)) = (std::env::var(DIR), std::env::var(MODE)) else { return };
    let mut durable = DurableOms::open(Path::new(&dir), &config(), options(mode.parse().unwrap())).unwrap().0;
    // Past the harness, which would hold the output back.
    let mut out = std::io::stdout().lock();
    for n in 0_u64.. {
        let sequence = durable.execute(&next_command(durable.oms())).unwrap();
        if n % 7 == 6 {
            drop(durable.take_events().unwrap());
        }
        if sequence.is_multiple_of(100) {
            durable.snapshot().unwrap();
        }
        writeln!(out, "acknowledged {}", durable.acknowledged()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_system_loses_nothing_that_it_acknowledged() {
    let mut delay_us = 1_u64;
    let (mut told, mut silent) = (0, 0);
    for journal in 0..KILLS / KILLS_PER_JOURNAL {
        let dir = tempfile::tempdir().unwrap();
        let (mut reference, mut acknowledged) = (oms(), 1);
        for _ in 0..KILLS_PER_JOURNAL {
            // A spread of moments, from before the open to well into the story.
            delay_us = delay_us.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let said = kill(start(dir.path(), journal), Duration::from_micros((delay_us >> 33) % 40_000));
            silent += u64::from(said.is_none());
            acknowledged = said.unwrap_or(acknowledged);
            if said.is_some() || reference.sequence() > 1 {
                acknowledged = check_recovered(dir.path(), acknowledged, &mut reference);
            }
        }
        told += acknowledged;
    }
    assert!(told > KILLS && silent < KILLS / 2, "{told} commands, {silent} kills before the first one");
    eprintln!("{KILLS} kills, {silent} of them before the first command, {told} commands");
}

fn start(dir: &Path, mode: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env(MODE, mode.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the child after `delay` and returns the last command that it acknowledged in a whole line.
fn kill(mut child: Child, delay: Duration) -> Option<u64> {
    let mut pipe = child.stdout.take().unwrap();
    // Read while it runs: a full pipe would stop the writer.
    let said = thread::spawn(move || {
        let mut said = String::new();
        pipe.read_to_string(&mut said).unwrap();
        said
    });
    thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    let said = said.join().unwrap();
    let (whole, _) = said.rsplit_once('\n')?;
    whole.rsplit_once("acknowledged ")?.1.parse().ok()
}
