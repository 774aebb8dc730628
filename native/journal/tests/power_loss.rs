//! A disk that loses power after any operation keeps what was synced, and any part it likes of what was not.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use omni_journal::{Durability, Error, Journal, Options};
use support::{FaultyMedium, Op, append, recover, scratch, small};

/// What the disk stores as a unit.
const SECTOR: usize = 16;

/// A small generator with an explicit seed.
struct Coin(u64);

impl Coin {
    fn lands_heads(&mut self) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 63 == 1
    }
}

#[test]
fn what_was_durable_survives_the_loss_of_power_after_any_operation() {
    let mut cut = 0;
    for durability in [Durability::Every, Durability::Batch] {
        let log = recorded(durability);
        for stop in 0..=log.len() {
            for seed in 0..8 {
                let dir = scratch();
                let durable = lose_power(&log[..stop], dir.path(), Coin(seed * 1_000_003 + stop as u64));
                let decided = Options { discard_beyond_damage: true, ..small(durability) };
                let report = match recover(dir.path(), small(durability)) {
                    Ok(report) => report,
                    // The end of a batch was stored and its start was not: see `Options::discard_beyond_damage`.
                    Err(Error::Corrupt { .. }) if durability == Durability::Batch => recover(dir.path(), decided).unwrap(),
                    Err(error) => panic!("{error}, after {stop} operations, seed {seed}"),
                };
                assert!(report.last_sequence >= durable, "{report:?}, durable {durable}, {stop} operations, seed {seed}");
                cut += u64::from(report.lost.is_some());
            }
        }
    }
    assert!(cut > 100, "{cut} tails");
}

/// Everything asked of the disk while a journal of several segments was written.
fn recorded(durability: Durability) -> Vec<Op> {
    let dir = scratch();
    let disk = FaultyMedium::default();
    let (mut journal, _) = Journal::open_on(dir.path(), small(durability), Box::new(disk.clone())).unwrap();
    for n in 0..30 {
        append(&mut journal).unwrap();
        if n % 4 == 3 {
            journal.commit().unwrap();
        }
        disk.disk().log.push(Op::Durable(journal.durable_sequence()));
    }
    journal.close().unwrap();
    std::mem::take(&mut disk.disk().log)
}

/// Builds in `dir` what the disk may hold after `log`; returns what was reported to be durable.
fn lose_power(log: &[Op], dir: &Path, mut coin: Coin) -> u64 {
    let last_sync_dir = log.iter().rposition(|op| *op == Op::SyncDir).unwrap_or(0);
    let synced_until = |file: &PathBuf| log.iter().rposition(|op| *op == Op::Sync(file.clone())).unwrap_or(0);
    let mut files: BTreeMap<&PathBuf, Vec<u8>> = BTreeMap::new();
    let mut durable = 0;
    for (at, op) in log.iter().enumerate() {
        match op {
            Op::Create(file) => {
                if at < last_sync_dir || coin.lands_heads() {
                    files.insert(file, Vec::new());
                }
            }
            Op::Allocate(file, len) | Op::Truncate(file, len) => {
                if let Some(content) = files.get_mut(file)
                    && (at < synced_until(file) || coin.lands_heads())
                {
                    content.resize(*len as usize, 0);
                }
            }
            Op::Write(file, offset, bytes) => {
                let Some(content) = files.get_mut(file) else { continue };
                for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                    let start = *offset as usize + n * SECTOR;
                    if at < synced_until(file) || coin.lands_heads() {
                        content.resize(content.len().max(start + sector.len()), 0);
                        content[start..start + sector.len()].copy_from_slice(sector);
                    }
                }
            }
            Op::Durable(sequence) => durable = *sequence,
            Op::Sync(_) | Op::SyncDir => {}
        }
    }
    for (name, content) in files {
        fs::write(dir.join(name), content).unwrap();
    }
    durable
}
