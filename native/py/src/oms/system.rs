//! A system with a journal or without one, as one thing, and what its commands answer.

use std::path::Path;

use omni_journal::Options;
use omni_oms::{Command, Config, DurableOms, EventKind, Latency, Oms, OmsEvent, Recovery};
use omni_types::CancelReason;

use super::watch::Watch;
use crate::errors::Refusal;

/// A system, and the events that wait to be handed out.
pub(crate) struct System {
    inner: Inner,
    /// Events that a batch found waiting; they are acknowledged, and older than those that the system holds.
    earlier: Vec<OmsEvent>,
    /// Frames between snapshots, and the sequence at which the next one is due.
    snapshots: Option<(u64, u64)>,
}

enum Inner {
    Plain(Box<Oms>),
    Durable(Box<DurableOms>),
    /// The journal was closed; what is known can still be asked for.
    Closed(Box<Oms>),
    /// Only while a journal is being closed.
    Closing,
}

impl System {
    /// One that keeps no journal.
    pub fn new(config: Config) -> Result<Self, Refusal> {
        Ok(Self::of(Inner::Plain(Box::new(Oms::new(config)?))))
    }

    /// One that goes on from a state, and keeps no journal.
    pub fn from_state(state: &[u8]) -> Result<Self, Refusal> {
        Ok(Self::of(Inner::Plain(Box::new(Oms::from_state(state)?))))
    }

    /// One whose journal is in `dir`. Without a configuration the journal must have been begun.
    pub fn open(dir: &Path, config: Option<&Config>, options: Options, watch: &mut Watch) -> Result<(Self, Recovery), Refusal> {
        let progress = &mut |step, done, total| watch.tell(step, done, total);
        let (durable, recovery) = match config {
            Some(config) => DurableOms::open_watched(dir, config, options, None, progress)?,
            None => DurableOms::resume_watched(dir, options, progress)?,
        };
        Ok((Self::of(Inner::Durable(Box::new(durable))), recovery))
    }

    fn of(inner: Inner) -> Self {
        Self { inner, earlier: Vec::new(), snapshots: None }
    }

    /// Measures every command from now on.
    pub fn measure(&mut self, latency: Latency) {
        match &mut self.inner {
            Inner::Plain(oms) => oms.measure(Some(latency)),
            Inner::Durable(durable) => durable.measure(Some(latency)),
            Inner::Closed(_) | Inner::Closing => {}
        }
    }

    /// Makes room for so many more orders, so that placing them does not.
    pub fn reserve(&mut self, n_orders: usize) {
        match &mut self.inner {
            Inner::Plain(oms) => oms.reserve(n_orders),
            Inner::Durable(durable) => durable.reserve(n_orders),
            Inner::Closed(_) | Inner::Closing => {}
        }
    }

    /// Takes a snapshot every so many frames, if there is a journal.
    pub fn snapshot_every(&mut self, n_frames: u64) {
        self.snapshots = Some((n_frames, self.oms().sequence() + n_frames));
    }

    /// The system, to be asked.
    #[inline]
    pub fn oms(&self) -> &Oms {
        match &self.inner {
            Inner::Plain(oms) | Inner::Closed(oms) => oms,
            Inner::Durable(durable) => durable.oms(),
            Inner::Closing => unreachable!("nobody asks while the journal is being closed"),
        }
    }

    /// Carries out a command. Answers the id of a new order (0 if it got none, the earlier one's if it was sent before), how many orders a
    /// cancel, a replacement or a mass cancel met, and 0 for the rest.
    #[inline]
    pub fn execute(&mut self, command: &Command) -> Result<u64, Refusal> {
        let (n_events, n_orders) = (self.oms().events().len(), self.oms().orders().len());
        self.act(command)?;
        Ok(answer(self.oms(), command, n_events, n_orders))
    }

    /// Carries out a command and does not look what came of it.
    #[inline]
    pub fn act(&mut self, command: &Command) -> Result<(), Refusal> {
        match &mut self.inner {
            Inner::Plain(oms) => oms.execute(command)?,
            Inner::Durable(durable) => durable.execute(command)?,
            Inner::Closed(_) | Inner::Closing => return Err(Refusal::Closed),
        };
        Ok(())
    }

    /// Stores a snapshot if one is due. One that cannot be stored is told as a value: recovery only takes longer without it.
    #[inline]
    pub fn snapshot_if_due(&mut self) -> Result<Option<Refusal>, Refusal> {
        match self.snapshots {
            Some((_, next)) if self.oms().sequence() >= next => self.regular_snapshot(),
            _ => Ok(None),
        }
    }

    #[cold]
    fn regular_snapshot(&mut self) -> Result<Option<Refusal>, Refusal> {
        let Some((every, next)) = &mut self.snapshots else { return Ok(None) };
        *next += *every;
        self.commit()?;
        Ok(self.write_snapshot().err())
    }

    /// Stores a snapshot beside the journal, if there is one.
    pub fn write_snapshot(&mut self) -> Result<(), Refusal> {
        match &mut self.inner {
            Inner::Durable(durable) => durable.snapshot().map(drop).map_err(Refusal::from),
            Inner::Plain(_) | Inner::Closed(_) | Inner::Closing => Ok(()),
        }
    }

    /// Acknowledges every command so far.
    pub fn commit(&mut self) -> Result<(), Refusal> {
        match &mut self.inner {
            Inner::Durable(durable) => durable.commit().map(drop).map_err(Refusal::from),
            Inner::Plain(_) | Inner::Closed(_) | Inner::Closing => Ok(()),
        }
    }

    /// Ends the journal in good order. What is known can be asked for afterwards; what was not acknowledged stays untold.
    pub fn close(&mut self) -> Result<(), Refusal> {
        if !matches!(self.inner, Inner::Durable(_)) {
            return Ok(());
        }
        let Inner::Durable(durable) = std::mem::replace(&mut self.inner, Inner::Closing) else {
            unreachable!("a journal was there a moment ago")
        };
        let (mut oms, closed) = durable.into_oms();
        if closed.is_err() {
            oms.clear_events();
        }
        self.inner = Inner::Closed(Box::new(oms));
        Ok(closed?)
    }

    /// Hands out the acknowledged events: `use_them` gets the older ones and the newer ones.
    pub fn drain<T>(&mut self, use_them: impl FnOnce([&[OmsEvent]; 2]) -> T) -> Result<T, Refusal> {
        let used = use_them([&self.earlier, self.acknowledged()?]);
        self.earlier.clear();
        self.clear();
        Ok(used)
    }

    /// Hands out the events of the commands after frame `since`, which must be acknowledged, and keeps the older ones for later.
    pub fn drain_since<T>(&mut self, since: u64, use_them: impl FnOnce([&[OmsEvent]; 2]) -> T) -> Result<T, Refusal> {
        let events = self.acknowledged()?;
        let (before, after) = events.split_at(events.partition_point(|event| event.seq <= since));
        let used = use_them([&[], after]);
        let before = before.to_vec();
        self.earlier.extend(before);
        self.clear();
        Ok(used)
    }

    fn acknowledged(&self) -> Result<&[OmsEvent], Refusal> {
        match &self.inner {
            Inner::Durable(durable) => Ok(durable.acknowledged_events()?),
            Inner::Plain(_) | Inner::Closed(_) | Inner::Closing => Ok(self.oms().events()),
        }
    }

    fn clear(&mut self) {
        match &mut self.inner {
            Inner::Plain(oms) | Inner::Closed(oms) => oms.clear_events(),
            Inner::Durable(durable) => durable.clear_events(),
            Inner::Closing => {}
        }
    }
}

impl Drop for System {
    /// People forget to close; a crash is what only crashes should look like.
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// What a command came to, from the events after the first `n_events`, where there were `n_orders` before.
#[inline]
fn answer(oms: &Oms, command: &Command, n_events: usize, n_orders: usize) -> u64 {
    let came = &oms.events()[n_events..];
    let refused = |kind: EventKind| came.iter().any(|event| event.kind == kind.code());
    match command {
        Command::New { .. } if oms.orders().len() > n_orders => oms.orders().len() as u64,
        // Sent before, or refused without an id: the one event about it is the last.
        Command::New { .. } => came.last().map_or(0, |event| event.order_id),
        Command::Cancel { .. } => u64::from(!refused(EventKind::CancelRejected)),
        Command::Replace { .. } => u64::from(!refused(EventKind::ReplaceRejected)),
        Command::MassCancel { .. } => {
            let (canceled, reason) = (EventKind::Canceled.code(), CancelReason::MassCancel.code());
            came.iter().filter(|event| event.kind == canceled && event.reason == reason).count() as u64
        }
        Command::SetPhase { .. }
        | Command::Advance { .. }
        | Command::Mark { .. }
        | Command::WriteRegister { .. }
        | Command::KillSwitch { .. } => 0,
    }
}
