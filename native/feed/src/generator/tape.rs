//! The messages as they go out.

/// Frames with a 2-byte length, and how many of each type there were.
pub(super) struct Tape {
    pub out: Vec<u8>,
    pub n: u64,
    pub counts: [u64; 256],
}

impl Default for Tape {
    fn default() -> Self {
        Self { out: Vec::new(), n: 0, counts: [0; 256] }
    }
}

impl Tape {
    #[inline]
    pub fn say<const N: usize>(&mut self, message: &[u8; N]) {
        self.out.extend_from_slice(&(N as u16).to_be_bytes());
        self.out.extend_from_slice(message);
        self.counts[usize::from(message[0])] += 1;
        self.n += 1;
    }
}
