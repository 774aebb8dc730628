//! The canonical bytes of a system, their hash, and the system made again from them; `docs/oms.md` section 7.

use std::ops::RangeInclusive;

use omni_book::{Engine, LiveOrder, Place, Restored, RestoredInstrument};
use omni_types::{
    AccountId, InstrumentId, LARGEST, Money, Nanos, OrderId, OrderState, OrderType, PegReference, PostOnly, Qty, SelfTrade, Side,
    Terms, Ticks, TimeInForce, TradingPhase, TrailUnit, Trigger,
};
use sha2::{Digest, Sha256};

use crate::bytes::{Fields, append};
use crate::command::SwitchScope;
use crate::config::{Config, VERSION, check_version};
use crate::gate::{Map, RiskDevice, SoftwareDevice};
use crate::oms::{FIRST_FRAME, Oms};
use crate::positions::{Position, Positions};
use crate::records::{Record, Records};
use crate::switches::PendingResets;
use crate::{CodecError, Error, registers};

const MAGIC: [u8; 8] = *b"OMNISTAT";
const RECORD_LEN: usize = 88;
const LIVE_LEN: usize = 88;
const POSITION_LEN: usize = 64;
const RESET_LEN: usize = 16;
/// A trailing buy follows its reference at a distance of up to the largest price.
const HIGHEST_STOP_PRICE: i64 = 2 * LARGEST;

impl<D: RiskDevice> Oms<D> {
    /// Everything that matters for what comes next. Events that were not taken are no part of it.
    ///
    /// # Panics
    ///
    /// If the gate does not answer; [`RiskDevice::fault`] says so before.
    pub fn state(&self) -> Vec<u8> {
        let (desk, engine) = (&self.desk, &self.engine);
        let config = self.config.encode();
        let live = engine.live_orders();
        let n_instruments = self.config.instruments.len();
        let orders = RECORD_LEN * desk.records.len() + LIVE_LEN * live.len();
        let registers = 8 * registers::n_state_words(self.map()) as usize;
        let rest = 128 + RESET_LEN * self.resets.len() + config.len() + 16 * n_instruments + POSITION_LEN * desk.positions.len();
        let mut out = Vec::with_capacity(orders + registers + rest);
        out.extend_from_slice(&MAGIC);
        append!(out, VERSION, config.len() as u32);
        out.extend_from_slice(&config);
        append!(out, desk.clock.0, desk.sequence, desk.records.next_id().0, engine.next_trade_id(), engine.next_stamp());
        for address in registers::state_words(self.map()) {
            append!(out, desk.device.read(address).expect("the register map has every word of the state"));
        }
        append!(out, self.resets.len() as u64);
        for (scope, digest) in &self.resets {
            let (code, number) = scope.code();
            append!(out, u32::from(code), number, *digest);
        }
        for instrument in (0..n_instruments as u32).map(InstrumentId) {
            let last = engine.last(instrument).map_or(0, |price| price.0);
            append!(out, u64::from(engine.phase(instrument).code()), last);
        }
        append!(out, desk.positions.len() as u64);
        for (account, instrument, position) in desk.positions.iter() {
            append!(
                out,
                account.0,
                instrument.0,
                position.qty,
                position.bought,
                position.sold,
                position.cost.0,
                position.realised.0
            );
        }
        append!(out, desk.records.len() as u64);
        for record in desk.records.all() {
            append_record(&mut out, record);
        }
        append!(out, live.len() as u64);
        for order in &live {
            append_live(&mut out, order);
        }
        out
    }

    /// SHA-256 of [`Oms::state`].
    ///
    /// # Panics
    ///
    /// As [`Oms::state`].
    pub fn state_hash(&self) -> [u8; 32] {
        hash(&self.state())
    }
}

impl Oms {
    /// The system that had this state. It has no events.
    ///
    /// # Errors
    ///
    /// [`Error::Codec`], [`Error::Config`] or [`Error::Register`] for bytes that are no state.
    pub fn from_state(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_state_on(bytes, |config| Ok(SoftwareDevice::new(config)?))
    }
}

impl<D: RiskDevice> Oms<D> {
    /// As [`Oms::from_state`], on a gate made for the configuration that is found.
    ///
    /// # Errors
    ///
    /// As [`Oms::from_state`], and those of the gate.
    pub fn from_state_on(bytes: &[u8], make_device: impl FnOnce(&Config) -> Result<D, Error>) -> Result<Self, Error> {
        let mut fields = Fields::new("state", bytes);
        let config = decode_head(&mut fields)?;
        let map = config.map()?;
        let clock = Nanos(fields.i64()?);
        let sequence = counter(&mut fields, "sequence", FIRST_FRAME)?;
        let next_id = counter(&mut fields, "next order id", 1)?;
        let next_trade_id = counter(&mut fields, "next trade id", 1)?;
        let next_stamp = counter(&mut fields, "next stamp", 1)?;

        // Asked before the device takes its memory, which a few bytes of damage could make very large.
        fields.room_for(registers::n_state_words(map) as usize, 8)?;
        let mut device = make_device(&config)?;
        for address in registers::state_words(map) {
            device.restore(address, fields.u64()?)?;
        }
        let resets = decode_resets(&mut fields, &config, map)?;
        let mut instruments = Vec::with_capacity(config.instruments.len());
        for number in 0..config.instruments.len() {
            let phase = fields.code("phase", TradingPhase::from_code)?;
            fields.padding(7)?;
            let last = some_price(within(&mut fields, "last price", 0..=LARGEST)?);
            let reference = device.read(registers::reference_of(number))?;
            instruments.push(RestoredInstrument { phase, last, reference: some_price(reference as i64) });
        }
        let restored = Restored { clock, next_stamp, next_trade_id, instruments, orders: Vec::new() };
        let mut oms = Self::assemble(config, map, device, Engine::new(0, TradingPhase::Closed), sequence);
        oms.resets = resets;
        decode_positions(&mut fields, &mut oms.desk.positions, map)?;
        decode_records(&mut fields, &mut oms.desk.records, map, next_id)?;
        let orders = decode_live(&mut fields, &oms.desk.records, next_stamp)?;
        fields.end()?;
        oms.engine = Engine::restore(Restored { orders, ..restored });
        oms.desk.clock = clock;
        Ok(oms)
    }
}

/// SHA-256.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn append_record(out: &mut Vec<u8>, record: &Record) {
    let codes =
        [record.side.code(), record.order_type.code(), record.time_in_force.code(), record.state.code(), record.reason, 0, 0, 0];
    append!(out, record.client_order_id, record.digest, record.account.0, record.instrument.0);
    out.extend_from_slice(&codes);
    append!(out, record.qty.0, record.price.0, record.leaves.0, record.cum.0, record.cum_value);
}

fn append_live(out: &mut Vec<u8>, order: &LiveOrder) {
    let terms = &order.terms;
    let codes = [
        order.place.code(),
        order.post_only.code(),
        order.self_trade.code(),
        terms.trigger.code(),
        terms.trail_unit.code(),
        terms.peg_reference.code(),
        u8::from(terms.all_or_none),
        0,
    ];
    append!(out, order.id.0, order.stamp);
    out.extend_from_slice(&codes);
    append!(out, order.working_price.0, order.slice.0, terms.stop_price.0, terms.trail, terms.peg_offset.0);
    append!(out, terms.display_qty.0, terms.min_qty.0, terms.expire_at.0);
}

fn decode_head(fields: &mut Fields) -> Result<Config, Error> {
    let magic = u64::from_le_bytes(MAGIC);
    let found = fields.u64()?;
    if found != magic {
        return Err(fields.wrong("magic of the state", 8, "OMNISTAT", found.into()).into());
    }
    check_version(fields, "version of the state")?;
    let length = fields.u32()?;
    Config::decode(fields.take(length as usize)?)
}

fn decode_resets(fields: &mut Fields, config: &Config, map: Map) -> Result<PendingResets, CodecError> {
    let mut resets = PendingResets::new();
    for _ in 0..count(fields, RESET_LEN)? {
        let code = fields.code("scope", |code| (code < 3).then_some(code))?;
        fields.padding(3)?;
        let number = fields.u32()?;
        let scope = SwitchScope::from_code(code, number).filter(|scope| match *scope {
            SwitchScope::Everything => true,
            SwitchScope::Account(account) => account.0 < map.n_accounts(),
            SwitchScope::Instrument(instrument) => instrument.0 < map.n_instruments(),
        });
        let is_next = |scope: &SwitchScope| config.two_person && resets.last_key_value().is_none_or(|(last, _)| last < scope);
        let Some(scope) = scope.filter(is_next) else {
            return Err(fields.wrong(
                "number of a kill switch",
                4,
                "a known one, each once and in order, of two people",
                number.into(),
            ));
        };
        resets.insert(scope, fields.u64()?);
    }
    Ok(resets)
}

fn decode_positions(fields: &mut Fields, positions: &mut Positions, map: Map) -> Result<(), CodecError> {
    let mut before = None;
    for _ in 0..count(fields, POSITION_LEN)? {
        let place = decode_place(fields, map)?;
        if before.is_some_and(|before| before >= place) {
            return Err(fields.wrong("account and instrument", 8, "ones in ascending order", place.0.0.into()));
        }
        before = Some(place);
        *positions.touch(place.0, place.1) = Position {
            qty: fields.i64()?,
            bought: fields.i64()?,
            sold: fields.i64()?,
            cost: Money(fields.i128()?),
            realised: Money(fields.i128()?),
        };
    }
    Ok(())
}

fn decode_place(fields: &mut Fields, map: Map) -> Result<(AccountId, InstrumentId), CodecError> {
    let (account, instrument) = (fields.u32()?, fields.u32()?);
    if account < map.n_accounts() && instrument < map.n_instruments() {
        return Ok((AccountId(account), InstrumentId(instrument)));
    }
    Err(fields.wrong("account and instrument", 8, "known ones", account.into()))
}

fn decode_records(fields: &mut Fields, records: &mut Records, map: Map, next_id: u64) -> Result<(), CodecError> {
    let n_orders = count(fields, RECORD_LEN)?;
    if n_orders as u64 != next_id - 1 {
        return Err(fields.wrong("number of orders", 8, "the next order id less 1", n_orders as i128));
    }
    records.reserve(n_orders);
    for _ in 0..n_orders {
        let record = decode_record(fields, map)?;
        if !records.restore(record) {
            return Err(fields.wrong("client order id", RECORD_LEN, "one that is new", record.client_order_id as i128));
        }
    }
    Ok(())
}

fn decode_record(fields: &mut Fields, map: Map) -> Result<Record, CodecError> {
    let (client_order_id, digest) = (fields.u128()?, fields.u64()?);
    let (account, instrument) = decode_place(fields, map)?;
    let side = fields.code("side", Side::from_code)?;
    let order_type = fields.code("order_type", OrderType::from_code)?;
    let time_in_force = fields.code("time_in_force", TimeInForce::from_code)?;
    let state = fields.code("state", OrderState::from_code)?;
    if matches!(state, OrderState::PendingNew | OrderState::PendingCancel | OrderState::PendingReplace) {
        // Requests are answered within their command.
        return Err(fields.wrong("state", 1, "one in which no request waits", state.code().into()));
    }
    let reason = fields.u8()?;
    fields.padding(3)?;
    Ok(Record {
        client_order_id,
        digest,
        account,
        instrument,
        side,
        order_type,
        time_in_force,
        state,
        reason,
        qty: Qty(fields.i64()?),
        price: Ticks(fields.i64()?),
        leaves: Qty(fields.i64()?),
        cum: Qty(fields.i64()?),
        cum_value: fields.i128()?,
    })
}

fn decode_live(fields: &mut Fields, records: &Records, next_stamp: u64) -> Result<Vec<LiveOrder>, CodecError> {
    let n_live = count(fields, LIVE_LEN)?;
    let expected = records.all().iter().filter(|record| record.state.is_live()).count();
    if n_live != expected {
        return Err(fields.wrong("number of live orders", 8, "as many as have a live state", n_live as i128));
    }
    let mut orders: Vec<LiveOrder> = Vec::with_capacity(n_live);
    for _ in 0..n_live {
        let id = OrderId(fields.u64()?);
        let is_next = orders.last().is_none_or(|before| before.id < id);
        let Some(record) = records.get(id).filter(|record| is_next && record.state.is_live()) else {
            return Err(fields.wrong("order id", 8, "one with a live state, in ascending order", id.0.into()));
        };
        let order = decode_order(fields, id, record, next_stamp)?;
        if !is_consistent(&order) {
            return Err(fields.wrong("live order", LIVE_LEN, "a place that goes with its type and quantities", id.0.into()));
        }
        orders.push(order);
    }
    let mut stamps: Vec<u64> = orders.iter().map(|order| order.stamp).collect();
    stamps.sort_unstable();
    if let Some(pair) = stamps.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(fields.wrong("stamp", LIVE_LEN * n_live, "one for each order", pair[0].into()));
    }
    Ok(orders)
}

fn decode_order(fields: &mut Fields, id: OrderId, record: &Record, next_stamp: u64) -> Result<LiveOrder, CodecError> {
    let stamp = fields.u64()?;
    if !(1..next_stamp).contains(&stamp) {
        return Err(fields.wrong("stamp", 8, "1 or more, below the next stamp", stamp.into()));
    }
    let place = fields.code("place", Place::from_code)?;
    let post_only = fields.code("post_only", PostOnly::from_code)?;
    let self_trade = fields.code("self_trade", SelfTrade::from_code)?;
    let trigger = fields.code("trigger", Trigger::from_code)?;
    let trail_unit = fields.code("trail_unit", TrailUnit::from_code)?;
    let peg_reference = fields.code("peg_reference", PegReference::from_code)?;
    let all_or_none = fields.code("all_or_none", |code| (code < 2).then_some(code == 1))?;
    fields.padding(1)?;
    let working_price = Ticks(within(fields, "working price", 0..=LARGEST)?);
    let slice = Qty(within(fields, "slice", 1..=LARGEST)?);
    let stop_price = Ticks(within(fields, "stop price", 0..=HIGHEST_STOP_PRICE)?);
    let trail = within(fields, "trail", 0..=LARGEST)?;
    let peg_offset = Ticks(within(fields, "peg offset", -LARGEST..=LARGEST)?);
    let display_qty = Qty(within(fields, "display quantity", -1..=LARGEST)?);
    let min_qty = Qty(within(fields, "minimum quantity", 0..=LARGEST)?);
    let expire_at = Nanos(fields.i64()?);
    let terms =
        Terms { stop_price, trail, peg_offset, display_qty, min_qty, expire_at, trail_unit, trigger, peg_reference, all_or_none };
    Ok(LiveOrder {
        id,
        account: record.account,
        instrument: record.instrument,
        side: record.side,
        order_type: record.order_type,
        time_in_force: record.time_in_force,
        post_only,
        self_trade,
        price: record.price,
        leaves: record.leaves,
        stamp,
        place,
        working_price,
        slice,
        terms,
    })
}

/// Whether an engine could have such an order: it trusts what it is given.
fn is_consistent(order: &LiveOrder) -> bool {
    let LiveOrder { order_type, price, leaves, working_price, slice, .. } = *order;
    let price_fits = match order_type {
        OrderType::Limit | OrderType::StopLimit => (1..=LARGEST).contains(&price.0),
        OrderType::Pegged => (0..=LARGEST).contains(&price.0),
        OrderType::Market | OrderType::Stop | OrderType::TrailingStop => price.0 == 0,
    };
    let has_limit = order_type == OrderType::Limit && working_price == price;
    let type_fits = match order.place {
        Place::Displayed | Place::Conditional => has_limit,
        Place::Hidden => has_limit || (order_type == OrderType::Pegged && working_price.0 >= 1),
        Place::Stop => {
            let is_stop = matches!(order_type, OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop);
            is_stop && working_price.0 == 0
        }
        Place::Parked => order_type == OrderType::Pegged && working_price.0 == 0,
        Place::Auction => has_limit || (order_type == OrderType::Market && working_price.0 == 0),
    };
    let is_iceberg = order.place == Place::Displayed && order.terms.display_qty.0 > 0;
    let slice_fits = if is_iceberg { slice <= leaves.min(order.terms.display_qty) } else { slice == leaves };
    price_fits && type_fits && slice_fits && (1..=LARGEST).contains(&leaves.0)
}

fn counter(fields: &mut Fields, name: &'static str, least: u64) -> Result<u64, CodecError> {
    let found = fields.u64()?;
    if found >= least { Ok(found) } else { Err(fields.wrong(name, 8, "1 or more", found.into())) }
}

/// A number of things of so many bytes each, which must be there.
fn count(fields: &mut Fields, length: usize) -> Result<usize, CodecError> {
    let found = usize::try_from(fields.u64()?).unwrap_or(usize::MAX);
    fields.room_for(found, length)?;
    Ok(found)
}

fn within(fields: &mut Fields, name: &'static str, range: RangeInclusive<i64>) -> Result<i64, CodecError> {
    let found = fields.i64()?;
    if range.contains(&found) { Ok(found) } else { Err(fields.wrong(name, 8, "a price or quantity in range", found.into())) }
}

fn some_price(price: i64) -> Option<Ticks> {
    (price > 0).then_some(Ticks(price))
}
