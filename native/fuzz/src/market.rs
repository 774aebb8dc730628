//! A market that the bytes choose, and what is sent to it: orders and commands of every kind, mostly sensible.

use omni_oms::gate::map::Bank;
use omni_oms::{
    AccountConfig, Attribution, Command, Config, EVERY_ACCOUNT, EVERY_INSTRUMENT, InstrumentConfig, Limits, MAX_NEW, MAX64,
    MAX128, Oms, PositionLimits, SwitchScope,
};
use omni_types::{
    AccountId, InstrumentId, LARGEST, Money, Nanos, NewOrder, OrderId, OrderType, PegReference, PostOnly, Qty, SelfTrade, Side,
    Ticks, TimeInForce, TradingPhase, TrailUnit, Trigger,
};

use crate::Input;

/// Most slices of an iceberg that is let in. The contract allows 65,536, and a hundred such icebergs one command of seconds.
pub const MOST_SLICES: i64 = 1 << 10;

/// How many there are of whom and what, and which prices are usual.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    /// Accounts.
    pub n_accounts: u8,
    /// Instruments.
    pub n_instruments: u8,
    /// What the markets do at first.
    pub phase: TradingPhase,
    /// Where most prices are.
    pub centre: i64,
    /// How far apart neighbours are: up to several times what the engine's window of prices spans.
    pub step: i64,
}

impl Market {
    /// The market that comes next in the bytes.
    pub fn read(input: &mut Input) -> Self {
        let phase = match input.byte() {
            byte @ 0..5 => TradingPhase::ALL[usize::from(byte)],
            _ => TradingPhase::Continuous,
        };
        let n_accounts = 1 + input.below(4);
        let n_instruments = 1 + input.below(3);
        let step = input.pick(&[1, 1, 1, 63, 4_096, 262_144]);
        let centre = input.pick(&[100, 1 << 30, 20, LARGEST - 20]);
        Self { n_accounts, n_instruments, phase, centre, step }
    }

    /// A configuration of that many accounts and instruments, with limits and values that the bytes choose.
    pub fn config(&self, input: &mut Input) -> Config {
        let instruments = (0..self.n_instruments).map(|number| InstrumentConfig {
            symbol: format!("I{number}"),
            tick_size: 0.01,
            currency: "USD".into(),
            tick_value: Money(input.pick(&[10, 1, 10_000_000_000_000_000, (1 << 90) - 1])),
            reference: Ticks(input.pick(&[0, self.centre, LARGEST])),
            sector: input.pick(&[0, 1, 1, 3]),
            collar_bps: input.pick(&[MAX64, MAX64, 2_000]),
            ..InstrumentConfig::default()
        });
        let instruments: Vec<_> = instruments.collect();
        let accounts = (0..self.n_accounts).map(|number| AccountConfig {
            name: format!("A{number}"),
            // A chain, a star, or nobody above anybody.
            parent: number
                .checked_sub(1)
                .and_then(|before| input.pick(&[None, Some(before), Some(0)]))
                .map(|at| AccountId(at.into())),
            capital: input.pick(&[Money(1 << 90), Money(0), Money(100_000), MAX128]),
            limits: limits(input),
            warnings: limits(input),
        });
        let accounts: Vec<_> = accounts.collect();
        let positions = if input.flag() { vec![position_limits(input)] } else { Vec::new() };
        Config { phase: self.phase, two_person: input.flag(), instruments, accounts, positions }
    }

    /// The next command in the bytes for a system; `None` where they hold none, or one that could trade for longer than a story
    /// should take.
    pub fn command(&self, input: &mut Input, oms: &Oms) -> Option<Command> {
        let kind = input.below(32);
        let command = if kind == 31 { raw_command(input) } else { Some(self.usual_command(input, kind, oms)) };
        command.filter(|command| !is_long(command, oms))
    }

    fn usual_command(&self, input: &mut Input, kind: u8, oms: &Oms) -> Command {
        let (clock, n_orders) = (oms.clock().0, oms.orders().len() as u64);
        let ts = Nanos(input.number(|byte| clock.saturating_add(byte - 2)));
        let instrument = InstrumentId(input.below(self.n_instruments + 1).into());
        let or_all =
            |instrument: InstrumentId| if instrument.0 < self.n_instruments.into() { instrument } else { EVERY_INSTRUMENT };
        match kind {
            0..16 => Command::New { ts, client_order_id: client_order_id(input), order: self.order(input, instrument, clock) },
            16..20 => Command::Cancel { ts, order_id: order_id(input, n_orders) },
            20..24 => {
                let (order_id, qty) = (order_id(input, n_orders), Qty(input.number(|byte| byte % 64)));
                let (price, stop_price) = (Ticks(self.price_or_none(input)), Ticks(self.price_or_none(input)));
                Command::Replace { ts, order_id, qty, price, stop_price }
            }
            24 => {
                let account = input.below(self.n_accounts + 1);
                let account = if account < self.n_accounts { AccountId(account.into()) } else { EVERY_ACCOUNT };
                let side = input.pick(&[None, Some(Side::Buy), Some(Side::Sell)]);
                Command::MassCancel { ts, account, instrument: or_all(instrument), side }
            }
            25..27 => Command::SetPhase { ts, instrument: or_all(instrument), phase: next_phase(input) },
            27 if input.flag() => self.kill_switch(input, ts),
            27 => Command::Advance { ts },
            28 => Command::Mark { ts, instrument, price: Ticks(self.price(input)) },
            _ => self.write(input, ts),
        }
    }

    /// The next order in the bytes: one shape of many, and sometimes a field from anywhere.
    pub fn order(&self, input: &mut Input, instrument: InstrumentId, clock: i64) -> NewOrder {
        let shape = input.byte();
        let account = AccountId(input.below(self.n_accounts + u8::from(shape == 255)).into());
        let side = input.pick(Side::ALL);
        let qty = input.number(|byte| 1 + byte % 64);
        let mut order = NewOrder::limit(account, instrument, side, Qty(qty), Ticks(self.price(input)));
        order.self_trade = input.pick(SelfTrade::ALL);
        order.time_in_force = input.pick(&[TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Gtd]);
        self.shape(input, shape % 16, &mut order);
        if shape >= 192 {
            anything(input, &mut order);
        }
        if order.time_in_force == TimeInForce::Gtd {
            order.terms.expire_at = Nanos(input.number(|byte| clock.saturating_add(8 * byte)));
        }
        order
    }

    fn shape(&self, input: &mut Input, shape: u8, order: &mut NewOrder) {
        let terms = &mut order.terms;
        match shape {
            0..4 => {}
            4 => (order.order_type, order.price, order.time_in_force) = (OrderType::Market, Ticks(0), now(input)),
            5 => order.time_in_force = now(input),
            6 => {
                order.time_in_force = input.pick(&[TimeInForce::AtOpen, TimeInForce::AtClose]);
                if input.flag() {
                    (order.order_type, order.price) = (OrderType::Market, Ticks(0));
                }
            }
            7 | 8 => {
                let is_limit = shape == 8;
                order.order_type = if is_limit { OrderType::StopLimit } else { OrderType::Stop };
                order.price = if is_limit { order.price } else { Ticks(0) };
                (terms.stop_price, terms.trigger) = (Ticks(self.price(input)), input.pick(&[Trigger::Last, Trigger::Bbo]));
            }
            9 => {
                (order.order_type, order.price) = (OrderType::TrailingStop, Ticks(0));
                terms.trigger = input.pick(&[Trigger::Last, Trigger::Bbo]);
                terms.trail_unit = input.pick(&[TrailUnit::Ticks, TrailUnit::Bps]);
                terms.trail = input.number(|byte| 1 + byte % 16 * 40);
            }
            10 | 11 => {
                order.order_type = OrderType::Pegged;
                order.price = Ticks(self.price_or_none(input));
                terms.peg_reference = input.pick(&[PegReference::Primary, PegReference::Market, PegReference::Mid]);
                terms.peg_offset = Ticks(input.number(|byte| byte % 8 - 4));
            }
            12 | 13 => terms.display_qty = Qty(input.number(|byte| byte % 8)),
            14 => match input.below(4) {
                0 => terms.all_or_none = true,
                1 => (order.order_type, order.price, terms.min_qty) = (OrderType::Market, Ticks(0), Qty(5)),
                _ => terms.min_qty = Qty(input.number(|byte| byte % 32)),
            },
            _ => order.post_only = input.pick(&[PostOnly::Reject, PostOnly::Slide]),
        }
    }

    /// A price, mostly a usual one.
    pub fn price(&self, input: &mut Input) -> i64 {
        input.number(|byte| self.centre.saturating_add((byte % 32 - 16) * self.step))
    }

    /// The same, or 0.
    pub fn price_or_none(&self, input: &mut Input) -> i64 {
        if input.flag() { self.price(input) } else { 0 }
    }

    fn kill_switch(&self, input: &mut Input, ts: Nanos) -> Command {
        let scope = match input.below(4) {
            0 => SwitchScope::Everything,
            1 => SwitchScope::Instrument(InstrumentId(input.below(self.n_instruments + 1).into())),
            _ => SwitchScope::Account(AccountId(input.below(self.n_accounts + 1).into())),
        };
        let by = Attribution { who: input.pick(&["ana", "bo"]).to_owned(), why: "to see".to_owned() };
        Command::KillSwitch { ts, scope, on: input.flag(), by: Box::new(by) }
    }

    fn write(&self, input: &mut Input, ts: Nanos) -> Command {
        let account = u64::from(input.below(self.n_accounts));
        let address = match input.byte() {
            0 => input.u64(),
            1..16 => 0x28,
            16..32 => Bank::Instrument.address(input.below(self.n_instruments).into()) + 8 * u64::from(input.below(9)),
            32..48 => Bank::Position.address(account * u64::from(self.n_instruments)) + 8 * u64::from(input.below(6)),
            byte @ 48..96 => Bank::Warning.address(account) + 8 * u64::from(byte % 20),
            byte => Bank::Account.address(account) + 8 * u64::from(byte % 40),
        };
        let value = input.number(|byte| if byte < 128 { byte % 2 } else { 1 << (byte % 64) });
        Command::WriteRegister { ts, address, value: value as u64 }
    }
}

fn is_long(command: &Command, oms: &Oms) -> bool {
    let (qty, shown) = match *command {
        Command::New { order, .. } => (order.qty.0, order.terms.display_qty.0),
        Command::Replace { order_id, qty, .. } => (qty.0, oms.live(order_id).map_or(0, |order| order.terms.display_qty.0)),
        Command::Cancel { .. }
        | Command::MassCancel { .. }
        | Command::SetPhase { .. }
        | Command::Advance { .. }
        | Command::Mark { .. }
        | Command::WriteRegister { .. }
        | Command::KillSwitch { .. } => return false,
    };
    shown > 0 && qty > shown.saturating_mul(MOST_SLICES)
}

/// A frame from anywhere: its kind, and a payload of the length that goes with it.
fn raw_command(input: &mut Input) -> Option<Command> {
    let kind = u16::from(1 + input.below(9));
    let length = match kind {
        1 => [56, MAX_NEW][usize::from(input.byte() % 2)],
        2 | 5 => 16,
        3 => 40,
        6 => 8,
        9 => 20 + usize::from(input.below(8)),
        _ => 24,
    };
    Command::decode(kind, input.take(length)).ok()
}

fn limits(input: &mut Input) -> Limits {
    if !input.flag() {
        return Limits::default();
    }
    Limits {
        max_position: input.pick(&[MAX64, 100, 0]),
        max_order_qty: input.pick(&[MAX64, 50]),
        collar_bps: input.pick(&[MAX64, 1_000, 0]),
        max_notional: input.pick(&[MAX128, Money(50_000), Money(0)]),
        order_rate: input.pick(&[MAX64, 1, 1_000_000_000]),
        order_burst: input.pick(&[1, 5, 1_000_000_000]),
        cancel_rate: input.pick(&[MAX64, 1, 1_000_000_000]),
        cancel_burst: input.pick(&[1, 5]),
        max_daily_loss: input.pick(&[MAX128, Money(100), Money(0)]),
        max_drawdown: input.pick(&[MAX64, 1_000, 0]),
        max_leverage: input.pick(&[MAX64, 40_000, 0]),
        max_sector: input.pick(&[MAX64, 10_000]),
        max_name: input.pick(&[MAX64, 5_000]),
    }
}

/// Of the first account in the first instrument.
fn position_limits(input: &mut Input) -> PositionLimits {
    let (account, instrument) = (AccountId(0), InstrumentId(0));
    PositionLimits { account, instrument, max_position: input.pick(&[MAX64, 80]), max_order_qty: input.pick(&[MAX64, 30]) }
}

/// A phase, often continuous trading.
pub fn next_phase(input: &mut Input) -> TradingPhase {
    input.pick(&[
        TradingPhase::Continuous,
        TradingPhase::PreOpen,
        TradingPhase::Continuous,
        TradingPhase::Closed,
        TradingPhase::Halted,
        TradingPhase::PreClose,
    ])
}

fn now(input: &mut Input) -> TimeInForce {
    input.pick(&[TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Day])
}

fn order_id(input: &mut Input, n_orders: u64) -> OrderId {
    OrderId(match input.byte() {
        255 => u64::MAX,
        back => n_orders.saturating_sub(back.into()),
    })
}

fn client_order_id(input: &mut Input) -> u128 {
    match input.byte() {
        byte @ 0..64 => u128::from(byte),
        64 => u128::MAX,
        65 => 1 << 127,
        _ => 0,
    }
}

/// One field from anywhere, which mostly makes an order that is refused.
fn anything(input: &mut Input, order: &mut NewOrder) {
    let terms = &mut order.terms;
    match input.below(15) {
        0 => order.order_type = input.pick(OrderType::ALL),
        1 => order.time_in_force = input.pick(TimeInForce::ALL),
        2 => order.post_only = input.pick(PostOnly::ALL),
        3 => order.qty = Qty(input.u64() as i64),
        4 => order.price = Ticks(input.u64() as i64),
        5 => terms.stop_price = Ticks(input.u64() as i64),
        6 => terms.trail = input.u64() as i64,
        7 => terms.peg_offset = Ticks(input.u64() as i64),
        8 => terms.display_qty = Qty(input.u64() as i64),
        9 => terms.min_qty = Qty(input.u64() as i64),
        10 => terms.expire_at = Nanos(input.u64() as i64),
        11 => terms.trail_unit = input.pick(TrailUnit::ALL),
        12 => terms.trigger = input.pick(Trigger::ALL),
        13 => terms.peg_reference = input.pick(PegReference::ALL),
        _ => terms.all_or_none = true,
    }
}
