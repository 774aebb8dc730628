//! What a packet may be wrapped in.

use omni_wire::frames::{Framing, Mode};

use crate::build::*;

fn datagram() -> Vec<u8> {
    mold(1, &messages(3))
}

/// A capture of one packet on a link.
fn one(link: u32, packet: &[u8]) -> Vec<u8> {
    [pcap_header(BIG, 0xA1B2_C3D4, link), record(BIG, SECONDS, 5, packet)].concat()
}

fn assert_read(capture: &[u8], what: &str) {
    let outcome = read(Framing::Pcap, Mode::Strict, capture);
    assert_eq!((outcome.error, outcome.messages), (None, messages(3)), "{what}");
}

#[test]
fn links_of_every_kind_lead_to_the_same_datagram() {
    let ip = ipv4(17, 0, 0, &udp(&datagram()));
    let six = ipv6(&[], 17, &udp(&datagram()));
    for tags in [&[][..], &[0x8100], &[0x88A8, 0x8100], &[0x9100, 0x8100, 0x8100]] {
        assert_read(&one(1, &ethernet(tags, &ip)), "Ethernet");
        assert_read(&one(1, &ethernet(tags, &six)), "Ethernet");
    }
    let cooked = [&[0; 14][..], &[0x08, 0x00], &ip].concat();
    assert_read(&one(113, &cooked), "cooked");
    let tagged = [&[0; 14][..], &[0x81, 0x00, 0, 42, 0x08, 0x00], &ip].concat();
    assert_read(&one(113, &tagged), "cooked, with a tag");
    let cooked = [&[0x86, 0xDD][..], &[0; 18], &six].concat();
    assert_read(&one(276, &cooked), "cooked, version 2");
    for link in [101, 12, 14, 228] {
        assert_read(&one(link, &ip), "raw");
    }
    assert_read(&one(229, &six), "raw");
    for link in [0, 108] {
        assert_read(&one(link, &[&[2, 0, 0, 0][..], &ip].concat()), "loopback");
    }
    // The upper bits say that frames end in a check sequence, which the length of UDP leaves out.
    assert_read(&one(0x2400_0001, &[ethernet(&[], &ip), vec![0xAB; 4]].concat()), "Ethernet with its check sequence");
}

#[test]
fn headings_of_ip_may_be_longer() {
    assert_read(&one(1, &ethernet(&[], &ipv4(17, 10, 0, &udp(&datagram())))), "options");
    // Do not fragment.
    assert_read(&one(1, &ethernet(&[], &ipv4(17, 0, 0x4000, &udp(&datagram())))), "a flag");
    let headings: [(u8, &[u8]); 4] =
        [(0, &[0; 7]), (43, &[&[1][..], &[0; 14]].concat()), (51, &[&[4][..], &[0; 22]].concat()), (44, &[0; 7])];
    assert_read(&one(101, &ipv6(&headings, 17, &udp(&datagram()))), "extensions");
}

#[test]
fn fragments_are_counted() {
    let packets = [
        ethernet(&[], &ipv4(17, 0, 0x2000, &udp(&datagram()))),
        ethernet(&[], &ipv4(17, 0, 185, &datagram())),
        ethernet(&[], &ipv6(&[(44, &[0, 0, 1, 0, 0, 0, 7])], 17, &udp(&datagram()))),
        ethernet(&[], &ipv6(&[(44, &[0, 5, 0xA8, 0, 0, 0, 7])], 17, &datagram())),
    ];
    let outcome = read(Framing::Pcap, Mode::Strict, &pcap(&packets));
    assert_eq!((outcome.error, outcome.messages.len()), (None, 0));
    assert_eq!((outcome.counts.fragments, outcome.counts.packets), (4, 4));
}

#[test]
fn other_packets_are_counted() {
    let request = heading(1, 3, b"");
    let arp = [&[0x11; 12][..], &[0x08, 0x06], &[0; 46]].concat();
    let packets = [
        ethernet(&[], &ipv4(6, 0, 0, &datagram())),
        ethernet(&[], &ipv4(17, 0, 0, &udp(b"a name is asked for"))),
        ethernet(&[], &ipv4(17, 0, 0, &udp(&request))),
        ethernet(&[], &ipv4(17, 0, 0, &udp(&heading(1, 0, b"")))),
        ethernet(&[], &ipv4(17, 0, 0, &udp(&heading(1, 0xFFFF, b"")))),
        ethernet(&[], &ipv6(&[], 58, &[128; 40])),
        arp,
        vec![1, 2, 3],
        vec![],
    ];
    let outcome = read(Framing::Pcap, Mode::Strict, &pcap(&packets));
    assert_eq!((outcome.error, outcome.messages.len(), outcome.counts.other_packets), (None, 0, 9));
}

#[test]
fn a_packet_that_was_cut_is_an_error_or_counted() {
    let whole = ethernet(&[], &ipv4(17, 0, 0, &udp(&datagram())));
    for kept in [whole.len() - 1, 80, 43] {
        let capture = pcap(&[whole.clone(), whole[..kept].to_vec(), whole.clone()]);
        let error = read(Framing::Pcap, Mode::Strict, &capture).error.unwrap();
        assert_eq!(error.offset, (24 + 16 + whole.len()) as u64);
        assert_eq!(error.found, "one that is cut");
        let outcome = read(Framing::Pcap, Mode::Lenient, &capture);
        assert_eq!((outcome.messages.len(), outcome.counts.malformed, outcome.counts.repeated), (3, 1, 3));
    }
}

#[test]
fn a_datagram_whose_messages_do_not_fill_it_is_an_error_or_counted() {
    let mut odd = datagram();
    odd.push(0);
    for datagram in [odd, heading(4, 4, &binary(&messages(3))), heading(4, 2, &binary(&messages(3)))] {
        let packets = [mold(1, &messages(3)), datagram.clone(), mold(4, &messages(1))];
        let packets = packets.map(|datagram| ethernet(&[], &ipv4(17, 0, 0, &udp(&datagram))));
        let capture = pcap(&packets);
        let error = read(Framing::Pcap, Mode::Strict, &capture).error.unwrap();
        assert_eq!(error.offset, (24 + 16 + packets[0].len()) as u64);
        let outcome = read(Framing::Pcap, Mode::Lenient, &capture);
        assert_eq!((outcome.messages.len(), outcome.counts.malformed), (4, 1));
        let capture: Vec<u8> =
            [mold(1, &messages(3)), datagram, mold(4, &messages(1))].iter().flat_map(|it| framed(it)).collect();
        let outcome = read(Framing::MoldUdp64, Mode::Lenient, &capture);
        assert_eq!((outcome.messages.len(), outcome.counts.malformed), (4, 1));
    }
}

#[test]
fn times_are_read_in_either_order_and_unit() {
    let packet = ethernet(&[], &ipv4(17, 0, 0, &udp(&mold(1, &messages(1)))));
    for order in [LITTLE, BIG] {
        for (magic, fraction, ns) in [(0xA1B2_C3D4, 123_456, 123_456_000), (0xA1B2_3C4D, 123_456_789, 123_456_789)] {
            let capture = [pcap_header(order, magic, 1), record(order, SECONDS, fraction, &packet)].concat();
            let times = read(Framing::Pcap, Mode::Strict, &capture).times;
            assert_eq!(times, [i64::from(SECONDS) * 1_000_000_000 + ns]);
        }
    }
}

#[test]
fn interfaces_say_what_their_times_mean() {
    let packet = |sequence| ethernet(&[], &ipv4(17, 0, 0, &udp(&mold(sequence, &messages(1)))));
    for order in [LITTLE, BIG] {
        let option = |code: u16, value: &[u8]| {
            let mut option = [&order.u16(code)[..], &order.u16(value.len() as u16), value].concat();
            option.resize(option.len().next_multiple_of(4), 0);
            option
        };
        let offset = if order.big { 100i64.to_be_bytes() } else { 100i64.to_le_bytes() };
        let nano = [option(2, b"eth0"), option(9, &[9]), option(14, &offset), option(0, b"")].concat();
        let simple = block(order, 3, &[order.words(&[packet(4).len() as u32]), packet(4)].concat());
        let old = [order.u16(0), order.u16(0)].concat();
        let length = packet(5).len() as u32;
        let old = block(order, 2, &[old, order.words(&[0, 7_000_000, length, length]), packet(5)].concat());
        let capture = [
            section(order),
            interface(order, 1, &[]),
            interface(order, 1, &nano),
            interface(order, 1, &option(9, &[0x8A])),
            enhanced(order, 0, 1_500_000, &packet(1)),
            enhanced(order, 1, 1_500_000_000, &packet(2)),
            enhanced(order, 2, 1536, &packet(3)),
            simple,
            old,
        ];
        let outcome = read(Framing::PcapNg, Mode::Strict, &capture.concat());
        assert_eq!(outcome.error, None);
        assert_eq!(outcome.times, [1_500_000_000, 101_500_000_000, 1_500_000_000, 0, 7_000_000_000]);
    }
}

#[test]
fn sections_begin_anew_and_blocks_that_say_nothing_are_passed_over() {
    let packet = |sequence| ethernet(&[], &ipv4(17, 0, 0, &udp(&mold(sequence, &messages(1)))));
    let capture = [
        section(LITTLE),
        interface(LITTLE, 1, &[]),
        interface(LITTLE, 147, &[]),
        block(LITTLE, 5, &[0; 20]),
        enhanced(LITTLE, 0, 0, &packet(1)),
        enhanced(LITTLE, 1, 0, &packet(2)),
        block(LITTLE, 0x0BAD, &vec![0; 3_000_000]),
        section(BIG),
        interface(BIG, 101, &[]),
        enhanced(BIG, 0, 0, &ipv4(17, 0, 0, &udp(&mold(2, &messages(1))))),
    ]
    .concat();
    for part in [capture.len(), 100_000] {
        let outcome = read_in_parts(Framing::PcapNg, Mode::Strict, &capture, part);
        assert_eq!((outcome.error, outcome.messages.len(), outcome.counts.other_packets), (None, 2, 1));
    }
    let error = read(Framing::PcapNg, Mode::Strict, &[section(LITTLE), enhanced(LITTLE, 0, 0, &packet(1))].concat()).error;
    assert_eq!(error.unwrap().found, "interface 0");
}

#[test]
fn what_is_no_capture_of_packets_is_an_error_in_both_modes() {
    let wrong = [
        (Framing::Pcap, b"time,price,qty\nand more than 24 bytes".to_vec(), "bytes [74, 69, 6d, 65]"),
        (Framing::Pcap, pcap_header(LITTLE, 0xA1B2_C3D4, 147), "link type 147"),
        (Framing::PcapNg, b"time,price,qty".to_vec(), "bytes [74, 69, 6d, 65]"),
        (Framing::Pcap, vec![], "the end after 0 bytes of one, 0 whole messages came before"),
        (Framing::Pcap, pcap(&[])[..20].to_vec(), "the end after 20 bytes of one, 0 whole messages came before"),
        (Framing::PcapNg, vec![], "the end after 0 bytes of one, 0 whole messages came before"),
    ];
    for (framing, capture, found) in wrong {
        for mode in [Mode::Strict, Mode::Lenient] {
            let error = read(framing, mode, &capture).error.unwrap();
            assert_eq!((error.offset, error.found.as_str()), (0, found));
        }
    }
}
