//! Our side: orders as we know them, requests and answers on their way, the account.

use std::collections::VecDeque;

use omni_book::Engine;
use omni_oms::{Command, EventKind, Liquidity, OmsEvent};
use omni_types::{
    AccountId, CancelReason, NewOrder, OrderId, OrderType as VenueType, PostOnly, Qty, RejectReason, Ticks,
    TimeInForce as VenueTime,
};
use rustc_hash::FxHashMap;

use super::known::Known;
use super::participant::INSTRUMENT;
use crate::ticks::latency::{Clockwork, Journey};
use crate::ticks::orders::{Answer, Request};
use crate::ticks::{Account, Message, MessageKind, Notice, Order, OrderType, Recorder, Status, TimeInForce, reason};

/// Our account at the venue.
pub(crate) const US: AccountId = AccountId(0);

/// The order met another one of its own account, and gave way.
pub const SELF_TRADE: u16 = 1_101;

/// What the venue says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    /// What it would say in a replay, too.
    Answer(Answer),
    /// No, for a reason.
    Refused(u16),
    /// The order has so many lots less.
    Less(i64),
    /// The order stands at another price.
    Price(i64),
}

/// What is on its way to the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    number: u32,
    request: Request,
    stop_price: i64,
}

/// Our orders and our account.
#[derive(Debug)]
pub(crate) struct Ours {
    pub orders: Vec<Order>,
    /// As they were sent.
    pub terms: Vec<NewOrder>,
    pub working: Vec<u32>,
    pub account: Account,
    pub notices: Vec<Notice>,
    pub recorder: Recorder,
    clockwork: Clockwork,
    to_venue: VecDeque<(i64, Asked)>,
    to_us: VecDeque<(i64, i64, u32, Said)>,
    /// The venue's ids of our orders, 0 before they are there, and the way back.
    ids: Vec<u64>,
    numbers: FxHashMap<u64, u32>,
    /// Lots that self-trade prevention took: the venue still counts them in an order's total.
    lost: Vec<i64>,
}

impl Ours {
    pub fn new(account: Account, clockwork: Clockwork) -> Self {
        Self {
            orders: Vec::new(),
            terms: Vec::new(),
            working: Vec::new(),
            account,
            notices: Vec::new(),
            recorder: Recorder::default(),
            clockwork,
            to_venue: VecDeque::new(),
            to_us: VecDeque::new(),
            ids: Vec::new(),
            numbers: FxHashMap::default(),
            lost: Vec::new(),
        }
    }

    /// The venue's id of an order that arrived there.
    pub fn id(&self, number: u32) -> Option<OrderId> {
        self.ids.get(number as usize).filter(|&&id| id != 0).map(|&id| OrderId(id))
    }

    /// When the next request arrives.
    #[inline]
    pub fn next_request(&self) -> i64 {
        self.to_venue.front().map_or(i64::MAX, |&(ts, _)| ts)
    }

    /// When we hear next of our orders.
    #[inline]
    pub fn next_word(&self) -> i64 {
        self.to_us.front().map_or(i64::MAX, |&(ts, ..)| ts)
    }

    pub fn submit(&mut self, now: i64, order: &NewOrder, known: &Known) -> u32 {
        let number = self.orders.len() as u32;
        let (bid, _, ask, _) = known.quote();
        let (price, qty) = (order.price.0, order.qty.0);
        self.terms.push(NewOrder { account: US, instrument: INSTRUMENT, ..*order });
        self.ids.push(0);
        self.lost.push(0);
        self.orders.push(Order {
            instrument: 0,
            side: order.side,
            kind: if has_limit(order) { OrderType::Limit } else { OrderType::Market },
            time_in_force: time_in_force(order),
            price,
            qty,
            filled: 0,
            status: Status::PendingNew,
            n_pending: 1,
            reason: reason::NONE,
            ts_sent: now,
            ts_venue: 0,
            ts_heard: 0,
            seen: (bid, ask),
        });
        self.recorder.messages.push(Message::sent(now, number, MessageKind::Sent, price, qty));
        self.working.push(number);
        self.request(now, Asked { number, request: Request::New, stop_price: 0 });
        number
    }

    pub fn cancel(&mut self, now: i64, number: u32) -> bool {
        let Some(order) = self.orders.get_mut(number as usize).filter(|order| !order.status.is_final()) else { return false };
        order.n_pending = order.n_pending.saturating_add(1);
        let message = Message::sent(now, number, MessageKind::CancelSent, order.price, order.leaves());
        self.recorder.messages.push(message);
        self.request(now, Asked { number, request: Request::Cancel, stop_price: 0 });
        true
    }

    pub fn replace(&mut self, now: i64, number: u32, price: i64, qty: i64, stop_price: i64) -> bool {
        let Some(order) = self.orders.get_mut(number as usize).filter(|order| !order.status.is_final()) else { return false };
        if self.terms[number as usize].order_type == VenueType::Market {
            return false;
        }
        order.n_pending = order.n_pending.saturating_add(1);
        self.recorder.messages.push(Message::sent(now, number, MessageKind::ReplaceSent, price, qty));
        self.request(now, Asked { number, request: Request::Replace { price, qty }, stop_price });
        true
    }

    fn request(&mut self, now: i64, asked: Asked) {
        match self.clockwork.entry(now) {
            Journey::Arrives(after) => {
                let last = self.to_venue.back().map_or(i64::MIN, |&(ts, _)| ts);
                self.to_venue.push_back((now.saturating_add(after).max(last), asked));
            }
            Journey::Lost(after) => {
                let answer = match asked.request {
                    Request::New => Answer::Ended { status: Status::Rejected, reason: reason::LOST },
                    Request::Cancel | Request::Replace { .. } => Answer::TooLate,
                };
                let last = self.to_us.back().map_or(i64::MIN, |&(ts, ..)| ts);
                self.to_us.push_back((now.saturating_add(after).max(last), 0, asked.number, Said::Answer(answer)));
            }
        }
    }

    /// The next request as a command at the venue, and whose it is; no command for an order that never arrived.
    pub fn arrive(&mut self, ts: omni_types::Nanos) -> Option<(u32, Option<Command>)> {
        let (_, Asked { number, request, stop_price }) = self.to_venue.pop_front()?;
        let order_id = self.id(number);
        let command = match request {
            Request::New => Some(Command::New { ts, client_order_id: 0, order: self.terms[number as usize] }),
            Request::Cancel => order_id.map(|order_id| Command::Cancel { ts, order_id }),
            Request::Replace { price, qty } => order_id.map(|order_id| Command::Replace {
                ts,
                order_id,
                qty: Qty(qty.saturating_add(self.lost[number as usize])),
                price: Ticks(price),
                stop_price: Ticks(stop_price),
            }),
        };
        Some((number, command))
    }

    /// The venue knows our order by this name.
    pub fn named(&mut self, number: u32, id: u64) {
        self.ids[number as usize] = id;
        self.numbers.insert(id, number);
    }

    /// The venue answers a request about an order that never arrived.
    pub fn refuse(&mut self, ts: i64, number: u32) {
        self.send(ts, number, Said::Answer(Answer::TooLate));
    }

    /// Something happened to an order of ours at the venue.
    pub fn answer(&mut self, event: &OmsEvent, engine: &Engine) {
        let Some(&number) = self.numbers.get(&event.order_id) else { return };
        let Some(kind) = EventKind::from_code(event.kind) else { return };
        let ahead = || engine.queue_ahead(OrderId(event.order_id)).map_or(f64::NAN, |qty| qty.0 as f64);
        let said = match kind {
            EventKind::Accepted => Said::Answer(Answer::Accepted { ahead: ahead() }),
            EventKind::Rejected => Said::Answer(rejected(event.reason)),
            EventKind::Filled => {
                let (qty, price) = (event.qty, event.price);
                let is_maker = event.liquidity == Liquidity::Maker as u8;
                Said::Answer(Answer::Fill { qty, price, is_maker, is_last: event.leaves == 0 })
            }
            EventKind::Canceled => Said::Answer(canceled(event)),
            EventKind::Expired => Said::Answer(ended(Status::Expired, reason::NOT_FILLED_AT_ONCE)),
            EventKind::Replaced => {
                let qty = event.qty - self.lost[number as usize];
                Said::Answer(Answer::Replaced { price: event.price, qty, ahead: ahead() })
            }
            EventKind::Triggered => Said::Price(self.terms[number as usize].price.0),
            EventKind::Repriced => Said::Price(event.price),
            EventKind::Decremented => {
                self.lost[number as usize] += event.qty;
                Said::Less(event.qty)
            }
            EventKind::CancelRejected | EventKind::ReplaceRejected => {
                let is_late = [RejectReason::TooLate, RejectReason::UnknownOrder].map(RejectReason::code).contains(&event.reason);
                if is_late { Said::Answer(Answer::TooLate) } else { Said::Refused(event.reason.into()) }
            }
            EventKind::Refreshed
            | EventKind::PhaseChanged
            | EventKind::Auction
            | EventKind::Status
            | EventKind::RegisterWritten
            | EventKind::Marked
            | EventKind::Warned
            | EventKind::KillSwitch => return,
        };
        self.send(event.ts, number, said);
    }

    fn send(&mut self, ts: i64, number: u32, said: Said) {
        let heard = ts.saturating_add(self.clockwork.response(ts));
        let last = self.to_us.back().map_or(i64::MIN, |&(ts, ..)| ts);
        self.to_us.push_back((heard.max(last), ts, number, said));
    }

    /// Hear all that is there.
    pub fn hear(&mut self, now: i64, notify: bool) {
        while self.next_word() <= now {
            let Some((_, ts_venue, number, said)) = self.to_us.pop_front() else { return };
            let order = &mut self.orders[number as usize];
            let mut message = match said {
                Said::Answer(answer) => {
                    order.hear(now, ts_venue, answer);
                    Message::heard(now, ts_venue, number, answer)
                }
                Said::Refused(code) => {
                    order.hear(now, ts_venue, Answer::TooLate);
                    Message { reason: code, ..Message::heard(now, ts_venue, number, Answer::TooLate) }
                }
                Said::Less(_) | Said::Price(_) => {
                    if let Said::Less(qty) = said {
                        order.qty -= qty;
                    } else if let Said::Price(price) = said {
                        order.price = price;
                    }
                    (order.ts_heard, order.ts_venue) = (now, ts_venue);
                    let answer = Answer::Replaced { price: order.price, qty: order.qty, ahead: f64::NAN };
                    Message::heard(now, ts_venue, number, answer)
                }
            };
            let (side, is_over) = (order.side, order.status.is_final());
            let mut answer = Answer::Replaced { price: 0, qty: 0, ahead: f64::NAN };
            match said {
                Said::Answer(heard) => answer = heard,
                Said::Refused(_) => answer = Answer::TooLate,
                Said::Less(_) | Said::Price(_) => {}
            }
            if let Answer::Fill { qty, price, is_maker, .. } = answer {
                message.fee = self.account.fill(0, side, price, qty, is_maker).0;
            }
            if is_over {
                self.working.retain(|&other| other != number);
            }
            if notify {
                self.notices.push(Notice { order: number, kind: answer.notice(message.fee), ts_venue });
            }
            self.recorder.messages.push(message);
        }
    }

    /// End what still works.
    pub fn finish(&mut self, now: i64) {
        for number in std::mem::take(&mut self.working) {
            let order = &mut self.orders[number as usize];
            (order.status, order.reason, order.ts_heard) = (Status::Expired, reason::END_OF_DATA, now);
            let message = Message::sent(now, number, MessageKind::Expired, 0, 0);
            self.recorder.messages.push(Message { reason: reason::END_OF_DATA, ..message });
        }
    }
}

fn has_limit(order: &NewOrder) -> bool {
    matches!(order.order_type, VenueType::Limit | VenueType::StopLimit | VenueType::Pegged)
}

fn time_in_force(order: &NewOrder) -> TimeInForce {
    match order.time_in_force {
        VenueTime::Ioc => TimeInForce::Ioc,
        VenueTime::Fok => TimeInForce::Fok,
        VenueTime::Day | VenueTime::Gtc | VenueTime::Gtd | VenueTime::AtOpen | VenueTime::AtClose => {
            if order.post_only == PostOnly::No { TimeInForce::Gtc } else { TimeInForce::PostOnly }
        }
    }
}

fn ended(status: Status, reason: u16) -> Answer {
    Answer::Ended { status, reason }
}

fn rejected(code: u8) -> Answer {
    if code == RejectReason::PostOnlyWouldTake.code() {
        return ended(Status::Expired, reason::WOULD_TAKE);
    }
    ended(Status::Rejected, code.into())
}

fn canceled(event: &OmsEvent) -> Answer {
    match CancelReason::from_code(event.reason) {
        Some(CancelReason::Ioc | CancelReason::Fok | CancelReason::MinQty) => ended(Status::Expired, reason::NOT_FILLED_AT_ONCE),
        Some(CancelReason::NoLiquidity) => {
            ended(if event.cum == 0 { Status::Rejected } else { Status::Expired }, reason::NO_LIQUIDITY)
        }
        Some(CancelReason::SelfTrade) => ended(Status::Canceled, SELF_TRADE),
        Some(CancelReason::KillSwitch) => ended(Status::Canceled, RejectReason::KillSwitch.code().into()),
        Some(CancelReason::Requested | CancelReason::MassCancel) | None => ended(Status::Canceled, reason::NONE),
    }
}
