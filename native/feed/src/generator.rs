//! A made-up day of ITCH 5.0: the same numbers give the same bytes on every machine, because all of it is whole numbers.
//!
//! The books behind it are real. Every message about an order means one that waits, nothing takes more than there is, executions meet the
//! first order of the best level, and no order that joins meets the other side. Message types come in the proportions of a trading day,
//! instruments are as unlike in activity as on a market, and events come in bursts, most of them near the open and the close.

mod clock;
mod dice;
mod market;
mod tape;
mod writer;

use omni_wire::itch::{
    BrokenTrade, DirectListing, IpoQuotingPeriod, LuldAuctionCollar, MarketParticipantPosition, MwcbDeclineLevel, MwcbStatus,
    OperationalHalt, RegShoRestriction, StockDirectory, StockTradingAction, SystemEvent,
};

use self::clock::{Clock, HOUR, SECOND};
use self::dice::Dice;
use self::market::{Market, Mood};
use self::tape::Tape;

pub use self::market::MPIDS;
pub use self::writer::DayWriter;

/// What a day shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySpec {
    /// How many messages, exactly; at least [`DaySpec::fewest_messages`].
    pub messages: u64,
    /// How many instruments.
    pub symbols: u16,
    /// The same seed makes the same day.
    pub seed: u64,
    /// Messages of the types, too, that an ordinary day does not have: the breach of a circuit breaker, an operational halt, a direct listing.
    pub all_types: bool,
}

impl DaySpec {
    /// Room for the directory, auctions and a little trading.
    pub fn fewest_messages(&self) -> u64 {
        4 * u64::from(self.symbols) + 1_000
    }
}

/// A day in the making.
pub struct Day {
    spec: DaySpec,
    market: Market,
    dice: Dice,
    clock: Clock,
    tape: Tape,
    stage: Stage,
    /// How many messages there are when each stage is over.
    ends: Ends,
    halts: Vec<Halt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Directory,
    Early,
    Open,
    Session,
    Close,
    Late,
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    early: u64,
    session: u64,
    /// Instruments in the auctions.
    n_crossed: usize,
}

/// A pause of an instrument: its next step, and when that is due.
#[derive(Clone, Copy, Debug)]
struct Halt {
    at: u64,
    listing: usize,
    step: u8,
}

/// Part of the messages between the open and the close that lie between two steps of a pause.
const PAUSE: u64 = 400;

impl Day {
    /// A day that has not begun. The numbers must be in range.
    pub fn new(spec: DaySpec) -> Self {
        let mut dice = Dice::new(spec.seed);
        let market = Market::new(&spec, &mut dice);
        let n_head = 4 * u64::from(spec.symbols);
        let rest = spec.messages - n_head;
        let n_crossed = u64::from(spec.symbols).min(rest / 2_000 + 1);
        let ends = Ends {
            early: n_head + rest / 25,
            session: spec.messages - rest / 50 - 3 * n_crossed - 40,
            n_crossed: n_crossed as usize,
        };
        let n_halts = 1 + spec.symbols as usize / 400;
        let span = ends.session - ends.early;
        let mut halt = || Halt {
            at: ends.early + span / 8 + dice.below(span / 2),
            listing: dice.below(u64::from(spec.symbols)) as usize,
            step: 0,
        };
        let halts = (0..n_halts).map(|_| halt()).collect();
        let tape = Tape::default();
        Self { spec, market, dice, clock: Clock::default(), tape, stage: Stage::Directory, ends, halts }
    }

    /// Put more of the day's frames after others, at least a MiB or all that is left; false when the day is over.
    pub fn advance(&mut self, out: &mut Vec<u8>) -> bool {
        std::mem::swap(out, &mut self.tape.out);
        let until = self.tape.out.len() + (1 << 20);
        while self.tape.out.len() < until && self.stage != Stage::Over {
            self.step();
        }
        std::mem::swap(out, &mut self.tape.out);
        self.stage != Stage::Over
    }

    /// Messages so far.
    pub fn n_messages(&self) -> u64 {
        self.tape.n
    }

    /// Messages so far by the byte of their type.
    pub fn counts(&self) -> &[u64; 256] {
        &self.tape.counts
    }

    /// Orders that wait.
    pub fn n_orders(&self) -> usize {
        self.market.n_orders()
    }

    fn step(&mut self) {
        let (n, ends) = (self.tape.n, self.ends);
        match self.stage {
            Stage::Directory => {
                self.begin();
                self.clock.aim(4 * HOUR, 9 * HOUR + HOUR / 2, self.tape.n, ends.early, &[1]);
                self.stage = Stage::Early;
            }
            Stage::Early if n < ends.early => {
                // The last minutes before an auction are full of what it would do.
                let is_near = n + (ends.early - 4 * u64::from(self.spec.symbols)) / 16 > ends.early;
                self.act(if is_near { Mood::BeforeCross } else { Mood::Early });
            }
            Stage::Early => self.stage = Stage::Open,
            Stage::Open => {
                self.clock.set(9 * HOUR + HOUR / 2);
                self.system(b'Q');
                self.cross(b'O');
                self.clock.aim(9 * HOUR + HOUR / 2, 16 * HOUR, self.tape.n, ends.session, &HALF_HOURS);
                self.stage = Stage::Session;
            }
            Stage::Session if n < ends.session => {
                if let Some(at) = self.halts.iter().position(|halt| halt.at <= n) {
                    self.pause(at);
                } else {
                    let is_near = n + (ends.session - ends.early) / 16 > ends.session;
                    self.act(if is_near { Mood::BeforeCross } else { Mood::Session });
                }
            }
            Stage::Session => self.stage = Stage::Close,
            Stage::Close => {
                self.clock.set(16 * HOUR);
                self.system(b'M');
                self.cross(b'C');
                let broken = BrokenTrade {
                    stock_locate: 1,
                    tracking_number: 0,
                    timestamp: self.clock.now(),
                    match_number: self.market.last_match(),
                };
                self.tape.say(&broken.encode());
                self.clock.aim(16 * HOUR + SECOND, 20 * HOUR, self.tape.n, self.spec.messages, &[1]);
                self.stage = Stage::Late;
            }
            Stage::Late if n < self.spec.messages - 2 => self.act(Mood::Late),
            Stage::Late => {
                self.clock.set(20 * HOUR);
                self.system(b'E');
                self.clock.set(20 * HOUR + 5 * 60 * SECOND);
                self.system(b'C');
                self.stage = Stage::Over;
            }
            Stage::Over => {}
        }
    }

    fn act(&mut self, mood: Mood) {
        let now = self.clock.tick(&mut self.dice, self.tape.n);
        self.market.act(mood, now, &mut self.dice, &mut self.tape);
    }

    fn system(&mut self, event_code: u8) {
        let timestamp = self.clock.now();
        self.tape.say(&SystemEvent { stock_locate: 0, tracking_number: 0, timestamp, event_code }.encode());
    }

    /// The auction of the busiest instruments.
    fn cross(&mut self, cross_type: u8) {
        for at in 0..self.ends.n_crossed {
            let now = self.clock.tick(&mut self.dice, self.tape.n);
            self.market.cross(at, cross_type, now, &mut self.tape);
        }
    }

    /// What comes before the first order.
    fn begin(&mut self) {
        self.clock.set(3 * HOUR);
        self.system(b'O');
        for at in 0..usize::from(self.spec.symbols) {
            let now = 3 * HOUR + 600 * SECOND + at as u64 * 1_000;
            self.introduce(at, now);
        }
        self.clock.set(3 * HOUR + 1_200 * SECOND);
        let timestamp = self.clock.now();
        let levels = MwcbDeclineLevel {
            stock_locate: 0,
            tracking_number: 0,
            timestamp,
            level_1: 465_000_000_000,
            level_2: 435_000_000_000,
            level_3: 400_000_000_000,
        };
        self.tape.say(&levels.encode());
        if self.spec.all_types {
            self.rarities(timestamp);
        }
        self.clock.set(4 * HOUR);
        self.system(b'S');
    }

    fn introduce(&mut self, at: usize, timestamp: u64) {
        let (stock_locate, stock) = self.market.name(at);
        let (tape, dice, tracking_number) = (&mut self.tape, &mut self.dice, 0);
        let is_fund = dice.below(4) == 0;
        tape.say(
            &StockDirectory {
                stock_locate,
                tracking_number,
                timestamp,
                stock,
                market_category: dice.pick(b"QGSNAPZ"),
                financial_status_indicator: if dice.below(50) == 0 { b'D' } else { b'N' },
                round_lot_size: 100,
                round_lots_only: b'N',
                issue_classification: if is_fund { b'Q' } else { b'C' },
                issue_sub_type: if is_fund { *b"E " } else { *b"Z " },
                authenticity: b'P',
                short_sale_threshold_indicator: b'N',
                ipo_flag: b'N',
                luld_reference_price_tier: dice.pick(b"12"),
                etp_flag: if is_fund { b'Y' } else { b'N' },
                etp_leverage_factor: u32::from(is_fund),
                inverse_indicator: b'N',
            }
            .encode(),
        );
        tape.say(&action(stock_locate, stock, timestamp + 100, b'T', *b"    ").encode());
        let reg_sho_action = if dice.below(200) == 0 { b'2' } else { b'0' };
        tape.say(
            &RegShoRestriction { stock_locate, tracking_number, timestamp: timestamp + 200, stock, reg_sho_action }.encode(),
        );
        if at.is_multiple_of(4) {
            tape.say(
                &MarketParticipantPosition {
                    stock_locate,
                    tracking_number,
                    timestamp: timestamp + 300,
                    mpid: dice.pick(&MPIDS),
                    stock,
                    primary_market_maker: dice.pick(b"YN"),
                    market_maker_mode: b'N',
                    market_participant_state: b'A',
                }
                .encode(),
            );
        }
        if at == 0 {
            let (quoted_at_s, ipo_price) = (10 * 3_600 + 1_800, 250_000);
            tape.say(
                &IpoQuotingPeriod {
                    stock_locate,
                    tracking_number,
                    timestamp: timestamp + 400,
                    stock,
                    ipo_quotation_release_time: quoted_at_s,
                    ipo_quotation_release_qualifier: b'A',
                    ipo_price,
                }
                .encode(),
            );
        }
    }

    /// Messages that most days do without.
    fn rarities(&mut self, timestamp: u64) {
        let ((stock_locate, stock), tracking_number) = (self.market.name(0), 0);
        self.tape.say(&MwcbStatus { stock_locate: 0, tracking_number, timestamp, breached_level: b'1' }.encode());
        for operational_halt_action in [b'H', b'T'] {
            let market_code = b'Q';
            let halt = OperationalHalt { stock_locate, tracking_number, timestamp, stock, market_code, operational_halt_action };
            self.tape.say(&halt.encode());
        }
        self.tape.say(
            &DirectListing {
                stock_locate,
                tracking_number,
                timestamp,
                stock,
                open_eligibility_status: b'Y',
                minimum_allowable_price: 200_000,
                maximum_allowable_price: 400_000,
                near_execution_price: 300_000,
                near_execution_time: timestamp,
                lower_price_range_collar: 270_000,
                upper_price_range_collar: 330_000,
            }
            .encode(),
        );
    }

    /// The next step of a pause: it begins, its auction is announced, quotes come back, it crosses and trades again.
    fn pause(&mut self, halt: usize) {
        let Halt { listing, step, .. } = self.halts[halt];
        let now = self.clock.tick(&mut self.dice, self.tape.n);
        let (locate, stock) = self.market.name(listing);
        let is_done = match step {
            0 => {
                // Another pause of the same instrument is not over yet.
                if !self.market.set_trading(listing, false) {
                    self.halts.swap_remove(halt);
                    return;
                }
                self.tape.say(&action(locate, stock, now, b'P', *b"LUDP").encode());
                false
            }
            1 => {
                let auction_collar_reference_price = self.market.reference(listing);
                self.tape.say(
                    &LuldAuctionCollar {
                        stock_locate: locate,
                        tracking_number: 0,
                        timestamp: now,
                        stock,
                        auction_collar_reference_price,
                        upper_auction_collar_price: auction_collar_reference_price / 20 * 21,
                        lower_auction_collar_price: auction_collar_reference_price / 20 * 19,
                        auction_collar_extension: 0,
                    }
                    .encode(),
                );
                false
            }
            2 => {
                self.tape.say(&action(locate, stock, now, b'Q', *b"LUDP").encode());
                false
            }
            _ => {
                self.market.cross(listing, b'H', now, &mut self.tape);
                self.market.set_trading(listing, true);
                self.tape.say(&action(locate, stock, now, b'T', *b"    ").encode());
                true
            }
        };
        if is_done {
            self.halts.swap_remove(halt);
        } else {
            let span = self.ends.session - self.ends.early;
            let due = self.tape.n + span / PAUSE;
            self.halts[halt] = Halt { at: due.min(self.ends.session - 20), listing, step: step + 1 };
        }
    }
}

/// Messages of each half hour between the open and the close, in hundredths.
const HALF_HOURS: [u64; 13] = [16, 10, 8, 7, 6, 5, 5, 5, 6, 6, 7, 8, 11];

fn action(stock_locate: u16, stock: [u8; 8], timestamp: u64, trading_state: u8, reason: [u8; 4]) -> StockTradingAction {
    StockTradingAction { stock_locate, tracking_number: 0, timestamp, stock, trading_state, reserved: b' ', reason }
}
