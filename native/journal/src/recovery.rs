//! What is on the disk, and what an open makes of it. [`verify`] looks and never writes; repair is `Journal::open`'s.

use std::path::Path;

use crate::Error;
use crate::layout::{self, Numbered};
use crate::options::{Options, Verify};
use crate::progress::{Progress, unwatched};
use crate::reader::{Lost, Reader, check_header, missing};
use crate::snapshot::{NewestSnapshot, RejectedSnapshot, newest_snapshot};

/// What was found in a journal's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReport {
    /// Segment files found.
    pub segments: usize,
    /// Sequence that the oldest segment starts with.
    pub first_sequence: u64,
    /// Sequence of the last good frame, 0 for none. The next frame gets the one after it.
    pub last_sequence: u64,
    /// Frames that were read and found good.
    pub verified_frames: u64,
    /// The unfinished tail, which an open cuts, or nothing.
    pub lost: Option<Lost>,
    /// Sequence of the newest valid snapshot.
    pub snapshot: Option<u64>,
    /// Snapshots that are newer and not valid.
    pub rejected_snapshots: Vec<RejectedSnapshot>,
}

/// Where writing goes on.
pub(crate) struct Survey {
    pub report: OpenReport,
    pub segments: Vec<Numbered>,
    /// Index of the first segment whose frames were read.
    pub read_from: usize,
    /// End of the last good frame in the last segment.
    pub end: u64,
    /// Capacity of the last segment; 0 if its header is lost.
    pub capacity: u64,
}

/// Reads the journal in `dir` and reports what [`crate::Journal::open`] would find. Writes nothing, takes no lock.
///
/// # Errors
///
/// [`Error::Corrupt`] for damage that is not an unfinished tail, [`Error::Io`] if the files cannot be read.
pub fn verify(dir: &Path, options: &Options) -> Result<OpenReport, Error> {
    verify_watched(dir, options, &mut unwatched)
}

/// As [`verify`], and tells how far it is.
///
/// # Errors
///
/// As [`verify`]; [`Error::Interrupted`] if `progress` ends it.
pub fn verify_watched(dir: &Path, options: &Options, progress: &mut Progress<'_>) -> Result<OpenReport, Error> {
    Ok(survey(dir, options, progress)?.report)
}

pub(crate) fn survey(dir: &Path, options: &Options, progress: &mut Progress<'_>) -> Result<Survey, Error> {
    let NewestSnapshot { newest, rejected } = newest_snapshot(dir)?;
    let snapshot = newest.map(|snapshot| snapshot.sequence);
    let segments = layout::segments(dir)?;
    let covered = snapshot.unwrap_or(0);
    let first_sequence = segments.first().map_or(1, |first| first.sequence);
    if let Some(first) = segments.first().filter(|first| first.sequence > covered + 1) {
        return Err(missing(first, covered + 1));
    }

    let from = match options.verify {
        Verify::All => first_sequence,
        Verify::FromSnapshot => covered + 1,
    };
    let read_from = segments.partition_point(|segment| segment.sequence <= from).saturating_sub(1);
    segments[..read_from].iter().try_for_each(check_header)?;

    let mut reader = Reader::new(segments.clone(), from).discarding_beyond_damage(options.discard_beyond_damage);
    let started_after = reader.last_sequence();
    reader.each(progress, |_| Ok::<_, Error>(()))?;
    let last_sequence = reader.last_sequence();
    let (end, capacity) = reader.position();
    if covered > last_sequence {
        // The snapshot proves that the frames up to it were durable, so this is no torn tail, and numbering on from here
        // would give their sequences to other frames.
        return Err(Error::Corrupt {
            segment: segments.last().map_or_else(|| layout::segment_path(dir, 1), |last| last.path.clone()),
            offset: end,
            what: "sequence of the last frame (a valid snapshot is newer)",
            expected: covered,
            found: last_sequence,
        });
    }
    let report = OpenReport {
        segments: segments.len(),
        first_sequence,
        last_sequence,
        verified_frames: last_sequence - started_after,
        lost: reader.lost().cloned(),
        snapshot,
        rejected_snapshots: rejected,
    };
    Ok(Survey { report, segments, read_from, end, capacity })
}
