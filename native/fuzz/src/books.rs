//! Books of a market: any stream of events leaves the books that a plain twin keeps, and the same tables.

use omni_feed::books::{DepthWhen, Options, QueuePlace};
use omni_feed::{Books, Events};
use omni_types::Side;
use omni_wire::{EventColumns, EventKind, MarketEvent};

use crate::Input;

/// The judge of the books' own tests.
#[path = "../../feed/tests/twin/mod.rs"]
mod twin;

use twin::Twin;

/// The first bytes say what is written down, the rest is a stream of events in batches.
///
/// # Panics
///
/// If the books are not those of the twin after a batch, or the tables are not in the end.
pub fn books(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let options = options(&mut input);
    let (mut books, mut twin) = (Books::new(options.clone()), Twin::new(options));
    let (mut ts, mut rows) = (0_i64, EventColumns::default());
    while !input.is_over() {
        rows.clear();
        for _ in 0..=input.below(48) {
            let (code, event) = event(&mut input, &mut ts);
            twin.apply(code, &event);
            rows.push(&event);
            rows.kind[rows.ts.len() - 1] = code;
        }
        books.apply(&Events::from(&rows));
        agree(&books, &twin);
    }
    books.finish();
    twin.finish();
    assert!(books.take() == twin.tables, "the tables differ");
    assert_eq!(books.checksum(), twin.checksum);
}

fn options(input: &mut Input<'_>) -> Options {
    let bits = input.byte();
    let depth = match input.below(3) {
        0 => DepthWhen::Changed,
        1 => DepthWhen::Every(1 + i64::from(input.byte())),
        _ => {
            let mut times: Vec<i64> = (0..input.below(9)).map(|_| input.number(i64::from)).collect();
            times.sort_unstable();
            DepthWhen::At(times)
        }
    };
    Options {
        bbo: bits & 1 == 0,
        trades: bits & 2 == 0,
        notes: bits & 4 == 0,
        n_levels: usize::from(bits >> 3 & 3),
        depth,
        checksum: bits & 32 == 0,
        instruments: (bits & 64 != 0).then(|| vec![0, 2, u16::MAX]),
    }
}

/// The code of an event, and the event.
fn event(input: &mut Input<'_>, ts: &mut i64) -> (u8, MarketEvent) {
    let code = input.byte() % 16;
    let (bits, instrument) = (input.byte(), input.byte());
    *ts = ts.saturating_add(input.number(|byte| byte - 20));
    let event = MarketEvent {
        ts: *ts,
        kind: EventKind::from_code(code).unwrap_or(EventKind::System),
        side: Side::from_code(bits & 3),
        flags: bits >> 3,
        instrument: if instrument == u8::MAX { u16::MAX } else { u16::from(instrument % 4) },
        order_id: id(input),
        other_id: id(input),
        qty: input.number(|byte| byte % 16),
        price: input.number(|byte| byte % 32),
    };
    (code, event)
}

/// Near ids, and some so far apart that no array holds them.
fn id(input: &mut Input<'_>) -> u64 {
    match input.byte() {
        near @ 0..192 => u64::from(near % 24),
        far => u64::from(far % 16).wrapping_mul(0x9E37_79B9_7F4A_7C15),
    }
}

fn agree(books: &Books, twin: &Twin) {
    assert_eq!(books.counts(), twin.counts);
    for instrument in [0, 1, 2, 3, u16::MAX] {
        assert_eq!(books.best(instrument), twin.best(instrument), "instrument {instrument}");
        for side in [Side::Buy, Side::Sell] {
            let levels = books.depth(instrument, side, usize::MAX);
            let cells = levels.iter().map(|level| (level.price, level.qty, level.n_orders));
            assert!(cells.eq(twin.side(instrument, side)), "instrument {instrument}, {side:?}");
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
