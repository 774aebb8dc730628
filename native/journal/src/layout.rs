//! Names in a journal's directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::header::MAX_SEQUENCE;

/// Held by the one writer.
pub(crate) const LOCK: &str = "journal.lock";
/// Ends the name of a snapshot that is being written.
pub(crate) const TEMPORARY: &str = ".tmp";

const DIGITS: usize = 20;

/// A file whose name carries a sequence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Numbered {
    pub sequence: u64,
    pub path: PathBuf,
}

pub(crate) fn segment_path(dir: &Path, first_sequence: u64) -> PathBuf {
    dir.join(format!("{first_sequence:020}.seg"))
}

pub(crate) fn snapshot_path(dir: &Path, sequence: u64) -> PathBuf {
    dir.join(format!("snapshot-{sequence:020}.snap"))
}

/// Segments of `dir`, oldest first.
pub(crate) fn segments(dir: &Path) -> Result<Vec<Numbered>, Error> {
    let mut found = numbered(dir, "", ".seg")?;
    // Sequences start at 1.
    found.retain(|segment| segment.sequence > 0);
    Ok(found)
}

/// Snapshots of `dir`, oldest first.
pub(crate) fn snapshots(dir: &Path) -> Result<Vec<Numbered>, Error> {
    numbered(dir, "snapshot-", ".snap")
}

fn numbered(dir: &Path, prefix: &str, suffix: &str) -> Result<Vec<Numbered>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(prefix)?.strip_suffix(suffix));
        // Twenty digits exactly: other files in the directory are somebody else's.
        if let Some(digits) = digits.filter(|digits| digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit()))
            && let Ok(sequence) = digits.parse()
            && sequence <= MAX_SEQUENCE
        {
            found.push(Numbered { sequence, path: entry.path() });
        }
    }
    found.sort();
    Ok(found)
}
