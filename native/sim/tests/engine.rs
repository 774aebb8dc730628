//! Scripts of orders and bars with numbers a reader can follow by hand, and laws that hold for every sequence of orders.

use std::sync::Arc;

use omni_sim::{
    BarEngine, BarPanel, Column, Commission, FillTiming, InstrumentSpec, LimitFill, OnInsufficientCash, OrderKind, OrderReason,
    OrderRequest, OrderStatus, RawBars, SimConfig, Slippage, TargetKind, run_targets,
};
use omni_types::{Money, Side, Ticks};
use proptest::prelude::*;

fn config() -> SimConfig {
    SimConfig {
        initial_capital: Money::from_f64(10_000.0).unwrap(),
        fill: FillTiming::NextOpen,
        limit_fill: LimitFill::Through,
        commission: Commission::default(),
        slippage: Slippage::default(),
        max_leverage: Some(1.0),
        on_insufficient_cash: OnInsufficientCash::Reduce,
        volume_limit: None,
    }
}

/// One instrument in whole-unit ticks; each row is open, high, low, close.
fn engine(rows: &[[f64; 4]], config: SimConfig) -> BarEngine {
    let ts: Vec<i64> = (0..rows.len() as i64).collect();
    let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<_>>();
    let (open, high, low, close) = (column(0), column(1), column(2), column(3));
    let raw = RawBars { ts: &ts, open_high_low: Some([&open, &high, &low]), close: &close, volume: None };
    let spec = InstrumentSpec { symbol: "X".into(), tick_size: Some(1.0), lot_size: 1.0 };
    BarEngine::new(Arc::new(BarPanel::new(&raw, &[spec]).unwrap()), config)
}

fn step(engine: &mut BarEngine, decide: impl FnOnce(&mut BarEngine)) {
    engine.open();
    engine.inside();
    engine.close();
    decide(engine);
    engine.settle();
}

fn order(side: Side, qty: i64, kind: OrderKind, price: i64) -> OrderRequest {
    OrderRequest { symbol: 0, side, qty, kind, price: Ticks(price) }
}

fn prices(engine: &BarEngine) -> Vec<(u32, i64, i64)> {
    engine.fills().iter().map(|fill| (fill.step, fill.qty, fill.price.0)).collect()
}

const CALM: [f64; 4] = [100.0, 105.0, 95.0, 101.0];

#[test]
fn a_market_order_fills_at_the_next_open() {
    let mut engine = engine(&[CALM, [102.0, 110.0, 99.0, 109.0]], config());
    step(&mut engine, |engine| {
        engine.send(order(Side::Buy, 10, OrderKind::Market, 0));
    });
    step(&mut engine, |_| {});
    assert_eq!(prices(&engine), [(1, 10, 102)]);
    assert_eq!(engine.equity(), [10_000.0, 10_070.0]);
}

#[test]
fn a_limit_fills_at_its_price_inside_and_at_the_open_when_jumped_over() {
    let mut inside = engine(&[CALM, [100.0, 104.0, 95.0, 101.0]], config());
    step(&mut inside, |engine| {
        engine.send(order(Side::Buy, 10, OrderKind::Limit, 97));
    });
    step(&mut inside, |_| {});
    assert_eq!(prices(&inside), [(1, 10, 97)]);

    let mut jumped = engine(&[CALM, [94.0, 96.0, 93.0, 95.0]], config());
    step(&mut jumped, |engine| {
        engine.send(order(Side::Buy, 10, OrderKind::Limit, 97));
    });
    step(&mut jumped, |_| {});
    assert_eq!(prices(&jumped), [(1, 10, 94)]);
}

#[test]
fn a_price_that_is_only_touched_fills_only_if_touching_is_enough() {
    for (limit_fill, n_fills) in [(LimitFill::Through, 0), (LimitFill::Touch, 1)] {
        let mut engine = engine(&[CALM, [100.0, 104.0, 97.0, 101.0]], SimConfig { limit_fill, ..config() });
        step(&mut engine, |engine| {
            engine.send(order(Side::Buy, 10, OrderKind::Limit, 97));
        });
        step(&mut engine, |_| {});
        assert_eq!(engine.fills().len(), n_fills);
    }
}

#[test]
fn a_stop_gets_the_worse_of_its_price_and_the_open() {
    for (row, price) in [([100.0, 106.0, 99.0, 105.0], 103), ([104.0, 106.0, 103.0, 105.0], 104)] {
        let mut engine = engine(&[CALM, row], config());
        step(&mut engine, |engine| {
            engine.send(order(Side::Buy, 10, OrderKind::Stop, 103));
        });
        step(&mut engine, |_| {});
        assert_eq!(prices(&engine), [(1, 10, price)]);
    }
}

#[test]
fn of_a_stop_and_a_limit_in_one_bar_the_stop_goes_first() {
    let mut engine = engine(&[CALM, CALM, [100.0, 110.0, 90.0, 100.0]], config());
    step(&mut engine, |engine| {
        engine.send(order(Side::Buy, 10, OrderKind::Market, 0));
    });
    step(&mut engine, |engine| {
        engine.send(order(Side::Sell, 10, OrderKind::Limit, 108));
        engine.send(order(Side::Sell, 10, OrderKind::Stop, 92));
    });
    step(&mut engine, |_| {});
    assert_eq!(prices(&engine), [(1, 10, 100), (2, 10, 92), (2, 10, 108)]);
}

#[test]
fn an_order_beyond_the_cash_is_cut_to_it() {
    let mut engine = engine(&[CALM, CALM], config());
    step(&mut engine, |engine| {
        engine.send(order(Side::Buy, 1_000, OrderKind::Market, 0));
    });
    step(&mut engine, |_| {});
    assert_eq!(prices(&engine), [(1, 100, 100)]);
    assert_eq!((engine.orders()[0].status, engine.orders()[0].reason), (OrderStatus::Canceled, OrderReason::InsufficientCash));
    assert_eq!(engine.counts().reduced, 1);
}

#[test]
fn what_reduces_a_position_goes_first() {
    let mut engine = engine(&[CALM, CALM, CALM], config());
    step(&mut engine, |engine| {
        engine.send(order(Side::Buy, 100, OrderKind::Market, 0));
    });
    step(&mut engine, |engine| {
        engine.send(order(Side::Buy, 50, OrderKind::Market, 0));
        engine.send(order(Side::Sell, 60, OrderKind::Market, 0));
    });
    step(&mut engine, |_| {});
    assert_eq!(engine.fills().iter().map(|fill| (fill.order, fill.qty)).collect::<Vec<_>>(), [(0, 100), (2, 60), (1, 50)]);
}

#[test]
fn what_still_works_at_the_end_expires() {
    let mut engine = engine(&[CALM], config());
    step(&mut engine, |engine| {
        engine.send(order(Side::Buy, 10, OrderKind::Limit, 50));
    });
    engine.finish();
    assert_eq!((engine.orders()[0].status, engine.orders()[0].reason), (OrderStatus::Expired, OrderReason::EndOfData));
}

/// What a random strategy may do after a close.
#[derive(Clone, Copy, Debug)]
enum Action {
    Send { symbol: usize, side: Side, qty: i64, kind: OrderKind, offset: i64 },
    Target { symbol: usize, lots: i64 },
    Cancel { back: usize },
}

fn action() -> impl Strategy<Value = Action> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let kind = prop_oneof![Just(OrderKind::Market), Just(OrderKind::Limit), Just(OrderKind::Stop)];
    prop_oneof![
        4 => (0_usize..2, side, 1_i64..60, kind, -6_i64..7)
            .prop_map(|(symbol, side, qty, kind, offset)| Action::Send { symbol, side, qty, kind, offset }),
        2 => (0_usize..2, -60_i64..60).prop_map(|(symbol, lots)| Action::Target { symbol, lots }),
        1 => (1_usize..8).prop_map(|back| Action::Cancel { back }),
    ]
}

fn settings() -> impl Strategy<Value = SimConfig> {
    let fill = prop_oneof![Just(FillTiming::NextOpen), Just(FillTiming::NextClose), Just(FillTiming::ThisClose)];
    let limit_fill = prop_oneof![Just(LimitFill::Touch), Just(LimitFill::Through)];
    let cash = prop_oneof![Just(OnInsufficientCash::Reduce), Just(OnInsufficientCash::Reject)];
    let leverage = prop_oneof![Just(Some(1.0)), Just(Some(2.5)), Just(None)];
    let volume = prop_oneof![Just(None), Just(Some(0.3))];
    (fill, limit_fill, cash, leverage, volume, 0.0_f64..0.002, 0_i64..3).prop_map(
        |(fill, limit_fill, on_insufficient_cash, max_leverage, volume_limit, rate, ticks)| SimConfig {
            fill,
            limit_fill,
            on_insufficient_cash,
            max_leverage,
            volume_limit,
            commission: Commission { rate, per_share: rate * 3.0, per_fill: rate * 5.0 },
            slippage: Slippage { bps: rate * 1e4, ticks },
            ..config()
        },
    )
}

fn market(moves: &[(i64, i64, i64)]) -> Arc<BarPanel> {
    let n = moves.len();
    let (mut columns, mut last) = (vec![Vec::new(); 5], [100_i64, 100]);
    for (row, &(gap, drift, reach)) in moves.iter().enumerate() {
        for (symbol, last) in last.iter_mut().enumerate() {
            // The second instrument pauses now and then.
            let missing = symbol == 1 && row % 5 == 3;
            let open = (*last + gap * (1 - 2 * symbol as i64)).max(5);
            let close = (open + drift).max(5);
            *last = close;
            let cells = [open, open.max(close) + reach, (open.min(close) - reach).max(1), close, 40 + 7 * reach];
            for (column, &cell) in columns.iter_mut().zip(&cells) {
                column.push(if missing { f64::NAN } else { cell as f64 });
            }
        }
    }
    let ts: Vec<i64> = (0..n as i64).collect();
    let raw = RawBars {
        ts: &ts,
        open_high_low: Some([&columns[0], &columns[1], &columns[2]]),
        close: &columns[3],
        volume: Some(&columns[4]),
    };
    let spec = |symbol: &str| InstrumentSpec { symbol: symbol.into(), tick_size: Some(1.0), lot_size: 1.0 };
    Arc::new(BarPanel::new(&raw, &[spec("A"), spec("B")]).unwrap())
}

fn run(panel: &Arc<BarPanel>, config: &SimConfig, actions: &[Vec<Action>]) -> BarEngine {
    let mut engine = BarEngine::new(Arc::clone(panel), config.clone());
    for now in actions.iter().take(panel.n_steps()) {
        step(&mut engine, |engine| {
            for &action in now {
                match action {
                    Action::Send { symbol, side, qty, kind, offset } => {
                        let price = Ticks(engine.ledger().mark_of(symbol).0 + offset);
                        engine.send(OrderRequest { symbol, side, qty, kind, price });
                    }
                    Action::Target { symbol, lots } => engine.target(symbol, lots),
                    Action::Cancel { back } => {
                        if let Some(id) = engine.orders().len().checked_sub(back) {
                            engine.cancel(id as u32);
                        }
                    }
                }
            }
        });
    }
    engine.finish();
    engine
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn coasting_through_quiet_steps_changes_nothing(
        moves in prop::collection::vec((-4_i64..5, -5_i64..6, 0_i64..4), 2..60),
        changes in prop::collection::vec((1_usize..9, -90_i64..90, any::<bool>()), 1..20),
        config in settings(),
    ) {
        let rows: Vec<[f64; 4]> = moves.iter().scan(100_i64, |last, &(gap, drift, reach)| {
            let open = (*last + gap).max(5);
            *last = (open + drift).max(5);
            let (high, low) = (open.max(*last) + reach, (open.min(*last) - reach).max(1));
            Some([open, high, low, *last].map(|price| price as f64))
        }).collect();
        let config = SimConfig { volume_limit: None, ..config };
        let targets: Vec<f64> = changes.iter()
            .flat_map(|&(n, lots, silent)| (0..n).map(move |at| if silent && at > 0 { f64::NAN } else { lots as f64 }))
            .chain(std::iter::repeat(f64::NAN))
            .take(rows.len())
            .collect();
        let (mut coasting, mut stepping) = (engine(&rows, config.clone()), engine(&rows, config));
        run_targets(&mut coasting, &targets, TargetKind::Quantity, rows.len());
        for &target in &targets {
            step(&mut stepping, |engine| if !target.is_nan() { engine.target(0, target as i64) });
        }
        prop_assert_eq!(coasting.equity(), stepping.equity());
        prop_assert_eq!(format!("{:?}", coasting.fills()), format!("{:?}", stepping.fills()));
        prop_assert_eq!(coasting.n_steps_exposed(), stepping.n_steps_exposed());
        prop_assert_eq!(coasting.ledger().equity(), stepping.ledger().equity());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_whatever_is_ordered(
        moves in prop::collection::vec((-4_i64..5, -5_i64..6, 0_i64..4), 2..40),
        actions in prop::collection::vec(prop::collection::vec(action(), 0..4), 40),
        config in settings(),
    ) {
        let panel = market(&moves);
        let engine = run(&panel, &config, &actions);

        // Cash and positions follow from the fills alone, to the last money unit, and equity from both at every step.
        let unit = Money::from_f64(1.0).unwrap();
        let closes = panel.column(Column::Close).unwrap();
        let (mut cash, mut lots, mut marks) = (config.initial_capital, [0_i64; 2], [0_i64; 2]);
        let mut fills = engine.fills().iter().enumerate().peekable();
        for step in 0..panel.n_steps() {
            while let Some((number, fill)) = fills.next_if(|(_, fill)| fill.step as usize == step) {
                let order = &engine.orders()[fill.order as usize];
                let signed = order.side.sign() * fill.qty;
                cash -= unit * (signed * fill.price.0) + Money::from_f64(engine.commission_of(number)).unwrap();
                lots[order.symbol as usize] += signed;
            }
            for symbol in 0..2 {
                if closes[2 * step + symbol] != 0 {
                    marks[symbol] = closes[2 * step + symbol];
                }
            }
            let equity = cash.to_f64() + (lots[0] * marks[0] + lots[1] * marks[1]) as f64;
            prop_assert!((engine.equity()[step] - equity).abs() < 1e-6, "step {step}: {} != {equity}", engine.equity()[step]);
        }
        prop_assert!((engine.ledger().cash().to_f64() - cash.to_f64()).abs() < 1e-9);

        // No order fills more than it asked for, at a price worse than its limit, or before its time.
        for (id, order) in engine.orders().iter().enumerate() {
            let own: Vec<_> = engine.fills().iter().filter(|fill| fill.order as usize == id).collect();
            prop_assert_eq!(order.filled, own.iter().map(|fill| fill.qty).sum::<i64>());
            prop_assert!(order.filled <= order.qty || order.status == OrderStatus::Rejected);
            prop_assert_eq!(order.status == OrderStatus::Filled, order.filled == order.qty && order.qty > 0);
            for fill in own {
                prop_assert!(fill.step > order.step_sent || config.fill == FillTiming::ThisClose);
                if order.kind == OrderKind::Limit {
                    prop_assert!(order.side.accepts(order.price, fill.price));
                }
            }
        }

        // The profit of the closed trades and of the open positions is what the account gained.
        let open: f64 = (0..2).map(|symbol| {
            let held = engine.ledger().lots(symbol) as f64;
            if held == 0.0 { 0.0 } else { held * (marks[symbol] as f64 - engine.ledger().average_price_ticks(symbol)) }
        }).sum();
        let closed: f64 = engine.trades().iter().map(|trade| trade.pnl).sum();
        let commission_in_trades: f64 = engine.trades().iter().map(|trade| trade.commission).sum();
        let commission_open = engine.ledger().fees().to_f64() - commission_in_trades;
        let gained = engine.ledger().equity().to_f64() - 10_000.0;
        prop_assert!((closed + open - commission_open - gained).abs() < 1e-6);
    }

    #[test]
    fn equal_inputs_give_equal_events(
        moves in prop::collection::vec((-4_i64..5, -5_i64..6, 0_i64..4), 2..30),
        actions in prop::collection::vec(prop::collection::vec(action(), 0..4), 30),
        config in settings(),
    ) {
        let panel = market(&moves);
        let describe = |engine: &BarEngine| format!("{:?} {:?} {:?}", engine.orders(), engine.fills(), engine.equity());
        prop_assert_eq!(describe(&run(&panel, &config, &actions)), describe(&run(&panel, &config, &actions)));
    }

    #[test]
    fn no_fill_takes_exposure_beyond_the_leverage(
        moves in prop::collection::vec((-4_i64..5, -5_i64..6, 0_i64..4), 2..30),
        actions in prop::collection::vec(prop::collection::vec(action(), 0..4), 30),
        fill in prop_oneof![Just(FillTiming::NextOpen), Just(FillTiming::ThisClose)],
    ) {
        let panel = market(&moves);
        let config = SimConfig { fill, ..config() };
        let mut engine = BarEngine::new(Arc::clone(&panel), config);
        for now in actions.iter().take(panel.n_steps()) {
            let before = engine.fills().len();
            engine.open();
            let opened = engine.fills().len();
            if opened > before {
                let last = &engine.orders()[engine.fills()[opened - 1].order as usize];
                let reduced = engine.ledger().gross() <= engine.ledger().equity();
                // A fill that only reduced may leave an account that the market moved over its limit still over it.
                let increased = engine.ledger().lots(last.symbol as usize) * last.side.sign() > 0;
                prop_assert!(reduced || !increased);
            }
            engine.inside();
            engine.close();
            for &action in now {
                if let Action::Target { symbol, lots } = action {
                    engine.target(symbol, lots);
                }
            }
            engine.settle();
        }
    }
}
