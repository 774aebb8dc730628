//! Snapshots: opaque bytes that stand for all frames up to a sequence.
//!
//! | bytes | |
//! |---|---|
//! | 0..8 | magic `OMNISNP1` |
//! | 8..12 | version, u32 |
//! | 12..16 | header length (80), u32 |
//! | 16..24 | sequence, u64 |
//! | 24..32 | payload length, u64 |
//! | 32..64 | state hash, given by the caller |
//! | 64..76 | zero |
//! | 76..80 | CRC32C of bytes 0..76 and the payload, u32 |
//! | 80.. | payload |

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::header::{MAX_SEQUENCE, u32_at, u64_at};
use crate::layout::{self, Numbered};
use crate::medium::{FileMedium, Medium, write_all_at};

const HEADER: usize = 80;
const CRC_AT: usize = HEADER - 4;
const MAGIC: [u8; 8] = *b"OMNISNP1";
const VERSION: u32 = 1;

/// A valid snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Last sequence that the state includes. Replay goes on with the next one.
    pub sequence: u64,
    /// Hash of the state, as the caller gave it.
    pub hash: [u8; 32],
    /// The caller's bytes.
    pub payload: Vec<u8>,
}

/// A snapshot file that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedSnapshot {
    /// The file.
    pub path: PathBuf,
    /// Field that does not hold.
    pub what: &'static str,
    /// Value that it should have.
    pub expected: u64,
    /// Value that was found.
    pub found: u64,
}

/// Result of looking for the newest snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewestSnapshot {
    /// The newest valid one.
    pub newest: Option<Snapshot>,
    /// Newer ones that had to be skipped, newest first.
    pub rejected: Vec<RejectedSnapshot>,
}

/// Stores a snapshot of the state after frame `sequence`; it is on the disk, whole, when this returns.
///
/// The frame must be durable already: a snapshot that outlives the frames it stands for makes the journal unusable.
/// [`crate::Journal::write_snapshot`] sees to that.
///
/// # Errors
///
/// [`Error::Io`], with nothing stored but perhaps a temporary file, or [`Error::Setting`] for a sequence beyond 2^62.
pub fn write_snapshot(dir: &Path, sequence: u64, payload: &[u8], hash: [u8; 32]) -> Result<PathBuf, Error> {
    write_on(&FileMedium, dir, &Snapshot { sequence, hash, payload: Vec::new() }, payload)
}

/// Finds the newest valid snapshot in `dir`.
///
/// # Errors
///
/// [`Error::Io`] if the directory or a file in it cannot be read. An invalid file is no error but is reported.
pub fn newest_snapshot(dir: &Path) -> Result<NewestSnapshot, Error> {
    let mut search = NewestSnapshot::default();
    for file in layout::snapshots(dir)?.iter().rev() {
        match read(file)? {
            Ok(snapshot) => {
                search.newest = Some(snapshot);
                break;
            }
            Err(rejected) => search.rejected.push(rejected),
        }
    }
    Ok(search)
}

/// Writes `payload` under the sequence and hash of `head`, by way of a temporary file: a crash leaves all or nothing.
pub(crate) fn write_on(medium: &dyn Medium, dir: &Path, head: &Snapshot, payload: &[u8]) -> Result<PathBuf, Error> {
    if head.sequence > MAX_SEQUENCE {
        return Err(Error::Setting { name: "sequence", found: head.sequence, least: 0, most: MAX_SEQUENCE });
    }
    let path = layout::snapshot_path(dir, head.sequence);
    let mut temporary = path.clone().into_os_string();
    temporary.push(layout::TEMPORARY);
    let temporary = PathBuf::from(temporary);
    if temporary.exists() {
        // Left by a crash.
        medium.remove(&temporary).map_err(Error::io("remove", &temporary))?;
    }
    let mut file = medium.create(&temporary).map_err(Error::io("create", &temporary))?;
    write_all_at(&mut *file, &encode_header(head, payload), 0).map_err(Error::io("write", &temporary))?;
    file.write_and_sync(payload, HEADER as u64).map_err(Error::io("write", &temporary))?;
    medium.rename(&temporary, &path).map_err(Error::io("rename", &temporary))?;
    medium.sync_dir(dir).map_err(Error::io("sync", dir))?;
    Ok(path)
}

/// Reads a snapshot file, valid or not.
pub(crate) fn read(file: &Numbered) -> Result<Result<Snapshot, RejectedSnapshot>, Error> {
    let bytes = fs::read(&file.path).map_err(Error::io("read", &file.path))?;
    Ok(decode(&bytes, file.sequence).map_err(|(what, expected, found)| RejectedSnapshot {
        path: file.path.clone(),
        what,
        expected,
        found,
    }))
}

fn encode_header(head: &Snapshot, payload: &[u8]) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&(HEADER as u32).to_le_bytes());
    bytes[16..24].copy_from_slice(&head.sequence.to_le_bytes());
    bytes[24..32].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes[32..64].copy_from_slice(&head.hash);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..CRC_AT]), payload);
    bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8], sequence: u64) -> Result<Snapshot, (&'static str, u64, u64)> {
    let demand = |what, expected: u64, found: u64| if expected == found { Ok(()) } else { Err((what, expected, found)) };
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(("bytes of the snapshot header", HEADER as u64, bytes.len() as u64));
    };
    demand("magic of the snapshot", u64::from_le_bytes(MAGIC), u64_at(header, 0))?;
    demand("version of the snapshot", VERSION.into(), u32_at(header, 8).into())?;
    demand("length of the snapshot header", HEADER as u64, u32_at(header, 12).into())?;
    demand("sequence of the snapshot", sequence, u64_at(header, 16))?;
    demand("length of the payload", u64_at(header, 24), payload.len() as u64)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..CRC_AT]), payload);
    demand("CRC32C of the snapshot", crc.into(), u32_at(header, CRC_AT).into())?;
    let mut hash = [0; 32];
    hash.copy_from_slice(&header[32..64]);
    Ok(Snapshot { sequence, hash, payload: payload.to_vec() })
}
