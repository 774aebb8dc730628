//! The short run: every committed seed, and some thousand changes of them from an explicit random seed.

use std::fs;
use std::path::{Path, PathBuf};

use omni_fuzz::{TARGETS, Target};

/// Longest bytes that a change may make.
const LONGEST: usize = 2_048;

#[test]
fn books_hold() {
    play("books", 3_000);
}

#[test]
fn codec_holds() {
    play("codec", 1_000_000);
}

#[test]
fn commands_hold() {
    play("commands", 8_000);
}

#[test]
fn engine_holds() {
    play("engine", 8_000);
}

#[test]
fn itch_holds() {
    play("itch", 20_000);
}

#[test]
fn journal_holds() {
    play("journal", 1_000);
}

#[test]
fn sessions_hold() {
    play("sessions", 2_000_000);
}

#[test]
fn snapshot_holds() {
    play("snapshot", 25_000);
}

#[test]
fn every_target_has_seeds() {
    for (name, _) in TARGETS {
        assert!(seeds(name).len() > 5, "{name}");
    }
}

/// Plays the seeds of a target, then `runs` changes of them.
fn play(name: &str, runs: u64) {
    let (_, target) = TARGETS.into_iter().find(|target| target.0 == name).unwrap();
    let seeds = seeds(name);
    for seed in &seeds {
        watched(name, target, seed);
    }
    let mut dice = Dice(1);
    for _ in 0..runs {
        let mut bytes = dice.pick(&seeds).clone();
        for _ in 0..=dice.below(5) {
            change(&mut dice, &mut bytes, &seeds);
        }
        bytes.truncate(LONGEST);
        watched(name, target, &bytes);
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn change(dice: &mut Dice, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = dice.below(bytes.len() + 1);
    match dice.below(7) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..bytes.len().min(at + 1 + dice.below(16)))),
        2 => {
            let new: Vec<u8> = (0..=dice.below(16)).map(|_| dice.next() as u8).collect();
            drop(bytes.splice(at..at, new));
        }
        3 => {
            let other = dice.pick(seeds);
            let from = dice.below(other.len() + 1);
            drop(bytes.splice(at..at, other[from..other.len().min(from + 64)].iter().copied()));
        }
        _ => {
            let new =
                if dice.below(2) == 0 { dice.next() as u8 } else { bytes.get(at).map_or(0, |byte| byte ^ 1 << dice.below(8)) };
            bytes.get_mut(at).into_iter().for_each(|byte| *byte = new);
        }
    }
}

fn watched(name: &str, target: Target, bytes: &[u8]) {
    let watch = Watch { name, bytes };
    target(bytes);
    drop(watch);
}

/// Keeps the bytes that broke a law, so that they can become a seed.
struct Watch<'a> {
    name: &'a str,
    bytes: &'a [u8],
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-broke", self.name));
            let kept = fs::write(&path, self.bytes);
            eprintln!("the bytes are in {} ({kept:?}); with what they break mended, they are a seed", path.display());
        }
    }
}

/// Numbers at random: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
