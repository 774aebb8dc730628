//! The file that both sides map, as banks of words.
//!
//! The only module of the crate with unsafe code: it turns an address inside the mapping into a reference.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use memmap2::{MmapOptions, MmapRaw};
use omni_types::{AccountId, InstrumentId};

use super::DeviceError;
use super::mailbox::{COMPLETION, CompletionWords, REQUEST, RequestWords};
use crate::gate::map::{Bank, DEVICE_ID, Map, VERSION, global};
use crate::gate::memory::Memory;
use crate::gate::words::{AccountBank, GlobalBank, InstrumentBank, PositionBank, WarningBank, Words};

/// A mapped window.
#[derive(Debug)]
pub(super) struct Window {
    memory: MmapRaw,
    map: Map,
}

impl Window {
    /// A new file, all zero, with room for the map. It is sparse: what lies between the banks takes no space.
    pub fn create(path: &Path, map: Map) -> Result<Self, DeviceError> {
        let create = || {
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
            file.set_len(map.end()).map(|()| file)
        };
        let file = create().map_err(|source| DeviceError::Io { op: "create", path: path.into(), source })?;
        Self::over(&file, path, map)
    }

    /// An existing window, once it has said what it is.
    pub fn open(path: &Path) -> Result<Self, DeviceError> {
        let open = || {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            file.metadata().map(|about| (about.len(), file))
        };
        let (len, file) = open().map_err(|source| DeviceError::Io { op: "open", path: path.into(), source })?;
        let differs = |what, expected, found| DeviceError::NotADevice { path: path.into(), what, expected, found };
        let empty = Map::new(0, 0, 0)?;
        if len < empty.end() {
            return Err(differs("length", empty.end(), len));
        }
        let words = Self::over(&file, path, empty)?;
        let says = words.global();
        let id = says.acquire(global::DEVICE_ID);
        if id != DEVICE_ID {
            return Err(differs("DEVICE_ID", DEVICE_ID, id));
        }
        if says.get(global::VERSION) != VERSION {
            return Err(differs("VERSION", VERSION, says.get(global::VERSION)));
        }
        let number = |offset| says.get(offset) as usize;
        let map = Map::new(number(global::N_ACCOUNTS), number(global::N_INSTRUMENTS), number(global::N_SECTORS))?;
        if len != map.end() {
            return Err(differs("length", map.end(), len));
        }
        Self::over(&file, path, map)
    }

    fn over(file: &File, path: &Path, map: Map) -> Result<Self, DeviceError> {
        let length = usize::try_from(map.end()).map_err(io::Error::other);
        let memory = length.and_then(|length| MmapOptions::new().len(length).map_raw(file));
        Ok(Self { memory: memory.map_err(|source| DeviceError::Io { op: "map", path: path.into(), source })?, map })
    }

    pub fn request(&self) -> &RequestWords {
        self.words(REQUEST)
    }

    pub fn completion(&self) -> &CompletionWords {
        self.words(COMPLETION)
    }

    /// The words at an address of the window.
    fn words<const N: usize>(&self, address: u64) -> &Words<N> {
        let address = address as usize;
        assert!(address.is_multiple_of(align_of::<Words<N>>()) && address + size_of::<Words<N>>() <= self.memory.len());
        // SAFETY: the assertion keeps the words inside the mapping, which lives as long as `self` and begins at a page, so
        // that they are aligned. They are `repr(C)` atomics, for which every bit pattern is valid and which others may change
        // at any time; nobody ever holds a plain reference into the mapping. The file must keep its length while it is mapped,
        // as the documentation of driver and device says: a page that is gone would end the process, not be misread.
        unsafe { &*self.memory.as_ptr().add(address).cast::<Words<N>>() }
    }

    fn bank<const N: usize>(&self, bank: Bank, index: u64) -> &Words<N> {
        assert!(index < self.map.n_banks(bank));
        self.words(bank.address(index))
    }
}

impl Memory for Window {
    fn map(&self) -> Map {
        self.map
    }

    fn global(&self) -> &GlobalBank {
        self.bank(Bank::Global, 0)
    }

    fn account(&self, account: AccountId) -> &AccountBank {
        self.bank(Bank::Account, account.0.into())
    }

    fn warning(&self, account: AccountId) -> &WarningBank {
        self.bank(Bank::Warning, account.0.into())
    }

    fn instrument(&self, instrument: InstrumentId) -> &InstrumentBank {
        self.bank(Bank::Instrument, instrument.0.into())
    }

    fn position(&self, account: AccountId, instrument: InstrumentId) -> &PositionBank {
        self.bank(Bank::Position, self.map.position_index(account, instrument) as u64)
    }
}
