//! What we know of our account: the ledger of every run, in half ticks, with the fees of a schedule.

use omni_types::{Money, Side, Ticks};

use super::book::Depth;
use super::contract::Contract;
use super::recorder::Sample;
use crate::ledger::Ledger;
use crate::models::{Currencies, FeeMeter, FeeQuestion, FeeSchedule, Flow, FlowKind, dividend};

/// Cash and positions, exact to the last unit of money.
#[derive(Clone, Debug)]
pub struct Account {
    ledger: Ledger,
    contracts: Vec<Contract>,
    fees: Option<FeeMeter>,
    /// Instruments whose price is the rate of a currency.
    rates: Vec<usize>,
    traded: Money,
    n_fills: u64,
    lots_traded: i64,
    /// The last mid of the first instrument that was sampled, twice.
    twice_mid: i64,
}

/// A fill as we heard of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Execution {
    /// When, by the venue's clock: a month of fees is one of its.
    pub ts: i64,
    pub order: u32,
    pub instrument: u16,
    pub side: Side,
    pub qty: i64,
    pub price: i64,
    /// What the market showed.
    pub met: i64,
    pub is_maker: bool,
}

impl Account {
    pub(crate) fn new(cash: Money, contracts: Vec<Contract>, fees: Option<FeeSchedule>) -> Self {
        let ledger = Ledger::new(cash, contracts.iter().map(Contract::half));
        let fees = fees.map(FeeMeter::new);
        Self { ledger, contracts, fees, rates: Vec::new(), traded: Money::ZERO, n_fills: 0, lots_traded: 0, twice_mid: 0 }
    }

    /// The same with cash of several currencies.
    pub(crate) fn with_currencies(mut self, currencies: &Currencies) -> Self {
        let ticks: Vec<Money> = self.contracts.iter().map(Contract::half_price).collect();
        self.rates = currencies.rates.iter().map(|rate| rate.symbol).collect();
        self.ledger = self.ledger.with_currencies(currencies, &ticks);
        self
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// Fees paid; negative when rebates are more.
    pub fn fees(&self) -> Money {
        self.ledger.fees()
    }

    /// What impact made fills worse than the prices that were shown.
    pub fn impact(&self) -> Money {
        self.ledger.slippage()
    }

    /// Profit of all that was closed, before fees.
    pub fn realised(&self) -> Money {
        self.ledger.realised()
    }

    /// Value of all fills, base currency.
    pub fn traded(&self) -> Money {
        self.traded
    }

    /// How many fills there were.
    pub fn n_fills(&self) -> u64 {
        self.n_fills
    }

    /// Lots of all fills.
    pub fn lots_traded(&self) -> i64 {
        self.lots_traded
    }

    /// Signed lots held.
    #[inline]
    pub fn lots(&self, instrument: u16) -> i64 {
        self.ledger.lots(usize::from(instrument))
    }

    /// Average price of the open lots, ticks; NaN when flat.
    pub fn average_price(&self, instrument: u16) -> f64 {
        self.ledger.average_price_ticks(usize::from(instrument)) / 2.0
    }

    /// Cash, and cash plus positions, at the mids of now. What has no mid counts as it was last marked: at a mid, or at the price of its first
    /// fill before there was one.
    pub(crate) fn worth(&self, depths: &[Depth]) -> (Money, Money) {
        self.ledger.worth(|symbol| mid(depths, symbol))
    }

    /// Mark everything at the mids of now.
    pub(crate) fn mark(&mut self, depths: &[Depth]) {
        for symbol in 0..self.contracts.len() {
            if let Some(mid) = mid(depths, symbol) {
                self.ledger.mark(symbol, mid);
            }
        }
    }

    pub(crate) fn sample(&mut self, ts: i64, depths: &[Depth]) -> Sample {
        self.mark(depths);
        self.twice_mid = mid(depths, 0).map_or(self.twice_mid, |mid| mid.0);
        let (equity, cash) = (self.ledger.equity().to_f64(), self.ledger.cash().to_f64());
        Sample { ts, equity, cash, position: self.lots(0), twice_mid: self.twice_mid }
    }

    /// Take over a fill; returns its fee, and the profit it realised.
    pub(crate) fn fill(&mut self, fill: &Execution, depths: &[Depth]) -> (Money, Money) {
        let Execution { ts, order, side, qty, price, met, is_maker, .. } = *fill;
        let symbol = usize::from(fill.instrument);
        let contract = &self.contracts[symbol];
        // Fees and the volume of the month count in the base at the rates of now.
        for &rate in &self.rates {
            if let Some(mid) = mid(depths, rate) {
                self.ledger.mark(rate, mid);
            }
        }
        let fee = self.fees.as_mut().map_or(Money::ZERO, |fees| {
            let quantity = contract.quantity(qty);
            let question = FeeQuestion { order, maker: is_maker, notional: contract.notional(price, quantity), quantity };
            fees.enter(ts);
            fees.charge(&question, question.notional * self.ledger.rate_of(symbol))
        });
        let value = i128::from(price) * i128::from(qty) * contract.tick_value().0;
        self.traded.0 += self.ledger.to_base(symbol, value);
        self.n_fills += 1;
        self.lots_traded = self.lots_traded.saturating_add(qty);
        let realised = self.ledger.fill(symbol, side.sign() * qty, Ticks(2 * price), Ticks(2 * met), fee);
        if self.ledger.mark_of(symbol).0 == 0 {
            self.ledger.mark(symbol, mid(depths, symbol).unwrap_or(Ticks(2 * price)));
        }
        (fee, realised)
    }

    /// Take in a dividend, of which long positions keep only a part.
    pub(crate) fn dividend(&mut self, symbol: usize, amount: f64, withheld: f64, at: i64) -> Option<Flow> {
        let (lots, currency) = (self.ledger.lots(symbol), self.ledger.currency_of(symbol));
        let amount = dividend(lots, self.contracts[symbol].quantity(lots), amount, withheld)?;
        self.ledger.receive(currency, amount);
        Some(Flow { at, symbol: Some(symbol as u32), currency, kind: FlowKind::Dividend, lots: 0, amount })
    }
}

/// Twice the mid of an instrument, which is its mid in half ticks.
fn mid(depths: &[Depth], symbol: usize) -> Option<Ticks> {
    depths.get(symbol)?.twice_mid().map(Ticks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Commission;

    #[test]
    fn a_round_trip_realises_its_profit_and_pays_its_fees() {
        let rate = |rate| Commission { rate, ..Commission::default() };
        let contracts = vec![Contract::new(0.5, 0.5, 1.0).unwrap()];
        let fees = FeeSchedule::flat(rate(0.002), rate(-0.001));
        let mut account = Account::new(Money::from_f64(1_000.0).unwrap(), contracts, Some(fees));
        let fill =
            |order, side, price, qty, is_maker| Execution { ts: 0, order, instrument: 0, side, qty, price, met: price, is_maker };
        let (fee, realised) = account.fill(&fill(0, Side::Sell, 100, 4, true), &[]);
        assert_eq!((fee.to_f64(), realised), (-0.2, Money::ZERO));
        assert_eq!((account.lots(0), account.average_price(0)), (-4, 100.0));
        // 3 bought back at 90 and 3 more: 3 · 10 ticks · 0.5.
        let (fee, realised) = account.fill(&fill(1, Side::Buy, 90, 3, false), &[]);
        assert!((fee.to_f64() - 0.27).abs() < 1e-12);
        assert_eq!(realised.to_f64(), 15.0);
        let (_, realised) = account.fill(&fill(2, Side::Buy, 110, 3, false), &[]);
        assert_eq!((realised.to_f64(), account.lots(0), account.average_price(0)), (-5.0, 2, 110.0));
        let (cash, equity) = account.worth(&[]);
        assert_eq!(cash.to_f64(), 1_000.0 + 200.0 - 135.0 - 165.0 + 0.2 - 0.27 - 0.33);
        // Nobody ever quoted it: it counts at the price of its first fill.
        assert_eq!((equity - cash).to_f64(), 100.0);
        assert_eq!((account.realised().to_f64(), account.traded().to_f64()), (10.0, 500.0));
    }
}
