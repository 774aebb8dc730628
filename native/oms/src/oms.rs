//! The system itself: each command passes the gate, acts on the book, and leaves events.

use omni_book::{Engine, LiveOrder, Scope};
use omni_types::{
    AccountId, CancelReason, InstrumentId, LARGEST, Nanos, NewOrder, OrderId, OrderState, Qty, RejectReason, Side, Ticks,
    TradingPhase,
};

use crate::command::{Command, EVERY_ACCOUNT, EVERY_INSTRUMENT, SwitchScope, digest};
use crate::config::Config;
use crate::desk::Desk;
use crate::event::{EventKind, OmsEvent};
use crate::gate::{Map, OrderCheck, RegisterError, RiskDevice, SoftwareDevice};
use crate::latency::{Latency, Stage};
use crate::positions::Positions;
use crate::records::{Record, Records};
use crate::switches::PendingResets;
use crate::{Error, registers};

/// Frame of the configuration; a system without journal counts as if it had one.
pub(crate) const FIRST_FRAME: u64 = 1;

/// How many commands before its own turn the memory of a command is asked for.
const AHEAD: usize = 6;

/// An order-management system without a journal. [`crate::DurableOms`] is one with.
///
/// Commands that are refused for what they ask are events. An error means that the command was none: nothing happened, and it does not
/// count.
#[derive(Clone, Debug)]
pub struct Oms<D: RiskDevice = SoftwareDevice> {
    pub(crate) engine: Engine,
    pub(crate) desk: Desk<D>,
    pub(crate) config: Config,
    pub(crate) resets: PendingResets,
    map: Map,
    latency: Option<Box<Latency>>,
}

impl Oms {
    /// A system with nothing in it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a configuration that is not possible.
    pub fn new(config: Config) -> Result<Self, Error> {
        let device = SoftwareDevice::new(&config)?;
        Self::with_device(config, device)
    }
}

impl<D: RiskDevice> Oms<D> {
    /// A system with nothing in it, and a gate that has the limits, reference prices and tick values of `config` in its registers.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a configuration that is not possible.
    pub fn with_device(config: Config, device: D) -> Result<Self, Error> {
        config.check()?;
        let map = config.map()?;
        let mut engine = Engine::new(config.instruments.len(), config.phase);
        for (number, instrument) in (0..).zip(&config.instruments) {
            if instrument.reference.0 != 0 {
                engine.set_reference(InstrumentId(number), instrument.reference);
            }
        }
        Ok(Self::assemble(config, map, device, engine, FIRST_FRAME))
    }

    pub(crate) fn assemble(config: Config, map: Map, device: D, engine: Engine, sequence: u64) -> Self {
        let tick_values = config.instruments.iter().map(|instrument| instrument.tick_value).collect();
        let desk = Desk {
            device,
            records: Records::new(),
            positions: Positions::new(config.accounts.len(), tick_values),
            events: Vec::new(),
            sequence,
            clock: engine.clock(),
            stop_price: Ticks(0),
        };
        Self { engine, desk, config, resets: PendingResets::new(), map, latency: None }
    }

    /// Carries out a command and returns its sequence. What came of it is added to [`Oms::events`].
    ///
    /// # Errors
    ///
    /// [`Error::UnknownInstrument`], [`Error::UnknownAccount`], or [`Error::Register`] if the map refuses a write, a write would reset a
    /// kill switch, or the gate is out of order. Nothing happened.
    #[inline]
    pub fn execute(&mut self, command: &Command) -> Result<u64, Error> {
        self.check(command)?;
        self.start_watch();
        self.act(command);
        self.stop_watch();
        Ok(self.desk.sequence)
    }

    /// Carries out commands one after the other. All are checked first: either all of them are commands, or nothing happens.
    ///
    /// # Errors
    ///
    /// [`Error::InBatch`].
    pub fn execute_all(&mut self, commands: &[Command]) -> Result<u64, Error> {
        self.check_all(commands)?;
        for (index, command) in commands.iter().enumerate() {
            self.look_ahead(commands, index);
            self.start_watch();
            self.act(command);
            self.stop_watch();
        }
        Ok(self.desk.sequence)
    }

    /// Refuses several if one of them is no command.
    pub(crate) fn check_all(&self, commands: &[Command]) -> Result<(), Error> {
        for (index, command) in commands.iter().enumerate() {
            self.check(command).map_err(|error| Error::InBatch { index, source: Box::new(error) })?;
        }
        Ok(())
    }

    /// Brings what a command a little after `index` will need nearer: for a caller who carries out `commands` one by one.
    #[inline]
    pub fn look_ahead(&self, commands: &[Command], index: usize) {
        if let Some(later) = commands.get(index + AHEAD) {
            self.prefetch(later);
        }
    }

    /// Brings what a command will need nearer. Nothing changes but the time.
    #[inline]
    pub(crate) fn prefetch(&self, command: &Command) {
        match *command {
            Command::New { client_order_id, ref order, .. } if client_order_id != 0 => {
                self.desk.records.prefetch_client(order.account, client_order_id);
            }
            Command::Cancel { order_id, .. } | Command::Replace { order_id, .. } => {
                self.desk.records.prefetch(order_id);
                self.engine.prefetch(order_id);
            }
            _ => {}
        }
    }

    /// Refuses what is not a command, before it is journaled.
    ///
    /// # Errors
    ///
    /// As [`Oms::execute`].
    #[inline]
    pub fn check(&self, command: &Command) -> Result<(), Error> {
        if let Some(fault) = self.desk.device.fault() {
            return Err(fault.into());
        }
        match *command {
            Command::SetPhase { instrument, .. } if instrument == EVERY_INSTRUMENT => Ok(()),
            Command::SetPhase { instrument, .. } | Command::Mark { instrument, .. } => self.check_instrument(instrument),
            Command::WriteRegister { address, value, .. } => self.check_write(address, value),
            Command::KillSwitch { scope, .. } => self.check_scope(scope),
            Command::New { .. }
            | Command::Cancel { .. }
            | Command::Replace { .. }
            | Command::MassCancel { .. }
            | Command::Advance { .. } => Ok(()),
        }
    }

    /// Carries out a command that was checked.
    #[inline]
    pub(crate) fn act(&mut self, command: &Command) {
        let desk = &mut self.desk;
        desk.sequence += 1;
        desk.clock = desk.clock.max(command.ts());
        self.engine.advance(desk.clock, desk);
        match *command {
            Command::New { client_order_id, ref order, .. } => self.place(client_order_id, order),
            Command::Cancel { order_id, .. } => self.cancel(order_id),
            Command::Replace { order_id, qty, price, stop_price, .. } => self.replace(order_id, qty, price, stop_price),
            Command::MassCancel { account, instrument, side, .. } => self.mass_cancel(account, instrument, side),
            Command::SetPhase { instrument, phase, .. } => self.set_phase(instrument, phase),
            Command::Advance { .. } => {}
            Command::Mark { instrument, price, .. } => self.mark(instrument, price),
            Command::WriteRegister { address, value, .. } => self.write_register(address, value),
            Command::KillSwitch { scope, on, ref by, .. } => self.kill_switch(scope, on, by),
        }
    }

    #[inline]
    fn place(&mut self, client_order_id: u128, order: &NewOrder) {
        let Self { engine, desk, config, latency, .. } = self;
        if order.account.0 as usize >= config.accounts.len() {
            return desk.reject_unplaced(client_order_id, order, RejectReason::UnknownAccount);
        }
        if order.instrument.0 as usize >= config.instruments.len() {
            return desk.reject_unplaced(client_order_id, order, RejectReason::UnknownInstrument);
        }
        let mut digested = 0;
        if client_order_id != 0 {
            digested = digest(client_order_id, order);
            if let Some(earlier) = desk.records.claim(order.account, client_order_id) {
                return self.answer_again(earlier, digested, client_order_id, order);
            }
        }
        let id = desk.records.open(order, client_order_id, digested);
        desk.stop_price = order.terms.stop_price;
        if let Err(reason) = engine.check_new(order) {
            return desk.reject(id, reason);
        }
        skip(latency);
        let check = OrderCheck::of_new(order, desk.clock);
        let verdict = desk.device.check_order(&check);
        if let Some(reason) = verdict.refused {
            lap(latency, Stage::Gate);
            return desk.reject(id, reason);
        }
        if let Some(reason) = verdict.warned {
            desk.warn(id, reason, check.price, check.size);
        }
        desk.open(order);
        lap(latency, Stage::Gate);
        engine.submit(id, order, desk);
        lap(latency, Stage::Book);
    }

    /// A client order id that was used before: the same order sent again is told its state, another one is refused.
    #[cold]
    fn answer_again(&mut self, earlier: OrderId, digested: u64, client_order_id: u128, order: &NewOrder) {
        if self.desk.records.known(earlier).digest == digested {
            let stop_price = self.engine.live(earlier).map_or(Ticks(0), |live| live.terms.stop_price);
            self.desk.report(earlier, stop_price);
        } else {
            self.desk.reject_unplaced(client_order_id, order, RejectReason::DuplicateOrderId);
        }
    }

    #[inline]
    fn cancel(&mut self, id: OrderId) {
        let Self { engine, desk, latency, .. } = self;
        let (account, leaves) = match desk.records.get(id) {
            None => return desk.refuse(EventKind::CancelRejected, id, RejectReason::UnknownOrder),
            Some(record) if record.state.is_done() => return desk.refuse(EventKind::CancelRejected, id, RejectReason::TooLate),
            Some(record) => (record.account, record.leaves),
        };
        skip(latency);
        let verdict = desk.device.check_cancel(account, desk.clock);
        lap(latency, Stage::Gate);
        if let Some(reason) = verdict.refused {
            return desk.refuse(EventKind::CancelRejected, id, reason);
        }
        if let Some(reason) = verdict.warned {
            desk.warn(id, reason, 0, leaves.0);
        }
        let was_live = engine.cancel(id, CancelReason::Requested, desk);
        debug_assert!(was_live);
        lap(latency, Stage::Book);
    }

    #[inline]
    fn replace(&mut self, id: OrderId, qty: Qty, price: Ticks, stop_price: Ticks) {
        let Self { engine, desk, latency, .. } = self;
        let record = match desk.records.get(id) {
            None => return desk.refuse(EventKind::ReplaceRejected, id, RejectReason::UnknownOrder),
            Some(record) if record.state.is_done() => return desk.refuse(EventKind::ReplaceRejected, id, RejectReason::TooLate),
            Some(record) => *record,
        };
        let replacement = match engine.check_replace(id, record.qty, qty, price, stop_price) {
            Ok(replacement) => replacement,
            Err(reason) => return desk.refuse(EventKind::ReplaceRejected, id, reason),
        };
        let old_stop_price = engine.live(id).map_or(Ticks(0), |live| live.terms.stop_price);
        skip(latency);
        let total = (qty, replacement.leaves.0);
        let check = OrderCheck::of_replacement(&record, desk.clock, total, (price, stop_price), old_stop_price);
        let verdict = desk.device.check_order(&check);
        lap(latency, Stage::Gate);
        if let Some(reason) = verdict.refused {
            return desk.refuse(EventKind::ReplaceRejected, id, reason);
        }
        if let Some(reason) = verdict.warned {
            desk.warn(id, reason, check.price, check.size);
        }
        engine.replace(id, &replacement, desk);
        lap(latency, Stage::Book);
    }

    fn mass_cancel(&mut self, account: AccountId, instrument: InstrumentId, side: Option<Side>) {
        let scope = Scope {
            account: (account != EVERY_ACCOUNT).then_some(account),
            instrument: (instrument != EVERY_INSTRUMENT).then_some(instrument),
            side,
        };
        self.engine.cancel_all(scope, CancelReason::MassCancel, &mut self.desk);
    }

    fn set_phase(&mut self, instrument: InstrumentId, phase: TradingPhase) {
        let all = if instrument == EVERY_INSTRUMENT { 0..self.n_instruments() } else { instrument.0..instrument.0 + 1 };
        for instrument in all {
            self.engine.set_phase(InstrumentId(instrument), phase, &mut self.desk);
        }
    }

    fn mark(&mut self, instrument: InstrumentId, price: Ticks) {
        if (1..=LARGEST).contains(&price.0) {
            self.engine.set_reference(instrument, price);
            self.desk.marked(instrument, price);
        }
    }

    /// Writes a register. A kill switch that is thrown takes the live orders of its scope along.
    fn write_register(&mut self, address: u64, value: u64) {
        let Self { desk, map, .. } = self;
        if let Some(scope) = registers::switch_scope(*map, address) {
            let was_on = desk.device.read(address) == Ok(1);
            desk.written(address, value);
            return self.throw(scope, address, was_on);
        }
        if desk.device.write(address, value).is_err() {
            debug_assert!(desk.device.fault().is_some(), "a write that was checked is refused");
            return;
        }
        desk.written(address, value);
    }

    /// Whether a register may be written: a kill switch is reset by those who say who they are.
    fn check_write(&self, address: u64, value: u64) -> Result<(), Error> {
        self.desk.device.check_write(address, value)?;
        if value == 0 && registers::switch_scope(self.map, address).is_some() {
            let expected = "1: the command KillSwitch resets it, and says who and why";
            return Err(RegisterError::Value { address, name: "CONTROL", expected, found: value }.into());
        }
        Ok(())
    }

    fn check_scope(&self, scope: SwitchScope) -> Result<(), Error> {
        match scope {
            SwitchScope::Everything => Ok(()),
            SwitchScope::Account(account) => self.check_account(account),
            SwitchScope::Instrument(instrument) => self.check_instrument(instrument),
        }
    }

    pub(crate) fn check_account(&self, account: AccountId) -> Result<(), Error> {
        let known = self.config.accounts.len() as u32;
        if account.0 < known { Ok(()) } else { Err(Error::UnknownAccount { found: account.0, known }) }
    }

    pub(crate) fn check_instrument(&self, instrument: InstrumentId) -> Result<(), Error> {
        let known = self.n_instruments();
        if instrument.0 < known { Ok(()) } else { Err(Error::UnknownInstrument { found: instrument.0, known }) }
    }

    fn n_instruments(&self) -> u32 {
        self.config.instruments.len() as u32
    }
}

/// What can be asked.
impl<D: RiskDevice> Oms<D> {
    /// What it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Time as the system knows it.
    pub fn clock(&self) -> Nanos {
        self.desk.clock
    }

    /// Sequence of the last command; 1 before the first.
    pub fn sequence(&self) -> u64 {
        self.desk.sequence
    }

    /// Events that were not cleared or taken yet, oldest first.
    #[inline]
    pub fn events(&self) -> &[OmsEvent] {
        &self.desk.events
    }

    /// Takes the events, and their storage with them.
    pub fn take_events(&mut self) -> Vec<OmsEvent> {
        std::mem::take(&mut self.desk.events)
    }

    /// Forgets the events and keeps their storage: a caller who has read them and clears them lets the system run without allocating.
    #[inline]
    pub fn clear_events(&mut self) {
        self.desk.events.clear();
    }

    /// Forgets the events of commands up to `sequence`.
    pub(crate) fn clear_events_until(&mut self, sequence: u64) {
        let events = &mut self.desk.events;
        let over = events.partition_point(|event| event.seq <= sequence);
        events.drain(..over);
    }

    /// What is remembered of an order, or `None` if there never was one.
    #[inline]
    pub fn order(&self, id: OrderId) -> Option<&Record> {
        self.desk.records.get(id)
    }

    /// All orders there ever were, by id from 1, and by the ids of their owners.
    pub fn orders(&self) -> &Records {
        &self.desk.records
    }

    /// An order that waits.
    pub fn live(&self, id: OrderId) -> Option<LiveOrder> {
        self.engine.live(id)
    }

    /// State of an order, or `None` if there never was one.
    pub fn state_of(&self, id: OrderId) -> Option<OrderState> {
        self.order(id).map(|record| record.state)
    }

    /// The positions.
    pub fn positions(&self) -> &Positions {
        &self.desk.positions
    }

    /// The books.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Reads a register of the gate.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] where the map has none.
    pub fn read_register(&self, address: u64) -> Result<u64, RegisterError> {
        self.desk.device.read(address)
    }

    /// Where the registers of the gate are.
    pub fn map(&self) -> Map {
        self.map
    }

    /// The gate.
    pub fn device(&self) -> &D {
        &self.desk.device
    }

    /// Makes room for so many more orders, so that placing them does not.
    pub fn reserve(&mut self, n_orders: usize) {
        self.desk.records.reserve(n_orders);
    }

    /// Measures the commands from now on, or no longer.
    pub fn measure(&mut self, latency: Option<Latency>) {
        self.latency = latency.map(Box::new);
    }

    /// What was measured.
    pub fn latency(&self) -> Option<&Latency> {
        self.latency.as_deref()
    }
}

/// The stop-watch: a branch that is never taken where nobody measures.
impl<D: RiskDevice> Oms<D> {
    #[inline]
    pub(crate) fn start_watch(&mut self) {
        if let Some(latency) = &mut self.latency {
            latency.start();
        }
    }

    #[inline]
    pub(crate) fn stop_watch(&mut self) {
        if let Some(latency) = &mut self.latency {
            latency.stop();
        }
    }

    #[inline]
    pub(crate) fn lap(&mut self, stage: Stage) {
        lap(&mut self.latency, stage);
    }
}

#[inline]
fn lap(latency: &mut Option<Box<Latency>>, stage: Stage) {
    if let Some(latency) = latency {
        latency.lap(stage);
    }
}

#[inline]
fn skip(latency: &mut Option<Box<Latency>>) {
    if let Some(latency) = latency {
        latency.skip();
    }
}
