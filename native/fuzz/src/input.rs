//! Bytes read as a series of choices. Past the end every choice is the first one, so that any bytes tell a whole story.

/// What is left of the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of them.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte, or 0.
    pub fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    /// A yes or a no.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// The next bytes, as many as there are of `n`.
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Two bytes as a number.
    pub fn u16(&mut self) -> u16 {
        u16::from(self.byte()) | u16::from(self.byte()) << 8
    }

    /// Eight bytes as a number.
    pub fn u64(&mut self) -> u64 {
        (0..8).fold(0, |number, at| number | u64::from(self.byte()) << (8 * at))
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    /// One of several things, of which there are at most 256.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// Mostly `usual` of a byte, sometimes one of the numbers at which code goes wrong.
    pub fn number(&mut self, usual: impl Fn(i64) -> i64) -> i64 {
        let byte = self.byte();
        usize::from(byte).checked_sub(256 - EXTREMES.len()).map_or_else(|| usual(byte.into()), |at| EXTREMES[at])
    }
}

/// Ends of ranges, and their neighbours.
const EXTREMES: [i64; 16] = [
    0,
    1,
    -1,
    2,
    1 << 10,
    1 << 16,
    (1 << 16) + 1,
    1 << 40,
    (1 << 40) + 1,
    (1 << 50) - 1,
    1 << 50,
    (1 << 50) + 1,
    -(1 << 50),
    i64::MAX - 1,
    i64::MAX,
    i64::MIN,
];
