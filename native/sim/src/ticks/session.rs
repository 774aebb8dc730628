//! Days of a feed: which auction is which, and when a day is over.

use omni_feed::Events;
use omni_wire::{EventKind, flags};
use rustc_hash::{FxHashMap, FxHashSet};

/// Bits that say what an auction is, beside the side of its step.
pub(super) mod auction {
    /// Orders for the opening take part.
    pub const OPENING: u8 = 0x40;
    /// Orders for the close take part.
    pub const CLOSING: u8 = 0x20;
    /// The day of the instrument is over with it.
    pub const ENDS_DAY: u8 = 0x10;
    /// Any of them.
    pub const ALL: u8 = OPENING | CLOSING | ENDS_DAY;
}

const NS_PER_DAY: i64 = 86_400_000_000_000;
/// Codes of ITCH's system event: the end of market hours, and of system hours.
const HOURS_OVER: i64 = b'M' as i64;
const SYSTEM_OVER: i64 = b'E' as i64;

/// What a feed says of its days; `docs/replay.md` section 3.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    /// Bits of [`auction`] by event.
    auctions: FxHashMap<usize, u8>,
    /// When system hours end.
    ends: Vec<i64>,
    last: i64,
}

impl Sessions {
    /// The days of a feed that is not empty.
    pub fn of(events: &Events<'_>) -> Self {
        let (mut prints, mut ends) = (Vec::new(), Vec::new());
        let mut hours_over = FxHashSet::default();
        for (row, &kind) in events.kind.iter().enumerate() {
            let day = || events.ts[row].div_euclid(NS_PER_DAY);
            match EventKind::from_code(kind) {
                Some(EventKind::System) if events.qty[row] == HOURS_OVER => {
                    hours_over.insert(day());
                }
                Some(EventKind::System) if events.qty[row] == SYSTEM_OVER => ends.push(events.ts[row]),
                Some(EventKind::Cross) if events.qty[row] > 0 && events.flags[row] & flags::SNAPSHOT == 0 => {
                    prints.push((row, events.instrument[row], day(), hours_over.contains(&day())));
                }
                _ => {}
            }
        }
        let mut count: FxHashMap<(u16, i64), usize> = FxHashMap::default();
        let last: FxHashMap<(u16, i64), usize> = prints
            .iter()
            .map(|&(row, instrument, day, _)| {
                *count.entry((instrument, day)).or_default() += 1;
                ((instrument, day), row)
            })
            .collect();
        let bits = |&(row, instrument, day, is_after): &(usize, u16, i64, bool)| {
            let key = (instrument, day);
            let bits = match (hours_over.contains(&day), is_after, last[&key] == row) {
                (true, true, _) => auction::CLOSING | auction::ENDS_DAY,
                (true, false, _) | (false, _, false) => auction::OPENING,
                (false, _, true) if count[&key] == 1 => auction::OPENING | auction::CLOSING,
                (false, _, true) => auction::CLOSING,
            };
            (row, bits)
        };
        Self { auctions: prints.iter().map(bits).collect(), ends, last: events.ts.last().copied().unwrap_or(0) }
    }

    /// What the auction of an event is; 0 for what is none.
    pub fn auction(&self, row: usize) -> u8 {
        self.auctions.get(&row).copied().unwrap_or(0)
    }

    /// When the day of an order that arrives at a time is over at the latest; `None` if the feed ends first.
    pub fn day_end(&self, ts: i64) -> Option<i64> {
        let midnight = (ts.div_euclid(NS_PER_DAY) + 1).saturating_mul(NS_PER_DAY);
        let said = self.ends.get(self.ends.partition_point(|&end| end <= ts)).copied();
        self.within(said.map_or(midnight, |said| said.min(midnight)))
    }

    /// A time, if the feed does not end before it.
    pub fn within(&self, ts: i64) -> Option<i64> {
        (ts <= self.last).then_some(ts)
    }
}
