//! Fixed-width little-endian numbers, read one after the other with every doubt reported, and written likewise.

use crate::CodecError;

/// Reads fields off the front of some bytes and knows where it is.
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// What the bytes are, for errors.
    what: &'static str,
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident),+) => {
        $(
            $(#[$doc])*
            #[inline]
            pub fn $name(&mut self) -> Result<$name, CodecError> {
                self.array().map($name::from_le_bytes)
            }
        )+
    };
}

impl<'a> Fields<'a> {
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, what }
    }

    numbers!(u8, u16, u32, u64, i64, u128, i128, f64);

    /// The next `length` bytes.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let end = self.offset.saturating_add(length);
        let taken = self.bytes.get(self.offset..end).ok_or(CodecError::Length {
            what: self.what,
            expected: end,
            found: self.bytes.len(),
        })?;
        self.offset = end;
        Ok(taken)
    }

    /// A text with its length in front of it.
    pub fn text(&mut self, name: &'static str) -> Result<String, CodecError> {
        let length = self.u16()?;
        let offset = self.offset;
        let bytes = self.take(length.into())?;
        str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
            let at = error.valid_up_to();
            CodecError::Field { name, offset: offset + at, expected: "UTF-8", found: bytes[at].into() }
        })
    }

    /// A byte that stands for one of an enumeration.
    #[inline]
    pub fn code<T>(&mut self, name: &'static str, from_code: impl FnOnce(u8) -> Option<T>) -> Result<T, CodecError> {
        let code = self.u8()?;
        from_code(code).ok_or_else(|| self.wrong(name, 1, "a code of its table", code.into()))
    }

    /// `length` bytes that are 0.
    #[inline]
    pub fn padding(&mut self, length: usize) -> Result<(), CodecError> {
        let offset = self.offset;
        let bytes = self.take(length)?;
        match bytes.iter().position(|&byte| byte != 0) {
            None => Ok(()),
            Some(at) => Err(CodecError::Field { name: "padding", offset: offset + at, expected: "0", found: bytes[at].into() }),
        }
    }

    /// The error for the field of `width` bytes that was just read.
    #[cold]
    pub fn wrong(&self, name: &'static str, width: usize, expected: &'static str, found: i128) -> CodecError {
        CodecError::Field { name, offset: self.offset - width, expected, found }
    }

    /// There must be bytes for `n` things of `length` each: asked before room is made for them.
    pub fn room_for(&self, n: usize, length: usize) -> Result<(), CodecError> {
        let needed = n.saturating_mul(length);
        if needed <= self.bytes.len() - self.offset {
            return Ok(());
        }
        Err(CodecError::Length { what: self.what, expected: self.offset.saturating_add(needed), found: self.bytes.len() })
    }

    /// There must be nothing left.
    #[inline]
    pub fn end(&self) -> Result<(), CodecError> {
        if self.offset == self.bytes.len() {
            return Ok(());
        }
        Err(CodecError::Length { what: self.what, expected: self.offset, found: self.bytes.len() })
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let rest = &self.bytes[self.offset..];
        let Some(array) = rest.first_chunk::<N>() else {
            return Err(CodecError::Length { what: self.what, expected: self.offset + N, found: self.bytes.len() });
        };
        self.offset += N;
        Ok(*array)
    }
}

/// Lays the little-endian bytes of some numbers end to end into the front of a slice, and gives the rest of the slice.
macro_rules! put {
    ($out:expr, $($value:expr),+ $(,)?) => {{
        let out: &mut [u8] = $out;
        $(
            let bytes = $value.to_le_bytes();
            let (here, out) = out.split_at_mut(bytes.len());
            here.copy_from_slice(&bytes);
        )+
        out
    }};
}

/// Appends the little-endian bytes of some numbers to a vector.
macro_rules! append {
    ($out:expr, $($value:expr),+ $(,)?) => {
        $($out.extend_from_slice(&$value.to_le_bytes());)+
    };
}

pub(crate) use {append, put};
