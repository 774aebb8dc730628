//! What each ITCH message says as an event, and that a batch says the same as one message after the other.

use omni_types::Side;
use omni_wire::itch::*;
use omni_wire::{flags, status};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const TS: i64 = 34_200_000_000_000;
const HEAD: [u8; 11] = *b"?\x00\x07\0\0\x1F\x1A\xCE\xD9\xF0\x00";

/// The event of a message with the usual beginning: instrument 7, 09:30.
fn event(kind: u8, body: &[&[u8]]) -> Option<MarketEvent> {
    let mut message = HEAD.to_vec();
    message[0] = kind;
    message.extend(body.concat());
    assert_eq!(message.len(), usize::from(LENGTHS[usize::from(kind)]), "the message is not made well");
    let mut out = EventColumns::default();
    let pushed = EventDecoder::new(0).push(&message, &mut out);
    assert_eq!(pushed, !out.is_empty());
    out.get(0)
}

fn base(kind: EventKind) -> MarketEvent {
    let none = MarketEvent { ts: TS, kind, side: None, flags: 0, instrument: 7, order_id: 0, other_id: 0, qty: 0, price: 0 };
    MarketEvent { flags: flags::LAST, ..none }
}

const ID: [u8; 8] = 77_001u64.to_be_bytes();
const MATCH: [u8; 8] = 900_001u64.to_be_bytes();
const SHARES: [u8; 4] = 300u32.to_be_bytes();
const PRICE: [u8; 4] = 1_502_500u32.to_be_bytes();

#[test]
fn orders_come_with_side_and_price() {
    let add = MarketEvent { side: Some(Side::Buy), order_id: 77_001, qty: 300, price: 1_502_500, ..base(EventKind::Add) };
    assert_eq!(event(b'A', &[&ID, b"B", &SHARES, b"AAPL    ", &PRICE]), Some(add));
    let sell = MarketEvent { side: Some(Side::Sell), flags: flags::LAST | flags::ATTRIBUTED, ..add };
    assert_eq!(event(b'F', &[&ID, b"S", &SHARES, b"AAPL    ", &PRICE, b"GSCO"]), Some(sell));
}

#[test]
fn changes_of_an_order_name_it() {
    let named = |kind| MarketEvent { order_id: 77_001, ..base(kind) };
    assert_eq!(event(b'X', &[&ID, &SHARES]), Some(MarketEvent { qty: 300, ..named(EventKind::Cancel) }));
    assert_eq!(event(b'D', &[&ID]), Some(named(EventKind::Delete)));
    let replace = MarketEvent { other_id: 900_001, qty: 300, price: 1_502_500, ..named(EventKind::Replace) };
    assert_eq!(event(b'U', &[&ID, &MATCH, &SHARES, &PRICE]), Some(replace));
}

#[test]
fn executions_are_printable_unless_they_say_no() {
    let execute = MarketEvent { order_id: 77_001, other_id: 900_001, qty: 300, ..base(EventKind::Execute) };
    let printable = MarketEvent { flags: flags::LAST | flags::PRINTABLE, ..execute };
    assert_eq!(event(b'E', &[&ID, &SHARES, &MATCH]), Some(printable));
    assert_eq!(event(b'C', &[&ID, &SHARES, &MATCH, b"Y", &PRICE]), Some(MarketEvent { price: 1_502_500, ..printable }));
    assert_eq!(event(b'C', &[&ID, &SHARES, &MATCH, b"N", &PRICE]), Some(MarketEvent { price: 1_502_500, ..execute }));
}

#[test]
fn prints_have_a_match_number_and_no_order() {
    let print = MarketEvent { other_id: 900_001, price: 1_502_500, ..base(EventKind::Trade) };
    let hidden = flags::LAST | flags::PRINTABLE | flags::HIDDEN;
    let trade = MarketEvent { side: Some(Side::Buy), flags: hidden, qty: 300, ..print };
    assert_eq!(event(b'P', &[&ID, b"B", &SHARES, b"AAPL    ", &PRICE, &MATCH]), Some(trade));
    let large = 5_000_000_000u64.to_be_bytes();
    let flags = flags::LAST | flags::PRINTABLE;
    let cross = MarketEvent { kind: EventKind::Cross, flags, qty: 5_000_000_000, ..print };
    assert_eq!(event(b'Q', &[&large, b"AAPL    ", &PRICE, &MATCH, b"C"]), Some(cross));
    assert_eq!(event(b'B', &[&MATCH]), Some(MarketEvent { other_id: 900_001, ..base(EventKind::Break) }));
}

#[test]
fn states_have_one_code_for_all_feeds() {
    for (code, state) in
        [(b'T', status::TRADING), (b'H', status::HALTED), (b'P', status::PAUSED), (b'Q', status::QUOTING), (b'?', 0)]
    {
        let halted = Some(MarketEvent { qty: state, ..base(EventKind::Status) });
        assert_eq!(event(b'H', &[b"AAPL    ", &[code], b" ", b"T1  "]), halted);
    }
    let resumed = Some(MarketEvent { qty: status::TRADING, ..base(EventKind::Status) });
    assert_eq!(event(b'h', &[b"AAPL    ", b"Q", b"T"]), resumed);
    let code = MarketEvent { qty: i64::from(b'Q'), ..base(EventKind::System) };
    assert_eq!(event(b'S', &[b"Q"]), Some(code));
}

#[test]
fn an_imbalance_has_two_quantities_and_a_side() {
    let [paired, imbalance] = [6_000_000_000u64, 7_000_000_000].map(u64::to_be_bytes);
    let body = |side: &'static [u8]| [&paired, &imbalance, side, b"AAPL    ", &[1; 8], &PRICE, b"OL"].concat();
    let expected = MarketEvent { qty: 6_000_000_000, other_id: 7_000_000_000, price: 1_502_500, ..base(EventKind::Imbalance) };
    assert_eq!(event(b'I', &[&body(b"S")]), Some(MarketEvent { side: Some(Side::Sell), ..expected }));
    assert_eq!(event(b'I', &[&body(b"N")]), Some(expected));
}

#[test]
fn a_quantity_beyond_i64_is_the_largest() {
    let large = [0xFF; 8];
    assert_eq!(event(b'Q', &[&large, b"AAPL    ", &PRICE, &MATCH, b"C"]).unwrap().qty, i64::MAX);
}

#[test]
fn other_messages_have_no_event() {
    for layout in LAYOUTS {
        let body = vec![b'Y'; layout.length - 11];
        assert_eq!(event(layout.kind, &[&body]).is_some(), b"AFXDUECPQBHhIS".contains(&layout.kind), "{}", layout.name);
    }
}

#[test]
fn midnight_is_added_to_every_time() {
    let mut message = [HEAD.as_slice(), &ID].concat();
    message[0] = b'D';
    let mut out = EventColumns::default();
    EventDecoder::new(1_692_676_800_000_000_000).push(&message, &mut out);
    assert_eq!(out.ts, [1_692_676_800_000_000_000 + TS]);
}

#[test]
fn only_wanted_instruments_have_events() {
    let frames: Vec<u8> = (0..300u16).flat_map(|at| framed(b'D', at % 3, u64::from(at))).collect();
    let mut out = EventColumns::default();
    let decoder = EventDecoder::new(0).only([0, 2].into_iter().collect());
    let batch = decoder.append(&[&frames[..], &[0; 72]].concat(), 299, &mut out);
    assert_eq!(batch, Batch { used: 299 * 21, messages: 299, events: 199 });
    assert!(out.instrument.iter().all(|instrument| *instrument != 1));
    assert_eq!(out.order_id.last(), Some(&297));
}

#[test]
fn a_batch_stops_where_it_has_no_rows_or_no_messages_left() {
    let frames: Vec<u8> = (0..100).flat_map(|at| framed(b'D', 1, at)).collect();
    let mut out = EventColumns::zeroed(10);
    let decoder = EventDecoder::default();
    let batch = decoder.fill(&frames, u64::MAX, &mut out, 4);
    assert_eq!(batch, Batch { used: 6 * 21, messages: 6, events: 6 });
    assert_eq!(out.order_id, [0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
    let batch = decoder.fill(&frames, 3, &mut out, 0);
    assert_eq!(batch, Batch { used: 3 * 21, messages: 3, events: 3 });
    assert_eq!(decoder.fill(&frames, 3, &mut out, 10), Batch::default());
}

#[test]
fn a_batch_stops_before_what_is_not_a_message() {
    let good = framed(b'D', 1, 5);
    for odd in [&[0, 0, b'D'][..], &[0, 20, b'D'], &[0, 19, b'z'], &[0xFF, 0xFF, b'z'], &[0, 0, b'z']] {
        let bytes = [&good, &good, odd, &[0; 100]].concat();
        let mut out = EventColumns::default();
        let batch = EventDecoder::default().append(&bytes, u64::MAX, &mut out);
        assert_eq!(batch, Batch { used: 42, messages: 2, events: 2 }, "{odd:?}");
        assert_eq!(out.len(), 2);
    }
}

/// A message that is well formed, whatever its values say.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    (0..LAYOUTS.len(), prop::array::uniform::<_, LONGEST>(any::<u8>())).prop_map(|(at, mut bytes)| {
        bytes[0] = LAYOUTS[at].kind;
        bytes[..LAYOUTS[at].length].to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_one_message_after_the_other(messages in prop::collection::vec(any_message(), 0..200)) {
        let decoder = EventDecoder::new(5);
        let (mut single, mut frames) = (EventColumns::default(), Vec::new());
        for message in &messages {
            decoder.push(message, &mut single);
            frames.extend((message.len() as u16).to_be_bytes());
            frames.extend(message);
        }
        let whole = frames.len();
        frames.extend([0; 72]);
        let mut batch = EventColumns::default();
        let found = decoder.append(&frames, u64::MAX, &mut batch);
        prop_assert_eq!(found, Batch { used: whole, messages: messages.len() as u64, events: single.len() });
        prop_assert_eq!(&batch, &single);
        prop_assert!(batch.is_even());

        let plain: Vec<_> = messages.iter().filter_map(|message| plain(&Message::decode(message).unwrap().unwrap())).collect();
        let found: Vec<_> = (0..batch.len()).map(|at| batch.get(at).unwrap()).collect();
        prop_assert_eq!(found, plain);
    }
}

/// The event of a message at midnight 5, field by field: the slow and plain twin of the table.
fn plain(message: &Message) -> Option<MarketEvent> {
    let at = |locate: u16, time: u64, kind| MarketEvent { ts: 5 + time as i64, instrument: locate, ..base(kind) };
    let side = |code: u8| match code {
        b'B' => Some(Side::Buy),
        b'S' => Some(Side::Sell),
        _ => None,
    };
    let state = |code: u8| [b'T', b'H', b'P', b'Q'].iter().position(|state| *state == code).map_or(0, |at| at as i64 + 1);
    let large = |qty: u64| i64::try_from(qty).unwrap_or(i64::MAX);
    let printed = flags::LAST | flags::PRINTABLE;
    Some(match *message {
        Message::AddOrder(m) => MarketEvent {
            side: side(m.buy_sell_indicator),
            order_id: m.order_reference_number,
            qty: m.shares.into(),
            price: m.price.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Add)
        },
        Message::AddOrderMpid(m) => MarketEvent {
            side: side(m.buy_sell_indicator),
            flags: flags::LAST | flags::ATTRIBUTED,
            order_id: m.order_reference_number,
            qty: m.shares.into(),
            price: m.price.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Add)
        },
        Message::OrderCancel(m) => MarketEvent {
            order_id: m.order_reference_number,
            qty: m.cancelled_shares.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Cancel)
        },
        Message::OrderDelete(m) => {
            MarketEvent { order_id: m.order_reference_number, ..at(m.stock_locate, m.timestamp, EventKind::Delete) }
        }
        Message::OrderReplace(m) => MarketEvent {
            order_id: m.original_order_reference_number,
            other_id: m.new_order_reference_number,
            qty: m.shares.into(),
            price: m.price.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Replace)
        },
        Message::OrderExecuted(m) => MarketEvent {
            flags: printed,
            order_id: m.order_reference_number,
            other_id: m.match_number,
            qty: m.executed_shares.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Execute)
        },
        Message::OrderExecutedWithPrice(m) => MarketEvent {
            flags: if m.printable == b'Y' { printed } else { flags::LAST },
            order_id: m.order_reference_number,
            other_id: m.match_number,
            qty: m.executed_shares.into(),
            price: m.execution_price.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Execute)
        },
        Message::TradeNonCross(m) => MarketEvent {
            side: side(m.buy_sell_indicator),
            flags: printed | flags::HIDDEN,
            other_id: m.match_number,
            qty: m.shares.into(),
            price: m.price.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Trade)
        },
        Message::CrossTrade(m) => MarketEvent {
            flags: printed,
            other_id: m.match_number,
            qty: large(m.shares),
            price: m.cross_price.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Cross)
        },
        Message::BrokenTrade(m) => MarketEvent { other_id: m.match_number, ..at(m.stock_locate, m.timestamp, EventKind::Break) },
        Message::StockTradingAction(m) => {
            MarketEvent { qty: state(m.trading_state), ..at(m.stock_locate, m.timestamp, EventKind::Status) }
        }
        Message::OperationalHalt(m) => {
            MarketEvent { qty: state(m.operational_halt_action), ..at(m.stock_locate, m.timestamp, EventKind::Status) }
        }
        Message::NetOrderImbalance(m) => MarketEvent {
            side: side(m.imbalance_direction),
            other_id: m.imbalance_shares,
            qty: large(m.paired_shares),
            price: m.current_reference_price.into(),
            ..at(m.stock_locate, m.timestamp, EventKind::Imbalance)
        },
        Message::SystemEvent(m) => MarketEvent { qty: m.event_code.into(), ..at(m.stock_locate, m.timestamp, EventKind::System) },
        _ => return None,
    })
}

/// A message of 19 bytes with its length before it.
fn framed(kind: u8, instrument: u16, id: u64) -> Vec<u8> {
    let mut message = HEAD;
    message[0] = kind;
    message[1..3].copy_from_slice(&instrument.to_be_bytes());
    [&[0, 19][..], &message, &id.to_be_bytes()].concat()
}
