//! The part of a segment that a reader has in memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::Error;
use crate::options::MAX_SEGMENT;

/// Bytes read at a time: small enough to stay in the processor's cache until the frames in them are checked.
pub(crate) const WINDOW: u64 = 256 << 10;

/// Part of a segment, in memory.
#[derive(Debug)]
pub(crate) struct Window {
    pub path: PathBuf,
    file: Option<File>,
    pub file_len: u64,
    /// Offset in the segment of the first byte.
    pub base: u64,
    pub bytes: Vec<u8>,
    pub reaches_end: bool,
}

impl Window {
    /// All of a segment that is in memory already.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let file_len = bytes.len() as u64;
        Self { path: PathBuf::new(), file: None, file_len, base: 0, bytes: bytes.to_vec(), reaches_end: true }
    }

    /// The start of a segment; the storage of `bytes` is used again.
    pub fn open(path: PathBuf, bytes: Vec<u8>) -> Result<Self, Error> {
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let file_len = file.metadata().map_err(Error::io("inspect", &path))?.len();
        if file_len > MAX_SEGMENT {
            let what = "length of the segment, at most";
            return Err(Error::Corrupt { segment: path, offset: MAX_SEGMENT, what, expected: MAX_SEGMENT, found: file_len });
        }
        let mut window = Self { path, file: Some(file), file_len, base: 0, bytes, reaches_end: false };
        window.read(0, WINDOW)?;
        Ok(window)
    }

    /// Replaces the content by up to `limit` bytes from `base` on.
    pub fn read(&mut self, base: u64, limit: u64) -> Result<(), Error> {
        self.base = base;
        self.bytes.clear();
        self.reaches_end = true;
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(base)).map_err(Error::io("seek in", &self.path))?;
            let wanted = limit.min(self.file_len.saturating_sub(base));
            self.bytes.reserve_exact(wanted as usize);
            let read = file.take(limit).read_to_end(&mut self.bytes).map_err(Error::io("read", &self.path))?;
            self.reaches_end = (read as u64) < limit || base + limit >= self.file_len;
        }
        Ok(())
    }
}
