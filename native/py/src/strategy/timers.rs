//! Timers of a strategy: each fires at the first step at or after its time.

use pyo3::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: u64,
    due: i64,
    every: Option<i64>,
}

/// Timers that are set.
#[derive(Default)]
pub(super) struct Timers {
    entries: Vec<Entry>,
    n_set: u64,
}

impl Timers {
    /// Set a timer; returns its id.
    pub fn set(&mut self, due: i64, every: Option<i64>) -> u64 {
        self.n_set += 1;
        self.entries.push(Entry { id: self.n_set, due, every });
        self.n_set
    }

    /// Take a timer back; false when it is not set any more.
    pub fn cancel(&mut self, id: u64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }

    /// Timers that are due, the earliest first.
    pub fn due(&self, now: i64) -> Vec<u64> {
        let mut due: Vec<_> = self.entries.iter().filter(|entry| entry.due <= now).collect();
        due.sort_by_key(|entry| (entry.due, entry.id));
        due.into_iter().map(|entry| entry.id).collect()
    }

    /// Note that a timer fires; returns when it was due, or `None` if it was canceled in the meantime. One that repeats is due again at
    /// its next time after now: what falls into a gap of the data fires once.
    pub fn fire(&mut self, id: u64, now: i64) -> Option<i64> {
        let at = self.entries.iter().position(|entry| entry.id == id)?;
        let Entry { due, every, .. } = self.entries[at];
        match every.and_then(|every| every.checked_mul((now - due) / every + 1)).and_then(|ahead| due.checked_add(ahead)) {
            Some(next) => self.entries[at].due = next,
            None => drop(self.entries.remove(at)),
        }
        Some(due)
    }
}

/// A timer that fired, as handed to `on_timer`.
#[pyclass(frozen, module = "omni_lab._native", get_all)]
pub(crate) struct Timer {
    pub(super) id: u64,
    pub(super) due: i64,
    pub(super) ts: i64,
    pub(super) index: usize,
}

#[pymethods]
impl Timer {
    fn __repr__(&self) -> String {
        format!("Timer({}, due={}, ts={})", self.id, self.due, self.ts)
    }
}
