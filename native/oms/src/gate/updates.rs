//! What the device is told: positions, open lots, money and prices; `docs/gate.md` section 5.

use omni_types::{AccountId, InstrumentId, Money, Side, Ticks};

use super::Update;
use super::derived::{Derived, EXPOSED, VALUED, unit};
use super::map::{account, instrument, position};
use super::memory::Memory;
use super::wide::Wide;
use super::words::{AccountBank, PositionBank};

/// Take note of what happened outside.
///
/// OPEN and POSITION count modulo 2^64 and never get that far: an order opens only if ±POSITION + OPEN + qty ≤ MAX_POSITION at every
/// level, and fills and cancels do not raise that sum. So |POSITION| ≤ 2^63 − 1, which a signed word holds, and OPEN ≤ 2^64 − 2,
/// which an unsigned one holds. Amounts keep to their ends rather than turn a loss into a profit.
// Which update it is, every caller knows: inlined, it is a few instructions. That was measured.
#[allow(clippy::inline_always)]
#[inline(always)]
pub(crate) fn apply(memory: &impl Memory, derived: &mut Derived, update: Update) {
    derived.refresh(memory);
    match update {
        Update::Open { account, instrument, side, qty } => {
            // Open lots have an exposure, and no value.
            change(memory, derived, account, instrument, EXPOSED, |held| held.add(open_of(side), qty as u64));
        }
        Update::Fill { account, instrument, side, qty, price, realised } => {
            change(memory, derived, account, instrument, VALUED, |held| {
                held.add(open_of(side), qty.wrapping_neg() as u64);
                held.add(position::POSITION, qty.wrapping_mul(side.sign()) as u64);
            });
            let cash = paid(side, qty, price, memory.instrument(instrument).wide(instrument::TICK_VALUE));
            for bank in derived.line(account.0).levels().iter().map(|&number| memory.account(AccountId(number))) {
                add_amount(bank, account::REALISED, Wide::from(realised.0));
                add_amount(bank, account::CASH, cash);
            }
        }
        Update::Cash { account, amount: Money(amount) } => {
            for &number in derived.line(account.0).levels() {
                add_amount(memory.account(AccountId(number)), account::CASH, Wide::from(amount));
            }
        }
        Update::Reference { instrument, price } => {
            let traded = memory.instrument(instrument);
            if derived.has_valued() {
                let before = unit(traded);
                traded.set(instrument::REFERENCE, price.0 as u64);
                derived.mark(memory, instrument, before);
            } else {
                traded.set(instrument::REFERENCE, price.0 as u64);
            }
        }
    }
}

/// Changes the position of a whole lineage; the sums of accounts with one of the flags `follows` follow.
#[inline]
fn change(
    memory: &impl Memory,
    derived: &mut Derived,
    account: AccountId,
    instrument: InstrumentId,
    follows: u8,
    change: impl Fn(&PositionBank) + Copy,
) {
    let line = derived.line(account.0);
    if line.all & follows == 0 {
        line.levels().iter().for_each(|&number| change(memory.position(AccountId(number), instrument)));
        return;
    }
    let line = *line;
    let traded = memory.instrument(instrument);
    for &number in line.levels() {
        let held = memory.position(AccountId(number), instrument);
        if derived.line(number).own & follows == 0 {
            change(held);
        } else {
            derived.change(number, traded, held, change);
        }
    }
}

/// What a fill changes of the cash: ∓price·qty·TICK_VALUE. The first product always fits 128 bits.
#[inline]
fn paid(side: Side, qty: i64, price: Ticks, tick_value: i128) -> Wide {
    let ticks = i128::from(price.0) * i128::from(qty) * i128::from(-side.sign());
    match (i64::try_from(ticks), i64::try_from(tick_value)) {
        // Nearly always, and a single multiplication.
        (Ok(ticks), Ok(tick_value)) => Wide::from(i128::from(ticks) * i128::from(tick_value)),
        _ => Wide::product(ticks, tick_value),
    }
}

#[inline]
fn add_amount(bank: &AccountBank, offset: u64, amount: Wide) {
    bank.set_wide(offset, (Wide::from(bank.wide(offset)) + amount).saturated());
}

#[inline]
pub(crate) const fn open_of(side: Side) -> u64 {
    position::OPEN_BUY + 8 * side.index() as u64
}
