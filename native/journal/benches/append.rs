//! What the journal costs, beside what it would be replaced by: `cargo bench -p omni-journal --features io_uring`.
//!
//! Each group measures the journal and the plain way of doing the same in one run. The directory is a fresh one below
//! the system's temporary directory, so `TMPDIR` chooses the disk.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use omni_journal::{Backend, Durability, Journal, Medium, Options, SegmentFile, frames};

const PAYLOAD: usize = 64;
/// Frames in one journal of the append benches: few enough that the kernel does not start to throttle the writer.
const MOST_FRAMES: u64 = 4_000_000;

fn open(dir: &Path, durability: Durability, backend: Backend) -> Journal {
    let options = Options { durability, backend, segment_bytes: 256 << 20, ..Options::default() };
    Journal::open(dir, options).unwrap().0
}

fn backends() -> Vec<(&'static str, Backend)> {
    let dir = tempfile::tempdir().unwrap();
    let wanted = [("pwrite", Backend::Pwrite), ("io_uring", Backend::IoUring)];
    // Where the ring is refused, a second figure for pwrite under its name would mislead.
    wanted.into_iter().filter(|&(_, backend)| open(dir.path(), Durability::None, backend).backend() == backend).collect()
}

/// A disk that takes everything and keeps nothing: what is left is the journal's own work.
struct Nowhere;

impl SegmentFile for Nowhere {
    fn write_at(&mut self, bytes: &[u8], _: u64) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for Nowhere {
    fn create(&self, _: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(Nowhere))
    }

    fn open(&self, _: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(Nowhere))
    }
}

/// Frames of 64 bytes with their CRC, written to the page cache in blocks.
fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append 64 B, no sync");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for (name, backend) in backends() {
        group.bench_function(name, |b| {
            b.iter_custom(|iters| {
                let mut spent = Duration::ZERO;
                let mut left = iters;
                while left > 0 {
                    let now = left.min(MOST_FRAMES);
                    let dir = tempfile::tempdir().unwrap();
                    let mut journal = open(dir.path(), Durability::None, backend);
                    let start = Instant::now();
                    for n in 0..now {
                        journal.append_with(1, PAYLOAD, |payload| payload[..8].copy_from_slice(&n.to_le_bytes())).unwrap();
                    }
                    journal.commit().unwrap();
                    spent += start.elapsed();
                    left -= now;
                }
                spent
            });
        });
    }
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open_on(dir.path(), Options::default(), Box::new(Nowhere)).unwrap();
    group.bench_function("nowhere", |b| b.iter(|| journal.append(1, &[&black_box([7; PAYLOAD])]).unwrap()));
    group.finish();
}

/// Durable frames a second: one sync for each frame, by hand and by the journal, and one for a thousand.
fn durable(c: &mut Criterion) {
    let mut group = c.benchmark_group("durable 64 B");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    let dir = tempfile::tempdir().unwrap();
    let mut file = File::create(dir.path().join("plain")).unwrap();
    file.allocate(256 << 20).unwrap();
    file.sync_all().unwrap();
    let mut offset = 0;
    group.bench_function("plain write and fdatasync", |b| {
        b.iter(|| {
            file.write_all_at(&[7; 88], offset).unwrap();
            file.sync_data().unwrap();
            offset += 88;
        });
    });
    for (name, backend) in backends() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path(), Durability::Every, backend);
        group.bench_function(BenchmarkId::new("every", name), |b| {
            b.iter(|| journal.append(1, &[&[7; PAYLOAD]]).unwrap());
        });
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path(), Durability::Batch, backend);
        let mut n = 0_u64;
        group.bench_function(BenchmarkId::new("batch of 1000", name), |b| {
            b.iter(|| {
                journal.append(1, &[&[7; PAYLOAD]]).unwrap();
                n += 1;
                if n.is_multiple_of(1000) {
                    journal.commit().unwrap();
                }
            });
        });
    }
    group.finish();
}

/// A large amount made durable, frame headers included, as a ratio to a loop of plain writes into a file prepared in the same way,
/// and to one that like the journal tells the disk to begin early. Taken in turns, because the speed of a disk wanders more from
/// minute to minute than they differ.
fn bandwidth(_: &mut Criterion) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|filter| !filter.starts_with('-') && !"bandwidth".contains(filter.as_str())) {
        return;
    }
    let rounds = if arguments.iter().any(|argument| argument == "--quick") { 3 } else { 9 };
    for (name, backend) in backends() {
        for (size, frame) in [("64 B", PAYLOAD), ("4 KiB", 4072)] {
            let payload = vec![7_u8; frame];
            let mut rates: [Vec<f64>; 3] = Default::default();
            for _ in 0..rounds {
                rates[0].push(rate(|dir| plain(dir, false)));
                rates[1].push(rate(|dir| plain(dir, true)));
                rates[2].push(rate(|dir| {
                    let mut journal = open(dir, Durability::None, backend);
                    let start = Instant::now();
                    for _ in 0..BANDWIDTH_BYTES / (24 + frame) {
                        journal.append(1, &[&payload]).unwrap();
                    }
                    journal.sync().unwrap();
                    start.elapsed()
                }));
            }
            let [plain, eager, journal] = rates.map(|mut rates| {
                rates.sort_by(f64::total_cmp);
                rates[rounds / 2]
            });
            println!(
                "bandwidth, {size} frames, {name}: {journal:.0} MiB/s, plain writes {plain:.0} MiB/s, ratio {:.2}, begun early {eager:.0} MiB/s, ratio {:.2}",
                journal / plain,
                journal / eager
            );
        }
    }
}

const BANDWIDTH_BYTES: usize = 224 << 20;

fn plain(dir: &Path, begins_early: bool) -> Duration {
    let block = vec![7_u8; 1 << 20];
    let mut file = File::create(dir.join("plain")).unwrap();
    file.allocate(256 << 20).unwrap();
    file.sync_all().unwrap();
    let start = Instant::now();
    for offset in (0..BANDWIDTH_BYTES).step_by(block.len()) {
        file.write_all_at(&block, offset as u64).unwrap();
        if begins_early {
            file.begin_write_back(offset as u64, block.len() as u64);
        }
    }
    file.sync_data().unwrap();
    start.elapsed()
}

fn rate(once: impl FnOnce(&Path) -> Duration) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    (BANDWIDTH_BYTES >> 20) as f64 / once(dir.path()).as_secs_f64()
}

/// Reading and verifying every frame.
fn scan(c: &mut Criterion) {
    const FRAMES: u64 = 1_000_000;
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path(), Durability::None, Backend::Pwrite);
    for _ in 0..FRAMES {
        journal.append(1, &[&[7; PAYLOAD]]).unwrap();
    }
    journal.close().unwrap();
    let mut group = c.benchmark_group("scan 64 B");
    group.throughput(Throughput::Elements(FRAMES)).sample_size(10);
    group.bench_function("frames", |b| {
        b.iter(|| {
            let mut reader = frames(dir.path(), 1).unwrap();
            while let Some(frame) = reader.next_frame().unwrap() {
                black_box(frame);
            }
        });
    });
    group.bench_function("open", |b| {
        b.iter_custom(|iters| {
            let mut spent = Duration::ZERO;
            for _ in 0..iters {
                let start = Instant::now();
                let (journal, report) = Journal::open(dir.path(), Options::default()).unwrap();
                spent += start.elapsed();
                assert_eq!(report.verified_frames, FRAMES);
                journal.close().unwrap();
            }
            spent
        });
    });
    group.finish();
}

criterion_group!(benches, append, durable, bandwidth, scan);
criterion_main!(benches);
