//! The same commands give the same journal, byte for byte: twice in this build, and in a build for release.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use omni_fuzz::write_journal;

const SEEDS: [u64; 3] = [1, 2, 7];
const COMMANDS: u64 = 20_000;

/// What is printed of the outcome, and files by name.
type Written = (String, BTreeMap<String, Vec<u8>>);

#[test]
fn two_runs_and_two_builds_write_the_same_bytes() {
    let release = release_build();
    for seed in SEEDS {
        let here = |dir: &Path| {
            let outcome = write_journal(seed, COMMANDS, dir).unwrap();
            assert!(outcome.1 > COMMANDS / 10, "{} trades", outcome.1);
            format!("{outcome:?}\n")
        };
        let first = written(here);
        assert!(first.1.len() > 4, "segments and snapshots: {:?}", first.1.keys());
        same(&first, &written(here));
        same(&first, &written(|dir| run(&release, seed, dir)));
    }
}

fn same(one: &Written, other: &Written) {
    assert_eq!(one.0, other.0, "state hash and trades");
    assert!(one.1.keys().eq(other.1.keys()), "{:?}, {:?}", one.1.keys(), other.1.keys());
    for (name, bytes) in &one.1 {
        assert!(other.1.get(name) == Some(bytes), "{name} differs");
    }
}

fn written(write: impl FnOnce(&Path) -> String) -> Written {
    let dir = tempfile::tempdir().unwrap();
    let hash = write(dir.path());
    let files = fs::read_dir(dir.path()).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
    });
    (hash, files.collect())
}

fn run(program: &Path, seed: u64, dir: &Path) -> String {
    let output = Command::new(program).args([seed.to_string(), COMMANDS.to_string()]).arg(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The example `journal`, built where the Python module was: most of it is there already.
fn release_build() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--locked", "--release", "--example", "journal", "--message-format", "json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Cargo says where it is, so that any target directory will do.
    let said = String::from_utf8(output.stdout).unwrap();
    let (_, path) = said.rsplit_once("\"executable\":\"").expect("cargo names the program");
    PathBuf::from(path.split('"').next().unwrap())
}
