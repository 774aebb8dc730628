//! A journal's directory made ready for writing: its lock, its new segments, and the mending of its last one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::header::{HEADER, SegmentHeader};
use crate::medium::{Medium, SegmentFile};
use crate::options::Options;
use crate::recovery::Survey;
use crate::{Error, layout};

/// A segment to write on in.
pub(crate) struct Tail {
    pub file: Box<dyn SegmentFile>,
    pub path: PathBuf,
    pub capacity: u64,
    pub end: u64,
}

/// Cuts what is lost, makes what is left durable, and opens the last segment for writing.
pub(crate) fn mend(dir: &Path, options: &Options, medium: &dyn Medium, survey: Survey) -> Result<Tail, Error> {
    let Survey { report, segments, read_from, end, capacity } = survey;
    let Some((last, earlier)) = segments.split_last() else {
        return create_segment(dir, 1, options, 0, medium);
    };
    // The process that wrote these may have been killed between its write and its sync.
    for segment in &earlier[read_from.min(earlier.len())..] {
        let synced = medium.open(&segment.path).and_then(|mut file| file.sync());
        synced.map_err(Error::io("sync", &segment.path))?;
    }
    let path = last.path.clone();
    let mut file = medium.open(&path).map_err(Error::io("open", &path))?;
    if report.lost.as_ref().is_some_and(|lost| lost.offset == 0) {
        file.truncate(0).map_err(Error::io("truncate", &path))?;
        return start((path, file), last.sequence, dir, options.segment_bytes, medium);
    }
    if report.lost.is_some() {
        // On the disk before the file grows again, or the cut bytes might come back.
        file.truncate(end).and_then(|()| file.sync()).map_err(Error::io("truncate", &path))?;
    }
    file.allocate(capacity).and_then(|()| file.sync()).map_err(Error::io("allocate", &path))?;
    medium.sync_dir(dir).map_err(Error::io("sync", dir))?;
    Ok(Tail { file, path, capacity, end })
}

/// Creates a segment; it is on the disk, name and header, before a frame can go into it.
pub(crate) fn create_segment(
    dir: &Path,
    first: u64,
    options: &Options,
    stored: usize,
    medium: &dyn Medium,
) -> Result<Tail, Error> {
    let path = layout::segment_path(dir, first);
    let file = medium.create(&path).map_err(Error::io("create", &path))?;
    start((path, file), first, dir, options.segment_bytes.max((HEADER + stored) as u64), medium)
}

/// Makes an empty file a segment.
fn start(
    empty: (PathBuf, Box<dyn SegmentFile>),
    first: u64,
    dir: &Path,
    capacity: u64,
    medium: &dyn Medium,
) -> Result<Tail, Error> {
    let (path, mut file) = empty;
    let header = SegmentHeader { first_sequence: first, capacity };
    file.allocate(capacity).map_err(Error::io("allocate", &path))?;
    file.write_and_sync(&header.encode(), 0).map_err(Error::io("write and sync", &path))?;
    medium.sync_dir(dir).map_err(Error::io("sync", dir))?;
    Ok(Tail { file, path, capacity, end: HEADER as u64 })
}

/// Creates `dir` and what lies above it, each name on the disk.
pub(crate) fn create_dir(dir: &Path, medium: &dyn Medium) -> Result<(), Error> {
    let new: Vec<&Path> = dir.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    for parent in new.iter().rev().filter_map(|path| path.parent()) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        medium.sync_dir(parent).map_err(Error::io("sync", parent))?;
    }
    Ok(())
}

/// The directory taken for one writer; the kernel lets go of it when the process ends, however it ends.
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that another thread is about to start has it open as well, until it runs its program.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

/// Takes `dir`, unless another journal has it.
pub(crate) fn lock(dir: &Path) -> Result<Lock, Error> {
    let path = dir.join(layout::LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(Error::io("open", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Locked { path }),
        Err(error) => Err(Error::Io { op: "lock", path, source: io::Error::from(error) }),
    }
}
