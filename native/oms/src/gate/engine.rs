//! The checks in their order, and the counters; `docs/gate.md` section 4.

use omni_types::{AccountId, Nanos, RejectReason};

use super::bucket::{CANCELS, ORDERS};
use super::derived::{Derived, EXPOSED, HARD, Line, VALUED, WARN, WARN_PLAIN, equity, unit};
use super::map::{account, global, instrument, position};
use super::memory::Memory;
use super::updates::open_of;
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
    let mut verdict = Verdict::PASSED;
    verdict.refused = first_refusal(memory.global(), traded, &levels, order);
    if verdict.refused.is_none() && line.all & (VALUED | WARN_PLAIN) != 0 {
        let excess = first_excesses(memory, derived, &levels, traded, order);
        verdict.refused = excess.refused;
        if excess.refused.is_none() && line.all & (WARN | WARN_PLAIN) != 0 {
            verdict.warned = first_warning(memory, traded, &levels, order).or(excess.warned);
        }
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

/// The first of the checks 2 to 6 whose warning limits an order that passed exceeds.
#[inline(never)]
fn first_warning<const N: usize, M: Memory>(
    memory: &M,
    traded: &InstrumentBank,
    levels: &[Level; N],
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
    if banks.iter().all(|bank| ORDERS.take(*bank, order.now)) { None } else { Some(RejectReason::OrderRate) }
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

/// The first of the checks 8 to 12 that fails at any level, against the limits and against the warning limits. They depend on nothing
/// that the checks before them change.
#[inline(never)]
fn first_excesses<const N: usize, M: Memory>(
    memory: &M,
    derived: &Derived,
    levels: &[Level; N],
    traded: &InstrumentBank,
    order: &OrderCheck,
) -> Verdict {
    let mut first = Verdict::PASSED;
    if order.added <= 0 {
        return first;
    }
    let unit = unit(traded);
    let needs = Needs { reference: traded.signed(instrument::REFERENCE) > 0, sector: traded.get(instrument::SECTOR) as usize };
    for level in levels {
        let own = derived.line(level.number).own;
        if own & VALUED == 0 {
            continue;
        }
        let Some((before, after)) = worst_cases(level.held, order) else { continue };
        let sums = derived.sums(level.number);
        let mut standing = Standing { bank: level.bank, value: sums.value, exposure: 0, gross: 0, sector: 0 };
        if own & EXPOSED != 0 {
            let (now, then) = (rules::exposure(before, unit), rules::exposure(after, unit));
            let sector = if needs.sector == 0 { 0 } else { sums.sectors[needs.sector - 1] };
            (standing.exposure, standing.gross, standing.sector) = (then, sums.gross - now + then, sector - now + then);
        }
        let tens = standing.in_ten_thousandths();
        if own & HARD != 0 {
            first.refused = earlier(first.refused, standing.excess(tens.as_ref(), level.bank, &needs));
        }
        if own & WARN != 0 {
            let warnings = memory.warning(AccountId(level.number));
            first.warned = earlier(first.warned, standing.excess(tens.as_ref(), warnings, &needs));
        }
    }
    first
}

/// Reasons are ordered as the checks are.
#[inline]
fn earlier(one: Option<RejectReason>, other: Option<RejectReason>) -> Option<RejectReason> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Lots in the worst case before an order and after it; `None` where they do not grow.
#[inline]
fn worst_cases(held: &PositionBank, order: &OrderCheck) -> Option<(u128, u128)> {
    let position = held.signed(position::POSITION);
    let open = [position::OPEN_BUY, position::OPEN_SELL].map(|offset| held.get(offset));
    let before = rules::worst(position, open[0], open[1]);
    // What is open and added together stays below 2^64 where check 2 passed.
    let mut after = open;
    after[order.side.index()] = after[order.side.index()].wrapping_add(order.added as u64);
    let after = rules::worst(position, after[0], after[1]);
    (after > before).then_some((before, after))
}

/// What the instrument of an order says to the checks of exposures.
struct Needs {
    /// Whether there is a reference price.
    reference: bool,
    /// 0 for none.
    sector: usize,
}

/// Where an account whose sums are kept would stand after an order by which its worst case grows.
struct Standing<'a> {
    bank: &'a AccountBank,
    value: i128,
    exposure: i128,
    gross: i128,
    sector: i128,
}

/// The same where nothing comes near the ends of 128 bits: what is compared, times 10,000.
struct Tens {
    equity: i128,
    /// Loss since the day began, itself.
    loss: i128,
    peak: i128,
    fall: i128,
    exposure: i128,
    gross: i128,
    sector: i128,
}

/// Amounts below this are small: four of them, times 10,000, stay below 2^117.
const SMALL: i128 = 1 << 100;

impl Standing<'_> {
    /// `None` where an amount is too large.
    #[inline]
    fn in_ten_thousandths(&self) -> Option<Tens> {
        let [capital, cash, peak, day_equity] =
            [account::CAPITAL, account::CASH, account::PEAK, account::DAY_EQUITY].map(|offset| self.bank.wide(offset));
        // The exposure in a sector, and in the instrument, is a part of the gross.
        let amounts = [capital, cash, peak, day_equity, self.value, self.gross];
        if amounts.into_iter().any(|amount| !(-SMALL..SMALL).contains(&amount)) {
            return None;
        }
        let equity = capital + cash + self.value;
        Some(Tens {
            equity,
            loss: day_equity - equity,
            peak,
            fall: (peak - equity) * 10_000,
            exposure: self.exposure * 10_000,
            gross: self.gross * 10_000,
            sector: self.sector * 10_000,
        })
    }

    /// The first of the checks 8 to 12 that fails against the limits of a bank.
    #[inline]
    fn excess<const L: usize>(&self, tens: Option<&Tens>, limits: &Words<L>, needs: &Needs) -> Option<RejectReason> {
        let Some(tens) = tens else { return self.wide_excess(limits, needs) };
        let max_loss = limits.wide(account::MAX_DAILY_LOSS);
        if max_loss < MAX128.0 && tens.loss >= max_loss {
            return Some(RejectReason::DailyLoss);
        }
        let max_drawdown = limits.signed(account::MAX_DRAWDOWN);
        if max_drawdown < MAX64 && !rules::falls_short(tens.fall, tens.peak, max_drawdown) {
            return Some(RejectReason::Drawdown);
        }
        let exceeds = |exposure: i128, limit: u64| {
            let limit = limits.signed(limit);
            limit < MAX64 && (!needs.reference || rules::falls_short(-exposure, -tens.equity, limit))
        };
        first_share(needs, [tens.gross, tens.sector, tens.exposure], exceeds)
    }

    #[cold]
    fn wide_excess<const L: usize>(&self, limits: &Words<L>, needs: &Needs) -> Option<RejectReason> {
        let equity = equity(self.bank, self.value);
        let max_loss = limits.wide(account::MAX_DAILY_LOSS);
        if max_loss < MAX128.0 && rules::lost_too_much(equity, self.bank.wide(account::DAY_EQUITY), max_loss) {
            return Some(RejectReason::DailyLoss);
        }
        let max_drawdown = limits.signed(account::MAX_DRAWDOWN);
        if max_drawdown < MAX64 && rules::fell_too_far(equity, self.bank.wide(account::PEAK), max_drawdown) {
            return Some(RejectReason::Drawdown);
        }
        let exceeds = |exposure: i128, limit: u64| {
            let limit = limits.signed(limit);
            limit < MAX64 && (!needs.reference || rules::exceeds_share(exposure, equity, limit))
        };
        first_share(needs, [self.gross, self.sector, self.exposure], exceeds)
    }
}

/// The first of the checks 10 to 12 that fails.
#[inline]
fn first_share(needs: &Needs, [gross, sector, exposure]: [i128; 3], exceeds: impl Fn(i128, u64) -> bool) -> Option<RejectReason> {
    if exceeds(gross, account::MAX_LEVERAGE) {
        return Some(RejectReason::Leverage);
    }
    if needs.sector > 0 && exceeds(sector, account::MAX_SECTOR) {
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
