//! The disk, behind two small traits: one for a directory, one for a file that is being written.
//!
//! Everything that changes the disk goes through here, so that tests can make it fail at will. Reading does not.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Advice, FallocateFlags};

/// How bytes are handed to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// One system call for each write and each sync.
    Pwrite,
    /// A submission ring: a write and the sync after it in one system call. Needs the feature `io_uring` and a kernel that
    /// allows it; [`Backend::Pwrite`] is used where either is missing.
    IoUring,
}

/// A file that is being written.
pub trait SegmentFile: Send + Sync {
    /// Writes some of `bytes` at `offset` and returns how many.
    ///
    /// # Errors
    ///
    /// Whatever the disk says, such as that it is full.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Returns once everything written is on the disk.
    ///
    /// # Errors
    ///
    /// The disk could not store it. What was written since the last good sync must then be taken as lost.
    fn sync(&mut self) -> io::Result<()>;

    /// Makes the file `len` bytes long, with zeros beyond its present end, and reserves the space.
    ///
    /// # Errors
    ///
    /// Whatever the disk says, such as that it is full.
    fn allocate(&mut self, len: u64) -> io::Result<()>;

    /// Makes the file end at `len`.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Lets the disk begin with bytes that were written, without waiting for it. Nothing is promised.
    fn begin_write_back(&mut self, _offset: u64, _length: u64) {}

    /// Writes all of `bytes` at `offset` and syncs.
    ///
    /// # Errors
    ///
    /// Of the write or of the sync.
    fn write_and_sync(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        write_all_at(self, bytes, offset)?;
        self.sync()
    }
}

/// A directory that holds such files.
pub trait Medium: Send + Sync {
    /// Creates a file, which must not exist.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;

    /// Opens an existing file for writing.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;

    /// Returns once the names in `dir` are on the disk.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    /// Renames a file, over another one if there is one.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// How bytes are handed to the kernel.
    fn backend(&self) -> Backend {
        Backend::Pwrite
    }
}

/// Plain files, written by `pwrite`.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileMedium;

impl Medium for FileMedium {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(create_file(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(open_file(path)?))
    }
}

impl SegmentFile for File {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        loop {
            match rustix::fs::fallocate(&*self, FallocateFlags::empty(), 0, len) {
                Ok(()) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                // Not every file system can reserve space; the length alone is enough to be correct.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => return self.set_len(len),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    /// Linux takes this advice as a reason to start writing what it would otherwise keep for half a minute.
    fn begin_write_back(&mut self, offset: u64, length: u64) {
        // What cannot be written is reported by the next sync.
        let _ = rustix::fs::fadvise(&*self, offset, NonZeroU64::new(length), Advice::DontNeed);
    }
}

pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// The medium for a backend, or the next best one where the kernel refuses it.
pub(crate) fn medium_for(backend: Backend) -> Box<dyn Medium> {
    match backend {
        Backend::Pwrite => Box::new(FileMedium),
        #[cfg(feature = "io_uring")]
        Backend::IoUring => match crate::uring::UringMedium::new() {
            Ok(medium) => Box::new(medium),
            Err(_) => Box::new(FileMedium),
        },
        #[cfg(not(feature = "io_uring"))]
        Backend::IoUring => Box::new(FileMedium),
    }
}

/// Writes all of `bytes`: the disk may take less at a time.
pub(crate) fn write_all_at<F: SegmentFile + ?Sized>(file: &mut F, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                bytes = bytes.get(taken..).ok_or(io::ErrorKind::InvalidData)?;
                offset += taken as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
