//! The one price at which most trades, and who trades at it; `docs/matching.md` section 7.

use omni_types::{Event, EventSink, InstrumentId, OrderType, Qty, Side, Ticks, TimeInForce};

use crate::market::{Market, key_of};
use crate::node::{Node, Place};
use crate::store::Slot;

/// One who takes part. The order of the fields is the order of priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entrant {
    /// Market orders first.
    has_limit: bool,
    /// Less is better.
    key: i64,
    is_hidden: bool,
    stamp: u64,
    slot: Slot,
    leaves: i64,
}

/// Prices between which neither demand nor supply changes, from the lowest to the highest.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    low: i64,
    high: i64,
    demand: i128,
    supply: i128,
}

impl Stretch {
    fn volume(&self) -> i128 {
        self.demand.min(self.supply)
    }

    /// Distance to the reference, and the price that is nearest to it.
    fn nearest(&self, reference: i64) -> (u64, i64) {
        let price = reference.clamp(self.low, self.high);
        (price.abs_diff(reference), price)
    }
}

impl<S: EventSink> Market<'_, S> {
    /// Hold the auction of the on-open or on-close orders with the book.
    pub fn hold_auction(&mut self, instrument: InstrumentId, time_in_force: TimeInForce) {
        let entrants = [Side::Buy, Side::Sell].map(|side| self.entrants(side, time_in_force));
        let limits = entrants.each_ref().map(|side| side.iter().filter(|entrant| entrant.has_limit).copied().collect::<Vec<_>>());
        let market =
            [0, 1].map(|side| entrants[side].iter().filter(|entrant| !entrant.has_limit).map(|e| i128::from(e.leaves)).sum());
        let Some(price) = clearing_price(&limits, market, self.book.last, self.book.reference) else { return };

        let quantity = |side: Side| -> i128 {
            let accepts = |entrant: &&Entrant| !entrant.has_limit || entrant.key <= key_of(side, price);
            entrants[side.index()].iter().filter(accepts).map(|entrant| i128::from(entrant.leaves)).sum()
        };
        let (demand, supply) = (quantity(Side::Buy), quantity(Side::Sell));
        let volume = demand.min(supply);
        self.out.push(Event::Auction {
            instrument,
            price: Ticks(price),
            qty: Qty(volume as i64),
            surplus: Qty((demand - supply) as i64),
        });
        self.allocate(&entrants, price, volume);
        self.book.last = price;
    }

    /// Those of a side who take part, by priority.
    fn entrants(&self, side: Side, time_in_force: TimeInForce) -> Vec<Entrant> {
        let store = &*self.store;
        let levels = self.book.ladders[side.index()].levels(&store.levels);
        let book = levels.flat_map(|(_, level)| store.levels[level].head).flat_map(|first| store.queue(first));
        let auction = self.book.auction.values().copied().filter(|&slot| {
            let node = store.special(slot);
            node.side == side && node.time_in_force == time_in_force
        });
        let mut entrants: Vec<Entrant> = book
            .chain(auction)
            .map(|slot| {
                let Node { order_type, price, stamp, leaves, place, .. } = store.node(slot);
                let has_limit = order_type != OrderType::Market;
                Entrant { has_limit, key: key_of(side, price), is_hidden: place == Place::Hidden, stamp, slot, leaves }
            })
            .collect();
        entrants.sort_unstable();
        entrants
    }

    /// The first of the buys and the first of the sells trade, until the volume is done.
    fn allocate(&mut self, entrants: &[Vec<Entrant>; 2], price: i64, volume: i128) {
        let (mut left, mut at) = (volume, [0, 0]);
        let mut wants = [0, 1].map(|side| entrants[side][0].leaves);
        while left > 0 {
            let qty = wants[0].min(wants[1]).min(left.min(i128::from(i64::MAX)) as i64);
            left -= i128::from(qty);
            let slots = [0, 1].map(|side: usize| entrants[side][at[side]].slot);
            let leaves = slots.map(|slot| self.fill_part(slot, qty));
            let ids = slots.map(|slot| self.store.id(slot));
            let trade_id = self.store.trade_id();
            self.out.push(Event::Trade {
                maker: ids[0],
                taker: ids[1],
                aggressor: None,
                price: Ticks(price),
                qty: Qty(qty),
                maker_leaves: Qty(leaves[0]),
                taker_leaves: Qty(leaves[1]),
                trade_id,
            });
            for side in 0..2 {
                wants[side] -= qty;
                if leaves[side] == 0 {
                    self.discard(slots[side]);
                } else if self.store.wants(slots[side]).1 == 0 {
                    self.refresh(slots[side]);
                }
                if wants[side] == 0 && left > 0 {
                    at[side] += 1;
                    wants[side] = entrants[side][at[side]].leaves;
                }
            }
        }
    }
}

/// The auction price, or `None` if nothing would trade. `market` is what market orders buy and sell.
fn clearing_price(limits: &[Vec<Entrant>; 2], market: [i128; 2], last: i64, reference: i64) -> Option<i64> {
    let known = if last != 0 { last } else { reference };
    let stretches = stretches(limits, market);
    let best = stretches.iter().map(|s| (s.volume(), -(s.demand - s.supply).abs())).max();
    let Some(best) = best else {
        return (market[0].min(market[1]) > 0 && known != 0).then_some(known);
    };
    if best.0 == 0 {
        return None;
    }
    let tied: Vec<&Stretch> = stretches.iter().filter(|s| (s.volume(), -(s.demand - s.supply).abs()) == best).collect();
    let middle = || i64::midpoint(tied[0].low, tied[tied.len() - 1].high);
    let reference = if known != 0 { known } else { middle() };
    tied.iter()
        .map(|stretch| stretch.nearest(reference))
        .min_by_key(|&(distance, price)| (distance, -price))
        .map(|(_, price)| price)
}

/// The ticks from the lowest to the highest limit, in stretches.
fn stretches(limits: &[Vec<Entrant>; 2], market: [i128; 2]) -> Vec<Stretch> {
    // By ascending price: buys leave the demand once the price is above their limit, sells join the supply at theirs.
    let mut buys: Vec<(i64, i64)> = limits[0].iter().map(|entrant| (-entrant.key, entrant.leaves)).collect();
    let sells: Vec<(i64, i64)> = limits[1].iter().map(|entrant| (entrant.key, entrant.leaves)).collect();
    buys.reverse();
    let mut prices: Vec<i64> = buys.iter().chain(&sells).map(|&(price, _)| price).collect();
    prices.sort_unstable();
    prices.dedup();

    let mut demand = market[0] + buys.iter().map(|&(_, leaves)| i128::from(leaves)).sum::<i128>();
    let mut supply = market[1];
    let (mut buys, mut sells) = (buys.into_iter().peekable(), sells.into_iter().peekable());
    let mut stretches = Vec::with_capacity(2 * prices.len());
    for (at, &price) in prices.iter().enumerate() {
        while let Some((_, leaves)) = sells.next_if(|&(limit, _)| limit == price) {
            supply += i128::from(leaves);
        }
        stretches.push(Stretch { low: price, high: price, demand, supply });
        while let Some((_, leaves)) = buys.next_if(|&(limit, _)| limit == price) {
            demand -= i128::from(leaves);
        }
        if let Some(&next) = prices.get(at + 1)
            && next > price + 1
        {
            stretches.push(Stretch { low: price + 1, high: next - 1, demand, supply });
        }
    }
    stretches
}
