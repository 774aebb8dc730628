//! Laws of a market of participants: nothing is lost, the same seed gives the same bytes, and rates are those of the rules.

use omni_feed::Books;
use omni_feed::books::Options;
use omni_oms::{Limits, recover};
use omni_sim::agents::{
    AgentMarket, HawkesFlow, InformedFlow, MarketConfig, MarketError, MarketMaker, N_KINDS, ParticipantConfig, SELF_TRADE,
    TrendFollower, Value, ZeroIntelligence,
};
use omni_sim::ticks::{
    Contract, Latency, MessageKind, NoticeKind, Quoter, QuoterConfig, QuotingRule, Status, Stopped, reason, wake,
};
use omni_sim::{Commission, FeeSchedule};
use omni_types::{
    AccountId, InstrumentId, Money, NewOrder, OrderType, PegReference, PostOnly, Qty, SelfTrade, Side, Terms, Ticks, TimeInForce,
    TrailUnit, Trigger,
};

fn per_lot(per_share: f64) -> Commission {
    Commission { per_share, ..Commission::default() }
}

const SECOND: i64 = 1_000_000_000;
const X: InstrumentId = InstrumentId(0);

fn zero_intelligence() -> ParticipantConfig {
    ParticipantConfig::ZeroIntelligence(ZeroIntelligence {
        limit_rates: vec![20.0, 15.0, 10.0, 8.0, 6.0],
        market_rate: 10.0,
        cancel_rates: vec![1.0, 0.5],
        qty: 1,
    })
}

fn maker() -> ParticipantConfig {
    ParticipantConfig::MarketMaker(MarketMaker {
        interval: SECOND / 50,
        half_spread: 1.0,
        skew: 0.05,
        qty: 4,
        n_levels: 3,
        level_step: 1,
        max_position: 60,
        impact: 0.02,
        follow: 0.2,
    })
}

fn informed(informed: f64) -> ParticipantConfig {
    ParticipantConfig::Informed(InformedFlow { rate: 5.0, informed, qty: 2, aggression: 0.5, max_qty: 6, threshold: 0.5 })
}

fn hawkes() -> HawkesFlow {
    let mut branching = [[0.02; N_KINDS]; N_KINDS];
    (0..N_KINDS).for_each(|kind| branching[kind][kind] = 0.4);
    let base = [2.0, 2.0, 6.0, 6.0, 3.0, 3.0];
    HawkesFlow { base, branching, decay: 12.0, distances: vec![3.0, 2.0, 1.0], qty: 1 }
}

fn everybody() -> Vec<ParticipantConfig> {
    let trend = TrendFollower { rate: 8.0, fast: 4.0, slow: 16.0, threshold: 0.4, qty: 1, max_position: 20 };
    vec![
        zero_intelligence(),
        maker(),
        maker(),
        informed(0.4),
        ParticipantConfig::Hawkes(Box::new(hawkes())),
        ParticipantConfig::Trend(trend),
    ]
}

fn config(participants: Vec<ParticipantConfig>, seed: u64) -> MarketConfig {
    MarketConfig {
        start: 0,
        start_ticks: 1_000,
        value: Value::Jumps { rate: 0.5, ticks: 3.0 },
        participants,
        cash: Money::from_f64(1e6).unwrap(),
        contract: Contract::new(0.01, 0.01, 1.0).unwrap(),
        latency: Latency::Constant { entry: 2_000_000, response: 3_000_000 },
        feed_delay: 1_000_000,
        fees: Some(FeeSchedule::flat(per_lot(0.003), per_lot(-0.001))),
        limits: Limits::default(),
        seed,
        sample_every: SECOND / 10,
        keeps_events: true,
        journal: None,
    }
}

fn market(participants: Vec<ParticipantConfig>, seed: u64) -> AgentMarket {
    AgentMarket::new(config(participants, seed)).unwrap()
}

fn limit(side: Side, qty: i64, price: i64) -> NewOrder {
    NewOrder { time_in_force: TimeInForce::Gtc, ..NewOrder::limit(AccountId(0), X, side, Qty(qty), Ticks(price)) }
}

fn take(side: Side, qty: i64) -> NewOrder {
    NewOrder { time_in_force: TimeInForce::Ioc, ..NewOrder::market(AccountId(0), X, side, Qty(qty)) }
}

/// FNV-1a of everything that was left behind.
fn digest(market: &AgentMarket) -> u64 {
    let events = market.events().unwrap();
    let messages = market.recorder().messages.iter().flat_map(|m| [m.ts, m.ts_venue, m.qty, m.price, m.kind as i64]);
    let samples = market.recorder().samples.iter().flat_map(|s| [s.ts, s.position, s.twice_mid, s.equity.to_bits() as i64]);
    let values = market.values().iter().flat_map(|&(ts, value)| [ts, value.to_bits() as i64]);
    let rows = (0..events.len()).flat_map(|at| [events.ts[at], events.order_id[at] as i64, events.qty[at], events.price[at]]);
    let words = rows.chain(messages).chain(samples).chain(values);
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word as u64).wrapping_mul(0x0100_0000_01b3))
}

fn quoter() -> Quoter {
    Quoter::new(QuoterConfig {
        instrument: 0,
        tick: 1,
        interval: SECOND / 20,
        rule: QuotingRule::Fixed { half_spread: 0.5, skew: 0.1 },
        qty: 2,
        max_position: 20,
        n_levels: 2,
        level_step: 1,
        half_life: 5.0,
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine_and_in_pieces() {
    let run = |seed, n_pieces: i64| {
        let mut market = market(everybody(), seed);
        let mut quoter = quoter();
        (1..=n_pieces).for_each(|piece| assert!(quoter.run(&mut market, 40 * SECOND * piece / n_pieces)));
        assert!(market.account().n_fills() > 10);
        digest(&market)
    };
    let first = run(7, 1);
    assert_eq!(first, run(7, 23));
    assert_ne!(first, run(8, 1));
    // Pinned, so that builds with and without optimisation, and other machines, have to agree.
    assert_eq!(first, 2_324_317_461_889_739_437, "the digest of this run");
}

#[test]
fn a_long_way_in_breaths_is_the_same_way() {
    let (mut whole, mut pieces) = (market(everybody(), 3), market(everybody(), 3));
    assert_eq!(whole.advance(20 * SECOND, 0), Stopped::Time);
    let mut n_breaths = 0;
    while pieces.advance_within(20 * SECOND, 0, 100).is_none() {
        n_breaths += 1;
    }
    assert!(n_breaths > 20);
    assert_eq!((digest(&whole), whole.now()), (digest(&pieces), pieces.now()));
}

#[test]
fn positions_and_cash_of_all_accounts_sum_to_zero() {
    let mut market = market(everybody(), 5);
    for round in 0..60 {
        market.advance(round * SECOND, 0);
        market.submit(&take(if round % 3 == 0 { Side::Sell } else { Side::Buy }, 3));
        market.submit(&limit(Side::Buy, 2, market.depth().best_bid().unwrap_or(1_000)));
    }
    market.advance(70 * SECOND, 0);
    let positions = market.oms().positions();
    assert_eq!(positions.len(), market.names().len() + 1, "everybody traded");
    let (mut lots, mut cash) = (0, 0);
    for (_, _, position) in positions.iter() {
        lots += position.qty;
        cash += position.realised.0 - i128::from(position.qty.signum()) * position.cost.0;
        assert_eq!(position.qty, position.bought - position.sold);
    }
    assert_eq!((lots, cash), (0, 0));
    // Ours, as the venue has it, is what we have heard and not yet paid for.
    let ours = positions.get(AccountId(0), X).unwrap();
    let account = market.account();
    assert_eq!(account.lots(0), ours.qty);
    let paid = ours.realised.0 - i128::from(ours.qty.signum()) * ours.cost.0;
    assert_eq!(market.cash().0 + account.fees().0 - Money::from_f64(1e6).unwrap().0, paid);
}

#[test]
fn books_of_the_events_are_those_of_the_venue_at_every_stop() {
    let mut market = market(everybody(), 11);
    let mut books = Books::new(Options::default());
    let mut seen = 0;
    for step in 1..400 {
        market.advance(step * SECOND / 20, 0);
        if step % 7 == 0 {
            let terms = Terms { display_qty: Qty(2), ..Terms::PLAIN };
            market.submit(&NewOrder { terms, ..limit(Side::Sell, 9, market.depth().best_ask().unwrap_or(1_001)) });
            market.submit(&take(Side::Buy, 4));
        }
        let events = market.events().unwrap();
        let mut new = omni_wire::EventColumns::default();
        (seen..events.len()).filter_map(|at| events.get(at)).for_each(|event| new.push(&event));
        seen = events.len();
        books.apply(&(&new).into());
        for side in Side::ALL.iter().copied() {
            let venue: Vec<_> = market.oms().engine().depth(X, side).map(|at| (at.price.0, at.qty.0, at.n_orders)).collect();
            let book = books.depth(0, side, usize::MAX);
            assert_eq!(book.iter().map(|at| (at.price, at.qty, at.n_orders)).collect::<Vec<_>>(), venue);
        }
    }
    let counts = books.counts();
    assert_eq!([counts.unknown_order, counts.over_taken, counts.duplicate_order, counts.crossed, counts.locked], [0; 5]);
}

#[test]
fn without_market_orders_zero_intelligence_depth_is_poisson() {
    // Each level is a queue with infinitely many servers: depth i ticks away from a best price that stands still is Poisson with mean
    // λ/θ. Orders far away keep both best prices where they are.
    let flow = |rate: f64| {
        ParticipantConfig::ZeroIntelligence(ZeroIntelligence {
            limit_rates: vec![0.0, 0.0, 0.0, rate],
            market_rate: 0.0,
            cancel_rates: vec![2.0],
            qty: 1,
        })
    };
    let mut market = market(vec![flow(30.0)], 17);
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for step in 1..=8_000 {
        market.advance(5 * SECOND + step * SECOND / 2, 0);
        let waiting: f64 =
            Side::ALL.iter().flat_map(|&side| market.oms().engine().depth(X, side)).map(|at| at.qty.0 as f64).sum();
        (n, sum, squares) = (n + 1.0, sum + waiting, squares + waiting * waiting);
    }
    // 2 · 30 / 2 = 30. Looks half a second apart correlate by e^(−1): the standard error is √(30 · (1 + ρ)/(1 − ρ) / n) = 0.09.
    let mean = sum / n;
    let variance = squares / n - mean * mean;
    assert!((mean - 30.0).abs() < 0.4, "{mean}");
    assert!((variance - 30.0).abs() < 2.5, "{variance}");
    let [limits, _, cancels] = market.counts(0)[..] else { panic!() };
    // 60 a second for 4,005 seconds, within four standard deviations; who came and is not there has left.
    assert!((limits as f64 - 60.0 * 4_005.0).abs() < 4.0 * (60.0_f64 * 4_005.0).sqrt());
    let waiting = market.oms().engine().live_orders().len() as u64;
    assert_eq!(limits - cancels, waiting);
}

#[test]
fn zero_intelligence_orders_come_at_their_rates_and_distances() {
    let mut market = market(vec![zero_intelligence()], 23);
    market.advance(400 * SECOND, 0);
    let counts = market.counts(0);
    let expected = [2.0 * 59.0 * 400.0, 2.0 * 10.0 * 400.0];
    for (&count, mean) in counts.iter().zip(expected) {
        assert!((count as f64 - mean).abs() < 4.0 * mean.sqrt(), "{count} instead of {mean}");
    }
    assert!(market.oms().engine().live_orders().len() < 400);
}

#[test]
fn hawkes_intensities_have_their_closed_form() {
    // Of this symmetric matrix (1 − n)⁻¹μ can be written down: with s the sum of all intensities, 0.4 + 5 · 0.02 = 0.5 and so s = Σμ / 0.5;
    // then λ = (μ + 0.02 s) / (1 − 0.38).
    let flow = hawkes();
    let total: f64 = flow.base.iter().sum::<f64>() / 0.5;
    let mut market = market(vec![ParticipantConfig::Hawkes(Box::new(flow.clone()))], 29);
    let seconds = 3_000;
    market.advance(seconds * SECOND, 0);
    for (kind, &count) in market.counts(0).iter().enumerate() {
        let mean = (flow.base[kind] + 0.02 * total) / 0.62 * seconds as f64;
        // Clusters multiply the variance of a count by at most 1/(1 − 0.5)² = 4.
        assert!((count as f64 - mean).abs() < 4.0 * (4.0 * mean).sqrt(), "{kind}: {count} instead of {mean}");
    }
}

#[test]
fn hawkes_clusters_spread_counts_as_their_branching_says() {
    let mut flow = HawkesFlow { base: [0.0; N_KINDS], branching: [[0.0; N_KINDS]; N_KINDS], decay: 20.0, ..hawkes() };
    (flow.base[0], flow.branching[0][0]) = (5.0, 0.5);
    let mut market = market(vec![ParticipantConfig::Hawkes(Box::new(flow))], 31);
    let (n, mut before, mut sum, mut squares) = (1_500, 0, 0.0, 0.0);
    for window in 1..=n {
        market.advance(window * 10 * SECOND, 0);
        let all = market.counts(0)[0];
        let count = (all - before) as f64;
        (before, sum, squares) = (all, sum + count, squares + count * count);
    }
    let mean = sum / n as f64;
    let fano = (squares / n as f64 - mean * mean) / mean;
    // 10 s · 5 / (1 − 0.5); windows much longer than clusters have variance over mean 1/(1 − 0.5)² = 4.
    assert!((mean - 100.0).abs() < 4.0 * (400.0_f64 / n as f64).sqrt(), "{mean}");
    assert!((fano - 4.0).abs() < 0.6, "{fano}");
}

#[test]
fn what_no_market_could_be_is_refused_with_what_was_found() {
    let refused = |config: MarketConfig| match AgentMarket::new(config) {
        Err(MarketError::Setting(error)) => (error.participant, error.name, error.found),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(config(vec![], 0)), (None, "participants", "none".to_owned()));
    let mut wild = hawkes();
    wild.branching[0][0] = 1.1;
    let (place, name, found) = refused(config(vec![zero_intelligence(), ParticipantConfig::Hawkes(Box::new(wild))], 0));
    assert_eq!((place, name), (Some(1), "branching"));
    assert!((1.1..1.2).contains(&found.parse::<f64>().unwrap()), "{found}");
    let negative = ZeroIntelligence { limit_rates: vec![1.0, -2.0], market_rate: 1.0, cancel_rates: vec![1.0], qty: 1 };
    let found = refused(config(vec![ParticipantConfig::ZeroIntelligence(negative)], 0));
    assert_eq!(found, (Some(0), "limit_rates", "-2".to_owned()));
    assert_eq!(refused(config(vec![informed(1.5)], 0)), (Some(0), "informed", "1.5".to_owned()));
    assert_eq!(refused(config(vec![informed(f64::NAN)], 0)).1, "informed");
    let mut late = config(vec![maker()], 0);
    late.feed_delay = -1;
    assert_eq!(refused(late).1, "feed_delay");
}

#[test]
fn an_empty_book_answers() {
    // Market orders find nothing, and nobody quotes.
    let mut market = market(vec![informed(0.0)], 1);
    market.advance(SECOND, 0);
    let orders = [market.submit(&take(Side::Buy, 1)), market.submit(&limit(Side::Buy, 5, 990))];
    market.advance(2 * SECOND, 0);
    let [taken, waiting] = orders.map(|number| market.orders()[number as usize]);
    assert_eq!((taken.status, taken.reason), (Status::Rejected, reason::NO_LIQUIDITY));
    assert!(matches!(waiting.status, Status::New | Status::PartiallyFilled | Status::Filled));
    assert_eq!(market.depth().best_ask(), None);
}

/// Us alone: a participant who never acts.
fn quiet() -> AgentMarket {
    let idle = InformedFlow { rate: 0.0, informed: 0.0, qty: 1, aggression: 0.0, max_qty: 1, threshold: 0.0 };
    let value = Value::Jumps { rate: 0.0, ticks: 0.0 };
    AgentMarket::new(MarketConfig { value, ..config(vec![ParticipantConfig::Informed(idle)], 0) }).unwrap()
}

#[test]
fn requests_and_answers_take_their_time() {
    let mut market = quiet();
    let bid = market.submit(&limit(Side::Buy, 5, 990));
    let ms = 1_000_000;
    assert_eq!(market.advance(SECOND, wake::BOOK | wake::ORDER), Stopped::Feed { what: wake::BOOK, instrument: 0 });
    assert_eq!((market.now(), market.depth().best_bid(), market.orders()[0].status), (3 * ms, Some(990), Status::PendingNew));
    assert_eq!(market.advance(SECOND, wake::ORDER), Stopped::Orders);
    assert_eq!((market.now(), market.orders()[0].status, market.orders()[0].ts_venue), (5 * ms, Status::New, 2 * ms));
    // A sale of our own meets it, and both fills are heard together.
    market.submit(&take(Side::Sell, 2));
    market.take_notices();
    assert_eq!(market.advance(SECOND, wake::ORDER), Stopped::Orders);
    let fills: Vec<_> = market
        .take_notices()
        .into_iter()
        .filter_map(|notice| match notice.kind {
            NoticeKind::Fill { qty, price, is_maker, .. } => Some((notice.order, qty, price, is_maker)),
            _ => None,
        })
        .collect();
    assert_eq!(fills, [(bid, 2, 990, true), (1, 2, 990, false)]);
    assert_eq!((market.now(), market.account().lots(0), market.ahead(bid)), (10 * ms, 0, Some(0)));
    assert!(market.replace(bid, 991, 4, 0));
    assert!(!market.cancel(1), "it is filled");
    market.advance(SECOND, 0);
    assert_eq!((market.orders()[0].price, market.orders()[0].qty, market.orders()[0].leaves()), (991, 4, 2));
    assert!(market.cancel(bid) && market.cancel(bid));
    market.advance(2 * SECOND, 0);
    assert_eq!(market.recorder().samples.last().map(|sample| sample.ts), Some(SECOND + SECOND / 10), "then nothing happens");
    let last: Vec<_> = market.recorder().messages.iter().rev().take(2).map(|message| (message.kind, message.reason)).collect();
    assert_eq!(last, [(MessageKind::RequestRefused, reason::TOO_LATE), (MessageKind::Canceled, 0)]);
    assert_eq!(market.orders()[0].n_pending, 0);
    assert!(market.working().is_empty() && market.is_over());
}

#[test]
fn our_orders_may_be_of_every_type() {
    let mut market = quiet();
    let mut now = 0;
    let mut send = |market: &mut AgentMarket, order: NewOrder| {
        let number = market.submit(&order);
        now += SECOND;
        market.advance(now, 0);
        (number, market.orders()[number as usize])
    };
    let terms = |terms: Terms, order: NewOrder| NewOrder { terms, ..order };
    let (bid, _) = send(&mut market, limit(Side::Buy, 10, 990));
    let (ask, _) = send(&mut market, limit(Side::Sell, 10, 1_000));
    // Post-only that would take.
    let (_, posted) = send(&mut market, NewOrder { post_only: PostOnly::Reject, ..limit(Side::Buy, 1, 1_000) });
    assert_eq!((posted.status, posted.reason), (Status::Expired, reason::WOULD_TAKE));
    // One that slides stands a tick below the offer.
    let (slid, order) = send(&mut market, NewOrder { post_only: PostOnly::Slide, ..limit(Side::Buy, 1, 1_005) });
    assert_eq!((order.status, order.price, market.depth().best_bid()), (Status::New, 999, Some(999)));
    market.cancel(slid);
    // An iceberg shows a slice, a hidden order nothing.
    let (_, iceberg) = send(&mut market, terms(Terms { display_qty: Qty(3), ..Terms::PLAIN }, limit(Side::Sell, 9, 999)));
    assert_eq!((iceberg.status, market.depth().ask_qty(999)), (Status::New, 3));
    let (hidden, _) = send(&mut market, terms(Terms { display_qty: Qty(0), ..Terms::PLAIN }, limit(Side::Buy, 4, 998)));
    assert_eq!((market.depth().best_bid(), market.ahead(hidden)), (Some(990), Some(0)));
    // A peg to the own side follows it, hidden.
    let peg = Terms { peg_reference: PegReference::Primary, ..Terms::PLAIN };
    let (pegged, _) = send(&mut market, NewOrder { order_type: OrderType::Pegged, ..terms(peg, limit(Side::Buy, 2, 0)) });
    assert_eq!(market.orders()[pegged as usize].price, 990);
    // All or nothing, more than there is: it waits out of sight.
    let (whole, order) = send(&mut market, terms(Terms { all_or_none: true, ..Terms::PLAIN }, limit(Side::Buy, 50, 1_000)));
    assert_eq!((order.status, market.ahead(whole)), (Status::New, None));
    // A stop is elected by the trade of a market order.
    let stop = Terms { stop_price: Ticks(998), trigger: Trigger::Last, ..Terms::PLAIN };
    let (stop, order) = send(&mut market, NewOrder { order_type: OrderType::Stop, ..terms(stop, limit(Side::Sell, 1, 0)) });
    assert_eq!(order.status, Status::New);
    let trail = Terms { trail: 5, trail_unit: TrailUnit::Ticks, trigger: Trigger::Last, ..Terms::PLAIN };
    let (trailing, _) =
        send(&mut market, NewOrder { order_type: OrderType::TrailingStop, ..terms(trail, limit(Side::Sell, 1, 0)) });
    send(&mut market, take(Side::Sell, 1));
    assert_eq!(market.orders()[stop as usize].status, Status::Filled);
    assert_eq!(market.orders()[trailing as usize].status, Status::New);
    assert_eq!(market.orders()[hidden as usize].filled, 2);
    // Good till a time that passes: another command makes the venue look at its clock.
    let expiry = Terms { expire_at: omni_types::Nanos(market.now() + SECOND / 2), ..Terms::PLAIN };
    let (gtd, _) = send(&mut market, NewOrder { time_in_force: TimeInForce::Gtd, ..terms(expiry, limit(Side::Buy, 1, 980)) });
    // Self-trade prevention takes from both.
    let (met, order) = send(&mut market, NewOrder { self_trade: SelfTrade::Decrement, ..limit(Side::Sell, 2, 998) });
    assert_eq!((order.status, order.reason), (Status::Canceled, SELF_TRADE));
    assert_eq!((market.orders()[hidden as usize].status, market.orders()[met as usize].filled), (Status::Canceled, 0));
    assert_eq!(market.orders()[gtd as usize].status, Status::Expired);
    // What the form forbids is the venue's word.
    let (_, odd) = send(&mut market, NewOrder { order_type: OrderType::Pegged, ..limit(Side::Buy, 1, 0) });
    assert_eq!((odd.status, odd.reason), (Status::Rejected, 18));
    assert_eq!(market.orders()[bid as usize].status, Status::New);
    assert_eq!(market.orders()[ask as usize].status, Status::New);
}

#[test]
fn the_gate_holds_us_to_our_limits_and_nobody_else() {
    let limits = Limits { max_position: 3, ..Limits::default() };
    let mut market = AgentMarket::new(MarketConfig { limits, ..config(everybody(), 2) }).unwrap();
    market.advance(5 * SECOND, 0);
    let number = market.submit(&limit(Side::Buy, 4, 900));
    market.advance(6 * SECOND, 0);
    let order = market.orders()[number as usize];
    assert_eq!((order.status, order.reason), (Status::Rejected, 33));
    assert!(market.oms().positions().iter().any(|(_, _, position)| position.qty.abs() > 3));
}

#[test]
fn a_journal_gives_the_same_venue_again() {
    let dir = std::env::temp_dir().join(format!("omni-agents-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let mut journaled = AgentMarket::new(MarketConfig { journal: Some(dir.clone()), ..config(everybody(), 13) }).unwrap();
    let mut plain = market(everybody(), 13);
    for market in [&mut journaled, &mut plain] {
        market.advance(10 * SECOND, 0);
        market.submit(&take(Side::Buy, 2));
        market.advance(30 * SECOND, 0);
    }
    assert_eq!(digest(&journaled), digest(&plain));
    journaled.commit().unwrap();
    let (recovered, _) = recover(&dir).unwrap();
    assert_eq!(recovered.state_hash(), plain.oms().state_hash());
    std::fs::remove_dir_all(&dir).unwrap();
}
