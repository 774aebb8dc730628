//! The rows themselves: each check at each level, in the order of evaluation.

use omni_types::{InstrumentId, Nanos, RejectReason};

use super::registers::{Bounds, Held, Lineage, Traded, Worth};
use super::{CheckLevel, CheckRow, Severity};
use crate::config::{MAX64, MAX128};
use crate::gate::map::TOKEN;
use crate::gate::wide::Wide;
use crate::gate::{OrderCheck, rules};

const MONEY: f64 = 1e18;
const BPS: f64 = 10_000.0;

/// Rows that are being written, and what they are about.
pub(super) struct Rows {
    all: Vec<CheckRow>,
    pub severity: Severity,
    pub instrument: Option<InstrumentId>,
}

/// What is compared with a limit that does not say more than whether it is kept.
pub(super) type Compared = (f64, f64, bool);

impl Rows {
    pub fn new() -> Self {
        Self { all: Vec::new(), severity: Severity::Hard, instrument: None }
    }

    pub fn done(self) -> Vec<CheckRow> {
        self.all
    }

    pub fn push(&mut self, check: RejectReason, level: CheckLevel, (value, limit, passes): Compared) {
        let Self { severity, instrument, .. } = *self;
        self.all.push(CheckRow { check, level, severity, value, limit, passes, instrument, sector: 0 });
    }

    /// A row about a sector.
    pub fn push_sector(&mut self, level: CheckLevel, sector: u32, compared: Compared) {
        self.push(RejectReason::SectorConcentration, level, compared);
        self.all.last_mut().expect("it was just pushed").sector = sector;
    }

    pub fn of_cancel(now: Nanos, lineage: &Lineage) -> Self {
        let mut rows = Self::new();
        for (severity, bounds) in sides(lineage) {
            rows.severity = severity;
            for (level, bounds) in bounds {
                rows.push(RejectReason::CancelRate, level, of_tokens(bounds.cancel_tokens(now.0)));
            }
        }
        rows
    }

    pub fn of_order(order: &OrderCheck, lineage: &Lineage, traded: &Traded) -> Self {
        let mut rows = Self::new();
        rows.instrument = Some(order.instrument);
        rows.kill_switches(lineage, traded);
        let [hard, warn] = sides(lineage);
        rows.side(order, lineage, traded, &hard.1);
        rows.severity = warn.0;
        rows.side(order, lineage, traded, &warn.1);
        rows
    }

    fn kill_switches(&mut self, lineage: &Lineage, traded: &Traded) {
        let of = |is_killed: bool| (f64::from(u8::from(is_killed)), 0.0, !is_killed);
        self.push(RejectReason::KillSwitch, CheckLevel::Everything, of(lineage.is_killed));
        self.push(RejectReason::KillSwitch, CheckLevel::Instrument(traded.instrument), of(traded.is_killed));
        for level in &lineage.levels {
            self.push(RejectReason::KillSwitch, CheckLevel::Account(level.account), of(level.is_killed));
        }
    }

    /// The checks from 2 on against the hard limits, or against the warning limits: those have none of instruments and positions.
    fn side(&mut self, order: &OrderCheck, lineage: &Lineage, traded: &Traded, bounds: &[(CheckLevel, &Bounds)]) {
        let is_hard = self.severity == Severity::Hard;
        let of_instrument = CheckLevel::Instrument(traded.instrument);
        let in_it = |level: &CheckLevel| match *level {
            CheckLevel::Account(account) => CheckLevel::Position(account, traded.instrument),
            other => other,
        };
        for ((level, bounds), stake) in bounds.iter().zip(&lineage.stakes) {
            self.push(RejectReason::PositionLimit, *level, of_position(order, &stake.held, bounds.limits.max_position));
            if is_hard {
                let most = stake.held.max_position;
                self.push(RejectReason::PositionLimit, in_it(level), of_position(order, &stake.held, most));
            }
        }
        if is_hard {
            self.push(RejectReason::OrderSize, of_instrument, of_size(order, traded.max_order_qty));
        }
        for ((level, bounds), stake) in bounds.iter().zip(&lineage.stakes) {
            self.push(RejectReason::OrderSize, *level, of_size(order, bounds.limits.max_order_qty));
            if is_hard {
                self.push(RejectReason::OrderSize, in_it(level), of_size(order, stake.held.max_order_qty));
            }
        }
        if is_hard {
            self.push(RejectReason::PriceCollar, of_instrument, of_collar(order, traded, traded.collar_bps));
        }
        for (level, bounds) in bounds {
            self.push(RejectReason::PriceCollar, *level, of_collar(order, traded, bounds.limits.collar_bps));
        }
        if is_hard {
            self.push(RejectReason::Notional, of_instrument, of_notional(order, traded, traded.max_notional));
        }
        for (level, bounds) in bounds {
            self.push(RejectReason::Notional, *level, of_notional(order, traded, bounds.limits.max_notional.0));
        }
        for (level, bounds) in bounds {
            self.push(RejectReason::OrderRate, *level, of_tokens(bounds.order_tokens(order.now.0)));
        }
        self.worth(order, lineage, traded, bounds);
    }

    /// The checks from 8 on. What does not make the worst case larger passes them.
    fn worth(&mut self, order: &OrderCheck, lineage: &Lineage, traded: &Traded, bounds: &[(CheckLevel, &Bounds)]) {
        let unit = traded.unit();
        let rows = || bounds.iter().zip(&lineage.stakes);
        let is_larger = |held: &Held| after(order, held) > held.worst();
        let or_shrinks = |held: &Held, (value, limit, passes): Compared| (value, limit, passes || !is_larger(held));
        let then = |held: &Held| rules::exposure(after(order, held), unit);
        let change = |held: &Held| then(held) - rules::exposure(held.worst(), unit);
        let needs_reference =
            |(value, limit, passes): Compared| (value, limit, passes && (traded.reference > 0 || limit.is_infinite()));
        for ((level, bounds), stake) in rows() {
            self.push(RejectReason::DailyLoss, *level, or_shrinks(&stake.held, of_loss(&stake.worth, bounds)));
        }
        for ((level, bounds), stake) in rows() {
            self.push(RejectReason::Drawdown, *level, or_shrinks(&stake.held, of_drawdown(&stake.worth, bounds)));
        }
        for ((level, bounds), stake) in rows() {
            let gross = stake.worth.gross + change(&stake.held);
            let compared = needs_reference(of_share(gross, &stake.worth, bounds.limits.max_leverage));
            self.push(RejectReason::Leverage, *level, or_shrinks(&stake.held, compared));
        }
        for ((level, bounds), stake) in rows().filter(|_| traded.sector > 0) {
            let gross = stake.sector_gross + change(&stake.held);
            let compared = needs_reference(of_share(gross, &stake.worth, bounds.limits.max_sector));
            self.push_sector(*level, traded.sector, or_shrinks(&stake.held, compared));
        }
        for ((level, bounds), stake) in rows() {
            let compared = needs_reference(of_share(then(&stake.held), &stake.worth, bounds.limits.max_name));
            self.push(RejectReason::SingleName, *level, or_shrinks(&stake.held, compared));
        }
    }
}

/// The hard limits of a lineage, and those it is warned of.
fn sides(lineage: &Lineage) -> [(Severity, Vec<(CheckLevel, &Bounds)>); 2] {
    let of = |bounds: fn(&super::registers::Standing) -> &Bounds| {
        lineage.levels.iter().map(|level| (CheckLevel::Account(level.account), bounds(level))).collect()
    };
    [(Severity::Hard, of(|level| &level.bounds)), (Severity::Warn, of(|level| &level.warnings))]
}

/// Lots in the worst case after an order. Only what is added makes it larger.
fn after(order: &OrderCheck, held: &Held) -> u128 {
    let position = i128::from(held.position);
    let [buy, sell] = held.open.map(i128::from);
    let added = i128::from(order.added.max(0));
    let [buy, sell] = if order.side.index() == 0 { [buy + added, sell] } else { [buy, sell + added] };
    (position + buy).unsigned_abs().max((position - sell).unsigned_abs())
}

/// A limit in lots or basis points.
pub(super) fn lots_or_none(limit: i64) -> f64 {
    if limit == MAX64 { f64::INFINITY } else { limit as f64 }
}

fn share_or_none(limit: i64) -> f64 {
    if limit == MAX64 { f64::INFINITY } else { limit as f64 / BPS }
}

fn money_or_none(limit: i128) -> f64 {
    if limit == MAX128.0 { f64::INFINITY } else { limit as f64 / MONEY }
}

fn ratio(part: Wide, whole: Wide) -> f64 {
    if whole == Wide::ZERO { f64::NAN } else { part.to_f64() / whole.to_f64() }
}

fn of_position(order: &OrderCheck, held: &Held, most: i64) -> Compared {
    let open = held.open[order.side.index()];
    let position = i128::from(held.position) * i128::from(order.side.sign());
    let reached = position + i128::from(open) + i128::from(order.added);
    let passes = order.added <= 0 || !rules::exceeds_position(position, open, order.added, most);
    (reached as f64, lots_or_none(most), passes)
}

fn of_size(order: &OrderCheck, most: i64) -> Compared {
    (order.size as f64, lots_or_none(most), order.size <= most)
}

fn of_collar(order: &OrderCheck, traded: &Traded, collar: i64) -> Compared {
    if order.price == 0 || traded.reference <= 0 {
        return (f64::NAN, lots_or_none(collar), true);
    }
    let distance = i128::from(order.price.abs_diff(traded.reference)) * 10_000;
    let passes = collar == MAX64 || !rules::outside_collar(order.price, traded.reference, collar);
    (distance as f64 / traded.reference as f64, lots_or_none(collar), passes)
}

fn of_notional(order: &OrderCheck, traded: &Traded, most: i128) -> Compared {
    let price = if order.price == 0 { traded.reference } else { order.price };
    let notional = Wide::product(i128::from(price) * i128::from(order.leaves), traded.tick_value);
    let passes = most == MAX128.0 || notional <= Wide::from(most);
    (notional.to_f64() / MONEY, money_or_none(most), passes)
}

/// One token is taken, of those that there are.
pub(super) fn of_tokens(tokens: Option<i64>) -> Compared {
    tokens.map_or((1.0, f64::INFINITY, true), |tokens| (1.0, tokens as f64 / TOKEN as f64, tokens >= TOKEN))
}

pub(super) fn of_loss(worth: &Worth, bounds: &Bounds) -> Compared {
    let most = bounds.limits.max_daily_loss.0;
    let loss = Wide::from(worth.day_equity) - worth.equity;
    let passes = most == MAX128.0 || !rules::lost_too_much(worth.equity, worth.day_equity, most);
    (loss.to_f64() / MONEY, money_or_none(most), passes)
}

pub(super) fn of_drawdown(worth: &Worth, bounds: &Bounds) -> Compared {
    let most = bounds.limits.max_drawdown;
    let fall = Wide::from(worth.peak) - worth.equity;
    let passes = most == MAX64 || !rules::fell_too_far(worth.equity, worth.peak, most);
    (ratio(fall, Wide::from(worth.peak)), share_or_none(most), passes)
}

pub(super) fn of_share(exposure: i128, worth: &Worth, most: i64) -> Compared {
    let passes = most == MAX64 || !rules::exceeds_share(exposure, worth.equity, most);
    (ratio(Wide::from(exposure), worth.equity), share_or_none(most), passes)
}
