//! Events in columns that somebody else owns.

use omni_wire::EventColumns;

/// The columns of `docs/feeds.md` section 1, borrowed; see [`EventColumns`] for what each says. All have the same length.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Events<'a> {
    pub ts: &'a [i64],
    pub kind: &'a [u8],
    pub side: &'a [u8],
    pub flags: &'a [u8],
    pub instrument: &'a [u16],
    pub order_id: &'a [u64],
    pub other_id: &'a [u64],
    pub qty: &'a [i64],
    pub price: &'a [i64],
}

impl<'a> From<&'a EventColumns> for Events<'a> {
    fn from(events: &'a EventColumns) -> Self {
        Self {
            ts: &events.ts,
            kind: &events.kind,
            side: &events.side,
            flags: &events.flags,
            instrument: &events.instrument,
            order_id: &events.order_id,
            other_id: &events.other_id,
            qty: &events.qty,
            price: &events.price,
        }
    }
}

impl Events<'_> {
    /// How many events there are: the length of the shortest column.
    pub fn len(&self) -> usize {
        let narrow = self.kind.len().min(self.side.len()).min(self.flags.len()).min(self.instrument.len());
        let ids = self.order_id.len().min(self.other_id.len());
        narrow.min(ids).min(self.ts.len()).min(self.qty.len()).min(self.price.len())
    }

    /// Whether all columns have one length.
    pub fn is_even(&self) -> bool {
        let n = self.ts.len();
        let narrow = [self.kind.len(), self.side.len(), self.flags.len(), self.instrument.len()];
        let wide = [self.order_id.len(), self.other_id.len(), self.qty.len(), self.price.len()];
        narrow.iter().chain(&wide).all(|&len| len == n)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same with columns of one length, which the compiler can then see.
    #[inline]
    pub(crate) fn first(&self, n: usize) -> Self {
        Self {
            ts: &self.ts[..n],
            kind: &self.kind[..n],
            side: &self.side[..n],
            flags: &self.flags[..n],
            instrument: &self.instrument[..n],
            order_id: &self.order_id[..n],
            other_id: &self.other_id[..n],
            qty: &self.qty[..n],
            price: &self.price[..n],
        }
    }
}
