//! Numbers of messages: two lines, losses, and answers to requests in one capture.

use omni_wire::frames::{Counts, Framing, Mode};

use crate::build::*;

/// What comes of packets that each have a first number and some messages.
fn arrive(packets: &[(u64, usize)]) -> (Vec<u64>, Counts) {
    let capture: Vec<u8> = packets.iter().flat_map(|(sequence, count)| framed(&mold(*sequence, &messages(*count)))).collect();
    let outcome = read(Framing::MoldUdp64, Mode::Strict, &capture);
    assert_eq!(outcome.error, None);
    (outcome.sequences, outcome.counts)
}

#[test]
fn the_first_copy_of_two_lines_wins() {
    let (numbers, counts) = arrive(&[(1, 2), (1, 2), (3, 2), (3, 1), (4, 2), (3, 3)]);
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!((counts.repeated, counts.missing), (7, 0));
}

#[test]
fn what_never_comes_is_missing() {
    let (numbers, counts) = arrive(&[(1, 2), (5, 1), (9, 1)]);
    assert_eq!(numbers, [1, 2, 5, 9]);
    assert_eq!((counts.repeated, counts.missing), (0, 5));
}

#[test]
fn what_comes_late_is_not_missing() {
    let (numbers, counts) = arrive(&[(1, 2), (7, 1), (4, 2), (3, 1), (4, 3), (7, 1)]);
    assert_eq!(numbers, [1, 2, 7, 4, 5, 3, 6]);
    assert_eq!((counts.repeated, counts.missing), (3, 0));
}

#[test]
fn a_capture_may_begin_anywhere() {
    let (numbers, counts) = arrive(&[(100, 1), (50, 1), (50, 1), (101, 1)]);
    assert_eq!(numbers, [100, 50, 101]);
    assert_eq!((counts.repeated, counts.missing), (1, 0));
}

#[test]
fn a_heartbeat_tells_of_a_loss_at_the_end() {
    let capture = [framed(&mold(1, &messages(2))), framed(&heading(6, 0, b"")), framed(&heading(8, 0xFFFF, b""))].concat();
    let counts = read(Framing::MoldUdp64, Mode::Strict, &capture).counts;
    assert_eq!((counts.missing, counts.other_packets, counts.packets), (5, 2, 3));
}

#[test]
fn sessions_are_numbered_apart() {
    let mut other = mold(1, &messages(2));
    other[9] = b'B';
    let capture = [framed(&mold(1, &messages(2))), framed(&other)].concat();
    let outcome = read(Framing::MoldUdp64, Mode::Strict, &capture);
    assert_eq!((outcome.messages.len(), outcome.counts.repeated), (4, 0));
}

#[test]
fn the_largest_numbers_do_no_harm() {
    let (numbers, counts) = arrive(&[(1, 1), (u64::MAX, 3), (u64::MAX - 1, 1)]);
    assert_eq!(numbers, [1, u64::MAX, u64::MAX, u64::MAX, u64::MAX - 1]);
    assert_eq!((counts.missing, counts.repeated), (u64::MAX - 3, 0));
}

#[test]
fn what_is_not_numbered_is_never_repeated() {
    let (numbers, counts) = arrive(&[(0, 2), (0, 1), (5, 1), (0, 1)]);
    assert_eq!(numbers, [0, 0, 0, 5, 0]);
    assert_eq!((counts.missing, counts.repeated), (0, 0));
}

#[test]
fn more_holes_than_are_remembered_are_still_missing() {
    let packets: Vec<_> = (0..3000).map(|at| (1 + 2 * at, 1)).chain([(2, 1), (5998, 1)]).collect();
    let (numbers, counts) = arrive(&packets);
    assert_eq!((numbers.len(), numbers.last()), (3001, Some(&5998)));
    assert_eq!((counts.missing, counts.repeated), (2998, 1));
}
