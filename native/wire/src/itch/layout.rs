//! How the layout of a message is stated: kinds of fields, and the macro that makes types, views and a table of them.

use crate::bytes;

/// What the bytes of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// One ASCII character.
    Char,
    /// Unsigned, 2 bytes.
    U16,
    /// Unsigned, 4 bytes.
    U32,
    /// Unsigned, 8 bytes.
    U64,
    /// Nanoseconds since midnight, 6 bytes.
    Time6,
    /// Nanoseconds since midnight, 8 bytes.
    Time8,
    /// Price in 1/10,000 of a dollar, 4 bytes.
    Price4,
    /// Price in 1/100,000,000 of a dollar, 8 bytes.
    Price8,
    /// Text of so many bytes, padded right with spaces.
    Alpha(u8),
}

impl FieldKind {
    /// Bytes of the field.
    pub const fn width(self) -> usize {
        match self {
            Self::Char => 1,
            Self::U16 => 2,
            Self::U32 | Self::Price4 => 4,
            Self::Time6 => 6,
            Self::U64 | Self::Time8 | Self::Price8 => 8,
            Self::Alpha(width) => width as usize,
        }
    }
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// First byte, counted from the message type.
    pub offset: usize,
    /// What the bytes are.
    pub kind: FieldKind,
}

/// A message type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The byte that begins every message of the type.
    pub kind: u8,
    /// Its name in `snake_case`.
    pub name: &'static str,
    /// Bytes, the type included.
    pub length: usize,
    /// All fields after the type, by ascending offset; they leave no byte out.
    pub fields: &'static [Field],
}

impl Layout {
    /// The same layout, if its fields follow each other from the first byte to the last; else the build fails.
    pub(crate) const fn checked(self) -> Self {
        let (mut at, mut field) = (1, 0);
        while field < self.fields.len() {
            assert!(self.fields[field].offset == at, "a field does not begin where the one before it ends");
            at += self.fields[field].kind.width();
            field += 1;
        }
        assert!(at == self.length, "the fields do not fill the message");
        self
    }
}

/// A kind of field as a type: how its value is read and written.
pub trait Kind {
    type Value: Copy;
    const KIND: FieldKind;

    fn get(bytes: &[u8], at: usize) -> Self::Value;
    fn put(bytes: &mut [u8], at: usize, value: Self::Value);
}

macro_rules! number {
    ($kind:ident, $value:ty, $get:ident, $put:ident) => {
        pub struct $kind;

        impl Kind for $kind {
            type Value = $value;
            const KIND: FieldKind = FieldKind::$kind;

            #[inline]
            fn get(bytes: &[u8], at: usize) -> $value {
                bytes::$get(bytes, at)
            }

            #[inline]
            fn put(bytes: &mut [u8], at: usize, value: $value) {
                bytes::$put(bytes, at, value);
            }
        }
    };
}

number!(U16, u16, get_u16, put_u16);
number!(U32, u32, get_u32, put_u32);
number!(U64, u64, get_u64, put_u64);
number!(Time6, u64, get_u48, put_u48);
number!(Time8, u64, get_u64, put_u64);
number!(Price4, u32, get_u32, put_u32);
number!(Price8, u64, get_u64, put_u64);

pub struct Char;

impl Kind for Char {
    type Value = u8;
    const KIND: FieldKind = FieldKind::Char;

    #[inline]
    fn get(bytes: &[u8], at: usize) -> u8 {
        bytes[at]
    }

    #[inline]
    fn put(bytes: &mut [u8], at: usize, value: u8) {
        bytes[at] = value;
    }
}

pub struct Alpha<const N: usize>;

impl<const N: usize> Kind for Alpha<N> {
    type Value = [u8; N];
    const KIND: FieldKind = FieldKind::Alpha(N as u8);

    #[inline]
    fn get(bytes: &[u8], at: usize) -> [u8; N] {
        bytes::get_alpha(bytes, at)
    }

    #[inline]
    fn put(bytes: &mut [u8], at: usize, value: [u8; N]) {
        bytes::put_alpha(bytes, at, value);
    }
}

/// From one statement of all messages: an owned type and a view for each, an enumeration of each, and the table of layouts.
macro_rules! messages {
    ($(
        $(#[$doc:meta])*
        $name:ident $snake:ident = $kind:literal, $length:literal {
            $($(#[$field_doc:meta])* $offset:literal => $field:ident: $type:ty,)*
        }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[allow(missing_docs)]
            pub struct $name {
                /// Index of the instrument for this day; 0 for the whole market.
                pub stock_locate: u16,
                /// Internal to the venue.
                pub tracking_number: u16,
                /// Nanoseconds since midnight at the venue; below 2^48.
                pub timestamp: u64,
                $($(#[$field_doc])* pub $field: <$type as Kind>::Value,)*
            }

            impl $name {
                /// The byte that begins the message.
                pub const KIND: u8 = $kind;
                /// Bytes of the message.
                pub const LENGTH: usize = $length;

                /// The message in these bytes, which must be one of this type and nothing more.
                ///
                /// # Errors
                ///
                /// If the type or the length is another; the offset is 0.
                pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
                    Ok(view::$name::new(bytes)?.to_owned())
                }

                /// The bytes of the message; of the timestamp, the low 48 bits.
                pub fn encode(&self) -> [u8; $length] {
                    let mut bytes = [0; $length];
                    bytes[0] = $kind;
                    U16::put(&mut bytes, 1, self.stock_locate);
                    U16::put(&mut bytes, 3, self.tracking_number);
                    Time6::put(&mut bytes, 5, self.timestamp);
                    $(<$type as Kind>::put(&mut bytes, $offset, self.$field);)*
                    bytes
                }
            }

            impl From<$name> for Message {
                fn from(message: $name) -> Self {
                    Self::$name(message)
                }
            }
        )+

        /// Messages as they lie in a buffer: nothing is copied, a field is read when it is asked for.
        pub mod view {
            use super::*;

            $(
                $(#[$doc])*
                #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
                pub struct $name<'a>(pub(super) &'a [u8; $length]);

                #[allow(missing_docs)]
                impl<'a> $name<'a> {
                    /// A view of these bytes, which must be a message of this type and nothing more.
                    ///
                    /// # Errors
                    ///
                    /// If the type or the length is another; the offset is 0.
                    pub fn new(bytes: &'a [u8]) -> Result<Self, WireError> {
                        match <&[u8; $length]>::try_from(bytes) {
                            Ok(bytes) if bytes[0] == $kind => Ok(Self(bytes)),
                            _ => Err(wrong(bytes, stringify!($snake), $length)),
                        }
                    }

                    /// The bytes themselves.
                    #[inline]
                    pub fn bytes(&self) -> &'a [u8; $length] {
                        self.0
                    }

                    /// Index of the instrument for this day; 0 for the whole market.
                    #[inline]
                    pub fn stock_locate(&self) -> u16 {
                        U16::get(self.0, 1)
                    }

                    /// Internal to the venue.
                    #[inline]
                    pub fn tracking_number(&self) -> u16 {
                        U16::get(self.0, 3)
                    }

                    /// Nanoseconds since midnight at the venue.
                    #[inline]
                    pub fn timestamp(&self) -> u64 {
                        Time6::get(self.0, 5)
                    }

                    $(
                        $(#[$field_doc])*
                        #[inline]
                        pub fn $field(&self) -> <$type as Kind>::Value {
                            <$type as Kind>::get(self.0, $offset)
                        }
                    )*

                    /// All fields at once.
                    pub fn to_owned(&self) -> super::$name {
                        super::$name {
                            stock_locate: self.stock_locate(),
                            tracking_number: self.tracking_number(),
                            timestamp: self.timestamp(),
                            $($field: self.$field(),)*
                        }
                    }
                }
            )+
        }

        /// A message of any type as it lies in a buffer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum View<'a> {
            $($name(view::$name<'a>),)+
        }

        impl<'a> View<'a> {
            /// A view of the message in these bytes; `None` if its type is not known.
            ///
            /// # Errors
            ///
            /// If there is no byte, or a known type has another length; the offset is 0.
            #[inline]
            pub fn new(bytes: &'a [u8]) -> Result<Option<Self>, WireError> {
                match bytes.first() {
                    $(Some(&$kind) => match bytes.try_into() {
                        Ok(bytes) => Ok(Some(Self::$name(view::$name(bytes)))),
                        Err(_) => Err(wrong(bytes, stringify!($snake), $length)),
                    },)+
                    Some(_) => Ok(None),
                    None => Err(empty()),
                }
            }

            /// The bytes themselves.
            pub fn bytes(&self) -> &'a [u8] {
                match self {
                    $(Self::$name(view) => view.bytes(),)+
                }
            }

            /// All fields at once.
            pub fn to_owned(&self) -> Message {
                match self {
                    $(Self::$name(view) => Message::$name(view.to_owned()),)+
                }
            }
        }

        /// A message of any type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Message {
            $($name($name),)+
        }

        impl Message {
            /// The message in these bytes; `None` if its type is not known.
            ///
            /// # Errors
            ///
            /// As [`View::new`].
            pub fn decode(bytes: &[u8]) -> Result<Option<Self>, WireError> {
                Ok(View::new(bytes)?.map(|view| view.to_owned()))
            }

            /// Put the bytes of the message after others.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name(message) => out.extend_from_slice(&message.encode()),)+
                }
            }
        }

        /// Every message type, in the order of the specification.
        pub const LAYOUTS: &[Layout] = &[$(
            Layout {
                kind: $kind,
                name: stringify!($snake),
                length: $length,
                fields: &[
                    Field { name: "stock_locate", offset: 1, kind: FieldKind::U16 },
                    Field { name: "tracking_number", offset: 3, kind: FieldKind::U16 },
                    Field { name: "timestamp", offset: 5, kind: FieldKind::Time6 },
                    $(Field { name: stringify!($field), offset: $offset, kind: <$type as Kind>::KIND },)*
                ],
            }
            .checked(),
        )+];
    };
}

pub(super) use messages;
