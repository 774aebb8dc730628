//! The checks in their order, and the counters; `docs/gate.md` section 4.

use omni_types::{AccountId, Nanos, RejectReason};

use super::bucket::{CANCELS, ORDERS};
use super::derived::{Derived, HARD, Line, VALUED, WARN, WARN_PLAIN, equity, exposure, unit};
use super::map::{account, global, instrument, position};
use super::memory::Memory;
use super::updates::open_of;
use super::wide::Wide;
use super::words::{AccountBank, GlobalBank, InstrumentBank, PositionBank, Words};
use super::{OrderCheck, Verdict, rules};
use crate::config::{MAX64, MAX128};

/// Check an order and count the verdict.
#[inline]
pub(crate) fn check_order(memory: &impl Memory, derived: &mut Derived, order: &OrderCheck) -> Verdict {
    derived.refresh(memory);
    let line = derived.line(order.account.0);
    match line.n_levels() {
        1 => check_levels::<1, _>(memory, derived, line, order),
        2 => check_levels::<2, _>(memory, derived, line, order),
        3 => check_levels::<3, _>(memory, derived, line, order),
        _ => check_levels::<4, _>(memory, derived, line, order),
    }
}

/// Check a cancel and count the verdict.
#[inline]
pub(crate) fn check_cancel(memory: &impl Memory, derived: &mut Derived, account: AccountId, now: Nanos) -> Verdict {
    derived.refresh(memory);
    let line = derived.line(account.0);
    let levels = || line.levels().iter().map(|&number| AccountId(number));
    let mut verdict = Verdict::PASSED;
    if !levels().all(|level| CANCELS.take(memory.account(level), now)) {
        verdict.refused = Some(RejectReason::CancelRate);
    } else if line.all & WARN_PLAIN != 0 && !levels().all(|level| CANCELS.take(memory.warning(level), now)) {
        verdict.warned = Some(RejectReason::CancelRate);
    }
    count(memory.global(), levels().map(|level| memory.account(level)), verdict);
    verdict
}

/// An account of the lineage, and what it holds of the instrument.
struct Level<'a> {
    number: u32,
    bank: &'a AccountBank,
    held: &'a PositionBank,
}

#[inline]
fn check_levels<const N: usize, M: Memory>(memory: &M, derived: &Derived, line: &Line, order: &OrderCheck) -> Verdict {
    let traded = memory.instrument(order.instrument);
    let levels: [Level; N] = std::array::from_fn(|at| {
        let number = line.levels()[at];
        let account = AccountId(number);
        Level { number, bank: memory.account(account), held: memory.position(account, order.instrument) }
    });
    let worths: [Option<Standing>; N] = if line.all & VALUED == 0 {
        [const { None }; N]
    } else {
        std::array::from_fn(|at| Standing::of(derived, &levels[at], traded, order))
    };
    let mut verdict = Verdict::PASSED;
    verdict.refused = first_refusal(memory.global(), traded, &levels, order).or_else(|| {
        if line.all & HARD == 0 {
            return None;
        }
        first_excess(levels.iter().map(|level| (level.bank, level.bank)).zip(&worths), traded)
    });
    if verdict.refused.is_none() && line.all & (WARN | WARN_PLAIN) != 0 {
        verdict.warned = first_warning(memory, traded, &levels, &worths, order);
    }
    count(memory.global(), levels.iter().map(|level| level.bank), verdict);
    verdict
}

/// The first of the checks 1 to 6 that an order fails. Where a check compares one number with the limits of all levels, the tightest
/// of them decides.
#[inline]
fn first_refusal<const N: usize>(
    all: &GlobalBank,
    traded: &InstrumentBank,
    levels: &[Level; N],
    order: &OrderCheck,
) -> Option<RejectReason> {
    let killed = levels.iter().fold(traded.get(instrument::CONTROL), |on, level| on | level.bank.get(account::CONTROL));
    if all.get(global::CONTROL) | killed == 1 {
        return Some(RejectReason::KillSwitch);
    }
    let most = |level: &Level| level.bank.signed(account::MAX_POSITION).min(level.held.signed(position::MAX_POSITION));
    if order.added > 0 && levels.iter().any(|level| reaches_beyond(level.held, order, most(level))) {
        return Some(RejectReason::PositionLimit);
    }
    let size = |level: &Level| level.bank.signed(account::MAX_ORDER_QTY).min(level.held.signed(position::MAX_ORDER_QTY));
    if order.size > levels.iter().map(size).fold(traded.signed(instrument::MAX_ORDER_QTY), i64::min) {
        return Some(RejectReason::OrderSize);
    }
    let collars = levels.iter().map(|level| level.bank.signed(account::COLLAR_BPS));
    if is_far(traded, order, collars.fold(traded.signed(instrument::COLLAR_BPS), i64::min)) {
        return Some(RejectReason::PriceCollar);
    }
    let notionals = levels.iter().map(|level| level.bank.wide(account::MAX_NOTIONAL));
    if is_dear(traded, order, notionals.fold(traded.wide(instrument::MAX_NOTIONAL), i128::min)) {
        return Some(RejectReason::Notional);
    }
    if levels.iter().all(|level| ORDERS.take(level.bank, order.now)) { None } else { Some(RejectReason::OrderRate) }
}

/// The first check whose warning limits an order that passed exceeds.
fn first_warning<const N: usize, M: Memory>(
    memory: &M,
    traded: &InstrumentBank,
    levels: &[Level; N],
    worths: &[Option<Standing>; N],
    order: &OrderCheck,
) -> Option<RejectReason> {
    let banks = levels.each_ref().map(|level| memory.warning(AccountId(level.number)));
    let exceeds = |(level, bank): (&Level, &&_)| reaches_beyond(level.held, order, Words::signed(*bank, account::MAX_POSITION));
    if order.added > 0 && levels.iter().zip(&banks).any(exceeds) {
        return Some(RejectReason::PositionLimit);
    }
    if order.size > banks.iter().map(|bank| bank.signed(account::MAX_ORDER_QTY)).fold(MAX64, i64::min) {
        return Some(RejectReason::OrderSize);
    }
    if is_far(traded, order, banks.iter().map(|bank| bank.signed(account::COLLAR_BPS)).fold(MAX64, i64::min)) {
        return Some(RejectReason::PriceCollar);
    }
    if is_dear(traded, order, banks.iter().map(|bank| bank.wide(account::MAX_NOTIONAL)).fold(MAX128.0, i128::min)) {
        return Some(RejectReason::Notional);
    }
    if !banks.iter().all(|bank| ORDERS.take(*bank, order.now)) {
        return Some(RejectReason::OrderRate);
    }
    first_excess(levels.iter().zip(banks).map(|(level, bank)| (level.bank, bank)).zip(worths), traded)
}

#[inline]
fn reaches_beyond(held: &PositionBank, order: &OrderCheck, most: i64) -> bool {
    let position = i128::from(held.signed(position::POSITION)) * i128::from(order.side.sign());
    rules::exceeds_position(position, held.get(open_of(order.side)), order.added, most)
}

#[inline]
fn is_far(traded: &InstrumentBank, order: &OrderCheck, collar: i64) -> bool {
    let reference = traded.signed(instrument::REFERENCE);
    order.price != 0 && reference > 0 && collar < MAX64 && rules::outside_collar(order.price, reference, collar)
}

#[inline]
fn is_dear(traded: &InstrumentBank, order: &OrderCheck, most: i128) -> bool {
    if most == MAX128.0 {
        return false;
    }
    let price = if order.price == 0 { traded.signed(instrument::REFERENCE) } else { order.price };
    rules::exceeds_notional(price, order.leaves, traded.wide(instrument::TICK_VALUE), most)
}

/// Where an account whose sums are kept would stand after an order by which its worst case grows.
struct Standing {
    equity: Wide,
    exposure: i128,
    gross: i128,
    sector: i128,
}

impl Standing {
    /// `None` where the worst case does not grow, or nobody asks.
    #[inline]
    fn of(derived: &Derived, level: &Level, traded: &InstrumentBank, order: &OrderCheck) -> Option<Self> {
        if derived.line(level.number).own & VALUED == 0 || order.added <= 0 {
            return None;
        }
        let position = level.held.signed(position::POSITION);
        let open = [position::OPEN_BUY, position::OPEN_SELL].map(|offset| level.held.get(offset));
        let before = rules::worst(position, open[0], open[1]);
        // What is open and added together stays below 2^64 where check 2 passed; where it did not, nobody looks at this.
        let mut after = open;
        after[order.side.index()] = after[order.side.index()].wrapping_add(order.added as u64);
        let after = rules::worst(position, after[0], after[1]);
        if after <= before {
            return None;
        }
        let unit = unit(traded);
        let (now, then) = (exposure(level.held, unit), rules::exposure(after, unit));
        let sums = derived.sums(level.number);
        let sector = (traded.get(instrument::SECTOR) as usize).checked_sub(1).map_or(0, |sector| sums.sectors[sector]);
        Some(Self {
            equity: equity(level.bank, sums.value),
            exposure: then,
            gross: sums.gross - now + then,
            sector: sector - now + then,
        })
    }
}

/// The first of the checks 8 to 12 that fails at any level: of pairs of an account's bank and the bank with its limits.
#[inline]
fn first_excess<'a, 'b, const L: usize>(
    levels: impl Iterator<Item = ((&'a AccountBank, &'a Words<L>), &'b Option<Standing>)>,
    traded: &InstrumentBank,
) -> Option<RejectReason> {
    levels.filter_map(|((bank, limits), standing)| excess(bank, limits, standing.as_ref()?, traded)).min()
}

#[inline]
fn excess<const L: usize>(
    bank: &AccountBank,
    limits: &Words<L>,
    standing: &Standing,
    traded: &InstrumentBank,
) -> Option<RejectReason> {
    let Standing { equity, exposure, gross, sector } = *standing;
    let max_loss = limits.wide(account::MAX_DAILY_LOSS);
    if max_loss < MAX128.0 && rules::lost_too_much(equity, bank.wide(account::DAY_EQUITY), max_loss) {
        return Some(RejectReason::DailyLoss);
    }
    let max_drawdown = limits.signed(account::MAX_DRAWDOWN);
    if max_drawdown < MAX64 && rules::fell_too_far(equity, bank.wide(account::PEAK), max_drawdown) {
        return Some(RejectReason::Drawdown);
    }
    let has_reference = traded.signed(instrument::REFERENCE) > 0;
    let exceeds = |exposure: i128, limit: u64| {
        let limit = limits.signed(limit);
        limit < MAX64 && (!has_reference || rules::exceeds_share(exposure, equity, limit))
    };
    if exceeds(gross, account::MAX_LEVERAGE) {
        return Some(RejectReason::Leverage);
    }
    if traded.get(instrument::SECTOR) > 0 && exceeds(sector, account::MAX_SECTOR) {
        return Some(RejectReason::SectorConcentration);
    }
    exceeds(exposure, account::MAX_NAME).then_some(RejectReason::SingleName)
}

#[inline]
fn count<'a>(all: &GlobalBank, accounts: impl Iterator<Item = &'a AccountBank>, verdict: Verdict) {
    let code = |reason: Option<RejectReason>| reason.map_or(0, |reason| u64::from(reason.code()));
    let place = |reason: RejectReason| 8 * u64::from(reason.code() - RejectReason::KillSwitch.code());
    all.add(global::CHECKED, 1);
    all.set(global::STATUS, code(verdict.refused));
    all.set(global::WARNING, code(verdict.warned));
    match verdict.refused {
        None => all.add(global::PASSED, 1),
        Some(reason) => all.add(global::REFUSED + place(reason), 1),
    }
    if let Some(reason) = verdict.warned {
        all.add(global::WARNED + place(reason), 1);
    }
    for bank in accounts {
        bank.add(account::CHECKED, 1);
        bank.add(account::REFUSED, verdict.refused.is_some().into());
        bank.add(account::WARNED, verdict.warned.is_some().into());
    }
}
