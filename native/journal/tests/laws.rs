//! Laws that hold for any frames and any bytes.

mod support;

use std::fs;

use omni_journal::{Durability, Journal, Options, frames, scan_bytes, verify};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{FaultyMedium, scratch};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_appended_is_read(
        written in vec((any::<u16>(), vec(any::<u8>(), 0..600)), 0..60),
        commits in vec(any::<bool>(), 60),
        segment_bytes in 128_u64..2000,
        group_bytes in 1_usize..3000,
        mode in 0..3,
    ) {
        let durability = [Durability::None, Durability::Batch, Durability::Every][mode as usize];
        let options = Options { durability, segment_bytes, group_bytes, ..Options::default() };
        let dir = scratch();
        let open = || Journal::open_on(dir.path(), options, Box::new(FaultyMedium::default())).unwrap();
        let (mut journal, _) = open();
        for (n, (kind, payload)) in written.iter().enumerate() {
            let (head, tail) = payload.split_at(payload.len() / 3);
            prop_assert_eq!(journal.append(*kind, &[head, tail]).unwrap(), n as u64 + 1);
            if commits[n] {
                journal.commit().unwrap();
            }
            if commits[n] && n % 10 == 9 {
                journal.close().unwrap();
                journal = open().0;
            }
        }
        journal.close().unwrap();
        let mut reader = frames(dir.path(), 1).unwrap();
        for (n, (kind, payload)) in written.iter().enumerate() {
            let frame = reader.next_frame().unwrap().unwrap();
            prop_assert_eq!((frame.sequence, frame.kind, frame.payload), (n as u64 + 1, *kind, &payload[..]));
        }
        prop_assert!(reader.next_frame().unwrap().is_none());
        let report = verify(dir.path(), &options).unwrap();
        prop_assert_eq!((report.last_sequence, report.lost), (written.len() as u64, None));
    }

    #[test]
    fn no_bytes_make_a_scan_panic(bytes in vec(any::<u8>(), 0..2000)) {
        let _ = scan_bytes(&bytes);
    }

    #[test]
    fn no_change_to_a_segment_makes_a_scan_panic_or_invent_frames(
        count in 1_u64..20,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let dir = scratch();
        let (mut journal, _) = Journal::open_on(dir.path(), Options::default(), Box::new(FaultyMedium::default())).unwrap();
        support::append_many(&mut journal, count);
        journal.close().unwrap();
        let mut bytes = fs::read(dir.path().join("00000000000000000001.seg")).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok((last, _)) = scan_bytes(&bytes) {
            prop_assert!(last <= count);
        }
    }
}
