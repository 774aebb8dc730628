//! Writing through the kernel's submission ring: a write and the sync linked to it in one system call.
//!
//! One block is in flight at a time, on purpose: writes of one file through the page cache queue on its inode anyway, and
//! a process killed between two of them could leave the second without the first. Registered buffers pay for direct I/O
//! only, where the kernel would otherwise pin the pages of each write.
//!
//! The only module of the crate with unsafe code: the kernel reads a caller's bytes while the ring has them.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use io_uring::{IoUring, Probe, opcode, squeue, types};

use crate::medium::{Backend, Medium, SegmentFile, create_file, open_file, write_all_at};

const ENTRIES: u32 = 8;

/// Files written through one submission ring.
#[derive(Debug, Clone)]
pub struct UringMedium {
    ring: Arc<Mutex<Ring>>,
}

impl UringMedium {
    /// Sets up a ring and sends a no-op through it.
    ///
    /// # Errors
    ///
    /// The kernel has no rings, forbids them (by setting or by a seccomp filter), or lacks the two operations needed.
    pub fn new() -> io::Result<Self> {
        let mut ring = Ring(Some(IoUring::new(ENTRIES)?));
        ring.probe()?;
        ring.run(&[opcode::Nop::new().build().user_data(0)])?;
        Ok(Self { ring: Arc::new(Mutex::new(ring)) })
    }

    fn wrap(&self, file: File) -> Box<dyn SegmentFile> {
        Box::new(UringFile { file, ring: Arc::clone(&self.ring) })
    }
}

impl Medium for UringMedium {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(self.wrap(create_file(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(self.wrap(open_file(path)?))
    }

    fn backend(&self) -> Backend {
        Backend::IoUring
    }
}

struct UringFile {
    file: File,
    ring: Arc<Mutex<Ring>>,
}

impl UringFile {
    fn run<const N: usize>(&self, entries: &[squeue::Entry; N]) -> io::Result<[i32; N]> {
        // A panic cannot leave a ring half-used: `Ring::run` takes the ring out while it works.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).run(entries)
    }

    /// A write of as much of `bytes` as one entry can name.
    fn write_entry(&self, bytes: &[u8], offset: u64) -> squeue::Entry {
        let length = u32::try_from(bytes.len()).unwrap_or(1 << 30);
        opcode::Write::new(types::Fd(self.file.as_raw_fd()), bytes.as_ptr(), length).offset(offset).build().user_data(0)
    }

    fn sync_entry(&self, position: u64) -> squeue::Entry {
        let sync = opcode::Fsync::new(types::Fd(self.file.as_raw_fd())).flags(types::FsyncFlags::DATASYNC);
        sync.build().user_data(position)
    }
}

impl SegmentFile for UringFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let [written] = self.run(&[self.write_entry(bytes, offset)])?;
        Ok(checked(written)? as usize)
    }

    fn sync(&mut self) -> io::Result<()> {
        let [synced] = self.run(&[self.sync_entry(0)])?;
        checked(synced).map(drop)
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn begin_write_back(&mut self, offset: u64, length: u64) {
        self.file.begin_write_back(offset, length);
    }

    fn write_and_sync(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if bytes.is_empty() {
            return self.sync();
        }
        let write = self.write_entry(bytes, offset).flags(squeue::Flags::IO_LINK);
        let [written, synced] = self.run(&[write, self.sync_entry(1)])?;
        let written = match checked(written) {
            Ok(written) => written as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        if written == bytes.len() {
            return checked(synced).map(drop);
        }
        // A short write breaks the link: the kernel dropped the sync before it began, so this sync is the first one.
        let rest = bytes.get(written..).ok_or(io::ErrorKind::InvalidData)?;
        write_all_at(self, rest, offset + written as u64)?;
        self.sync()
    }
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
}

/// A ring, or nothing once it has failed.
struct Ring(Option<IoUring>);

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ring").field(&self.0.is_some()).finish()
    }
}

impl Ring {
    fn probe(&self) -> io::Result<()> {
        let Some(ring) = &self.0 else { return Err(broken()) };
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        let supported = probe.is_supported(opcode::Write::CODE) && probe.is_supported(opcode::Fsync::CODE);
        if supported { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// Submits `entries`, waits for all of them, and returns their results by `user_data`, which counts from 0.
    fn run<const N: usize>(&mut self, entries: &[squeue::Entry; N]) -> io::Result<[i32; N]> {
        // Taken out, and put back only when nothing is in flight: a ring that failed half-way is never entered again, so
        // that no entry that names a caller's bytes can be submitted after they are gone.
        let mut ring = self.0.take().ok_or_else(broken)?;
        for entry in entries {
            // SAFETY: an entry names a descriptor and bytes that its `UringFile` method borrows until this returns, and
            // this returns only when every entry has completed, or when the ring is dropped. In the second case the kernel
            // may finish a write that it has begun; it only ever reads the bytes, and no result is reported as good.
            unsafe { ring.submission().push(entry) }.map_err(|_| broken())?;
        }
        let mut results = [0; N];
        let mut outstanding = N;
        while outstanding > 0 {
            match ring.submit_and_wait(outstanding) {
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                Err(error) => return Err(error),
            }
            for completed in ring.completion() {
                if let Some(result) = results.get_mut(completed.user_data() as usize) {
                    *result = completed.result();
                    outstanding -= 1;
                }
            }
        }
        self.0 = Some(ring);
        Ok(results)
    }
}

fn broken() -> io::Error {
    io::Error::other("the submission ring failed earlier")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel of the machine decides which half of the claim is tested.
    #[test]
    fn a_ring_writes_and_syncs_or_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let Ok(medium) = UringMedium::new() else { return };
        let mut file = medium.create(&path).unwrap();
        file.write_and_sync(b"hello ", 0).unwrap();
        assert_eq!(file.write_at(b"world", 6).unwrap(), 5);
        file.write_and_sync(b"", 0).unwrap();
        file.sync().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"hello world");
    }

    #[test]
    fn a_failed_write_is_reported_and_the_sync_is_not_taken_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"").unwrap();
        let Ok(medium) = UringMedium::new() else { return };
        let mut file = medium.wrap(File::open(&path).unwrap());
        assert!(file.write_and_sync(b"x", 0).is_err(), "the descriptor is open for reading only");
    }
}
