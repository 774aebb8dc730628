//! How far the reading of a long journal is, for those who wait for it.

use std::ops::ControlFlow;

use crate::Error;

/// Bytes from one word to the next: some milliseconds of reading.
pub(crate) const EVERY: u64 = 4 << 20;

/// Is told how many bytes are read and how many there are: at the beginning, every few MiB, and at the end. A break ends the reading.
pub type Progress<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

/// Nobody waits.
pub(crate) fn unwatched(_done: u64, _total: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(crate) fn tell(progress: &mut Progress<'_>, done: u64, total: u64) -> Result<(), Error> {
    // A writer may have made the files longer since they were measured; of an empty journal there is nothing to tell.
    let done = done.min(total);
    if total > 0 && progress(done, total).is_break() {
        return Err(Error::Interrupted { done, total });
    }
    Ok(())
}
