//! Messages: bytes as the specification has them, and back.

use omni_wire::itch::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::golden::GOLDEN;

#[test]
fn golden_bytes_decode_to_their_values_and_back() {
    for (hex, message) in GOLDEN {
        let bytes = unhex(hex);
        assert_eq!(Message::decode(&bytes), Ok(Some(message)), "{hex}");
        let mut encoded = Vec::new();
        message.encode(&mut encoded);
        assert_eq!(encoded, bytes, "{message:?}");
    }
    let kinds = GOLDEN.map(|(hex, _)| unhex(hex)[0]);
    assert!(LAYOUTS.iter().map(|layout| layout.kind).eq(kinds), "a type is missing");
}

#[test]
fn there_are_23_types_with_the_lengths_of_the_specification() {
    let lengths = "S12 R39 H25 Y20 L26 V35 W12 K28 J35 h21 A36 F40 E31 C36 X23 D19 U35 P44 Q40 B19 I50 N20 O48";
    let found: Vec<_> = LAYOUTS.iter().map(|layout| format!("{}{}", char::from(layout.kind), layout.length)).collect();
    assert_eq!(found.join(" "), lengths);
    for kind in 0..=255 {
        assert_eq!(usize::from(LENGTHS[usize::from(kind)]), layout(kind).map_or(0, |layout| layout.length));
    }
}

#[test]
fn a_byte_too_many_or_too_few_is_an_error_that_says_so() {
    for layout in LAYOUTS {
        for length in [layout.length - 1, layout.length + 1] {
            let mut bytes = vec![b' '; length];
            bytes[0] = layout.kind;
            let error = Message::decode(&bytes).unwrap_err();
            assert_eq!(error.found, format!("{length} bytes of type '{}'", char::from(layout.kind)));
            assert_eq!(error.expected, format!("{} bytes of {}", layout.length, layout.name));
            assert!(TypeColumns::new(layout).push(&bytes).is_err());
        }
    }
    assert_eq!(Message::decode(&[]).unwrap_err().found, "no byte");
}

#[test]
fn a_type_that_is_not_known_is_no_error() {
    assert_eq!(Message::decode(b"Z???"), Ok(None));
}

#[test]
fn another_type_of_the_same_length_is_not_taken_for_it() {
    let mut delete = [0; OrderDelete::LENGTH];
    delete[0] = BrokenTrade::KIND;
    assert!(OrderDelete::decode(&delete).is_err());
    assert!(BrokenTrade::decode(&delete).is_ok());
}

#[test]
fn columns_hold_what_the_messages_say() {
    let mut table = TypeColumns::new(layout(b'K').unwrap());
    for at in 1..=3 {
        let period = IpoQuotingPeriod {
            stock_locate: at,
            tracking_number: 2,
            timestamp: 34_200_000_000_000,
            stock: *b"NEWCO   ",
            ipo_quotation_release_time: 36_900,
            ipo_quotation_release_qualifier: b'A',
            ipo_price: 170_000 + u32::from(at),
        };
        table.push(&period.encode()).unwrap();
    }
    assert_eq!(table.len(), 3);
    let columns = table.take();
    assert!(table.is_empty());
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    let common = ["stock_locate", "tracking_number", "timestamp"];
    let own = ["stock", "ipo_quotation_release_time", "ipo_quotation_release_qualifier", "ipo_price"];
    assert_eq!(names, [&common[..], &own].concat());
    assert_eq!(columns[0].values, Values::U16(vec![1, 2, 3]));
    assert_eq!(columns[2].values, Values::I64(vec![34_200_000_000_000; 3]));
    assert_eq!(columns[3].values, Values::Text { width: 8, bytes: b"NEWCO   ".repeat(3) });
    assert_eq!(columns[4].values, Values::U32(vec![36_900; 3]));
    assert_eq!(columns[5].values, Values::U8(b"AAA".to_vec()));
    assert_eq!(columns[6].values, Values::U32(vec![170_001, 170_002, 170_003]));
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_comes_back_byte_for_byte(at in 0..LAYOUTS.len(), mut bytes in prop::array::uniform::<_, LONGEST>(any::<u8>())) {
        let layout = &LAYOUTS[at];
        bytes[0] = layout.kind;
        let bytes = &bytes[..layout.length];
        let message = Message::decode(bytes).unwrap().unwrap();
        let mut encoded = Vec::new();
        message.encode(&mut encoded);
        prop_assert_eq!(&encoded, bytes);
        prop_assert_eq!(Message::decode(&encoded).unwrap().unwrap(), message);
        prop_assert_eq!(View::new(bytes).unwrap().unwrap().bytes(), bytes);
    }

    #[test]
    fn columns_hold_every_byte_of_any_message(at in 0..LAYOUTS.len(), mut bytes in prop::array::uniform::<_, LONGEST>(any::<u8>())) {
        let layout = &LAYOUTS[at];
        bytes[0] = layout.kind;
        let mut table = TypeColumns::new(layout);
        table.push(&bytes[..layout.length]).unwrap();
        let mut again = vec![layout.kind];
        for column in table.columns() {
            match &column.values {
                Values::U8(values) => again.push(values[0]),
                Values::U16(values) => again.extend(values[0].to_be_bytes()),
                Values::U32(values) => again.extend(values[0].to_be_bytes()),
                Values::U64(values) => again.extend(values[0].to_be_bytes()),
                Values::I64(values) => {
                    // A time of 8 bytes that is no time at all is cut to the largest.
                    let value = if values[0] == i64::MAX { bytes[32..40].to_vec() } else { values[0].to_be_bytes().to_vec() };
                    again.extend(&value[8 - column.kind.width()..]);
                }
                Values::Text { bytes, .. } => again.extend(bytes),
            }
        }
        prop_assert_eq!(&again, &bytes[..layout.length]);
    }

    #[test]
    fn no_bytes_break_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Message::decode(&bytes);
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter(|digit| *digit != ' ').map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
