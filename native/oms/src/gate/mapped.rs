//! A risk device behind a memory-mapped window, and a model of the hardware on the other side.
//!
//! The window is a file that two threads or two processes map. Registers lie at their addresses, so reading one is one load.
//! Everything that changes something goes through a mailbox in a gap of the map: the host writes a request and rings a
//! doorbell, the device does it and reports completion. [`MappedDevice`] is the host's driver, [`DeviceModel`] stands in for
//! the hardware. Both halves must run on the same machine, and one driver at a time may be open on a window.

use std::path::PathBuf;
use std::{fmt, io};

use super::RegisterError;

mod driver;
mod mailbox;
mod model;
mod window;

pub use driver::MappedDevice;
pub use model::{DeviceModel, serve};

/// Why a window could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum DeviceError {
    /// The operating system refused an operation.
    Io {
        /// What was attempted, such as "create" or "map".
        op: &'static str,
        /// The window.
        path: PathBuf,
        /// The refusal itself.
        source: io::Error,
    },
    /// The file is not the window of such a device.
    NotADevice {
        /// The file.
        path: PathBuf,
        /// Register or property that does not hold.
        what: &'static str,
        /// Value that it should have.
        expected: u64,
        /// Value that was found.
        found: u64,
    },
    /// The device cannot be as asked, or does not answer.
    Register(RegisterError),
}

impl From<RegisterError> for DeviceError {
    fn from(error: RegisterError) -> Self {
        Self::Register(error)
    }
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { op, path, source } => write!(f, "cannot {op} {}: {source}", path.display()),
            Self::NotADevice { path, what, expected, found } => write!(
                f,
                "{} is not the window of a risk device: {what} should be {expected:#x}, found {found:#x}; create it anew",
                path.display()
            ),
            Self::Register(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DeviceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Register(error) => Some(error),
            Self::NotADevice { .. } => None,
        }
    }
}
