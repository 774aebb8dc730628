//! What the tests share: frames whose content follows from their sequence, and a disk that fails when told to.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use omni_journal::{Durability, Error, FileMedium, Journal, Medium, OpenReport, Options, Reader, SegmentFile, frames};

/// A fresh directory, in memory where there is such a place: for tests that are about bytes and not about a disk.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Kind and payload of the frame with this sequence: 0 to 40 bytes, so that every padding occurs.
pub fn content(sequence: u64) -> (u16, Vec<u8>) {
    let mixed = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let payload = (0..mixed % 41).map(|at| (mixed >> (at % 8 * 8)) as u8 ^ at as u8).collect();
    ((mixed >> 48) as u16, payload)
}

pub fn append(journal: &mut Journal) -> Result<u64, Error> {
    let (kind, payload) = content(journal.last_sequence() + 1);
    journal.append(kind, &[&payload])
}

pub fn append_many(journal: &mut Journal, count: u64) {
    for _ in 0..count {
        append(journal).unwrap();
    }
}

/// Small segments, so that a few frames fill several.
pub fn small(durability: Durability) -> Options {
    Options { durability, segment_bytes: 256, ..Options::default() }
}

/// A closed journal of `count` frames.
pub fn closed(dir: &Path, options: Options, count: u64) {
    let (mut journal, _) = Journal::open(dir, options).unwrap();
    append_many(&mut journal, count);
    journal.close().unwrap();
}

/// Checks that frames from `from` on have the content they were given, and returns the last sequence.
pub fn check_frames(dir: &Path, from: u64) -> Result<u64, Error> {
    check_reader(&mut frames(dir, from)?, from)
}

pub fn check_reader(reader: &mut Reader, from: u64) -> Result<u64, Error> {
    let mut expected = from;
    while let Some(frame) = reader.next_frame()? {
        let (kind, payload) = content(expected);
        assert_eq!((frame.sequence, frame.kind, frame.payload), (expected, kind, &payload[..]));
        expected += 1;
    }
    Ok(expected - 1)
}

/// Opens what a crash left, checks its frames, and that it can be continued. Spares the disk the syncs.
pub fn recover(dir: &Path, options: Options) -> Result<OpenReport, Error> {
    let (mut journal, report) = Journal::open_on(dir, options, Box::new(FaultyMedium::default()))?;
    assert_eq!(check_frames(dir, report.first_sequence)?, report.last_sequence);
    assert_eq!(journal.durable_sequence(), report.last_sequence);
    append(&mut journal)?;
    journal.close()?;
    assert_eq!(check_frames(dir, report.first_sequence)?, report.last_sequence + 1);
    Ok(report)
}

/// Names and contents.
pub type Files = Vec<(PathBuf, Vec<u8>)>;

/// Files of a directory, by name, without the lock.
pub fn files(dir: &Path) -> Files {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "lock"));
    paths.sort();
    paths.into_iter().map(|path| (PathBuf::from(path.file_name().unwrap()), fs::read(&path).unwrap())).collect()
}

/// Makes `dir` hold `files` and nothing else.
pub fn restore(dir: &Path, files: &[(PathBuf, Vec<u8>)]) {
    for entry in fs::read_dir(dir).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

/// What a disk does next, and what it has been asked to do.
#[derive(Default)]
pub struct Disk {
    /// Bytes that still fit.
    pub free: Option<u64>,
    /// Most bytes that one write takes.
    pub most_per_write: Option<usize>,
    /// Syncs that still succeed.
    pub good_syncs: Option<u64>,
    /// Whether space can be reserved.
    pub refuse_allocation: bool,
    pub log: Vec<Op>,
}

/// One thing that a disk was asked to do, by file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Create(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    Allocate(PathBuf, u64),
    Truncate(PathBuf, u64),
    Sync(PathBuf),
    SyncDir,
    /// Not the disk's: all frames up to this one were reported to be durable.
    Durable(u64),
}

/// Real files, on a disk that fails as its [`Disk`] says.
#[derive(Clone, Default)]
pub struct FaultyMedium(Arc<Mutex<Disk>>);

impl FaultyMedium {
    pub fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    fn wrap(&self, path: &Path, file: Box<dyn SegmentFile>) -> Box<dyn SegmentFile> {
        Box::new(FaultyFile { name: name(path), file, disk: self.clone() })
    }
}

impl Medium for FaultyMedium {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.disk().log.push(Op::Create(name(path)));
        Ok(self.wrap(path, FileMedium.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(self.wrap(path, FileMedium.open(path)?))
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.disk().log.push(Op::SyncDir);
        Ok(())
    }
}

struct FaultyFile {
    name: PathBuf,
    file: Box<dyn SegmentFile>,
    disk: FaultyMedium,
}

impl SegmentFile for FaultyFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk.disk();
        let mut taken = bytes.len().min(disk.most_per_write.unwrap_or(usize::MAX));
        if let Some(free) = &mut disk.free {
            if *free == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            taken = taken.min(*free as usize);
            *free -= taken as u64;
        }
        disk.log.push(Op::Write(self.name.clone(), offset, bytes[..taken].to_vec()));
        self.file.write_at(&bytes[..taken], offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.disk.disk();
        match &mut disk.good_syncs {
            Some(0) => return Err(io::Error::other("injected")),
            Some(left) => *left -= 1,
            None => {}
        }
        disk.log.push(Op::Sync(self.name.clone()));
        Ok(())
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.disk.disk();
        if disk.refuse_allocation {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.log.push(Op::Allocate(self.name.clone(), len));
        self.file.allocate(len)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.disk.disk().log.push(Op::Truncate(self.name.clone(), len));
        self.file.truncate(len)
    }
}

fn name(path: &Path) -> PathBuf {
    PathBuf::from(path.file_name().unwrap())
}
