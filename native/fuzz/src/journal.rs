//! Journals that something happened to, by byte and by file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use omni_journal::{Durability, Journal, Medium, Options, SegmentFile, Verify, frames, scan_bytes, verify};
use omni_oms::{DurableOms, Replayer, recover};
use tempfile::TempDir;

use crate::edits::edit;
use crate::{Input, Market};

const MOST_COMMANDS: u8 = 24;
/// A header that asks for more finds the disk full.
const MOST_BYTES: u64 = 1 << 20;

/// The files of a short journal are edited, then read in every way there is, mended, continued and read again. The first byte may
/// say that the rest is a segment itself.
///
/// # Panics
///
/// If a journal that was opened cannot be continued, or is another one when it is read again.
pub fn journal(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let dir = scratch();
    let settings = input.byte();
    if settings == u8::MAX {
        fs::write(dir.path().join("00000000000000000001.seg"), input.rest()).expect("there is room");
    } else {
        write(dir.path(), &mut input);
        damage(dir.path(), &mut input);
    }
    let options = Options {
        durability: if settings & 1 == 0 { Durability::None } else { Durability::Every },
        verify: if settings & 2 == 0 { Verify::All } else { Verify::FromSnapshot },
        discard_beyond_damage: settings & 4 != 0,
        segment_bytes: 1 << 10,
        group_bytes: 256,
        ..Options::default()
    };
    read(dir.path(), &options, u64::from(settings >> 3));
    go_on(dir.path(), options);
}

/// In memory where there is such a place: nothing here is about a disk.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("there is room")
}

/// A journal of a few commands, with a snapshot somewhere in it.
fn write(dir: &Path, input: &mut Input) {
    let market = Market::read(input);
    let segment_bytes = input.pick(&[256, 512, 1 << 10, 4 << 10]);
    let options = Options { durability: Durability::None, segment_bytes, group_bytes: 256, ..Options::default() };
    let mut oms = DurableOms::open(dir, &market.config(input), options).expect("the directory is empty").0;
    let snapshot_at = input.below(2 * MOST_COMMANDS);
    for at in 0..input.below(MOST_COMMANDS + 1) {
        if let Some(command) = market.command(input, oms.oms()) {
            drop(oms.execute(&command));
        }
        if at == snapshot_at {
            oms.snapshot().expect("there is room");
        }
    }
    // Or else it ends as after a crash.
    if !input.flag() {
        oms.close().expect("there is room");
    }
}

/// Edits files, and takes some away, doubles or renames them.
fn damage(dir: &Path, input: &mut Input) {
    let files = files(dir);
    for _ in 0..input.below(5) {
        let path = input.pick(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        let Ok(mut bytes) = fs::read(path) else { continue };
        let act = input.byte();
        match act % 8 {
            0 => drop(fs::remove_file(path)),
            1 => drop(fs::write(dir.join(format!("{:020}.seg", input.byte())), bytes)),
            2 => drop(fs::rename(path, dir.join(format!("snapshot-{:020}.snap", input.byte())))),
            _ => {
                edit(input, &mut bytes);
                if act >= 64 {
                    // Past the checksums, to what comes after them.
                    reseal(&mut bytes);
                }
                fs::write(path, bytes).expect("there is room");
            }
        }
    }
}

/// Makes every checksum of a segment fit its bytes.
fn reseal(bytes: &mut [u8]) {
    let Some((header, mut frames)) = bytes.split_at_mut_checked(64) else { return };
    let crc = crc32c::crc32c(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    while let Some(&length) = frames.first_chunk() {
        let length = 24 + u32::from_le_bytes(length) as usize;
        let Some((frame, rest)) = frames.split_at_mut_checked(length.next_multiple_of(8)) else { return };
        if length > 24 {
            frame[4..8].fill(0);
            let crc = crc32c::crc32c(&frame[..length]);
            frame[4..8].copy_from_slice(&crc.to_le_bytes());
        }
        frames = rest;
    }
}

fn read(dir: &Path, options: &Options, from: u64) {
    for path in files(dir) {
        drop(scan_bytes(&fs::read(path).expect("it is there")));
    }
    if let Ok(mut reader) = frames(dir, from) {
        let mut before = from.max(1) - 1;
        while let Ok(Some(frame)) = reader.next_frame() {
            assert_eq!(frame.sequence, before + 1, "frames are numbered without gaps");
            before = frame.sequence;
        }
    }
    if verify(dir, options).is_err() {
        return;
    }
    let recovered = recover(dir);
    if let Ok(mut replayer) = Replayer::open(dir)
        && replayer.seek(replayer.last()).is_ok()
        && let Ok((oms, recovery)) = &recovered
        && replayer.sequence() == recovery.sequence
        && recovery.snapshot.is_none()
    {
        assert!(replayer.oms().state() == oms.state(), "a replay and a recovery differ");
    }
}

/// What can be opened can be continued, and is then in good order.
fn go_on(dir: &Path, options: Options) {
    let Ok((mut journal, report)) = Journal::open_on(dir, options, Box::new(SmallDisk)) else { return };
    let last = report.last_sequence;
    assert_eq!(journal.last_sequence(), last);
    if journal.append(6, &[&[0; 8]]).is_err() || journal.close().is_err() {
        // The disk is full.
        return;
    }
    let report = verify(dir, &options).expect("a journal that was continued is in good order");
    assert_eq!((report.last_sequence, report.lost), (last + 1, None));
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("it is there").path()).collect();
    files.sort();
    files
}

/// A disk with room for small files only.
struct SmallDisk;

struct SmallFile(File);

impl Medium for SmallDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(SmallFile(OpenOptions::new().write(true).create_new(true).open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(SmallFile(OpenOptions::new().write(true).open(path)?)))
    }
}

impl SegmentFile for SmallFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        if len > MOST_BYTES { Err(io::ErrorKind::StorageFull.into()) } else { self.0.allocate(len) }
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }
}
