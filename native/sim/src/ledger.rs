//! Cash, positions and marks, exact to the last money unit.

use omni_types::{Money, Ticks};

use crate::basis::Basis;
use crate::models::{Currencies, Rate};

#[derive(Clone, Copy, Debug)]
struct Position {
    /// Signed lots, and what they cost.
    basis: Basis,
    /// Last mark; zero before the first.
    mark: i64,
    /// Money per lot and tick.
    unit: i128,
    /// Its currency; 0 is the base.
    currency: u32,
    /// The currency whose rate is its price; 0 for none.
    rates: u32,
}

impl Position {
    /// Whether anything but the base currency is concerned.
    #[inline]
    fn is_linked(&self) -> bool {
        self.currency | self.rates != 0
    }
}

/// What is held in a currency other than the base.
#[derive(Clone, Copy, Debug)]
struct Foreign {
    cash: i128,
    holdings: i128,
    gross: i128,
    rate: Rate,
}

/// The account of a run, on bars and in markets: its ticks are whatever step of the price its units count.
#[derive(Clone, Debug)]
pub struct Ledger {
    cash: Money,
    /// Σ lots × mark, kept current as marks and positions change.
    holdings: i128,
    /// Σ |lots| × mark.
    gross: i128,
    fees: Money,
    slippage: Money,
    realised: Money,
    n_open: usize,
    n_closing_fills: usize,
    positions: Vec<Position>,
    /// By number of the currency, from 1.
    foreign: Vec<Foreign>,
}

impl Ledger {
    /// An account with `cash` and no positions; `units` are the values of one lot at one tick of each instrument.
    pub fn new(cash: Money, units: impl Iterator<Item = Money>) -> Self {
        let position = |unit: Money| Position { basis: Basis::default(), mark: 0, unit: unit.0, currency: 0, rates: 0 };
        let positions = units.map(position).collect();
        Self {
            cash,
            holdings: 0,
            gross: 0,
            fees: Money::ZERO,
            slippage: Money::ZERO,
            realised: Money::ZERO,
            n_open: 0,
            n_closing_fills: 0,
            positions,
            foreign: Vec::new(),
        }
    }

    /// Keep cash of several currencies; `ticks` are the values of one unit of each instrument at one tick.
    pub(crate) fn with_currencies(mut self, currencies: &Currencies, ticks: &[Money]) -> Self {
        for (position, &currency) in self.positions.iter_mut().zip(&currencies.of) {
            position.currency = currency;
        }
        for (number, fx) in (1..).zip(&currencies.rates) {
            self.positions[fx.symbol].rates = number;
            let rate = Rate { tick: ticks[fx.symbol].0, inverse: fx.inverse, price: Ticks(0) };
            self.foreign.push(Foreign { cash: 0, holdings: 0, gross: 0, rate });
        }
        self
    }

    /// Cash of all currencies, in the base.
    #[inline]
    pub fn cash(&self) -> Money {
        self.in_base(self.cash.0, |held| held.cash)
    }

    /// Cash plus the positions at their marks, in the base currency.
    #[inline]
    pub fn equity(&self) -> Money {
        self.in_base(self.cash.0 + self.holdings, |held| held.cash + held.holdings)
    }

    /// Σ |position| × mark, in the base currency.
    #[inline]
    pub fn gross(&self) -> Money {
        self.in_base(self.gross, |held| held.gross)
    }

    /// Cash and equity in the base currency if instruments had these prices; one without a price keeps its mark.
    pub(crate) fn worth(&self, price: impl Fn(usize) -> Option<Ticks>) -> (Money, Money) {
        let now = |symbol: usize, position: &Position| price(symbol).map_or(position.mark, |price| price.0);
        if self.foreign.is_empty() {
            let value = |(symbol, position): (usize, &Position)| match position.basis.lots {
                0 => 0,
                lots => i128::from(lots) * i128::from(now(symbol, position)) * position.unit,
            };
            return (self.cash, Money(self.cash.0 + self.positions.iter().enumerate().map(value).sum::<i128>()));
        }
        let (mut holdings, mut rates) = (vec![0_i128; self.n_currencies()], vec![0; self.n_currencies()]);
        for (symbol, position) in self.positions.iter().enumerate() {
            if position.basis.lots != 0 {
                holdings[position.currency as usize] +=
                    i128::from(position.basis.lots) * i128::from(now(symbol, position)) * position.unit;
            }
            rates[position.rates as usize] = if position.rates == 0 { 0 } else { now(symbol, position) };
        }
        let (mut cash, mut equity) = (self.cash.0, self.cash.0 + holdings[0]);
        for (number, held) in (1..).zip(&self.foreign) {
            let rate = Rate { price: Ticks(rates[number]), ..held.rate };
            cash += rate.convert(held.cash);
            equity += rate.convert(held.cash + holdings[number]);
        }
        (Money(cash), Money(equity))
    }

    #[inline]
    fn in_base(&self, base: i128, amount: impl Fn(&Foreign) -> i128) -> Money {
        // Nearly always there is one currency, and this loop has nothing to do.
        Money(self.foreign.iter().fold(base, |sum, held| sum + held.rate.convert(amount(held))))
    }

    /// An amount of the instrument's currency in the base, exact.
    #[inline]
    pub(crate) fn to_base(&self, symbol: usize, amount: i128) -> i128 {
        match self.positions[symbol].currency {
            0 => amount,
            currency => self.foreign[currency as usize - 1].rate.convert(amount),
        }
    }

    /// Worth of one unit of the instrument's currency in the base.
    pub(crate) fn rate_of(&self, symbol: usize) -> f64 {
        match self.positions[symbol].currency {
            0 => 1.0,
            currency => self.foreign[currency as usize - 1].rate.to_f64(),
        }
    }

    /// How many currencies there are.
    pub(crate) fn n_currencies(&self) -> usize {
        1 + self.foreign.len()
    }

    /// The currency of an instrument.
    #[inline]
    pub(crate) fn currency_of(&self, symbol: usize) -> u32 {
        self.positions[symbol].currency
    }

    /// Cash of one currency.
    pub fn cash_in(&self, currency: u32) -> Money {
        if currency == 0 { self.cash } else { Money(self.foreign[currency as usize - 1].cash) }
    }

    /// Value of a position in its own currency, − for a short one.
    pub(crate) fn value_of(&self, symbol: usize) -> Money {
        let position = &self.positions[symbol];
        Money(i128::from(position.basis.lots) * i128::from(position.mark) * position.unit)
    }

    /// Take in money that no fill brought.
    pub(crate) fn receive(&mut self, currency: u32, amount: Money) {
        if currency == 0 {
            self.cash += amount;
        } else {
            self.foreign[currency as usize - 1].cash += amount.0;
        }
    }

    /// Turn `old` units of an instrument into `new` ones; returns what is paid for the part of a lot that is left over.
    pub(crate) fn split(&mut self, symbol: usize, new: i64, old: i64) -> Money {
        let position = &mut self.positions[symbol];
        let (held, mark, unit, currency) = (position.basis.lots, position.mark, position.unit, position.currency);
        let (in_lieu, closed) = position.basis.split(new, old, i128::from(mark) * unit);
        let lots = position.basis.lots;
        position.mark = ((mark as f64 * old as f64 / new as f64).round() as i64).max(i64::from(mark > 0));
        let value = |lots: i64, mark: i64| i128::from(lots) * i128::from(mark) * unit;
        let change = value(lots, position.mark) - value(held, mark);
        let gross = value(lots.abs(), position.mark) - value(held.abs(), mark);
        self.n_open -= usize::from(held != 0 && lots == 0);
        self.hold(currency, change, gross);
        self.receive(currency, Money(in_lieu));
        self.realised.0 -= self.to_base(symbol, closed);
        Money(in_lieu)
    }

    /// Positions of a currency changed in value.
    #[inline]
    fn hold(&mut self, currency: u32, holdings: i128, gross: i128) {
        if currency == 0 {
            self.holdings += holdings;
            self.gross += gross;
        } else {
            let held = &mut self.foreign[currency as usize - 1];
            held.holdings += holdings;
            held.gross += gross;
        }
    }

    /// Fees paid so far, base currency; negative when rebates are more.
    pub fn fees(&self) -> Money {
        self.fees
    }

    /// Profit of all that was closed, before fees, base currency at the rates of then.
    pub fn realised(&self) -> Money {
        self.realised
    }

    /// Slippage paid so far: distance between the prices met and the prices paid, times quantity.
    pub fn slippage(&self) -> Money {
        self.slippage
    }

    /// Number of instruments with a position.
    #[inline]
    pub fn n_open(&self) -> usize {
        self.n_open
    }

    /// Number of fills that closed a position or a part of one.
    pub fn n_closing_fills(&self) -> usize {
        self.n_closing_fills
    }

    /// Signed lots held of an instrument.
    #[inline]
    pub fn lots(&self, symbol: usize) -> i64 {
        self.positions[symbol].basis.lots
    }

    /// Last mark of an instrument; zero before its first bar.
    #[inline]
    pub fn mark_of(&self, symbol: usize) -> Ticks {
        Ticks(self.positions[symbol].mark)
    }

    /// Average entry price of the open position in ticks; NaN when flat.
    pub fn average_price_ticks(&self, symbol: usize) -> f64 {
        let position = &self.positions[symbol];
        position.basis.average(position.unit)
    }

    /// Set the price at which an instrument is valued.
    #[inline]
    pub fn mark(&mut self, symbol: usize, price: Ticks) {
        let position = &mut self.positions[symbol];
        let change = price.0 - position.mark;
        position.mark = price.0;
        if position.is_linked() {
            return self.mark_linked(symbol, change);
        }
        let lots = position.basis.lots;
        if lots != 0 {
            let value = i128::from(lots) * i128::from(change) * position.unit;
            self.holdings += value;
            self.gross += if lots > 0 { value } else { -value };
        }
    }

    /// What a new mark changes where several currencies are at work.
    #[cold]
    fn mark_linked(&mut self, symbol: usize, change: i64) {
        let Position { basis: Basis { lots, .. }, mark, unit, currency, rates } = self.positions[symbol];
        let value = i128::from(lots) * i128::from(change) * unit;
        self.hold(currency, value, if lots > 0 { value } else { -value });
        if rates != 0 {
            self.foreign[rates as usize - 1].rate.price = Ticks(mark);
        }
    }

    /// Equity as a function of the mark of an instrument that is the only one held: its value at a mark of zero, and per tick.
    #[inline]
    pub fn equity_by_mark(&self, symbol: usize) -> (Money, Money) {
        let position = &self.positions[symbol];
        (self.cash, Money(i128::from(position.basis.lots) * position.unit))
    }

    /// Book a fill of `lots` (signed) at `price`, which the market showed at `met`; returns the profit that it realised, before fees, in the
    /// currency of the instrument.
    #[inline]
    pub fn fill(&mut self, symbol: usize, lots: i64, price: Ticks, met: Ticks, fee: Money) -> Money {
        let position = &mut self.positions[symbol];
        let (held, currency, unit) = (position.basis.lots, position.currency, position.unit);
        let now = held + lots;
        let value = i128::from(lots) * unit;
        let holdings = value * i128::from(position.mark);
        let gross = i128::from(now.abs() - held.abs()) * i128::from(position.mark) * unit;
        let (paid, slipped) = (value * i128::from(price.0) + fee.0, value * i128::from(price.0 - met.0));
        let realised = position.basis.fill(lots, i128::from(price.0) * unit);
        self.n_open = self.n_open + usize::from(now != 0) - usize::from(held != 0);
        let profit = realised.map_or(0, |closed| closed.profit);
        self.n_closing_fills += usize::from(realised.is_some());
        if currency == 0 {
            self.cash.0 -= paid;
            self.holdings += holdings;
            self.gross += gross;
            self.fees += fee;
            self.slippage.0 += slipped;
            self.realised.0 += profit;
        } else {
            self.receive(currency, Money(-paid));
            self.hold(currency, holdings, gross);
            self.fees.0 += self.to_base(symbol, fee.0);
            self.slippage.0 += self.to_base(symbol, slipped);
            self.realised.0 += self.to_base(symbol, profit);
        }
        Money(profit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One instrument quoted in cents, 1,000 in cash.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(Money::from_f64(1_000.0).unwrap(), [Money::from_f64(0.01).unwrap()].into_iter());
        ledger.mark(0, Ticks(1_000));
        ledger
    }

    fn fill(ledger: &mut Ledger, lots: i64, price: i64, commission: f64) {
        ledger.fill(0, lots, Ticks(price), Ticks(price), Money::from_f64(commission).unwrap());
    }

    #[test]
    fn a_round_trip_leaves_its_profit_in_cash() {
        let mut ledger = ledger();
        fill(&mut ledger, 10, 1_000, 1.0);
        fill(&mut ledger, -10, 1_100, 2.0);
        assert_eq!(ledger.cash().to_f64(), 1_007.0);
        assert_eq!((ledger.realised().to_f64(), ledger.fees().to_f64()), (10.0, 3.0));
        assert_eq!((ledger.n_open(), ledger.n_closing_fills()), (0, 1));
    }

    #[test]
    fn the_average_price_is_of_what_was_added() {
        let mut ledger = ledger();
        fill(&mut ledger, 10, 1_000, 0.0);
        fill(&mut ledger, 30, 1_200, 0.0);
        fill(&mut ledger, -20, 900, 0.0);
        assert_eq!(ledger.average_price_ticks(0), 1_150.0);
        fill(&mut ledger, -25, 900, 0.0);
        assert_eq!((ledger.lots(0), ledger.average_price_ticks(0)), (-5, 900.0));
        fill(&mut ledger, 5, 900, 0.0);
        assert!(ledger.average_price_ticks(0).is_nan());
    }

    #[test]
    fn equity_is_cash_plus_marked_positions() {
        let mut ledger = ledger();
        fill(&mut ledger, -20, 1_000, 0.5);
        ledger.mark(0, Ticks(1_250));
        assert_eq!(ledger.cash().to_f64(), 1_199.5);
        assert_eq!(ledger.equity().to_f64(), 1_199.5 - 250.0);
        assert_eq!(ledger.gross().to_f64(), 250.0);
        let (cash, equity) = ledger.worth(|_| Some(Ticks(1_000)));
        assert_eq!((cash, equity.to_f64()), (ledger.cash(), 999.5));
        assert_eq!(ledger.worth(|_| None).1, ledger.equity());
    }
}
