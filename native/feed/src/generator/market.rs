//! The instruments of a made-up day, and what happens in their books.

mod news;
mod trading;

use omni_wire::itch::{AddOrder, AddOrderMpid, OrderCancel, OrderDelete, OrderReplace};

use super::DaySpec;
use super::dice::Dice;
use super::tape::Tape;
use crate::books::parts::{Book, NONE, NewOrder, Store, flip};

/// Market participants.
pub const MPIDS: [[u8; 4]; 6] = [*b"ALFA", *b"BRVO", *b"CHRL", *b"DLTA", *b"ECHO", *b"FXTR"];

/// One cent in the feed's unit of price.
const TICK: i64 = 100;
/// Orders that wait in the end, in hundredths of all messages.
const WAITING: u64 = 6;
/// Prices that instruments begin near, in cents: cheap ones and dear ones are rare.
const PRICES: [u64; 14] = [300, 700, 1_100, 1_600, 2_100, 2_700, 3_300, 4_200, 5_500, 7_500, 11_000, 18_000, 32_000, 60_000];
/// Round lots, mostly.
const SIZES: [u32; 12] = [100, 100, 100, 100, 200, 300, 500, 1_000, 1, 7, 25, 50];
/// Entries of the table that finds an instrument by its share of the activity.
const GUIDE: u64 = 1 << 12;

/// What the market does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Orders gather.
    Early,
    /// The same, or trading, with news of the auction that is near.
    BeforeCross,
    Session,
    /// Orders leave.
    Late,
}

pub(super) struct Market {
    store: Store,
    listings: Vec<Listing>,
    /// By slot: the place of an order among those of its listing.
    places: Vec<u32>,
    /// Activity of listings before each, and where to begin to look for one.
    activity: Vec<u64>,
    guide: Vec<u16>,
    recent: [u16; 8],
    next_id: u64,
    next_match: u64,
}

struct Listing {
    book: Book,
    stock: [u8; 8],
    /// Slots of all its orders, by age but for the gaps.
    orders: Vec<u32>,
    target: u64,
    mid: i64,
    /// The highest bid, in cents, that nobody would call a bargain: it wanders, and the book follows.
    fair: i64,
}

impl Listing {
    /// Cents between bid and ask where nothing happens.
    fn spread(&self) -> i64 {
        1 + self.mid / 1_500
    }

    /// The worst price of a side that is not a bargain.
    fn fair_price(&self, is_ask: bool) -> i64 {
        TICK * if is_ask { self.fair + self.spread() } else { self.fair }
    }
}

/// What an action is about: the listing and the time.
#[derive(Clone, Copy)]
struct At {
    listing: usize,
    now: u64,
}

impl At {
    fn locate(self) -> u16 {
        self.listing as u16 + 1
    }
}

impl Market {
    pub fn new(spec: &DaySpec, dice: &mut Dice) -> Self {
        let n = usize::from(spec.symbols);
        // The busiest come first here, and anywhere among the names.
        let mut ranks: Vec<u64> = (0..n as u64).collect();
        for at in (1..n).rev() {
            ranks.swap(at, dice.below(at as u64 + 1) as usize);
        }
        let weights: Vec<u64> = ranks.iter().map(|rank| (1 << 32) / (rank + 12)).collect();
        let total: u64 = weights.iter().sum();
        let roots: u64 = weights.iter().map(|weight| weight.isqrt()).sum();
        let mut activity = Vec::with_capacity(n + 1);
        let mut sum = 0;
        for weight in &weights {
            activity.push(sum);
            sum += weight;
        }
        let guide = (0..GUIDE).map(|part| activity.partition_point(|&before| before <= part * (total / GUIDE)) as u16 - 1);
        let guide = guide.collect();
        activity.push(total);
        let listing = |(at, weight): (usize, &u64)| {
            let bell: u64 = (0..3).map(|_| dice.below(5)).sum();
            let near = PRICES[bell as usize];
            let mid = (near + dice.below(near / 2)) as i64;
            Listing {
                book: Book::default(),
                stock: ticker(at),
                orders: Vec::new(),
                target: (spec.messages / 100 * WAITING * weight.isqrt() / roots).max(12),
                mid,
                fair: mid,
            }
        };
        let listings = weights.iter().enumerate().map(listing).collect();
        Self {
            store: Store::default(),
            listings,
            places: Vec::new(),
            activity,
            guide,
            recent: [0; 8],
            next_id: 1_000_003,
            next_match: 1,
        }
    }

    /// Stock locate and symbol.
    pub fn name(&self, listing: usize) -> (u16, [u8; 8]) {
        (listing as u16 + 1, self.listings[listing].stock)
    }

    pub fn n_orders(&self) -> usize {
        self.store.n_orders
    }

    pub fn last_match(&self) -> u64 {
        self.next_match - 1
    }

    /// Whether that was news.
    pub fn set_trading(&mut self, listing: usize, is_trading: bool) -> bool {
        std::mem::replace(&mut self.listings[listing].book.is_trading, is_trading) != is_trading
    }

    /// The middle of the market in the feed's unit, or where it began.
    pub fn reference(&self, listing: usize) -> u32 {
        let at = &self.listings[listing];
        let quote = at.book.quote();
        if at.book.has_both() { i64::midpoint(quote.bid_price, quote.ask_price) as u32 } else { (at.mid * TICK) as u32 }
    }

    /// One message of one instrument.
    #[inline]
    pub fn act(&mut self, mood: Mood, now: u64, dice: &mut Dice, tape: &mut Tape) {
        let at = At { listing: self.choose(dice), now };
        let what = dice.below(10_000);
        self.wander(at.listing, dice);
        let (book, n) = (&self.listings[at.listing].book, self.listings[at.listing].orders.len() as u64);
        let can_trade = book.is_trading && mood != Mood::Early;
        if !book.has_both() || n < 4 {
            return if mood == Mood::Late && n > 0 { self.delete(at, dice, tape) } else { self.add(at, dice, tape) };
        }
        match what {
            0..2_000 if mood == Mood::BeforeCross => self.announce(at, dice, tape),
            0..50 if can_trade => self.trade_hidden(at, dice, tape),
            50..54 => self.say_retail(at, dice, tape),
            54..310 if can_trade => self.execute(at, dice, tape),
            310..430 => self.cancel(at, dice, tape),
            430..1_310 if mood != Mood::Late => self.replace(at, dice, tape),
            _ if dice.below(100) < self.add_share(at, mood) => self.add(at, dice, tape),
            _ => self.delete(at, dice, tape),
        }
    }

    /// Now and then the fair price moves by a cent; seldom where many orders wait, which have to go first.
    #[inline]
    fn wander(&mut self, listing: usize, dice: &mut Dice) {
        let at = &mut self.listings[listing];
        if dice.below(10 + at.orders.len() as u64 / 8) == 0 {
            at.fair = (at.fair + if dice.below(2) == 0 { 1 } else { -1 }).max(2);
        }
    }

    /// The first order of a side whose best price has become a bargain.
    #[inline]
    fn bargain(&self, listing: usize) -> Option<u32> {
        let at = &self.listings[listing];
        let quote = at.book.quote();
        let is_ask = if !at.book.is_empty(false) && quote.bid_price > at.fair_price(false) {
            false
        } else if !at.book.is_empty(true) && quote.ask_price < at.fair_price(true) {
            true
        } else {
            return None;
        };
        Some(self.first(listing, is_ask))
    }

    /// One of the last few instruments, or any by its share of the activity.
    #[inline]
    fn choose(&mut self, dice: &mut Dice) -> usize {
        let draw = dice.next();
        if draw & 1_023 < 389 {
            return usize::from(self.recent[(draw >> 61) as usize]);
        }
        let total = self.activity[self.activity.len() - 1];
        let point = dice.below(total);
        let mut listing = usize::from(self.guide[((point / (total / GUIDE)).min(GUIDE - 1)) as usize]);
        while self.activity[listing + 1] <= point {
            listing += 1;
        }
        self.recent[(draw >> 61) as usize] = listing as u16;
        listing
    }

    /// In hundredths, so that about as many orders wait as shall.
    fn add_share(&self, at: At, mood: Mood) -> u64 {
        let Listing { orders, target, .. } = &self.listings[at.listing];
        if mood == Mood::Late { 20 } else { (100 - (50 * orders.len() as u64 / target).min(80)).clamp(20, 97) }
    }

    fn number_match(&mut self) -> u64 {
        self.next_match += 1;
        self.next_match - 1
    }

    /// Some numbers are taken by orders that are not displayed.
    fn number_order(&mut self, dice: &mut Dice) -> u64 {
        self.next_id += 1 + dice.below(13) / 6;
        self.next_id
    }

    fn add(&mut self, at: At, dice: &mut Dice, tape: &mut Tape) {
        let Listing { ref book, stock, .. } = self.listings[at.listing];
        let is_ask = match (book.is_empty(false), book.is_empty(true)) {
            (true, false) => false,
            (false, true) => true,
            _ => dice.below(2) == 0,
        };
        let Some(price) = self.price(at.listing, is_ask, dice) else { return self.add_far(at, dice, tape) };
        let (id, shares) = (self.number_order(dice), dice.pick(&SIZES));
        let order = AddOrder {
            stock_locate: at.locate(),
            tracking_number: 0,
            timestamp: at.now,
            order_reference_number: id,
            buy_sell_indicator: if is_ask { b'S' } else { b'B' },
            shares,
            stock,
            price: price as u32,
        };
        if dice.below(75) == 0 {
            tape.say(&attributed(&order, dice.pick(&MPIDS)).encode());
        } else {
            tape.say(&order.encode());
        }
        self.join(at.listing, is_ask, price, id, i64::from(shares));
    }

    /// No bid fits below an ask of one cent: offer more.
    #[cold]
    fn add_far(&mut self, at: At, dice: &mut Dice, tape: &mut Tape) {
        let Listing { ref book, stock, .. } = self.listings[at.listing];
        let price = book.quote().ask_price + TICK * (1 + dice.distance());
        let id = self.number_order(dice);
        let order = AddOrder {
            stock_locate: at.locate(),
            tracking_number: 0,
            timestamp: at.now,
            order_reference_number: id,
            buy_sell_indicator: b'S',
            shares: 100,
            stock,
            price: price as u32,
        };
        tape.say(&order.encode());
        self.join(at.listing, true, price, id, 100);
    }

    /// A price at which an order does not meet the other side; `None` where there is none above 0.
    fn price(&self, listing: usize, is_ask: bool, dice: &mut Dice) -> Option<i64> {
        let at = &self.listings[listing];
        let Listing { book, mid, .. } = at;
        let (quote, fair) = (book.quote(), at.fair_price(is_ask));
        let (own, other) = if is_ask { (quote.ask_price, quote.bid_price) } else { (quote.bid_price, quote.ask_price) };
        let spread = TICK * at.spread();
        let away = if is_ask { 1 } else { -1 };
        let price = match (book.is_empty(is_ask), book.is_empty(!is_ask)) {
            (true, true) => mid * TICK,
            (true, false) => other + away * spread,
            (false, true) => own + away * TICK * dice.distance(),
            (false, false) => {
                let room = (own - other).abs() / TICK - 1;
                let lags = if is_ask { own > fair } else { own < fair };
                let inside = if room > 0 && dice.below(if lags { 3 } else { 14 }) == 0 { 1 + room * 2 / 5 } else { 0 };
                let distance = if inside > 0 { -inside.min(room) } else { dice.distance() };
                own + away * TICK * distance
            }
        };
        let price = if is_ask { price.max(fair) } else { price.min(fair) };
        // Too cheap an own side would stop at 0, and there is always room for one cent if the ask costs two.
        let price = price.max(TICK);
        (is_ask || book.is_empty(true) || price < quote.ask_price).then_some(price)
    }

    #[inline]
    fn join(&mut self, listing: usize, is_ask: bool, price: i64, id: u64, qty: i64) {
        let slot = self.store.claim(id).expect("numbers of orders rise");
        let at = &mut self.listings[listing];
        at.book.add(&mut self.store, &NewOrder { slot, instrument: listing as u16, is_ask, price, qty }, NONE);
        if self.places.len() <= slot as usize {
            self.places.resize(slot as usize + 1, 0);
        }
        self.places[slot as usize] = at.orders.len() as u32;
        at.orders.push(slot);
    }

    #[inline]
    fn leave(&mut self, listing: usize, slot: u32) {
        let at = &mut self.listings[listing];
        let place = self.places[slot as usize];
        at.orders.swap_remove(place as usize);
        if let Some(&moved) = at.orders.get(place as usize) {
            self.places[moved as usize] = place;
        }
        at.book.remove(&mut self.store, slot);
    }

    #[inline]
    fn reduce(&mut self, listing: usize, slot: u32, qty: i64) {
        if qty < self.store.order(slot).qty {
            self.listings[listing].book.reduce(&mut self.store, slot, qty);
        } else {
            self.leave(listing, slot);
        }
    }

    /// First order of the best level of a side that has one.
    fn first(&self, listing: usize, is_ask: bool) -> u32 {
        let best = self.store.ladders.best(self.listings[listing].book.side(is_ask));
        best.map_or(NONE, |best| self.store.level(best.level).first)
    }

    /// One of an instrument's orders; those that joined last are the likeliest, the more so the higher `power`.
    fn any_order(&self, listing: usize, dice: &mut Dice, power: u32) -> u32 {
        let orders = &self.listings[listing].orders;
        let n = orders.len() as u64;
        let from_last = (1..power).fold(dice.below(n), |from_last, _| dice.below(from_last + 1));
        orders[(n - 1 - from_last) as usize]
    }

    fn delete(&mut self, at: At, dice: &mut Dice, tape: &mut Tape) {
        // Whoever still offers a bargain withdraws it in time, or is met.
        let bargain = self.bargain(at.listing).filter(|_| dice.below(4) > 0);
        let slot = bargain.unwrap_or_else(|| self.any_order(at.listing, dice, 3));
        let order_reference_number = self.store.order(slot).id;
        let delete = OrderDelete { stock_locate: at.locate(), tracking_number: 0, timestamp: at.now, order_reference_number };
        tape.say(&delete.encode());
        self.leave(at.listing, slot);
    }

    fn cancel(&mut self, at: At, dice: &mut Dice, tape: &mut Tape) {
        let slot = self.any_order(at.listing, dice, 1);
        let order = *self.store.order(slot);
        if order.qty < 2 {
            return self.delete(at, dice, tape);
        }
        let qty = 1 + dice.below(order.qty as u64 - 1) as i64;
        tape.say(
            &OrderCancel {
                stock_locate: at.locate(),
                tracking_number: 0,
                timestamp: at.now,
                order_reference_number: order.id,
                cancelled_shares: qty as u32,
            }
            .encode(),
        );
        self.reduce(at.listing, slot, qty);
    }

    fn replace(&mut self, at: At, dice: &mut Dice, tape: &mut Tape) {
        let slot = self.any_order(at.listing, dice, 2);
        let order = *self.store.order(slot);
        let level = *self.store.level(order.level);
        let is_ask = level.is_ask;
        let (new_id, shares) = (self.number_order(dice), dice.pick(&SIZES));
        self.leave(at.listing, slot);
        let old_price = flip(is_ask, level.key);
        let price = self.price(at.listing, is_ask, dice).unwrap_or(old_price);
        tape.say(
            &OrderReplace {
                stock_locate: at.locate(),
                tracking_number: 0,
                timestamp: at.now,
                original_order_reference_number: order.id,
                new_order_reference_number: new_id,
                shares,
                price: price as u32,
            }
            .encode(),
        );
        self.join(at.listing, is_ask, price, new_id, i64::from(shares));
    }
}

fn attributed(order: &AddOrder, attribution: [u8; 4]) -> AddOrderMpid {
    let &AddOrder { stock_locate, tracking_number, timestamp, order_reference_number, .. } = order;
    let &AddOrder { buy_sell_indicator, shares, stock, price, .. } = order;
    AddOrderMpid {
        stock_locate,
        tracking_number,
        timestamp,
        order_reference_number,
        buy_sell_indicator,
        shares,
        stock,
        price,
        attribution,
    }
}

/// `AAA`, `AAB`, … as a padded symbol.
fn ticker(number: usize) -> [u8; 8] {
    let (mut stock, mut left) = (*b"        ", number);
    for at in (0..if number < 26 * 26 * 26 { 3 } else { 4 }).rev() {
        stock[at] = b'A' + (left % 26) as u8;
        left /= 26;
    }
    stock
}
