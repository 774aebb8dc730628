//! A real process, killed at any moment: every frame that it reported as durable is there, and the rest is a prefix.
//!
//! The test binary runs itself as the victim, so that no helper has to be built or installed.

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use omni_journal::{Backend, Durability, Journal, Options, frames};
use support::{append, check_reader};

const KILLS: u64 = 520;
/// After so many the next journal begins, so that reading all of it back stays quick.
const KILLS_PER_JOURNAL: u64 = 40;
const DIR: &str = "OMNI_JOURNAL_VICTIM_DIR";
const MODE: &str = "OMNI_JOURNAL_VICTIM_MODE";

fn options(mode: u64) -> Options {
    Options {
        durability: if mode.is_multiple_of(2) { Durability::Every } else { Durability::Batch },
        backend: if mode % 4 < 2 { Backend::Pwrite } else { Backend::IoUring },
        segment_bytes: 16 << 10,
        group_bytes: 2 << 10,
        ..Options::default()
    }
}

/// Not a test of its own: appends for ever, and says what is durable.
#[test]
#[ignore = "started and killed by the test below"]
fn victim() {
    let (Ok(dir), Ok(mode)) = (std::env::var(DIR), std::env::var(MODE)) else { return };
    let (mut journal, _) = Journal::open(Path::new(&dir), options(mode.parse().unwrap())).unwrap();
    // Past the harness, which would hold the output back.
    let mut out = std::io::stdout().lock();
    for n in 0_u64.. {
        append(&mut journal).unwrap();
        if n % 7 == 6 {
            journal.commit().unwrap();
        }
        writeln!(out, "durable {}", journal.durable_sequence()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_it_reported_as_durable() {
    let mut delay_us = 1_u64;
    let (mut reported, mut tails, mut silent) = (0, 0, 0);
    for journal in 0..KILLS / KILLS_PER_JOURNAL {
        let dir = tempfile::tempdir().unwrap();
        let mut durable = 0;
        for _ in 0..KILLS_PER_JOURNAL {
            // A spread of moments, from before the open to well into writing.
            delay_us = delay_us.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let child = start(dir.path(), journal);
            let said = kill(child, Duration::from_micros((delay_us >> 33) % 25_000));
            silent += u64::from(said.is_none());
            durable = said.unwrap_or(durable);
            let (opened, report) = Journal::open(dir.path(), options(journal)).unwrap();
            assert!(report.last_sequence >= durable, "{report:?}, but {durable} was reported as durable");
            drop(opened);
            assert_eq!(check_reader(&mut frames(dir.path(), 1).unwrap(), 1).unwrap(), report.last_sequence);
            durable = report.last_sequence;
            tails += u64::from(report.lost.is_some());
        }
        reported += durable;
    }
    assert!(reported > KILLS, "{reported} frames");
    eprintln!("{KILLS} kills, {silent} of them before the first frame, {reported} frames, {tails} tails cut");
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

/// Kills the child after `delay` and returns the last sequence that it reported in a whole line.
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
    whole.rsplit_once("durable ")?.1.parse().ok()
}
