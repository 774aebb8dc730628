//! Errors of captures.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use omni_feed::FeedError;
use pyo3::prelude::*;

use super::Facts;

/// Why a capture cannot be read, or not any further.
#[derive(Debug)]
pub(crate) struct FeedRefusal {
    path: PathBuf,
    /// `None` after a panic.
    error: Option<FeedError>,
}

impl FeedRefusal {
    pub fn new(path: &Path, error: FeedError) -> Self {
        Self { path: path.to_owned(), error: Some(error) }
    }

    pub fn broken(path: &Path) -> Self {
        Self { path: path.to_owned(), error: None }
    }

    pub fn raise(&self, py: Python<'_>) -> PyErr {
        let facts = self.error.as_ref().map_or_else(|| Facts::new("DataError", "the reader stopped in a batch"), facts);
        let file = self.path.display();
        let place = facts.place.as_ref().map_or_else(|| file.to_string(), |place| format!("{file}, {place}"));
        facts.place(place).raise(py)
    }
}

fn facts(error: &FeedError) -> Facts<'_> {
    match error {
        FeedError::Io(error) if error.kind() == ErrorKind::NotFound => {
            Facts::new("SourceError", "there is no such file").hint("Check the path.")
        }
        FeedError::Io(error) => Facts::new("SourceError", format!("the file cannot be used: {error}")),
        FeedError::NoCapture { head } if head.is_empty() => {
            Facts::new("CodecError", "the file is empty").expected("a capture of ITCH 5.0")
        }
        FeedError::NoCapture { head } => Facts::new("CodecError", "the file is no capture of ITCH 5.0")
            .found(head.escape_ascii())
            .expected("messages with a 2-byte length, SoupBinTCP, pcap or pcapng; plain, gzip or zstd")
            .place("its first bytes")
            .hint("If it is a capture all the same, name its framing; MoldUDP64 cannot be told by content."),
        FeedError::Compression { format, offset, unpacked, what } => {
            Facts::new("CodecError", format!("the {format} data is damaged or ends too early: {what}"))
                .place(format!("near byte {offset}, after {unpacked} unpacked bytes"))
                .hint("Fetch the file again; what came before the damage was delivered.")
        }
        FeedError::Wire { error, n_messages } => Facts::new("CodecError", "the capture cannot be read any further")
            .found(&error.found)
            .expected(&error.expected)
            .place(format!("byte {}, after {n_messages} whole messages", error.offset))
            .hint("A lenient reader goes on behind it, and counts what it skips."),
    }
}
