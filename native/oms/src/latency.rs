//! How long the stages of a command take, for those who ask; the clock is theirs.

use hdrhistogram::Histogram;
use quanta::Clock;

/// Longest duration that is told apart from longer ones: a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// A part of what a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Writing the frame; with durability `every` until it is on the disk.
    Journal = 0,
    /// The check of a new order, a replacement or a cancel.
    Gate = 1,
    /// Matching, positions and events, of commands that passed the gate.
    Book = 2,
    /// All of a command.
    Total = 3,
}

/// A stop-watch with a histogram of nanoseconds for each stage, exact to three digits.
#[derive(Clone, Debug)]
pub struct Latency {
    clock: Clock,
    started: u64,
    last: u64,
    histograms: [Histogram<u64>; 4],
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Journal, Self::Gate, Self::Book, Self::Total];

    /// The name outside Rust.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Gate => "gate",
            Self::Book => "book",
            Self::Total => "total",
        }
    }
}

impl Latency {
    /// A stop-watch that has measured nothing.
    ///
    /// # Panics
    ///
    /// Never: the bounds of the histograms are sound.
    pub fn new(clock: Clock) -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are sound");
        Self { clock, started: 0, last: 0, histograms: std::array::from_fn(|_| histogram.clone()) }
    }

    /// Durations of a stage, in nanoseconds.
    pub fn histogram(&self, stage: Stage) -> &Histogram<u64> {
        &self.histograms[stage as usize]
    }

    /// A command begins.
    #[inline]
    pub(crate) fn start(&mut self) {
        self.started = self.clock.raw();
        self.last = self.started;
    }

    /// A stage ends that began when the one before it ended.
    #[inline]
    pub(crate) fn lap(&mut self, stage: Stage) {
        let since = self.last;
        self.skip();
        self.record(stage, since);
    }

    /// What was done since the last stage belongs to none.
    #[inline]
    pub(crate) fn skip(&mut self) {
        self.last = self.clock.raw();
    }

    /// The command ends.
    #[inline]
    pub(crate) fn stop(&mut self) {
        self.skip();
        self.record(Stage::Total, self.started);
    }

    #[inline]
    fn record(&mut self, stage: Stage, since: u64) {
        let nanos = self.clock.delta_as_nanos(since, self.last);
        self.histograms[stage as usize].saturating_record(nanos);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_measured_apart() {
        let (clock, time) = Clock::mock();
        let mut latency = Latency::new(clock);
        latency.start();
        time.increment(10_u64);
        latency.lap(Stage::Journal);
        time.increment(5_u64);
        latency.skip();
        time.increment(20_u64);
        latency.lap(Stage::Gate);
        latency.stop();
        let measured = Stage::ALL.map(|stage| (latency.histogram(stage).len(), latency.histogram(stage).max()));
        assert_eq!(measured, [(1, 10), (1, 20), (0, 0), (1, 35)]);
    }
}
