//! Scripts of commands, and every byte of every report they cause; `docs/c-abi.md` has the layout.
#![allow(unsafe_code)]

mod support;

use omni_engine::{Body, Message, NewOrder, Report, Transport, engine_flush, engine_init, engine_on_batch, engine_on_cancel};
use omni_engine::{OMNI_CANCEL, OMNI_NEW_ORDER, engine_on_modify, engine_on_new_order};
use support::{BUY, Command, Host, SELL, cancel, ioc, limit, modify};

const NO_BID: i64 = i64::MIN;
const NO_ASK: i64 = i64::MAX;

/// What a report should be, as its 64 bytes.
fn bytes(r#type: u8, side: u8, seq: u64, id: u64, px: i64, qty: u32, (maker, taker): (u64, u64)) -> [u8; 64] {
    let mut bytes = [0; 64];
    (bytes[0], bytes[1]) = (r#type, side);
    bytes[8..16].copy_from_slice(&seq.to_ne_bytes());
    bytes[16..24].copy_from_slice(&id.to_ne_bytes());
    bytes[24..32].copy_from_slice(&px.to_ne_bytes());
    bytes[32..36].copy_from_slice(&qty.to_ne_bytes());
    bytes[40..48].copy_from_slice(&maker.to_ne_bytes());
    bytes[48..56].copy_from_slice(&taker.to_ne_bytes());
    bytes
}

fn accepted(seq: u64, id: u64, side: u8, qty: u32, px: i64) -> [u8; 64] {
    bytes(0, side, seq, id, px, qty, (0, 0))
}

fn trade(seq: u64, qty: u32, px: i64, maker: u64, taker: u64) -> [u8; 64] {
    bytes(1, 0, seq, 0, px, qty, (maker, taker))
}

fn canceled(seq: u64, id: u64, side: u8, qty: u32, px: i64) -> [u8; 64] {
    bytes(2, side, seq, id, px, qty, (0, 0))
}

fn modified(seq: u64, id: u64, side: u8, qty: u32, px: i64) -> [u8; 64] {
    bytes(3, side, seq, id, px, qty, (0, 0))
}

fn rejected(seq: u64, id: u64) -> [u8; 64] {
    bytes(4, 0, seq, id, 0, 0, (0, 0))
}

fn modify_rejected(seq: u64, id: u64) -> [u8; 64] {
    bytes(5, 0, seq, id, 0, 0, (0, 0))
}

fn as_bytes(reports: &[Report]) -> Vec<[u8; 64]> {
    // SAFETY: a report has no padding: its fields add up to 64 bytes.
    reports.iter().map(|report| unsafe { std::mem::transmute::<Report, [u8; 64]>(*report) }).collect()
}

/// Send commands, each with what it should cause.
fn check(host: &mut Host, script: &[(Command, &[[u8; 64]])]) {
    for (command, expected) in script {
        let found = as_bytes(&host.send(*command));
        assert!(found == *expected, "{command:?} caused {found:?} instead of {expected:?}");
    }
}

#[test]
fn an_order_takes_the_best_price_first_and_at_a_price_the_oldest() {
    check(
        &mut Host::new(),
        &[
            (limit(1, SELL, 10, 102), &[accepted(0, 1, SELL, 10, 102)]),
            (limit(2, SELL, 20, 101), &[accepted(1, 2, SELL, 20, 101)]),
            (limit(3, SELL, 30, 101), &[accepted(2, 3, SELL, 30, 101)]),
            (
                limit(4, BUY, 55, 102),
                &[accepted(3, 4, BUY, 55, 102), trade(3, 20, 101, 2, 4), trade(3, 30, 101, 3, 4), trade(3, 5, 102, 1, 4)],
            ),
            (cancel(1), &[canceled(4, 1, SELL, 5, 102)]),
            (cancel(4), &[rejected(5, 4)]),
        ],
    );
}

#[test]
fn the_rest_of_an_order_waits_at_its_limit_and_trades_there() {
    let mut host = Host::new();
    check(
        &mut host,
        &[
            (limit(1, BUY, 10, 100), &[accepted(0, 1, BUY, 10, 100)]),
            (limit(2, SELL, 25, 98), &[accepted(1, 2, SELL, 25, 98), trade(1, 10, 100, 1, 2)]),
        ],
    );
    assert_eq!((host.best(), host.depth_at(98, SELL)), ((NO_BID, 98), 15));
    check(&mut host, &[(limit(3, BUY, 15, 99), &[accepted(2, 3, BUY, 15, 99), trade(2, 15, 98, 2, 3)])]);
    assert_eq!(host.best(), (NO_BID, NO_ASK));
}

#[test]
fn what_an_ioc_order_does_not_trade_is_canceled() {
    let mut host = Host::new();
    check(
        &mut host,
        &[
            (limit(1, SELL, 10, 100), &[accepted(0, 1, SELL, 10, 100)]),
            (ioc(2, BUY, 15, 100), &[accepted(1, 2, BUY, 15, 100), trade(1, 10, 100, 1, 2), canceled(1, 2, BUY, 5, 100)]),
            (ioc(3, SELL, 7, 100), &[accepted(2, 3, SELL, 7, 100), canceled(2, 3, SELL, 7, 100)]),
            (limit(4, SELL, 8, 100), &[accepted(3, 4, SELL, 8, 100)]),
            (ioc(5, BUY, 8, 100), &[accepted(4, 5, BUY, 8, 100), trade(4, 8, 100, 4, 5)]),
        ],
    );
    assert_eq!(host.best(), (NO_BID, NO_ASK));
}

#[test]
fn a_cancel_leaves_the_rest_of_its_queue_alone() {
    for (gone, first, second) in [(11, 12, 13), (12, 11, 13), (13, 11, 12)] {
        let mut host = Host::new();
        for id in [11, 12, 13] {
            host.send(limit(id, BUY, 10, 100));
        }
        check(
            &mut host,
            &[
                (cancel(gone), &[canceled(3, gone, BUY, 10, 100)]),
                (
                    ioc(14, SELL, 20, 100),
                    &[accepted(4, 14, SELL, 20, 100), trade(4, 10, 100, first, 14), trade(4, 10, 100, second, 14)],
                ),
            ],
        );
    }
}

#[test]
fn the_best_price_is_gone_with_its_last_order() {
    for (side, better, worse) in [(BUY, 101, 100), (SELL, 99, 100)] {
        let mut host = Host::new();
        host.send(limit(1, side, 10, better));
        host.send(limit(2, side, 10, worse));
        host.send(cancel(1));
        assert_eq!(host.best(), if side == BUY { (worse, NO_ASK) } else { (NO_BID, worse) });
        assert_eq!((host.depth_at(better, side), host.depth_at(worse, side)), (0, 10));
    }
}

#[test]
fn a_modify_goes_to_the_end_of_the_queue_even_at_its_price() {
    check(
        &mut Host::new(),
        &[
            (limit(1, BUY, 10, 100), &[accepted(0, 1, BUY, 10, 100)]),
            (limit(2, BUY, 10, 100), &[accepted(1, 2, BUY, 10, 100)]),
            (modify(1, 4, 100), &[modified(2, 1, BUY, 4, 100)]),
            (ioc(3, SELL, 12, 100), &[accepted(3, 3, SELL, 12, 100), trade(3, 10, 100, 2, 3), trade(3, 2, 100, 1, 3)]),
            (cancel(1), &[canceled(4, 1, BUY, 2, 100)]),
        ],
    );
}

#[test]
fn a_modify_through_the_other_side_trades_at_the_makers_price() {
    check(
        &mut Host::new(),
        &[
            (limit(1, SELL, 10, 100), &[accepted(0, 1, SELL, 10, 100)]),
            (limit(2, BUY, 10, 90), &[accepted(1, 2, BUY, 10, 90)]),
            (modify(2, 25, 105), &[modified(2, 2, BUY, 25, 105), trade(2, 10, 100, 1, 2)]),
            (limit(3, SELL, 5, 110), &[accepted(3, 3, SELL, 5, 110)]),
            (modify(3, 15, 1), &[modified(4, 3, SELL, 15, 1), trade(4, 15, 105, 2, 3)]),
            (cancel(3), &[rejected(5, 3)]),
            (modify(3, 1, 1), &[modify_rejected(6, 3)]),
        ],
    );
}

#[test]
fn what_cannot_be_an_order_is_rejected_and_changes_nothing() {
    let largest = 1 << 50;
    let mut host = Host::new();
    check(
        &mut host,
        &[
            (limit(1, BUY, 0, 100), &[rejected(0, 1)]),
            (limit(2, 2, 10, 100), &[rejected(1, 2)]),
            (limit(3, 255, 10, 100), &[rejected(2, 3)]),
            (limit(4, BUY, 10, 0), &[rejected(3, 4)]),
            (limit(5, SELL, 10, -1), &[rejected(4, 5)]),
            (ioc(6, SELL, 10, i64::MIN), &[rejected(5, 6)]),
            (limit(7, BUY, 10, i64::MAX), &[rejected(6, 7)]),
            (limit(8, SELL, 10, largest + 1), &[rejected(7, 8)]),
            (limit(9, SELL, u32::MAX, largest), &[accepted(8, 9, SELL, u32::MAX, largest)]),
            (limit(9, BUY, 1, 1), &[rejected(9, 9)]),
            (modify(9, 0, 100), &[modify_rejected(10, 9)]),
            (modify(9, 1, 0), &[modify_rejected(11, 9)]),
            (modify(9, 1, i64::MIN), &[modify_rejected(12, 9)]),
            (modify(9, 1, largest + 1), &[modify_rejected(13, 9)]),
            (limit(10, SELL, u32::MAX, largest), &[accepted(14, 10, SELL, u32::MAX, largest)]),
        ],
    );
    assert_eq!(host.best(), (NO_BID, largest));
    assert_eq!(host.depth_at(largest, SELL), 2 * u64::from(u32::MAX));
    for (px, side) in [(largest, BUY), (largest, 2), (0, SELL), (i64::MIN, BUY), (i64::MAX, SELL), (-largest, SELL)] {
        assert_eq!(host.depth_at(px, side), 0);
    }
}

#[test]
fn any_number_is_an_id_and_is_free_again_when_its_order_is_gone() {
    let mut host = Host::new();
    for (at, id) in [0, 1, 1 << 29, (1 << 30) - 1, 1 << 30, 1 << 32, u64::MAX].into_iter().enumerate() {
        let seq = 6 * at as u64;
        check(
            &mut host,
            &[
                (cancel(id), &[rejected(seq, id)]),
                (modify(id, 1, 1), &[modify_rejected(seq + 1, id)]),
                (limit(id, BUY, 5, 100), &[accepted(seq + 2, id, BUY, 5, 100)]),
                (cancel(id), &[canceled(seq + 3, id, BUY, 5, 100)]),
                (limit(id, BUY, 6, 100), &[accepted(seq + 4, id, BUY, 6, 100)]),
                (ioc(77, SELL, 6, 100), &[accepted(seq + 5, 77, SELL, 6, 100), trade(seq + 5, 6, 100, id, 77)]),
            ],
        );
    }
}

#[test]
fn a_sweep_of_thousands_trades_with_each_in_turn() {
    let n = 5_000;
    let mut host = Host::new();
    for id in 0..n {
        host.send(limit(id, SELL, 1, 100));
    }
    let found = as_bytes(&host.send(ioc(n, BUY, n as u32, 100)));
    let trades = (0..n).map(|maker| trade(n, 1, 100, maker, n));
    let expected: Vec<_> = std::iter::once(accepted(n, n, BUY, n as u32, 100)).chain(trades).collect();
    assert!(found == expected);
    assert_eq!(host.best(), (NO_BID, NO_ASK));
}

#[test]
fn a_second_start_has_an_empty_book() {
    let mut host = Host::new();
    host.send(limit(1, BUY, 10, 100));
    host.send(limit(2, SELL, 10, 101));
    host.start_over();
    assert_eq!(host.best(), (NO_BID, NO_ASK));
    check(&mut host, &[(cancel(1), &[rejected(2, 1)]), (limit(1, SELL, 3, 50), &[accepted(3, 1, SELL, 3, 50)])]);
}

#[test]
fn a_batch_is_as_many_calls() {
    let mut host = Host::new();
    let order = |id, seq, side| NewOrder { id, seq, px: 100, qty: 10, side, ..NewOrder::default() };
    let message = |r#type, new_order| Message { r#type, reserved: [0; 7], body: Body { new_order } };
    let messages = [
        message(OMNI_NEW_ORDER, order(1, 7, BUY)),
        message(200, order(2, 8, BUY)),
        message(OMNI_NEW_ORDER, order(3, 9, SELL)),
        // A cancel is the first two fields of it.
        message(OMNI_CANCEL, order(3, 10, SELL)),
    ];
    // SAFETY: this host has its turn, and there are four messages.
    unsafe { engine_on_batch(messages.as_ptr(), 4) };
    let expected = [accepted(7, 1, BUY, 10, 100), accepted(9, 3, SELL, 10, 100), trade(9, 10, 100, 1, 3), rejected(10, 3)];
    assert_eq!(as_bytes(&host.reports()), expected);
}

#[test]
fn null_pointers_are_passed_over_and_without_push_there_is_no_engine() {
    let mut host = Host::new();
    let order = NewOrder { id: 1, px: 100, qty: 1, ..NewOrder::default() };
    // SAFETY: this host has its turn.
    unsafe {
        engine_on_new_order(None);
        engine_on_cancel(None);
        engine_on_modify(None);
        engine_on_batch(std::ptr::null(), 3);
        engine_flush();
        assert_eq!(host.best(), (NO_BID, NO_ASK));

        for transport in [None, Some(&Transport::default())] {
            engine_init(0, transport, std::ptr::null_mut());
            engine_on_new_order(Some(&order));
            assert_eq!((host.best(), host.depth_at(100, BUY)), ((NO_BID, NO_ASK), 0));
        }
    }
    assert!(host.reports().is_empty());
}

#[test]
fn a_full_queue_is_tried_again() {
    /// Takes every third report it is offered.
    unsafe extern "C" fn reluctant(sink: *mut std::ffi::c_void, _: *const Report) -> i32 {
        // SAFETY: the sink is the counter below.
        let offers = unsafe { &mut *sink.cast::<i32>() };
        *offers += 1;
        i32::from(*offers % 3 == 0)
    }
    let _host = Host::new();
    let mut offers = 0_i32;
    let transport = Transport { push: Some(reluctant), ..Transport::default() };
    let order = NewOrder { id: 1, px: 100, qty: 1, ioc: 1, ..NewOrder::default() };
    // SAFETY: the host above has its turn, and the counter outlives both calls.
    unsafe {
        engine_init(0, Some(&transport), (&raw mut offers).cast());
        engine_on_new_order(Some(&order));
    }
    assert_eq!(offers, 6, "an acceptance and a cancel, three offers each");
}
