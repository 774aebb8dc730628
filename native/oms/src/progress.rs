//! How far an open is, for those who wait for a long journal.

use std::ops::ControlFlow;

/// What an open does with the bytes of a journal, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reads them back and checks them.
    Verifying,
    /// Carries out their commands again, after those of the snapshot if there is one.
    Replaying,
}

/// Is told how many bytes a step has done and how many it has: at its beginning, every few MiB, and at its end. A break ends the open.
pub type Progress<'a> = dyn FnMut(Step, u64, u64) -> ControlFlow<()> + 'a;

/// Nobody waits.
pub(crate) fn unwatched(_step: Step, _done: u64, _total: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// What the journal is to call during a step.
pub(crate) fn during(step: Step, progress: &mut Progress<'_>) -> impl FnMut(u64, u64) -> ControlFlow<()> {
    move |done, total| progress(step, done, total)
}
