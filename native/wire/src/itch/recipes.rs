//! Where the parts of an event lie in the messages of each type.

use omni_types::Side;

use super::LENGTHS;
use crate::bytes::get_u64;
use crate::{EventKind, flags};

/// Bytes that are looked at from the start of a frame on, more than any message fills: no load can leave them.
pub(super) const WINDOW: usize = 72;
/// Bytes of the length before a message.
pub(super) const PREFIX: usize = 2;

/// Side of each character; every other byte is none.
pub(super) const SIDES: [u8; 256] = {
    let mut sides = [0; 256];
    sides[b'B' as usize] = Side::Buy.code();
    sides[b'S' as usize] = Side::Sell.code();
    sides
};

/// A number in a frame: the highest bytes of the eight from a place on.
#[derive(Clone, Copy)]
pub(super) struct Number {
    at: u8,
    shift: u8,
}

impl Number {
    /// Zero: the first byte of every frame, as no message is longer than 255 bytes.
    const NONE: Self = Self { at: 0, shift: 56 };

    /// The number of `width` bytes at an offset of the message.
    const fn new(offset: u8, width: u8) -> Self {
        Self { at: offset + PREFIX as u8, shift: 64 - 8 * width }
    }

    #[inline]
    pub fn read(self, frame: &[u8; WINDOW]) -> u64 {
        get_u64(frame, usize::from(self.at & 63)) >> (self.shift & 63)
    }
}

/// Where the parts of an event lie in the frame of a message type.
#[derive(Clone, Copy)]
pub(super) struct Recipe {
    /// Length of the message; no length at all where the type is not known.
    pub length: u32,
    /// Code of the event; 0 where the message has none.
    pub kind: u8,
    pub flags: u8,
    /// Place of the character of the side; 0, where no frame has one, for none.
    pub side: u8,
    /// Place of the character that says whether a trade is printable; that of the type, which then says no, for none.
    pub printable: u8,
    pub order_id: Number,
    pub other_id: Number,
    pub qty: Number,
    pub price: Number,
}

impl Recipe {
    const fn of(kind: EventKind) -> Self {
        Self { kind: kind.code(), flags: flags::LAST, ..Self::NONE }
    }

    const NONE: Self = Self {
        length: u32::MAX,
        kind: 0,
        flags: 0,
        side: 0,
        printable: PREFIX as u8,
        order_id: Number::NONE,
        other_id: Number::NONE,
        qty: Number::NONE,
        price: Number::NONE,
    };
}

/// By message type. The feed has no ends of transactions: `LAST` is set on every event.
pub(super) static RECIPES: [Recipe; 256] = {
    const ID: Number = Number::new(11, 8);
    const SIDE: u8 = 19 + PREFIX as u8;
    const ADD: Recipe =
        Recipe { order_id: ID, side: SIDE, qty: Number::new(20, 4), price: Number::new(32, 4), ..Recipe::of(EventKind::Add) };
    const EXECUTE: Recipe =
        Recipe { order_id: ID, other_id: Number::new(23, 8), qty: Number::new(19, 4), ..Recipe::of(EventKind::Execute) };

    let mut recipes = [Recipe::NONE; 256];
    recipes[b'A' as usize] = ADD;
    recipes[b'F' as usize] = Recipe { flags: flags::LAST | flags::ATTRIBUTED, ..ADD };
    recipes[b'X' as usize] = Recipe { order_id: ID, qty: Number::new(19, 4), ..Recipe::of(EventKind::Cancel) };
    recipes[b'D' as usize] = Recipe { order_id: ID, ..Recipe::of(EventKind::Delete) };
    recipes[b'U' as usize] = Recipe {
        order_id: ID,
        other_id: Number::new(19, 8),
        qty: Number::new(27, 4),
        price: Number::new(31, 4),
        ..Recipe::of(EventKind::Replace)
    };
    recipes[b'E' as usize] = Recipe { flags: flags::LAST | flags::PRINTABLE, ..EXECUTE };
    recipes[b'C' as usize] = Recipe { printable: 31 + PREFIX as u8, price: Number::new(32, 4), ..EXECUTE };
    recipes[b'P' as usize] = Recipe {
        kind: EventKind::Trade.code(),
        flags: flags::LAST | flags::PRINTABLE | flags::HIDDEN,
        order_id: Number::NONE,
        other_id: Number::new(36, 8),
        ..ADD
    };
    recipes[b'Q' as usize] = Recipe {
        flags: flags::LAST | flags::PRINTABLE,
        other_id: Number::new(31, 8),
        qty: Number::new(11, 8),
        price: Number::new(27, 4),
        ..Recipe::of(EventKind::Cross)
    };
    recipes[b'B' as usize] = Recipe { other_id: Number::new(11, 8), ..Recipe::of(EventKind::Break) };
    recipes[b'H' as usize] = Recipe { qty: Number::new(19, 1), ..Recipe::of(EventKind::Status) };
    recipes[b'h' as usize] = Recipe { qty: Number::new(20, 1), ..Recipe::of(EventKind::Status) };
    recipes[b'I' as usize] = Recipe {
        side: 27 + PREFIX as u8,
        other_id: Number::new(19, 8),
        qty: Number::new(11, 8),
        price: Number::new(44, 4),
        ..Recipe::of(EventKind::Imbalance)
    };
    recipes[b'S' as usize] = Recipe { qty: Number::new(11, 1), ..Recipe::of(EventKind::System) };

    let mut kind = 0;
    while kind < 256 {
        if LENGTHS[kind] != 0 {
            recipes[kind].length = LENGTHS[kind] as u32;
        }
        kind += 1;
    }
    recipes
};
