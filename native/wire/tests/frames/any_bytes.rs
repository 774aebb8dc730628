//! Whatever the bytes are: no panic, an end, and the same in parts as at once.

use omni_wire::frames::{Framing, Mode, recognise};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::build::*;

/// A capture with some of its bytes changed, and some cut out.
fn damaged() -> impl Strategy<Value = (Framing, Vec<u8>)> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), 0..40usize), 0..3);
    (0..5usize, 1..40usize, changes, cuts).prop_map(|(at, count, changes, cuts)| {
        let (framing, mut bytes) = captures(&messages(count)).swap_remove(at);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for (place, count) in cuts {
            let place = place.index(bytes.len().max(1));
            bytes.drain(place.min(bytes.len())..bytes.len().min(place + count));
        }
        (framing, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_break_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300), part in 1..50usize) {
        let _ = recognise(&bytes);
        for framing in Framing::ALL {
            for mode in [Mode::Strict, Mode::Lenient] {
                prop_assert_eq!(read_in_parts(framing, mode, &bytes, part), read(framing, mode, &bytes));
            }
        }
    }

    #[test]
    fn damaged_captures_read_the_same_in_parts((framing, bytes) in damaged(), part in 1..200usize) {
        for mode in [Mode::Strict, Mode::Lenient] {
            let whole = read(framing, mode, &bytes);
            prop_assert_eq!(&read_in_parts(framing, mode, &bytes, part), &whole);
            prop_assert!(mode == Mode::Strict || whole.error.is_none() || whole.messages.is_empty());
        }
    }

    #[test]
    fn a_strict_reader_without_an_error_and_a_lenient_one_agree((framing, bytes) in damaged()) {
        let strict = read(framing, Mode::Strict, &bytes);
        if strict.error.is_none() && strict.counts.after_end == 0 && strict.counts.unknown == 0 {
            prop_assert_eq!(read(framing, Mode::Lenient, &bytes), strict);
        }
    }
}
