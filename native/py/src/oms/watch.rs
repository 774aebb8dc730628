//! Somebody waits for a long read: a callback is told how far it is, and Ctrl-C ends it.

use std::ops::ControlFlow;

use omni_oms::Step;
use pyo3::prelude::*;

use crate::errors::Refusal;

/// Takes what a read of a journal tells, without the interpreter lock.
pub(crate) struct Watch {
    report: Option<Py<PyAny>>,
    raised: Option<PyErr>,
}

impl Watch {
    /// `report` is called with the step, the bytes done and the bytes in all.
    pub fn new(report: Option<Py<PyAny>>) -> Self {
        Self { report, raised: None }
    }

    /// Passes it on. What the callback raises ends the read, and so does Ctrl-C.
    pub fn tell(&mut self, step: Step, done: u64, total: u64) -> ControlFlow<()> {
        let name = match step {
            Step::Verifying => "verifying",
            Step::Replaying => "replaying",
        };
        let told = Python::attach(|py| {
            py.check_signals()?;
            self.report.as_ref().map_or(Ok(()), |report| report.call1(py, (name, done, total)).map(drop))
        });
        match told {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.raised = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// The error of a read: what the callback raised, if that ended it.
    pub fn raise(self, py: Python<'_>, refusal: impl Into<Refusal>) -> PyErr {
        self.raised.unwrap_or_else(|| refusal.into().raise(py))
    }
}
