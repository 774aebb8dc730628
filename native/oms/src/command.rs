//! What the system can be told, and the bytes of it in a journal; `docs/oms.md` section 2.
//!
//! A command has one spelling in bytes, and only that one decodes.

use omni_types::{
    AccountId, InstrumentId, Nanos, NewOrder, OrderId, OrderType, PegReference, PostOnly, Qty, SelfTrade, Side, Terms, Ticks,
    TimeInForce, TradingPhase, TrailUnit, Trigger,
};

use crate::CodecError;
use crate::bytes::{Fields, put};

/// In a mass cancel: every account.
pub const EVERY_ACCOUNT: AccountId = AccountId(u32::MAX);
/// In a mass cancel or a change of phase: every instrument.
pub const EVERY_INSTRUMENT: InstrumentId = InstrumentId(u32::MAX);

/// Kind of the frame that holds the configuration.
pub const CONFIG_KIND: u16 = 0;

const PLAIN_LEN: usize = 56;
const TERMS_LEN: usize = 56;
/// Most bytes that a New has.
pub const MAX_NEW: usize = PLAIN_LEN + TERMS_LEN;
const SWITCH_LEN: usize = 8 + 4 + 4 + 2 + 2;
/// Most bytes that a payload of a command has: those of a KillSwitch.
pub const MAX_COMMAND: usize = SWITCH_LEN + MAX_WHO + MAX_WHY;
/// Most bytes of the name of somebody who throws or resets a kill switch.
pub const MAX_WHO: usize = 64;
/// Most bytes of the reason.
pub const MAX_WHY: usize = 1_024;

/// What a kill switch stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SwitchScope {
    /// Everything.
    Everything,
    /// An account with all below it.
    Account(AccountId),
    /// An instrument.
    Instrument(InstrumentId),
}

/// Who throws or resets a kill switch, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// A name, 1 … 64 bytes.
    pub who: String,
    /// The reason, 1 … 1,024 bytes.
    pub why: String,
}

/// One input of the system. `ts` is its time; an earlier one than before counts as now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Place an order.
    New {
        /// When.
        ts: Nanos,
        /// The owner's own id, unique within the account for ever; 0 for none.
        client_order_id: u128,
        /// The order.
        order: NewOrder,
    },
    /// Cancel an order.
    Cancel {
        /// When.
        ts: Nanos,
        /// The order.
        order_id: OrderId,
    },
    /// Change an order.
    Replace {
        /// When.
        ts: Nanos,
        /// The order.
        order_id: OrderId,
        /// New total, fills included.
        qty: Qty,
        /// New limit or cap; 0 keeps it.
        price: Ticks,
        /// New stop price; 0 keeps it.
        stop_price: Ticks,
    },
    /// Cancel every order of a scope.
    MassCancel {
        /// When.
        ts: Nanos,
        /// Whose, or [`EVERY_ACCOUNT`].
        account: AccountId,
        /// Where, or [`EVERY_INSTRUMENT`].
        instrument: InstrumentId,
        /// Which side, or both.
        side: Option<Side>,
    },
    /// Set what an instrument's market does.
    SetPhase {
        /// When.
        ts: Nanos,
        /// Where, or [`EVERY_INSTRUMENT`], one after the other.
        instrument: InstrumentId,
        /// The new phase.
        phase: TradingPhase,
    },
    /// Only move the clock.
    Advance {
        /// When.
        ts: Nanos,
    },
    /// Set the reference price.
    Mark {
        /// When.
        ts: Nanos,
        /// Of what.
        instrument: InstrumentId,
        /// The price; one outside 1 … 2^50 changes nothing.
        price: Ticks,
    },
    /// Write a register of the risk gate.
    WriteRegister {
        /// When.
        ts: Nanos,
        /// Byte address.
        address: u64,
        /// Value.
        value: u64,
    },
    /// Throw a kill switch, or reset it.
    KillSwitch {
        /// When.
        ts: Nanos,
        /// What it stops.
        scope: SwitchScope,
        /// Thrown, or else reset.
        on: bool,
        /// By whom, and why.
        by: Box<Attribution>,
    },
}

impl SwitchScope {
    /// Code of the scope, and number of the account or instrument; 0 for everything.
    pub const fn code(self) -> (u8, u32) {
        match self {
            Self::Everything => (0, 0),
            Self::Account(account) => (1, account.0),
            Self::Instrument(instrument) => (2, instrument.0),
        }
    }

    /// The scope with this code and number.
    pub const fn from_code(code: u8, number: u32) -> Option<Self> {
        match (code, number) {
            (0, 0) => Some(Self::Everything),
            (1, account) => Some(Self::Account(AccountId(account))),
            (2, instrument) => Some(Self::Instrument(InstrumentId(instrument))),
            _ => None,
        }
    }
}

impl Command {
    /// Kind of the frame, 1 … 9.
    #[inline]
    pub const fn kind(&self) -> u16 {
        match self {
            Self::New { .. } => 1,
            Self::Cancel { .. } => 2,
            Self::Replace { .. } => 3,
            Self::MassCancel { .. } => 4,
            Self::SetPhase { .. } => 5,
            Self::Advance { .. } => 6,
            Self::Mark { .. } => 7,
            Self::WriteRegister { .. } => 8,
            Self::KillSwitch { .. } => 9,
        }
    }

    /// Time of the command.
    #[inline]
    pub const fn ts(&self) -> Nanos {
        match self {
            Self::New { ts, .. }
            | Self::Cancel { ts, .. }
            | Self::Replace { ts, .. }
            | Self::MassCancel { ts, .. }
            | Self::SetPhase { ts, .. }
            | Self::Advance { ts }
            | Self::Mark { ts, .. }
            | Self::WriteRegister { ts, .. }
            | Self::KillSwitch { ts, .. } => *ts,
        }
    }

    /// Bytes of the payload.
    #[inline]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::New { order, .. } if order.terms == Terms::PLAIN => PLAIN_LEN,
            Self::New { .. } => MAX_NEW,
            Self::Cancel { .. } | Self::SetPhase { .. } => 16,
            Self::Replace { .. } => 40,
            Self::MassCancel { .. } | Self::Mark { .. } | Self::WriteRegister { .. } => 24,
            Self::Advance { .. } => 8,
            Self::KillSwitch { by, .. } => SWITCH_LEN + by.who.len() + by.why.len(),
        }
    }

    /// Writes the payload to the front of `out`.
    ///
    /// # Panics
    ///
    /// If `out` is shorter than [`Command::encoded_len`].
    #[inline]
    pub fn encode(&self, out: &mut [u8]) {
        match *self {
            Self::New { ts, client_order_id, ref order } => encode_new(ts, client_order_id, order, out),
            Self::Cancel { ts, order_id } => {
                put!(out, ts.0, order_id.0);
            }
            Self::Replace { ts, order_id, qty, price, stop_price } => {
                put!(out, ts.0, order_id.0, qty.0, price.0, stop_price.0);
            }
            Self::MassCancel { ts, account, instrument, side } => {
                put!(out, ts.0, account.0, instrument.0, u64::from(side.map_or(0, Side::code)));
            }
            Self::SetPhase { ts, instrument, phase } => {
                put!(out, ts.0, instrument.0, u32::from(phase.code()));
            }
            Self::Advance { ts } => {
                put!(out, ts.0);
            }
            Self::Mark { ts, instrument, price } => {
                put!(out, ts.0, instrument.0, 0_u32, price.0);
            }
            Self::WriteRegister { ts, address, value } => {
                put!(out, ts.0, address, value);
            }
            Self::KillSwitch { ts, scope, on, ref by } => encode_switch(ts, scope, on, by, out),
        }
    }

    /// The payload as a vector, for those who do not count nanoseconds.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.encoded_len()];
        self.encode(&mut bytes);
        bytes
    }

    /// The command of a frame.
    ///
    /// # Errors
    ///
    /// [`CodecError`] for any bytes that [`Command::encode`] would not have written.
    #[inline]
    pub fn decode(kind: u16, payload: &[u8]) -> Result<Self, CodecError> {
        let mut fields = Fields::new(name_of(kind)?, payload);
        let ts = Nanos(fields.i64()?);
        let command = match kind {
            1 => decode_new(ts, &mut fields)?,
            2 => Self::Cancel { ts, order_id: OrderId(fields.u64()?) },
            3 => Self::Replace {
                ts,
                order_id: OrderId(fields.u64()?),
                qty: Qty(fields.i64()?),
                price: Ticks(fields.i64()?),
                stop_price: Ticks(fields.i64()?),
            },
            4 => {
                let (account, instrument) = (AccountId(fields.u32()?), InstrumentId(fields.u32()?));
                let side = fields.code("side", |code| if code == 0 { Some(None) } else { Side::from_code(code).map(Some) })?;
                fields.padding(7)?;
                Self::MassCancel { ts, account, instrument, side }
            }
            5 => {
                let instrument = InstrumentId(fields.u32()?);
                let phase = fields.code("phase", TradingPhase::from_code)?;
                fields.padding(3)?;
                Self::SetPhase { ts, instrument, phase }
            }
            6 => Self::Advance { ts },
            7 => {
                let instrument = InstrumentId(fields.u32()?);
                fields.padding(4)?;
                Self::Mark { ts, instrument, price: Ticks(fields.i64()?) }
            }
            8 => Self::WriteRegister { ts, address: fields.u64()?, value: fields.u64()? },
            _ => decode_switch(ts, &mut fields)?,
        };
        fields.end()?;
        Ok(command)
    }
}

/// What an order says apart from its time, in 64 bits: two with the same digest are the same order sent twice.
#[inline]
pub(crate) fn digest(client_order_id: u128, order: &NewOrder) -> u64 {
    let words = order_words(client_order_id, order);
    let digest = words.into_iter().fold(0xcbf2_9ce4_8422_2325, absorb);
    if order.terms == Terms::PLAIN { digest } else { terms_words(&order.terms).into_iter().fold(digest, absorb) }
}

/// Whom a name stands for, in 64 bits: the hash of [`digest`] over its bytes, one a step.
pub(crate) fn digest_of_name(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |digest, byte| absorb(digest, byte.into()))
}

#[inline]
fn absorb(digest: u64, word: u64) -> u64 {
    let product = (digest ^ word).wrapping_mul(0x0100_0000_01b3);
    product ^ (product >> 32)
}

#[inline]
fn encode_new(ts: Nanos, client_order_id: u128, order: &NewOrder, out: &mut [u8]) {
    let [client_low, client_high, who, how, qty, price] = order_words(client_order_id, order);
    let out = put!(out, ts.0, client_low, client_high, who, how, qty, price);
    if order.terms != Terms::PLAIN {
        let [stop_price, trail, peg_offset, display_qty, min_qty, expire_at, codes] = terms_words(&order.terms);
        put!(out, stop_price, trail, peg_offset, display_qty, min_qty, expire_at, codes);
    }
}

/// The payload of a New after `ts`, as words.
#[inline]
fn order_words(client_order_id: u128, order: &NewOrder) -> [u64; 6] {
    let codes = [
        order.side.code(),
        order.order_type.code(),
        order.time_in_force.code(),
        order.self_trade.code(),
        order.post_only.code(),
        u8::from(order.terms != Terms::PLAIN),
        0,
        0,
    ];
    [
        client_order_id as u64,
        (client_order_id >> 64) as u64,
        u64::from(order.account.0) | u64::from(order.instrument.0) << 32,
        u64::from_le_bytes(codes),
        order.qty.0 as u64,
        order.price.0 as u64,
    ]
}

/// The extension of a New, as words.
#[inline]
fn terms_words(terms: &Terms) -> [u64; 7] {
    let codes =
        [terms.trail_unit.code(), terms.trigger.code(), terms.peg_reference.code(), u8::from(terms.all_or_none), 0, 0, 0, 0];
    [
        terms.stop_price.0 as u64,
        terms.trail as u64,
        terms.peg_offset.0 as u64,
        terms.display_qty.0 as u64,
        terms.min_qty.0 as u64,
        terms.expire_at.0 as u64,
        u64::from_le_bytes(codes),
    ]
}

#[inline]
fn decode_new(ts: Nanos, fields: &mut Fields) -> Result<Command, CodecError> {
    let client_order_id = fields.u128()?;
    let (account, instrument) = (AccountId(fields.u32()?), InstrumentId(fields.u32()?));
    let side = fields.code("side", Side::from_code)?;
    let order_type = fields.code("order_type", OrderType::from_code)?;
    let time_in_force = fields.code("time_in_force", TimeInForce::from_code)?;
    let self_trade = fields.code("self_trade", SelfTrade::from_code)?;
    let post_only = fields.code("post_only", PostOnly::from_code)?;
    let extended = fields.code("extended", flag)?;
    fields.padding(2)?;
    let (qty, price) = (Qty(fields.i64()?), Ticks(fields.i64()?));
    let terms = if extended { decode_terms(fields)? } else { Terms::PLAIN };
    let order = NewOrder { account, instrument, side, order_type, time_in_force, self_trade, post_only, qty, price, terms };
    Ok(Command::New { ts, client_order_id, order })
}

fn decode_terms(fields: &mut Fields) -> Result<Terms, CodecError> {
    let terms = Terms {
        stop_price: Ticks(fields.i64()?),
        trail: fields.i64()?,
        peg_offset: Ticks(fields.i64()?),
        display_qty: Qty(fields.i64()?),
        min_qty: Qty(fields.i64()?),
        expire_at: Nanos(fields.i64()?),
        trail_unit: fields.code("trail_unit", TrailUnit::from_code)?,
        trigger: fields.code("trigger", Trigger::from_code)?,
        peg_reference: fields.code("peg_reference", PegReference::from_code)?,
        all_or_none: fields.code("all_or_none", flag)?,
    };
    fields.padding(4)?;
    if terms == Terms::PLAIN {
        // Two spellings of one order would be two orders to the digest.
        return Err(fields.wrong("extended", PLAIN_LEN + 19, "0 where the extension holds the defaults", 1));
    }
    Ok(terms)
}

#[cold]
fn encode_switch(ts: Nanos, scope: SwitchScope, on: bool, by: &Attribution, out: &mut [u8]) {
    let (code, number) = scope.code();
    let mut out = put!(out, ts.0, code, u8::from(on), 0_u16, number);
    for text in [&by.who, &by.why] {
        out = put!(out, text.len() as u16);
        let (here, rest) = out.split_at_mut(text.len());
        here.copy_from_slice(text.as_bytes());
        out = rest;
    }
}

#[cold]
fn decode_switch(ts: Nanos, fields: &mut Fields) -> Result<Command, CodecError> {
    let code = fields.code("scope", |code| (code < 3).then_some(code))?;
    let on = fields.code("on", flag)?;
    fields.padding(2)?;
    let number = fields.u32()?;
    let scope = SwitchScope::from_code(code, number);
    let scope = scope.ok_or_else(|| fields.wrong("number", 4, "0 where everything is meant", number.into()))?;
    let by = Attribution { who: some_text(fields, "who", MAX_WHO)?, why: some_text(fields, "why", MAX_WHY)? };
    Ok(Command::KillSwitch { ts, scope, on, by: Box::new(by) })
}

fn some_text(fields: &mut Fields, name: &'static str, most: usize) -> Result<String, CodecError> {
    let text = fields.text(name)?;
    if (1..=most).contains(&text.len()) {
        return Ok(text);
    }
    let expected = if most == MAX_WHO { "a text of 1 to 64 bytes" } else { "a text of 1 to 1,024 bytes" };
    Err(fields.wrong(name, text.len() + 2, expected, text.len() as i128))
}

fn flag(code: u8) -> Option<bool> {
    (code < 2).then_some(code == 1)
}

fn name_of(kind: u16) -> Result<&'static str, CodecError> {
    const NAMES: [&str; 9] =
        ["New", "Cancel", "Replace", "MassCancel", "SetPhase", "Advance", "Mark", "WriteRegister", "KillSwitch"];
    usize::from(kind).checked_sub(1).and_then(|index| NAMES.get(index)).copied().ok_or(CodecError::Kind { found: kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_new_has_the_bytes_of_the_contract() {
        let order = NewOrder::limit(AccountId(3), InstrumentId(5), Side::Sell, Qty(7), Ticks(11));
        let bytes = Command::New { ts: Nanos(1), client_order_id: 2, order }.to_bytes();
        let mut expected = Vec::new();
        expected.extend(1_i64.to_le_bytes());
        expected.extend(2_u128.to_le_bytes());
        expected.extend([3, 0, 0, 0, 5, 0, 0, 0]);
        expected.extend([2, 2, 0, 0, 0, 0, 0, 0]);
        expected.extend(7_i64.to_le_bytes());
        expected.extend(11_i64.to_le_bytes());
        assert_eq!(bytes, expected);
    }

    #[test]
    fn the_digest_is_that_of_the_payload_after_its_time() {
        let mut order = NewOrder::limit(AccountId(3), InstrumentId(5), Side::Buy, Qty(7), Ticks(11));
        for display_qty in [-1, 2] {
            order.terms.display_qty = Qty(display_qty);
            let payload = Command::New { ts: Nanos(77), client_order_id: 1 << 127, order }.to_bytes();
            let mut expected = 0xcbf2_9ce4_8422_2325_u64;
            for word in payload[8..].chunks(8) {
                expected = (expected ^ u64::from_le_bytes(word.try_into().unwrap())).wrapping_mul(0x0100_0000_01b3);
                expected ^= expected >> 32;
            }
            assert_eq!(digest(1 << 127, &order), expected);
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(Command::decode(10, &[]), Err(CodecError::Kind { found: 10 }));
        let mut bytes = Command::SetPhase { ts: Nanos(0), instrument: EVERY_INSTRUMENT, phase: TradingPhase::Halted }.to_bytes();
        bytes[12] = 7;
        let found = Command::decode(5, &bytes);
        let expected = CodecError::Field { name: "phase", offset: 12, expected: "a code of its table", found: 7 };
        assert_eq!(found, Err(expected));
        bytes[12] = 0;
        bytes[15] = 1;
        let expected = CodecError::Field { name: "padding", offset: 15, expected: "0", found: 1 };
        assert_eq!(Command::decode(5, &bytes), Err(expected));
        let expected = CodecError::Length { what: "Advance", expected: 8, found: 9 };
        assert_eq!(Command::decode(6, &[0; 9]), Err(expected));
    }

    fn switch(scope: SwitchScope, who: &str, why: &str) -> Command {
        let by = Box::new(Attribution { who: who.to_owned(), why: why.to_owned() });
        Command::KillSwitch { ts: Nanos(1), scope, on: true, by }
    }

    #[test]
    fn a_kill_switch_has_the_bytes_of_the_contract() {
        let bytes = switch(SwitchScope::Account(AccountId(3)), "Ana", "lost ½").to_bytes();
        let mut expected = vec![1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 3, 0, 0, 0, 3, 0, b'A', b'n', b'a', 7, 0];
        expected.extend("lost ½".bytes());
        assert_eq!(bytes, expected);
        for command in
            [switch(SwitchScope::Everything, &"w".repeat(64), &"y".repeat(1_024)), switch(SwitchScope::Everything, "w", "y")]
        {
            assert_eq!(Command::decode(9, &command.to_bytes()), Ok(command));
        }
    }

    #[test]
    fn a_kill_switch_says_who_and_why() {
        let decode = |who: &str, why: &str| Command::decode(9, &switch(SwitchScope::Everything, who, why).to_bytes());
        let long = (&"w".repeat(65), &"y".repeat(1_025));
        let short = "a text of 1 to 64 bytes";
        let wrong = |name, offset, expected, found| Err(CodecError::Field { name, offset, expected, found });
        assert_eq!(decode("", "y"), wrong("who", 16, short, 0));
        assert_eq!(decode(long.0, "y"), wrong("who", 16, short, 65));
        assert_eq!(decode("w", ""), wrong("why", 19, "a text of 1 to 1,024 bytes", 0));
        assert_eq!(decode("w", long.1), wrong("why", 19, "a text of 1 to 1,024 bytes", 1_025));
        let mut bytes = switch(SwitchScope::Everything, "w", "y").to_bytes();
        bytes[12] = 1;
        assert_eq!(Command::decode(9, &bytes), wrong("number", 12, "0 where everything is meant", 1));
        bytes[8] = 3;
        assert_eq!(Command::decode(9, &bytes), wrong("scope", 8, "a code of its table", 3));
    }

    #[test]
    fn a_name_has_the_digest_of_the_contract() {
        let mut expected = 0xcbf2_9ce4_8422_2325_u64;
        for byte in "Zoë".bytes() {
            expected = (expected ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            expected ^= expected >> 32;
        }
        assert_eq!(digest_of_name("Zoë"), expected);
    }

    #[test]
    fn the_defaults_are_not_spelled_out() {
        let mut order = NewOrder::limit(AccountId(0), InstrumentId(0), Side::Buy, Qty(1), Ticks(1));
        order.terms.min_qty = Qty(1);
        let mut bytes = Command::New { ts: Nanos(0), client_order_id: 0, order }.to_bytes();
        assert!(Command::decode(1, &bytes).is_ok());
        bytes[88] = 0;
        let expected = "0 where the extension holds the defaults";
        let found = Command::decode(1, &bytes);
        assert_eq!(found, Err(CodecError::Field { name: "extended", offset: 37, expected, found: 1 }));
    }
}
