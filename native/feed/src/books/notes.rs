//! Events that touch no book, and trades.

use omni_types::Side;
use omni_wire::{EventKind, flags, status};

use super::Books;
use super::ahead::Turn;

impl Books {
    /// Everything that does not touch a book.
    pub(super) fn note(&mut self, kind: EventKind, turn: Turn<'_>) {
        let (ts, instrument, side, qty) = (turn.ts(), turn.instrument(), turn.side(), turn.qty());
        let (price, other_id) = (turn.price(), turn.other_id());
        match kind {
            EventKind::Trade => self.trade(turn, instrument, price, side),
            EventKind::Cross => {
                self.trade(turn, instrument, price, side);
                if self.options.notes {
                    self.tables.auctions.push(ts, instrument, turn.kind(), side, qty, 0, price, other_id);
                }
            }
            EventKind::Imbalance if self.options.notes => {
                self.tables.auctions.push(ts, instrument, turn.kind(), side, qty, other_id as i64, price, 0);
            }
            EventKind::Break if self.options.trades => self.tables.breaks.push(ts, instrument, other_id),
            EventKind::Status | EventKind::System => {
                if kind == EventKind::Status {
                    self.touch(instrument, false);
                    self.by_instrument[usize::from(instrument)].is_trading = qty == status::TRADING;
                }
                if self.options.notes {
                    self.tables.status.push(ts, instrument, turn.kind(), qty);
                }
            }
            _ => {}
        }
        if turn.flags() & flags::LAST != 0 && !self.pending.is_empty() {
            self.close_pending(ts);
        }
    }

    /// Write a trade down, with the side of the order that waited.
    #[inline(always)]
    pub(super) fn trade(&mut self, turn: Turn<'_>, instrument: u16, price: i64, side: u8) {
        if self.options.trades && turn.flags() & flags::SNAPSHOT == 0 && turn.qty() >= 0 {
            let aggressor = Side::from_code(side).map_or(0, |side| side.opposite().code());
            self.tables.trades.push(
                turn.ts(),
                instrument,
                price,
                turn.qty(),
                aggressor,
                turn.other_id(),
                turn.flags(),
                turn.kind(),
            );
        }
    }
}
