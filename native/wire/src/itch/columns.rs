//! Messages of one type as a table: a column for each field, as the layout has them.

use super::{FieldKind, Layout, wrong};
use crate::WireError;
use crate::bytes::{get_u16, get_u32, get_u48, get_u64};

/// The messages of one type, a column for each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeColumns {
    layout: &'static Layout,
    len: usize,
    columns: Vec<Column>,
}

/// One field of all messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name of the field.
    pub name: &'static str,
    /// What its bytes were; prices stay in their unit.
    pub kind: FieldKind,
    /// A value for each message.
    pub values: Values,
}

/// Values by their width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Characters.
    U8(Vec<u8>),
    /// Numbers of 2 bytes.
    U16(Vec<u16>),
    /// Numbers and prices of 4 bytes.
    U32(Vec<u32>),
    /// Numbers and prices of 8 bytes.
    U64(Vec<u64>),
    /// Times; one of 8 bytes that says more than 2^63 - 1 says that.
    I64(Vec<i64>),
    /// Text, so many bytes for each message, padding and all.
    Text {
        /// Bytes of one text.
        width: usize,
        /// One text after the other.
        bytes: Vec<u8>,
    },
}

impl TypeColumns {
    /// No messages yet.
    pub fn new(layout: &'static Layout) -> Self {
        let columns = layout.fields.iter().map(|field| Column::new(field.name, field.kind)).collect();
        Self { layout, len: 0, columns }
    }

    /// Put a message after the others.
    ///
    /// # Errors
    ///
    /// If it is of another type or length; the offset is 0, and nothing is added.
    pub fn push(&mut self, message: &[u8]) -> Result<(), WireError> {
        if message.len() != self.layout.length || message[0] != self.layout.kind {
            return Err(wrong(message, self.layout.name, self.layout.length));
        }
        for (column, field) in self.columns.iter_mut().zip(self.layout.fields) {
            column.values.push(message, field.offset, field.kind);
        }
        self.len += 1;
        Ok(())
    }

    /// The type.
    pub fn layout(&self) -> &'static Layout {
        self.layout
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The columns so far, in the order of the layout.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Hand over the columns and begin again.
    pub fn take(&mut self) -> Vec<Column> {
        std::mem::replace(self, Self::new(self.layout)).columns
    }
}

impl Column {
    fn new(name: &'static str, kind: FieldKind) -> Self {
        let values = match kind {
            FieldKind::Char => Values::U8(Vec::new()),
            FieldKind::U16 => Values::U16(Vec::new()),
            FieldKind::U32 | FieldKind::Price4 => Values::U32(Vec::new()),
            FieldKind::U64 | FieldKind::Price8 => Values::U64(Vec::new()),
            FieldKind::Time6 | FieldKind::Time8 => Values::I64(Vec::new()),
            FieldKind::Alpha(width) => Values::Text { width: usize::from(width), bytes: Vec::new() },
        };
        Self { name, kind, values }
    }
}

impl Values {
    #[inline]
    fn push(&mut self, message: &[u8], at: usize, kind: FieldKind) {
        match self {
            Self::U8(values) => values.push(message[at]),
            Self::U16(values) => values.push(get_u16(message, at)),
            Self::U32(values) => values.push(get_u32(message, at)),
            Self::U64(values) => values.push(get_u64(message, at)),
            Self::I64(values) if kind == FieldKind::Time6 => values.push(get_u48(message, at) as i64),
            Self::I64(values) => values.push(i64::try_from(get_u64(message, at)).unwrap_or(i64::MAX)),
            Self::Text { width, bytes } => bytes.extend_from_slice(&message[at..at + *width]),
        }
    }
}
