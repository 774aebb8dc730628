//! The same commands give the same journal, byte for byte: twice in one build, and in builds of two profiles.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SEEDS: [&str; 3] = ["1", "2", "7"];
const COMMANDS: &str = "20000";

#[test]
fn two_runs_and_two_builds_write_the_same_bytes() {
    let builds = [build("dev"), build("release")];
    for seed in SEEDS {
        let [first, again, release] = [&builds[0], &builds[0], &builds[1]].map(|program| written(program, seed));
        assert!(first.1.len() > 4, "segments and snapshots: {:?}", first.1.keys());
        for other in [again, release] {
            assert_eq!(first.0, other.0, "the state hash of seed {seed}");
            for (name, bytes) in &first.1 {
                assert!(other.1.get(name) == Some(bytes), "{name} of seed {seed} differs");
            }
            assert_eq!(first.1.len(), other.1.len());
        }
    }
}

/// The example `journal`. What was built before, by the tests or with the Python module, is not built again.
fn build(profile: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--locked", "--example", "journal", "--message-format", "json", "--profile", profile])
        // The address of the program is read from what cargo says, so that any target directory will do.
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let (_, path) = said.rsplit_once("\"executable\":\"").expect("cargo names the program");
    PathBuf::from(path.split('"').next().unwrap())
}

/// The state hash that a program prints, and the files that it writes.
fn written(program: &Path, seed: &str) -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(program).args([seed, COMMANDS]).arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = fs::read_dir(dir.path()).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
    });
    (output.stdout, files.collect())
}
