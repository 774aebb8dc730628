//! The mailbox: how a request and its answer are written as words.
//!
//! | address | word | written by |
//! |---|---|---|
//! | 0x0800 | DOORBELL: number of the request, counting up | host, last |
//! | 0x0808 | OPERATION: 1 order, 2 cancel, 3 open, 4 fill, 5 reference, 6 write, 7 restore, 8 cash | host |
//! | 0x0810 … 0x0848 | OPERANDS, in the order of the fields; a side by its code, money in two words | host |
//! | 0x0880 | DONE: number of the request that was done | device, last |
//! | 0x0888 | RESULT: reason of the refusal, 0 passed or done; 256 times the reason of a warning; 2^64 − 1 not understood | device |
//!
//! Host and device write to cache lines of their own. Doorbell and DONE are stored with release and loaded with acquire, so
//! that who sees the number sees what belongs to it.

use omni_types::{AccountId, InstrumentId, Money, Nanos, RejectReason, Side, Ticks};

use crate::gate::map::Map;
use crate::gate::words::Words;
use crate::gate::{OrderCheck, Update, Verdict};

/// Where requests lie: in the gap between the bank of the device and those of the accounts.
pub(super) const REQUEST: u64 = 0x0800;
/// Where answers lie.
pub(super) const COMPLETION: u64 = 0x0880;

pub(super) type RequestWords = Words<16>;
pub(super) type CompletionWords = Words<4>;

pub(super) const DOORBELL: u64 = 0x00;
pub(super) const OPERATION: u64 = 0x08;
pub(super) const OPERANDS: u64 = 0x10;
pub(super) const DONE: u64 = 0x00;
pub(super) const RESULT: u64 = 0x08;

/// RESULT of a request that makes no sense.
pub(super) const NOT_UNDERSTOOD: u64 = u64::MAX;

/// A verdict as a word.
pub(super) fn result_of(verdict: Verdict) -> u64 {
    let code = |reason: Option<RejectReason>| reason.map_or(0, |reason| u64::from(reason.code()));
    code(verdict.refused) | code(verdict.warned) << 8
}

/// The verdict of a word, if it is one.
pub(super) fn verdict_of(result: u64) -> Option<Verdict> {
    let [refused, warned, rest @ ..] = result.to_le_bytes();
    let reason = |code: u8| if code == 0 { Some(None) } else { RejectReason::from_code(code).map(Some) };
    let verdict = Verdict { refused: reason(refused)?, warned: reason(warned)? };
    (rest == [0; 6] && (verdict.refused.is_none() || verdict.warned.is_none())).then_some(verdict)
}

const N_OPERANDS: usize = 8;
type Operands = [u64; N_OPERANDS];

/// What the host asks of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Order(OrderCheck),
    Cancel { account: AccountId, now: Nanos },
    Apply(Update),
    Write { address: u64, value: u64 },
    Restore { address: u64, value: u64 },
}

impl Request {
    pub fn put(&self, words: &RequestWords) {
        let (operation, operands) = self.encode();
        words.set(OPERATION, operation);
        for (offset, operand) in (OPERANDS..).step_by(8).zip(operands) {
            words.set(offset, operand);
        }
    }

    /// The request, if it is one that the device can do: the host is not trusted to name what exists.
    pub fn get(words: &RequestWords, map: Map) -> Option<Self> {
        let operands = std::array::from_fn(|i| words.get(OPERANDS + 8 * i as u64));
        let request = Self::decode(words.get(OPERATION), operands)?;
        request.is_within(map).then_some(request)
    }

    fn encode(&self) -> (u64, Operands) {
        let place = |account: AccountId, instrument: InstrumentId, side: Side| {
            [u64::from(account.0), u64::from(instrument.0), u64::from(side.code())]
        };
        match *self {
            Self::Order(OrderCheck { account, instrument, side, now, size, added, leaves, price }) => {
                let [account, instrument, side] = place(account, instrument, side);
                (1, [account, instrument, side, now.0 as u64, size as u64, added as u64, leaves as u64, price as u64])
            }
            Self::Cancel { account, now } => (2, [account.0.into(), now.0 as u64, 0, 0, 0, 0, 0, 0]),
            Self::Apply(Update::Open { account, instrument, side, qty }) => {
                let [account, instrument, side] = place(account, instrument, side);
                (3, [account, instrument, side, qty as u64, 0, 0, 0, 0])
            }
            Self::Apply(Update::Fill { account, instrument, side, qty, price, realised: Money(realised) }) => {
                let [account, instrument, side] = place(account, instrument, side);
                let [low, high] = halves(realised);
                (4, [account, instrument, side, qty as u64, price.0 as u64, low, high, 0])
            }
            Self::Apply(Update::Cash { account, amount: Money(amount) }) => {
                let [low, high] = halves(amount);
                (8, [account.0.into(), low, high, 0, 0, 0, 0, 0])
            }
            Self::Apply(Update::Reference { instrument, price }) => (5, [instrument.0.into(), price.0 as u64, 0, 0, 0, 0, 0, 0]),
            Self::Write { address, value } => (6, [address, value, 0, 0, 0, 0, 0, 0]),
            Self::Restore { address, value } => (7, [address, value, 0, 0, 0, 0, 0, 0]),
        }
    }

    fn decode(operation: u64, operands: Operands) -> Option<Self> {
        let account = || u32::try_from(operands[0]).ok().map(AccountId);
        let instrument = |i: usize| u32::try_from(operands[i]).ok().map(InstrumentId);
        let side = || u8::try_from(operands[2]).ok().and_then(Side::from_code);
        let signed = |i: usize| operands[i] as i64;
        let money = |i: usize| Money((u128::from(operands[i]) | u128::from(operands[i + 1]) << 64) as i128);
        Some(match operation {
            1 => Self::Order(OrderCheck {
                account: account()?,
                instrument: instrument(1)?,
                side: side()?,
                now: Nanos(signed(3)),
                size: signed(4),
                added: signed(5),
                leaves: signed(6),
                price: signed(7),
            }),
            2 => Self::Cancel { account: account()?, now: Nanos(signed(1)) },
            3 => Self::Apply(Update::Open { account: account()?, instrument: instrument(1)?, side: side()?, qty: signed(3) }),
            4 => Self::Apply(Update::Fill {
                account: account()?,
                instrument: instrument(1)?,
                side: side()?,
                qty: signed(3),
                price: Ticks(signed(4)),
                realised: money(5),
            }),
            5 => Self::Apply(Update::Reference { instrument: instrument(0)?, price: Ticks(signed(1)) }),
            6 => Self::Write { address: operands[0], value: operands[1] },
            7 => Self::Restore { address: operands[0], value: operands[1] },
            8 => Self::Apply(Update::Cash { account: account()?, amount: money(1) }),
            _ => return None,
        })
    }

    fn is_within(&self, map: Map) -> bool {
        match *self {
            Self::Order(OrderCheck { account, instrument, .. })
            | Self::Apply(Update::Open { account, instrument, .. } | Update::Fill { account, instrument, .. }) => {
                account.0 < map.n_accounts() && instrument.0 < map.n_instruments()
            }
            Self::Cancel { account, .. } | Self::Apply(Update::Cash { account, .. }) => account.0 < map.n_accounts(),
            Self::Apply(Update::Reference { instrument, .. }) => instrument.0 < map.n_instruments(),
            // Writing checks its own addresses.
            Self::Write { .. } | Self::Restore { .. } => true,
        }
    }
}

const fn halves(amount: i128) -> [u64; 2] {
    [amount as u64, (amount >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(1);
    const INSTRUMENT: InstrumentId = InstrumentId(2);

    fn requests() -> Vec<Request> {
        let (account, instrument, side) = (ACCOUNT, INSTRUMENT, Side::Sell);
        let (now, price) = (Nanos(-7), Ticks(11));
        vec![
            Request::Order(OrderCheck { account, instrument, side, now, size: 1, added: -2, leaves: 3, price: i64::MAX }),
            Request::Cancel { account, now },
            Request::Apply(Update::Open { account, instrument, side, qty: -5 }),
            Request::Apply(Update::Fill { account, instrument, side, qty: 5, price, realised: Money(-(1 << 100) - 1) }),
            Request::Apply(Update::Cash { account, amount: Money((1 << 90) + 3) }),
            Request::Apply(Update::Reference { instrument, price }),
            Request::Write { address: 0x1008, value: u64::MAX },
            Request::Restore { address: 0x30, value: 9 },
        ]
    }

    #[test]
    fn what_is_put_is_gotten() {
        let (words, map) = (Words::zeroed(), Map::new(2, 3, 0).unwrap());
        for request in requests() {
            request.put(&words);
            assert_eq!(Request::get(&words, map), Some(request));
        }
    }

    #[test]
    fn a_result_is_a_refusal_or_a_warning() {
        let reason = RejectReason::SingleName;
        for (verdict, word) in [(Verdict::PASSED, 0), (Verdict::refused(reason), 43), (Verdict::warned(reason), 43 << 8)] {
            assert_eq!((result_of(verdict), verdict_of(word)), (word, Some(verdict)));
        }
        for word in [NOT_UNDERSTOOD, 200, 43 << 16, 32 | 33 << 8] {
            assert_eq!(verdict_of(word), None, "{word}");
        }
    }

    #[test]
    fn what_does_not_exist_is_not_understood() {
        let words = Words::zeroed();
        for request in &requests()[..6] {
            request.put(&words);
            assert_eq!(Request::get(&words, Map::new(1, 2, 0).unwrap()), None, "{request:?}");
        }
        let map = Map::new(2, 3, 0).unwrap();
        requests()[0].put(&words);
        for (offset, value) in [(OPERATION, 0), (OPERATION, 9), (OPERANDS, 1 << 32 | 1), (OPERANDS + 16, 0), (OPERANDS + 16, 257)]
        {
            let before = words.get(offset);
            words.set(offset, value);
            assert_eq!(Request::get(&words, map), None);
            words.set(offset, before);
        }
    }
}
