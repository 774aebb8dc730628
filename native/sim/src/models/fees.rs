//! Fee schedules: rates by maker and taker and by the volume of the month, with a minimum and a maximum for each order.

use omni_types::Money;

use crate::config::Commission;

/// What counts as volume for the tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierBy {
    /// Money traded, base currency.
    Notional,
    /// Units traded, of all instruments.
    Quantity,
}

/// The rates from a volume on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeeTier {
    /// Least volume of the calendar month (UTC), counted before the fill.
    pub from: f64,
    /// Fee of what met the market.
    pub taker: Commission,
    /// Fee of what rested at its limit; negative is a rebate.
    pub maker: Commission,
}

/// Fees of a venue or broker. The whole of a fill pays the rates of the tier reached before it.
#[derive(Clone, Debug, PartialEq)]
pub struct FeeSchedule {
    /// By volume, ascending, the first from zero.
    pub tiers: Vec<FeeTier>,
    /// What counts as volume.
    pub by: TierBy,
    /// Least fee of an order that was filled at all, in the currency of its instrument.
    pub minimum: f64,
    /// Largest fee of an order, in the currency of its instrument. Where it is below the minimum, it counts.
    pub maximum: Option<f64>,
    /// Largest fee of an order as a fraction of its notional.
    pub maximum_rate: Option<f64>,
}

/// Largest fee of an order that can be counted, currency.
const MOST: f64 = 1e19;

impl FeeSchedule {
    /// The same rates whatever the volume, without a minimum or maximum.
    pub fn flat(taker: Commission, maker: Commission) -> Self {
        let tiers = vec![FeeTier { from: 0.0, taker, maker }];
        Self { tiers, by: TierBy::Notional, minimum: 0.0, maximum: None, maximum_rate: None }
    }
}

/// A fill as a schedule sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FeeQuestion {
    pub order: u32,
    pub maker: bool,
    /// In the currency of the instrument.
    pub notional: f64,
    pub quantity: f64,
}

/// What an order has come to so far.
#[derive(Clone, Copy, Debug, Default)]
struct OrderFees {
    raw: f64,
    notional: f64,
    charged: Money,
}

/// A schedule with what it must remember.
#[derive(Clone, Debug)]
pub(crate) struct FeeMeter {
    schedule: FeeSchedule,
    tier: FeeTier,
    month: i64,
    volume: f64,
    orders: Vec<OrderFees>,
    /// Fee of every fill, in the order of the fills.
    charged: Vec<Money>,
}

impl FeeMeter {
    pub fn new(schedule: FeeSchedule) -> Self {
        let tier = schedule.tiers[0];
        Self { schedule, tier, month: i64::MIN, volume: 0.0, orders: Vec::new(), charged: Vec::new() }
    }

    /// Begin a step: with a new month the volume counts from zero.
    pub fn enter(&mut self, ts: i64) {
        let month = month_of(ts);
        if month != self.month {
            (self.month, self.volume) = (month, 0.0);
            self.tier = self.schedule.tiers[0];
        }
    }

    /// What a fill would cost now.
    pub fn quote(&self, fill: &FeeQuestion) -> Money {
        let before = self.orders.get(fill.order as usize).copied().unwrap_or_default();
        self.after(before, fill).1
    }

    /// Charge a fill; `notional_base` is its notional in the base currency.
    pub fn charge(&mut self, fill: &FeeQuestion, notional_base: f64) -> Money {
        let place = fill.order as usize;
        if self.orders.len() <= place {
            self.orders.resize(place + 1, OrderFees::default());
        }
        let (after, fee) = self.after(self.orders[place], fill);
        self.orders[place] = after;
        self.charged.push(fee);
        self.volume += match self.schedule.by {
            TierBy::Notional => notional_base,
            TierBy::Quantity => fill.quantity,
        };
        let reached = self.schedule.tiers.iter().rev().find(|tier| tier.from <= self.volume);
        self.tier = *reached.unwrap_or(&self.schedule.tiers[0]);
        fee
    }

    /// Fee of a fill that was charged, by its number.
    pub fn charged(&self, number: usize) -> Money {
        self.charged[number]
    }

    fn after(&self, before: OrderFees, fill: &FeeQuestion) -> (OrderFees, Money) {
        let rates = if fill.maker { self.tier.maker } else { self.tier.taker };
        let raw = before.raw + rates.of(fill.notional, fill.quantity);
        let notional = before.notional + fill.notional;
        let schedule = &self.schedule;
        let mut due = if schedule.minimum > 0.0 { raw.max(schedule.minimum) } else { raw };
        if let Some(maximum) = schedule.maximum {
            due = due.min(maximum);
        }
        if let Some(rate) = schedule.maximum_rate {
            due = due.min(rate * notional);
        }
        // Bars bound a notional when its order is sent; in a market somebody may ask for more than money can count.
        let charged = Money::from_f64(due.clamp(-MOST, MOST)).unwrap_or_default();
        (OrderFees { raw, notional, charged }, charged - before.charged)
    }
}

/// Number of the calendar month of a time, UTC.
fn month_of(ts: i64) -> i64 {
    const DAY_NS: i64 = 86_400_000_000_000;
    // Days since 0000-03-01, so that the leap day ends its year; then eras of 400 years, each with 146,097 days.
    let days = ts.div_euclid(DAY_NS) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    (era * 400 + year) * 12 + (5 * day_of_year + 2) / 153
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> FeeSchedule {
        let rate = |rate| Commission { rate, ..Commission::default() };
        let tiers = vec![
            FeeTier { from: 0.0, taker: rate(0.002), maker: rate(-0.001) },
            FeeTier { from: 1_000.0, taker: rate(0.001), maker: rate(0.0) },
        ];
        FeeSchedule { tiers, by: TierBy::Notional, minimum: 1.0, maximum: None, maximum_rate: Some(0.01) }
    }

    fn fill(order: u32, notional: f64, maker: bool) -> FeeQuestion {
        FeeQuestion { order, maker, notional, quantity: 1.0 }
    }

    fn money(value: f64) -> Money {
        Money::from_f64(value).unwrap()
    }

    #[test]
    fn the_minimum_is_of_the_order_and_not_of_each_fill() {
        let mut meter = FeeMeter::new(schedule());
        assert_eq!(meter.quote(&fill(0, 300.0, false)), money(1.0));
        assert_eq!(meter.charge(&fill(0, 300.0, false), 300.0), money(1.0));
        assert_eq!(meter.charge(&fill(0, 100.0, false), 100.0), money(0.0));
        assert_eq!(meter.charge(&fill(0, 300.0, false), 300.0), money(1.4) - money(1.0));
        // A small order pays no more than one percent.
        assert_eq!(meter.charge(&fill(1, 50.0, false), 50.0), money(0.5));
    }

    #[test]
    fn a_fill_pays_its_own_amount_beside_the_rates() {
        let fee = |per_share, per_fill| Commission { rate: 0.0, per_share, per_fill };
        let mut meter = FeeMeter::new(FeeSchedule::flat(fee(0.5, 0.25), fee(-0.5, 0.0)));
        assert_eq!(meter.charge(&fill(0, 300.0, false), 300.0), money(0.75));
        assert_eq!(meter.charge(&fill(0, 300.0, false), 300.0), money(0.75));
        assert_eq!(meter.charge(&fill(1, 300.0, true), 300.0), money(-0.5));
        // What no money can count does not stop a run.
        assert_eq!(meter.charge(&FeeQuestion { quantity: 1e300, ..fill(2, 0.0, false) }, 0.0), money(1e19));
    }

    #[test]
    fn volume_lowers_the_rate_until_the_month_ends() {
        let mut meter = FeeMeter::new(FeeSchedule { minimum: 0.0, maximum_rate: None, ..schedule() });
        meter.enter(0);
        assert_eq!(meter.charge(&fill(0, 2_000.0, false), 2_000.0), money(4.0));
        assert_eq!(meter.charge(&fill(1, 2_000.0, false), 2_000.0), money(2.0));
        meter.enter(31 * 86_400_000_000_000);
        assert_eq!(meter.charge(&fill(2, 500.0, true), 500.0), money(-0.5));
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let day = |days: i64| month_of(days * 86_400_000_000_000);
        assert_eq!(day(30), day(0));
        assert_eq!(day(31), day(0) + 1);
        assert_eq!(day(-1), day(0) - 1);
        // 2024-02-29 and 2024-03-01.
        assert_eq!((day(19_782) - day(0), day(19_783) - day(0)), (54 * 12 + 1, 54 * 12 + 2));
    }
}
