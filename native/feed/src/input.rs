//! A file as a stream of bytes: plain, gzip or zstd, recognised by its first bytes.
//!
//! Bytes are read into one buffer that is used again. A map of the file costs no less (its pages have to be found, and its bytes come from
//! memory and not from the cache that the copy is in), and a file that somebody else shortens would end the process.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::FeedError;

/// Bytes that are read at a time. The copy stays in the processor's second cache until it is decoded.
pub(crate) const BLOCK: usize = 256 << 10;

const GZIP: [u8; 2] = [0x1F, 0x8B];
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Skippable frames, which a zstd file may begin with: the first byte is 0x50 to 0x5F.
const ZSTD_SKIPPED: [u8; 3] = [0x2A, 0x4D, 0x18];

/// An open file.
pub(crate) struct Input {
    bytes: Box<dyn Read + Send + Sync>,
    /// How the file is compressed, `None` if it is not.
    format: Option<&'static str>,
    /// Bytes of the file that were read.
    n_read: Arc<AtomicU64>,
    n_total: u64,
    /// Bytes that came out.
    n_out: u64,
    /// What went wrong after bytes that were worth having.
    failed: Option<FeedError>,
}

/// What was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filled {
    pub n: usize,
    /// Nothing comes behind it.
    pub is_last: bool,
}

impl Input {
    /// Open a file.
    ///
    /// # Errors
    ///
    /// What the system says about it.
    pub fn open(path: &Path) -> Result<Self, FeedError> {
        let mut file = File::open(path)?;
        let n_total = file.metadata()?.len();
        let mut magic = Vec::with_capacity(4);
        Read::by_ref(&mut file).take(4).read_to_end(&mut magic)?;
        file.rewind()?;
        let n_read = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, n_read: Arc::clone(&n_read) };
        let (format, bytes): (_, Box<dyn Read + Send + Sync>) = if magic.starts_with(&GZIP) {
            (Some("gzip"), Box::new(MultiGzDecoder::new(BufReader::with_capacity(BLOCK / 2, counted))))
        } else if magic == ZSTD || (magic.len() == 4 && magic[0] >> 4 == 5 && magic[1..] == ZSTD_SKIPPED) {
            (Some("zstd"), Box::new(zstd::Decoder::new(counted)?))
        } else {
            (None, Box::new(counted))
        };
        Ok(Self { bytes, format, n_read, n_total, n_out: 0, failed: None })
    }

    /// Bytes of the file that were read, and how many there are.
    pub fn position(&self) -> (u64, u64) {
        (self.n_read.load(Ordering::Relaxed), self.n_total)
    }

    /// Read until a buffer is full, or nothing more can be read.
    ///
    /// # Errors
    ///
    /// What the system says, and compressed bytes that do not unpack. What came before has been read by then.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<Filled, FeedError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut n = 0;
        while n < buffer.len() {
            match self.bytes.read(&mut buffer[n..]) {
                Ok(0) => break,
                Ok(more) => n += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.n_out += n as u64;
                    let error = self.fault(error);
                    if n == 0 {
                        return Err(error);
                    }
                    self.failed = Some(error);
                    return Ok(Filled { n, is_last: false });
                }
            }
        }
        self.n_out += n as u64;
        Ok(Filled { n, is_last: n < buffer.len() })
    }

    fn fault(&self, error: io::Error) -> FeedError {
        match self.format {
            Some(format) if error.raw_os_error().is_none() => {
                let (offset, unpacked) = (self.position().0, self.n_out);
                FeedError::Compression { format, offset, unpacked, what: error.to_string() }
            }
            _ => error.into(),
        }
    }
}

/// A file that counts what is read from it.
struct Counted {
    file: File,
    n_read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.n_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
