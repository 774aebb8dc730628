//! Banks of 64-bit words, wherever they lie.

use std::sync::atomic::{AtomicU64, Ordering};

/// One bank, addressed by byte offsets.
///
/// The words are atomic because a mapped bank is read by another thread or process. A relaxed load or store is an ordinary
/// instruction, so the software device pays nothing for it. The alignment keeps a small bank within one cache line.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Words<const N: usize>([AtomicU64; N]);

pub(crate) type GlobalBank = Words<34>;
pub(crate) type AccountBank = Words<40>;
pub(crate) type WarningBank = Words<20>;
pub(crate) type InstrumentBank = Words<9>;
pub(crate) type PositionBank = Words<8>;

impl<const N: usize> Words<N> {
    pub fn zeroed() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    #[inline]
    fn word(&self, offset: u64) -> &AtomicU64 {
        &self.0[(offset / 8) as usize]
    }

    #[inline]
    pub fn get(&self, offset: u64) -> u64 {
        self.word(offset).load(Ordering::Relaxed)
    }

    /// The word, or 0 where the bank has only padding.
    pub fn word_or_padding(&self, offset: u64) -> u64 {
        self.0.get((offset / 8) as usize).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    #[inline]
    pub fn set(&self, offset: u64, value: u64) {
        self.word(offset).store(value, Ordering::Relaxed);
    }

    #[inline]
    pub fn signed(&self, offset: u64) -> i64 {
        self.get(offset) as i64
    }

    /// A 128-bit register: the low word first.
    #[inline]
    pub fn wide(&self, offset: u64) -> i128 {
        (u128::from(self.get(offset)) | u128::from(self.get(offset + 8)) << 64) as i128
    }

    pub fn set_wide(&self, offset: u64, value: i128) {
        self.set(offset, value as u64);
        self.set(offset + 8, (value >> 64) as u64);
    }

    /// Add modulo 2^64; only the device writes its registers, so nothing comes between.
    #[inline]
    pub fn add(&self, offset: u64, change: u64) {
        self.set(offset, self.get(offset).wrapping_add(change));
    }

    /// The word, and what its writer wrote before it with [`Words::release`].
    #[cfg(feature = "fpga")]
    pub fn acquire(&self, offset: u64) -> u64 {
        self.word(offset).load(Ordering::Acquire)
    }

    /// Set the word so that who acquires it sees all that was written before.
    pub fn release(&self, offset: u64, value: u64) {
        self.word(offset).store(value, Ordering::Release);
    }
}
