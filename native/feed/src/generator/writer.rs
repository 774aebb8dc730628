//! A day into a file, which is there only when the day is complete.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Day, DaySpec};
use crate::FeedError;

/// Bytes that are written at a time.
const BLOCK: usize = 4 << 20;

/// Writes a day under another name and gives it its own in the end.
pub struct DayWriter {
    day: Day,
    file: Option<File>,
    part: PathBuf,
    path: PathBuf,
    block: Vec<u8>,
    n_bytes: u64,
}

impl DayWriter {
    /// Begin a file.
    ///
    /// # Errors
    ///
    /// What the system says about it.
    pub fn create(path: &Path, spec: DaySpec) -> Result<Self, FeedError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let file = Some(File::create(&part)?);
        let block = Vec::with_capacity(BLOCK + (2 << 20));
        Ok(Self { day: Day::new(spec), file, part, path: path.to_owned(), block, n_bytes: 0 })
    }

    /// Write some MiB more; false once the file has its name.
    ///
    /// # Errors
    ///
    /// What the system says about the file.
    pub fn advance(&mut self) -> Result<bool, FeedError> {
        let Some(file) = &mut self.file else { return Ok(false) };
        let mut more = true;
        while more && self.block.len() < BLOCK {
            more = self.day.advance(&mut self.block);
        }
        file.write_all(&self.block)?;
        self.n_bytes += self.block.len() as u64;
        self.block.clear();
        if !more {
            self.file = None;
            fs::rename(&self.part, &self.path)?;
        }
        Ok(more)
    }

    /// The day so far.
    pub fn day(&self) -> &Day {
        &self.day
    }

    /// Bytes so far.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }
}

impl Drop for DayWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // It was given up; that its remains cannot be removed changes nothing for whoever gave it up.
            let _ = fs::remove_file(&self.part);
        }
    }
}
