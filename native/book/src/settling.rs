//! Settling: what a command's trades and quotes set off among stops, pegs and conditional orders; `docs/matching.md` section 6.

use omni_types::{Event, EventSink, LARGEST, OrderType, PegReference, Side, Ticks, TrailUnit, Trigger};

use crate::market::{InHand, Market, key_of};
use crate::matching::Taken;
use crate::node::{Node, Place, Rare};
use crate::store::Slot;

/// Displayed best bid and ask, 0 for none.
type Bbo = [i64; 2];

impl<S: EventSink> Market<'_, S> {
    /// Go on until nothing happens any more. Every round but the last trades, elects a stop or moves a peg to a new best price.
    #[inline]
    pub fn settle(&mut self) {
        if self.book.n_watched > 0 && self.is_continuous() {
            self.reborrow().settle_watched();
        }
    }

    #[cold]
    fn settle_watched(&mut self) {
        loop {
            let bbo = self.bbo();
            self.trail(bbo);
            let acted = self.elect(bbo) || self.move_pegs(bbo) || self.try_conditionals();
            if !acted {
                return;
            }
        }
    }

    fn bbo(&self) -> Bbo {
        [Side::Buy, Side::Sell].map(|side| self.book.displayed_best(self.store, side).0)
    }

    /// Let trailing stops follow.
    fn trail(&mut self, bbo: Bbo) {
        if self.book.trailing.is_empty() {
            return;
        }
        let slots: Vec<Slot> = self.book.trailing.values().copied().collect();
        for slot in slots {
            let side = self.store.special(slot).side;
            let terms = self.store.rare(slot).terms;
            let reference = self.watched(side, terms.trigger, bbo);
            if reference == 0 {
                continue;
            }
            let distance = match terms.trail_unit {
                TrailUnit::Bps => ((i128::from(reference) * i128::from(terms.trail) / 10_000) as i64).max(1),
                TrailUnit::Ticks | TrailUnit::None => terms.trail,
            };
            let stop_price = terms.stop_price.0;
            let followed = match side {
                Side::Buy if stop_price == 0 => reference + distance,
                Side::Buy => stop_price.min(reference + distance),
                Side::Sell => stop_price.max(reference - distance).max(1),
            };
            if followed != stop_price {
                self.move_stop(slot, followed);
            }
        }
    }

    /// What a stop of a side looks at; 0 if there is none.
    fn watched(&self, side: Side, trigger: Trigger, bbo: Bbo) -> i64 {
        match trigger {
            Trigger::Bbo => bbo[side.opposite().index()],
            Trigger::Last | Trigger::None => self.book.last,
        }
    }

    /// Elect the first stop that is triggered.
    fn elect(&mut self, bbo: Bbo) -> bool {
        let Some(slot) = self.triggered(Side::Buy, bbo).or_else(|| self.triggered(Side::Sell, bbo)) else { return false };
        self.take_out(slot);
        let terms = &mut self.store.rare_mut(slot).terms;
        let stop_price = terms.stop_price;
        (terms.stop_price, terms.trigger, terms.trail, terms.trail_unit) = (Ticks(0), Trigger::None, 0, TrailUnit::None);
        let rare = *self.store.rare(slot);
        let mut hand = InHand { node: *self.store.special(slot), rare: &rare, slot };
        hand.node.order_type = if hand.node.order_type == OrderType::StopLimit { OrderType::Limit } else { OrderType::Market };
        self.out.push(Event::Triggered { id: hand.node.id, stop_price });
        self.enter(&mut hand);
        true
    }

    fn triggered(&self, side: Side, bbo: Bbo) -> Option<Slot> {
        [Trigger::Last, Trigger::Bbo]
            .into_iter()
            .filter_map(|trigger| {
                let watched = self.watched(side, trigger, bbo);
                let stops = &self.book.stops[side.index()][usize::from(trigger == Trigger::Bbo)];
                let (&(key, stamp), &slot) = stops.first_key_value()?;
                (watched != 0 && side.sign() * watched >= key).then_some((key, stamp, slot))
            })
            .min()
            .map(|(_, _, slot)| slot)
    }

    /// Price the pegs anew if what they follow has moved.
    fn move_pegs(&mut self, bbo: Bbo) -> bool {
        if self.book.pegs.is_empty() || (!self.book.has_new_peg && self.book.pegged_to == bbo) {
            return false;
        }
        self.book.has_new_peg = false;
        self.book.pegged_to = bbo;
        let pegs: Vec<(u64, Slot)> = self.book.pegs.iter().map(|(&id, &slot)| (id, slot)).collect();
        for (id, slot) in pegs {
            // Another peg's trade may have filled it.
            if self.book.pegs.get(&id) == Some(&slot) {
                self.move_peg(slot, bbo);
            }
        }
        true
    }

    fn move_peg(&mut self, slot: Slot, bbo: Bbo) {
        let price = pegged_price(self.store.special(slot), self.store.rare(slot), bbo);
        if price == self.store.special(slot).price {
            return;
        }
        self.take_out(slot);
        let rare = *self.store.rare(slot);
        let mut hand = InHand { node: *self.store.special(slot), rare: &rare, slot };
        hand.node.price = price;
        self.out.push(Event::Repriced { id: hand.node.id, price: Ticks(price) });
        if price == 0 {
            self.wait_as_stamped(&mut hand, Place::Parked);
        } else {
            self.enter(&mut hand);
        }
    }

    /// Park every pegged order that has a price: matching has stopped.
    pub fn park_pegs(&mut self) {
        let pegs: Vec<Slot> = self.book.pegs.values().copied().collect();
        for slot in pegs {
            self.book.has_new_peg = true;
            if self.store.special(slot).place == Place::Hidden {
                self.take_out(slot);
                let rare = *self.store.rare(slot);
                let mut hand = InHand { node: *self.store.special(slot), rare: &rare, slot };
                hand.node.price = 0;
                self.wait_as_stamped(&mut hand, Place::Parked);
                self.out.push(Event::Repriced { id: hand.node.id, price: Ticks(0) });
            }
        }
    }

    /// Let the first conditional order take whose quantity is there now.
    fn try_conditionals(&mut self) -> bool {
        for side in [Side::Buy, Side::Sell] {
            let other = side.opposite().index();
            let waiting = self.book.conditionals[other].first_key_value().map_or(i64::MAX, |(&(key, _), _)| key);
            let best = self.book.ladders[other].best_key.min(waiting);
            let ready = self.book.conditionals[side.index()].values().copied().map(|slot| self.in_place(slot)).find(|hand| {
                best <= hand.taker().limit_key && self.is_available(&hand.taker(), hand.rare.terms.required(hand.node.leaves))
            });
            if let Some(slot) = ready.map(|hand| hand.slot) {
                self.fill_conditional(slot);
                return true;
            }
        }
        false
    }

    fn fill_conditional(&mut self, slot: Slot) {
        self.take_out(slot);
        let rare = *self.store.rare(slot);
        let mut hand = InHand { node: *self.store.special(slot), rare: &rare, slot };
        if self.take_in_hand(&mut hand) == Taken::Canceled || hand.node.leaves == 0 {
            self.let_go(&hand);
        } else {
            self.wait_as_stamped(&mut hand, Place::Conditional);
        }
    }

    fn in_place(&self, slot: Slot) -> InHand<'_> {
        InHand { node: *self.store.special(slot), rare: self.store.rare(slot), slot }
    }
}

/// Where a peg stands when the displayed best prices are these; 0 if nowhere.
fn pegged_price(node: &Node, rare: &Rare, bbo: Bbo) -> i64 {
    let (own, other) = (bbo[node.side.index()], bbo[node.side.opposite().index()]);
    let reference = match rare.terms.peg_reference {
        PegReference::Primary | PegReference::None => own,
        PegReference::Market => other,
        PegReference::Mid if own == 0 || other == 0 => 0,
        // Down for a buy, up for a sell: nobody pays more than the middle.
        PegReference::Mid => (own + other + i64::from(node.side == Side::Sell)).div_euclid(2),
    };
    if reference == 0 {
        return 0;
    }
    let mut price = reference + rare.terms.peg_offset.0;
    if rare.cap != 0 && key_of(node.side, price) < key_of(node.side, rare.cap) {
        price = rare.cap;
    }
    if (1..=LARGEST).contains(&price) { price } else { 0 }
}
