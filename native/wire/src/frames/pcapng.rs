//! The form in which Wireshark writes packets: blocks, of which some describe the interfaces that the others came through.

use super::look::{Look, Problem, Unit};
use super::packet::{Order, is_known};
use super::pcap::{MOST, contents};

/// Block types.
const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;

/// Largest block that is held: one with the largest packet and as many bytes of options.
pub(super) const MOST_HELD: usize = 2 * MOST;
/// Interfaces that are remembered in a section.
const INTERFACES: usize = 1024;

/// What was said about the packets of the section.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    order: Option<Order>,
    interfaces: Vec<Interface>,
}

/// What a block says about the packets that follow.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Section(Order),
    Interface(Interface),
}

/// Where packets were captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    link: u32,
    /// Most bytes of a packet; 0 for no limit.
    snapshot: u32,
    /// Units in a second.
    units: u64,
    /// Seconds to add to every time.
    offset: i64,
}

/// The byte order of a section header.
pub(super) fn section(rest: &[u8]) -> Option<Order> {
    if rest.get(..4)? != SECTION.to_be_bytes() {
        return None;
    }
    match rest.get(8..12)? {
        [0x1A, 0x2B, 0x3C, 0x4D] => Some(Order::Big),
        [0x4D, 0x3C, 0x2B, 0x1A] => Some(Order::Little),
        _ => None,
    }
}

impl Section {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Section(order) => *self = Self { order: Some(order), interfaces: Vec::new() },
            Change::Interface(interface) => self.interfaces.push(interface),
        }
    }

    /// A block: type, length, body, length again.
    pub(super) fn block<'b>(&self, rest: &'b [u8]) -> Look<'b> {
        let Some(heading) = rest.get(..12) else { return Look::Short };
        let begins = section(heading);
        let Some(order) = begins.or(self.order) else {
            let magic = [heading[0], heading[1], heading[2], heading[3]];
            return Look::Nonsense(Problem::Magic(magic));
        };
        let kind = order.u32(heading, 0);
        let length = order.u32(heading, 4) as usize;
        let least = match kind {
            SECTION => 28,
            INTERFACE => 20,
            PACKET | OLD_PACKET => 32,
            SIMPLE_PACKET => 16,
            _ => 12,
        };
        if length < least || !length.is_multiple_of(4) || (least > 12 && length > MOST_HELD) {
            return Look::Nonsense(Problem::BlockLength { kind, length: length as u64 });
        }
        if kind == SECTION && begins.is_none() {
            return Look::Nonsense(Problem::Magic([heading[8], heading[9], heading[10], heading[11]]));
        }
        if length > MOST_HELD {
            return Look::Whole(12, Unit::Passed(length as u64 - 12));
        }
        let Some(block) = rest.get(..length) else { return Look::Short };
        let found = order.u32(block, length - 4);
        if found as usize != length {
            return Look::Nonsense(Problem::Trailer { length: length as u32, found });
        }
        let body = &block[..length - 4];
        match kind {
            SECTION => Look::Whole(length, Unit::Change(Change::Section(order))),
            INTERFACE if self.interfaces.len() == INTERFACES => Look::Nonsense(Problem::Interface(INTERFACES as u32)),
            INTERFACE => Look::Whole(length, Unit::Change(Change::Interface(Interface::read(order, body)))),
            PACKET => self.packet(order.u32(body, 8), body, 28, order.u32(body, 20), length),
            OLD_PACKET => self.packet(order.u16(body, 8).into(), body, 28, order.u32(body, 20), length),
            SIMPLE_PACKET => {
                let snapshot = self.interfaces.first().map_or(0, |interface| interface.snapshot);
                let there_were = order.u32(body, 8);
                let captured = if snapshot == 0 { there_were } else { there_were.min(snapshot) };
                self.packet(0, body, 12, captured, length)
            }
            _ => Look::Whole(length, Unit::Nothing),
        }
    }

    fn packet<'b>(&self, interface: u32, body: &[u8], start: usize, captured: u32, length: usize) -> Look<'b> {
        let Some(interface) = self.interfaces.get(interface as usize) else {
            return Look::Wrong(length, Problem::Interface(interface));
        };
        let Some(frame) = body.get(..start.saturating_add(captured as usize)) else {
            return Look::Wrong(length, Problem::RecordLength(captured.into()));
        };
        if is_known(interface.link) { contents(interface.link, frame, start, length) } else { Look::Whole(length, Unit::Other) }
    }

    /// When the packet in a block was captured, in nanoseconds since 1970; 0 where the block does not say.
    pub(super) fn time(&self, block: &[u8]) -> i64 {
        let Some(order) = self.order else { return 0 };
        let interface = match order.u32(block, 0) {
            PACKET => order.u32(block, 8),
            OLD_PACKET => order.u16(block, 8).into(),
            _ => return 0,
        };
        let Some(interface) = self.interfaces.get(interface as usize) else { return 0 };
        let units = i128::from(order.u32(block, 12)) << 32 | i128::from(order.u32(block, 16));
        let ns = units * 1_000_000_000 / i128::from(interface.units) + i128::from(interface.offset) * 1_000_000_000;
        i64::try_from(ns).unwrap_or(0)
    }
}

impl Interface {
    fn read(order: Order, body: &[u8]) -> Self {
        let mut interface = Self { link: order.u16(body, 8).into(), snapshot: order.u32(body, 12), units: 1_000_000, offset: 0 };
        let mut options = &body[16..];
        while let Some(heading) = options.get(..4) {
            let length = usize::from(order.u16(heading, 2));
            let Some(value) = options.get(4..4 + length) else { break };
            match (order.u16(heading, 0), length) {
                (0, _) => break,
                (9, 1) => interface.units = resolution(value[0]),
                (14, 8) => {
                    let [high, low] = if order == Order::Big { [0, 4] } else { [4, 0] };
                    interface.offset = (u64::from(order.u32(value, high)) << 32 | u64::from(order.u32(value, low))) as i64;
                }
                _ => {}
            }
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        interface
    }
}

/// Units in a second: a power of 10, or of 2 with the highest bit set. What does not fit is the microsecond that is meant without it.
fn resolution(code: u8) -> u64 {
    let power = u32::from(code & 127);
    let units = if code < 128 { 10u64.checked_pow(power) } else { 1u64.checked_shl(power) };
    units.unwrap_or(1_000_000)
}
