//! OUCH 4.2: golden bytes of every type, laid out by hand from the field tables, and what holds for any values.

use omni_wire::ouch::{
    AiqCanceled, CLIENT_LAYOUTS, ClientMessage, EnterOrder, MARKET_PRICE, VENUE_LAYOUTS, VenueMessage, client_layout,
    venue_layout,
};
use proptest::prelude::*;

const TOKEN: &[u8; 14] = b"TOKEN000000001";
const OTHER: &[u8; 14] = b"TOKEN000000002";
const TIME: [u8; 8] = 34_200_000_000_123_u64.to_be_bytes();
const SHARES: [u8; 4] = 300_u32.to_be_bytes();
const PRICE: [u8; 4] = 1_501_200_u32.to_be_bytes();
const TIF: [u8; 4] = 99_998_u32.to_be_bytes();
const MIN: [u8; 4] = 100_u32.to_be_bytes();
const REFERENCE: [u8; 8] = 0x0102_0304_0506_0708_u64.to_be_bytes();
const MATCH: [u8; 8] = 0x1112_1314_1516_1718_u64.to_be_bytes();

fn client() -> Vec<Vec<u8>> {
    vec![
        [b"O", &TOKEN[..], b"B", &SHARES, b"AAPL    ", &PRICE, &TIF, b"FIRM", b"Y", b"P", b"N", &MIN, b"N", b"R"].concat(),
        [b"U", &TOKEN[..], OTHER, &SHARES, &PRICE, &TIF, b"A", b"Y", &MIN].concat(),
        [b"X", &TOKEN[..], &SHARES].concat(),
        [b"M", &TOKEN[..], b"T", &SHARES].concat(),
        [b"N", &TOKEN[..]].concat(),
    ]
}

fn venue() -> Vec<Vec<u8>> {
    let accepted =
        [&TOKEN[..], b"S", &SHARES, b"MSFT    ", &PRICE, &TIF, b"FIRM", b"N", &REFERENCE, b"A", b"y", &MIN, b"O", b"L"].concat();
    vec![
        [b"S", &TIME[..], b"E"].concat(),
        [b"A", &TIME[..], &accepted, b"2"].concat(),
        [b"U", &TIME[..], &accepted, OTHER, b"3"].concat(),
        [b"C", &TIME[..], TOKEN, &SHARES, b"I"].concat(),
        [b"D", &TIME[..], TOKEN, &SHARES, b"Q", &MIN, &PRICE, b"A"].concat(),
        [b"D", &TIME[..], TOKEN, &SHARES, b"Q", &MIN, &PRICE, b"A", b"O"].concat(),
        [b"E", &TIME[..], TOKEN, &SHARES, &PRICE, b"R", &MATCH].concat(),
        [b"B", &TIME[..], TOKEN, &MATCH, b"S"].concat(),
        [b"G", &TIME[..], TOKEN, &SHARES, &PRICE, b"R", &MATCH, &PRICE, b"I"].concat(),
        [b"F", &TIME[..], TOKEN, &SHARES, &PRICE, b"R", &MATCH, b"E"].concat(),
        [b"J", &TIME[..], TOKEN, b"H"].concat(),
        [b"P", &TIME[..], TOKEN].concat(),
        [b"I", &TIME[..], TOKEN].concat(),
        [b"T", &TIME[..], TOKEN, &PRICE, b"P", &REFERENCE].concat(),
        [b"M", &TIME[..], TOKEN, b"E", &SHARES].concat(),
        [b"N", &TIME[..], TOKEN].concat(),
    ]
}

/// What two directions have in common, for tests that go through both.
trait Both: Sized {
    fn read(bytes: &[u8]) -> Result<Option<Self>, omni_wire::WireError>;
    fn bytes(&self) -> Vec<u8>;
}

macro_rules! both {
    ($($direction:ty),+) => {$(
        impl Both for $direction {
            fn read(bytes: &[u8]) -> Result<Option<Self>, omni_wire::WireError> {
                Self::decode(bytes)
            }

            fn bytes(&self) -> Vec<u8> {
                let mut bytes = Vec::new();
                self.encode(&mut bytes);
                bytes
            }
        }
    )+};
}

both!(ClientMessage, VenueMessage);

fn read<M: Both>(bytes: &[u8]) -> M {
    M::read(bytes).unwrap().unwrap()
}

fn golden<M: Both>(messages: &[Vec<u8>], kinds: &str) {
    let seen: String = messages.iter().map(|bytes| char::from(bytes[0])).collect();
    assert_eq!(seen, kinds);
    for bytes in messages {
        assert_eq!(read::<M>(bytes).bytes(), *bytes, "{}", char::from(bytes[0]));
    }
}

#[test]
fn golden_bytes_of_every_type_come_back() {
    golden::<ClientMessage>(&client(), "OUXMN");
    golden::<VenueMessage>(&venue(), "SAUCDDEBGFJPITMN");
    assert_eq!((CLIENT_LAYOUTS.len(), VENUE_LAYOUTS.len()), (5, 15));
}

#[test]
fn fields_hold_what_stands_in_their_places() {
    let ClientMessage::EnterOrder(order) = read(&client()[0]) else { panic!("an order") };
    let expected = EnterOrder {
        order_token: *TOKEN,
        buy_sell_indicator: b'B',
        shares: 300,
        stock: *b"AAPL    ",
        price: 1_501_200,
        time_in_force: 99_998,
        firm: *b"FIRM",
        display: b'Y',
        capacity: b'P',
        intermarket_sweep_eligibility: b'N',
        minimum_quantity: 100,
        cross_type: b'N',
        customer_type: b'R',
    };
    assert_eq!(order, expected);
    let VenueMessage::Replaced(replaced) = read(&venue()[2]) else { panic!("a replaced") };
    assert_eq!(replaced.timestamp, 34_200_000_000_123);
    assert_eq!((replaced.order_reference_number, replaced.previous_order_token), (0x0102_0304_0506_0708, *OTHER));
    assert_eq!((replaced.order_state, replaced.bbo_weight_indicator), (b'L', b'3'));
    let VenueMessage::Executed(executed) = read(&venue()[6]) else { panic!("an executed") };
    assert_eq!((executed.liquidity_flag, executed.match_number), (b'R', 0x1112_1314_1516_1718));
}

#[test]
fn both_lengths_of_an_aiq_cancel_are_read() {
    let (short, long) = (&venue()[4], &venue()[5]);
    let strategy = |bytes: &[u8]| match read(bytes) {
        VenueMessage::AiqCanceled(AiqCanceled { aiq_strategy, .. }) => aiq_strategy,
        other => panic!("{other:?}"),
    };
    assert_eq!((short.len(), strategy(short), long.len(), strategy(long)), (37, None, 38, Some(b'O')));
}

/// Appended bytes change nothing, and every missing one is an error that says how many there should be.
fn lengths<M: Both + PartialEq + std::fmt::Debug>(bytes: &[u8], least: usize) {
    let longer = [bytes, b"later revisions"].concat();
    if bytes[0] != b'D' {
        assert_eq!(read::<M>(&longer), read::<M>(bytes));
    }
    for cut in 1..least {
        let Err(error) = M::read(&bytes[..cut]) else { panic!("{cut} bytes were read") };
        assert!(error.expected.contains(&least.to_string()) && error.found.starts_with(&cut.to_string()), "{error}");
    }
}

#[test]
fn a_longer_message_is_read_and_a_shorter_one_is_not() {
    for bytes in client() {
        lengths::<ClientMessage>(&bytes, client_layout(bytes[0]).unwrap().layout.length);
    }
    for bytes in venue() {
        lengths::<VenueMessage>(&bytes, venue_layout(bytes[0]).unwrap().layout.length);
    }
    assert!(ClientMessage::decode(b"").is_err());
}

#[test]
fn a_type_that_is_not_known_is_no_error() {
    assert_eq!((ClientMessage::decode(b"?"), VenueMessage::decode(b"Ouch")), (Ok(None), Ok(None)));
    assert!(client_layout(b'A').is_none() && venue_layout(b'O').is_none());
}

#[test]
fn a_market_price_is_the_largest_positive_number() {
    assert_eq!(MARKET_PRICE.to_be_bytes(), [0x7F, 0xFF, 0xFF, 0xFF]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Any bytes of the right length are a message, and the message is those bytes.
    #[test]
    fn decoding_and_encoding_are_inverse(which in 0..20_usize, mut bytes in prop::collection::vec(any::<u8>(), 80)) {
        let layout = CLIENT_LAYOUTS.iter().chain(VENUE_LAYOUTS).nth(which).unwrap().layout;
        bytes[0] = layout.kind;
        bytes.truncate(layout.length);
        let back = if which < 5 { read::<ClientMessage>(&bytes).bytes() } else { read::<VenueMessage>(&bytes).bytes() };
        prop_assert_eq!(back, bytes);
    }
}
