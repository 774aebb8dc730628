//! The books beside their twin, on streams of every kind of event, of which few conform to anything.

mod dice;
mod twin;

use dice::Dice;
use omni_feed::books::{DepthWhen, Options, QueuePlace};
use omni_feed::{Books, Events};
use omni_types::Side;
use omni_wire::EventKind::{
    Add, Break, Cancel, Clear, Cross, Delete, Execute, Imbalance, Level, Modify, Replace, Status, System, Trade,
};
use omni_wire::{EventColumns, MarketEvent, flags, status};
use twin::Twin;

/// What a stream is like.
#[derive(Clone, Copy, Debug)]
struct Mood {
    n_ids: u64,
    /// Ids are multiples of it: 1, or far beyond what an array could hold.
    id_step: u64,
    n_prices: u64,
    n_instruments: u64,
    /// One event in so many says something impossible.
    wrong: u64,
    /// Of ten events that may end a packet, how many do.
    last: u64,
}

const MOODS: [Mood; 5] = [
    Mood { n_ids: 60, id_step: 1, n_prices: 12, n_instruments: 3, wrong: 50, last: 10 },
    Mood { n_ids: 60, id_step: 0x9E37_79B9_7F4A_7C15, n_prices: 5, n_instruments: 2, wrong: 9, last: 5 },
    Mood { n_ids: 3_000, id_step: 7, n_prices: 900, n_instruments: 1, wrong: 1_000, last: 9 },
    Mood { n_ids: 3_000, id_step: 1, n_prices: 3, n_instruments: 40, wrong: 1_000, last: 2 },
    Mood { n_ids: 6, id_step: 1 << 40, n_prices: 2, n_instruments: 2, wrong: 20, last: 7 },
];

fn event(dice: &mut Dice, mood: &Mood, ts: &mut i64) -> (u8, MarketEvent) {
    let often = [Add, Add, Add, Add, Add, Add, Cancel, Cancel, Delete, Replace, Replace, Execute, Execute, Modify, Modify];
    let seldom = [Level, Level, Trade, Cross, Imbalance, Break, Status, System, Clear];
    let kind = if dice.below(8) > 0 { dice.pick(&often) } else { dice.pick(&seldom) };
    let is_wrong = dice.below(mood.wrong) == 0;
    *ts += dice.below(40) as i64 - if dice.below(20) == 0 { 60 } else { 0 };
    let mut id = || dice.below(mood.n_ids).wrapping_mul(mood.id_step);
    let (order_id, other_id) = (id(), id());
    let side = dice.pick(&[Side::Buy, Side::Sell]);
    let last = if dice.below(10) < mood.last { flags::LAST } else { 0 };
    let event = MarketEvent {
        ts: *ts,
        kind,
        side: if is_wrong || (kind == Clear && dice.below(2) == 0) { None } else { Some(side) },
        flags: last | dice.pick(&[0, flags::PRINTABLE, flags::SNAPSHOT]),
        instrument: dice.below(mood.n_instruments) as u16 * 7,
        order_id,
        other_id,
        qty: if is_wrong { dice.below(4) as i64 - 2 } else { 1 + dice.below(9) as i64 },
        price: dice.below(mood.n_prices) as i64 - if is_wrong { 3 } else { 0 },
    };
    let kind = if is_wrong && dice.below(3) == 0 { 15 + dice.below(200) as u8 } else { kind.code() };
    (kind, event)
}

fn options(dice: &mut Dice) -> Options {
    let mut times: Vec<i64> = (0..dice.below(30)).map(|_| dice.below(20_000) as i64).collect();
    times.sort_unstable();
    let depth = [DepthWhen::Changed, DepthWhen::Every(1 + dice.below(500) as i64), DepthWhen::At(times)];
    Options {
        bbo: dice.below(4) > 0,
        trades: dice.below(4) > 0,
        notes: dice.below(4) > 0,
        n_levels: dice.below(4) as usize,
        depth: depth[dice.below(3) as usize].clone(),
        checksum: dice.below(4) > 0,
        instruments: (dice.below(5) == 0).then(|| vec![0, 7, 9]),
    }
}

/// Everything that can be asked of both.
fn agree(books: &Books, twin: &Twin, mood: &Mood) {
    for instrument in (0..mood.n_instruments as u16).map(|instrument| instrument * 7) {
        assert_eq!(books.best(instrument), twin.best(instrument), "instrument {instrument}");
        for side in [Side::Buy, Side::Sell] {
            let levels = books.depth(instrument, side, usize::MAX);
            let cells: Vec<_> = levels.iter().map(|level| (level.price, level.qty, level.n_orders)).collect();
            assert_eq!(cells, twin.side(instrument, side), "instrument {instrument}, {side:?}");
        }
    }
    for (instrument, side, price) in twin.prices() {
        assert_eq!(books.queue(instrument, side, price), twin.line(instrument, side, price));
    }
    let orders = twin.orders();
    assert_eq!(books.n_orders(), orders.len());
    for (id, ahead_qty, n_ahead) in orders {
        assert_eq!(books.position(id), Some(QueuePlace { ahead_qty, n_ahead }), "order {id}");
    }
}

#[test]
fn books_are_those_of_the_twin_on_any_stream() {
    for seed in 0..150 {
        let mut dice = Dice(seed);
        let (mood, options) = (dice.pick(&MOODS), options(&mut dice));
        let (mut books, mut twin) = (Books::new(options.clone()), Twin::new(options));
        let (mut ts, mut rows) = (0, EventColumns::default());
        for _ in 0..dice.below(60) {
            rows.clear();
            // Batches shorter than the distance that events are looked at ahead, and longer ones.
            let most = dice.pick(&[6, 120]);
            for _ in 0..dice.below(most) {
                let (kind, event) = event(&mut dice, &mood, &mut ts);
                twin.apply(kind, &event);
                rows.push(&event);
                *rows.kind.last_mut().unwrap() = kind;
            }
            books.apply(&Events::from(&rows));
            assert_eq!(books.counts(), twin.counts, "seed {seed}, {mood:?}");
            agree(&books, &twin, &mood);
        }
        books.finish();
        twin.finish();
        let (found, expected) = (books.take(), twin.tables);
        assert!(found.bbo == expected.bbo, "bbo of seed {seed}, {mood:?}");
        assert!(found.depth == expected.depth, "depth of seed {seed}, {mood:?}");
        assert!(found.trades == expected.trades, "trades of seed {seed}, {mood:?}");
        assert!(found == expected, "notes of seed {seed}, {mood:?}");
        assert_eq!(books.checksum(), twin.checksum, "seed {seed}");
    }
}

/// An event with everything that most events have.
fn plain(kind: omni_wire::EventKind, order_id: u64) -> MarketEvent {
    let side = Some(Side::Buy);
    MarketEvent { ts: 0, kind, side, flags: flags::LAST, instrument: 1, order_id, other_id: 0, qty: 0, price: 0 }
}

fn apply(books: &mut Books, events: &[MarketEvent]) {
    let mut rows = EventColumns::default();
    for event in events {
        rows.push(event);
    }
    books.apply(&Events::from(&rows));
}

#[test]
fn a_side_of_a_hundred_thousand_levels_comes_and_goes() {
    let mut books = Books::new(Options::default());
    let n = 100_000;
    // From the worst to the best, from the best to the worst, and from all sides: an order at each price.
    let orders: [fn(u64, u64) -> u64; 3] = [|at, _| at, |at, n| n - 1 - at, |at, n| at * 31_337 % n];
    for (round, place) in orders.into_iter().enumerate() {
        let first = round as u64 * 1_000_000;
        let adds: Vec<_> =
            (0..n).map(|at| MarketEvent { qty: 1, price: place(at, n) as i64, ..plain(Add, first + place(at, n)) }).collect();
        apply(&mut books, &adds);
        let levels = books.depth(1, Side::Buy, usize::MAX);
        assert!(levels.iter().map(|level| level.price).eq((0..n as i64).rev()), "round {round}");
        let deletes: Vec<_> = (0..n).map(|at| plain(Delete, first + place(n - 1 - at, n))).collect();
        apply(&mut books, &deletes);
        assert_eq!((books.n_orders(), books.best(1).bid_qty), (0, 0), "round {round}");
    }
    assert_eq!(books.counts().unknown_order, 0);
}

#[test]
fn prices_at_the_ends_of_their_range_are_prices() {
    let mut books = Books::new(Options::default());
    let prices = [i64::MAX, 0, i64::MIN, -1, 1, i64::MAX - 1, i64::MIN + 1];
    for side in [Side::Buy, Side::Sell] {
        let id = u64::from(side.code()) * 100;
        let adds = (id..).zip(prices).map(|(id, price)| MarketEvent { side: Some(side), qty: 5, price, ..plain(Add, id) });
        apply(&mut books, &adds.collect::<Vec<_>>());
    }
    let mut sorted = prices;
    sorted.sort_unstable();
    let asks: Vec<i64> = books.depth(1, Side::Sell, 9).iter().map(|level| level.price).collect();
    let bids: Vec<i64> = books.depth(1, Side::Buy, 9).iter().rev().map(|level| level.price).collect();
    assert_eq!((&asks[..], &bids[..]), (&sorted[..], &sorted[..]));
}

#[test]
fn a_book_may_be_crossed_while_it_does_not_trade() {
    let mut books = Books::new(Options::default());
    let ask = |id, price| MarketEvent { side: Some(Side::Sell), qty: 1, price, ..plain(Add, id) };
    let state = |state| MarketEvent { qty: state, ..plain(Status, 0) };
    apply(&mut books, &[state(status::HALTED), MarketEvent { qty: 1, price: 10, ..plain(Add, 1) }, ask(2, 9), ask(3, 10)]);
    assert_eq!((books.counts().crossed, books.counts().locked), (0, 0));
    apply(&mut books, &[state(status::TRADING), ask(4, 11), plain(Delete, 2), plain(Delete, 3)]);
    assert_eq!((books.counts().crossed, books.counts().locked), (1, 1));
}

#[test]
fn what_ends_a_packet_decides_what_is_seen() {
    let mut books = Books::new(Options::default());
    let add = |id, price, flags| MarketEvent { qty: 1, price, flags, ts: price, ..plain(Add, id) };
    apply(&mut books, &[add(1, 10, 0), add(2, 12, 0), add(3, 11, flags::LAST)]);
    let bbo = books.take().bbo;
    assert_eq!((&bbo.ts[..], &bbo.bid_price[..]), (&[11][..], &[12][..]), "one row, of the packet's end");
}
