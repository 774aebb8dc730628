//! Deleting what recovery no longer needs.

use std::path::{Path, PathBuf};

use crate::layout;
use crate::medium::{FileMedium, Medium};
use crate::{Error, snapshot};

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Sequence of the oldest snapshot that is kept, or `None` if there is no valid one, and then nothing was deleted.
    pub oldest_snapshot: Option<u64>,
    /// Snapshots deleted, oldest first.
    pub snapshots_removed: Vec<PathBuf>,
    /// Segments deleted, oldest first.
    pub segments_removed: Vec<PathBuf>,
}

/// Keeps the newest `n` valid snapshots of `dir`, and the segments that replay from the oldest of them needs.
///
/// Deletes snapshots older than those and segments that lie wholly at or before the oldest one kept. The last segment is
/// never deleted. May be called while the journal is open.
///
/// # Errors
///
/// [`Error::Setting`] if `n` is 0, [`Error::Io`] if a file cannot be read or deleted.
pub fn retain(dir: &Path, n: usize) -> Result<Retained, Error> {
    if n == 0 {
        return Err(Error::Setting { name: "n", found: 0, least: 1, most: usize::MAX as u64 });
    }
    let snapshots = layout::snapshots(dir)?;
    let mut oldest = None;
    let mut kept = 0;
    for file in snapshots.iter().rev() {
        if kept < n && snapshot::read(file)?.is_ok() {
            oldest = Some(file.sequence);
            kept += 1;
        }
    }
    let Some(oldest) = oldest else { return Ok(Retained::default()) };
    let segments = layout::segments(dir)?;
    let covered = |next: u64| next <= oldest + 1;
    let obsolete = segments.windows(2).filter(|pair| covered(pair[1].sequence)).map(|pair| pair[0].path.clone()).collect();
    let stale = snapshots.into_iter().filter(|file| file.sequence < oldest).map(|file| file.path).collect();
    // Snapshots first, and each kind from the oldest on: a crash in between leaves a journal that still recovers.
    Ok(Retained {
        oldest_snapshot: Some(oldest),
        snapshots_removed: remove(dir, stale)?,
        segments_removed: remove(dir, obsolete)?,
    })
}

fn remove(dir: &Path, paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, Error> {
    for path in &paths {
        FileMedium.remove(path).map_err(Error::io("remove", path))?;
    }
    if !paths.is_empty() {
        FileMedium.sync_dir(dir).map_err(Error::io("sync", dir))?;
    }
    Ok(paths)
}
