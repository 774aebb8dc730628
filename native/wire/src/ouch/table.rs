//! The macro that makes types, an enumeration and a table of layouts from one statement of the messages of a direction.

use super::{Field, Layout};

/// A message type, with the field that only later revisions have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OuchLayout {
    /// What every revision has.
    pub layout: Layout,
    /// What follows it in later ones.
    pub later: Option<Field>,
}

macro_rules! messages {
    (
        $(#[$enum_doc:meta])* $enum:ident, $(#[$table_doc:meta])* $table:ident:
        $(
            $(#[$doc:meta])*
            $name:ident $snake:ident = $kind:literal, $length:literal {
                $($(#[$field_doc:meta])* $offset:literal => $field:ident: $type:ty,)*
                $(later { $(#[$later_doc:meta])* $later_offset:literal => $later:ident: $later_type:ty, })?
            }
        )+
    ) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[allow(missing_docs)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: <$type as Kind>::Value,)*
                $($(#[$later_doc])* pub $later: Option<<$later_type as Kind>::Value>,)?
            }

            impl $name {
                /// The byte that begins the message.
                pub const KIND: u8 = $kind;
                /// Bytes of the message, without what later revisions append.
                pub const LENGTH: usize = $length;

                fn get(bytes: &[u8]) -> Result<Self, WireError> {
                    if bytes.len() < $length {
                        return Err(short(bytes, stringify!($snake), $length));
                    }
                    Ok(Self {
                        $($field: <$type as Kind>::get(bytes, $offset),)*
                        $($later: (bytes.len() >= $later_offset + <$later_type as Kind>::KIND.width())
                            .then(|| <$later_type as Kind>::get(bytes, $later_offset)),)?
                    })
                }

                fn put(&self, out: &mut Vec<u8>) {
                    let mut bytes = [0; $length];
                    bytes[0] = $kind;
                    $(<$type as Kind>::put(&mut bytes, $offset, self.$field);)*
                    out.extend_from_slice(&bytes);
                    $(if let Some(value) = self.$later {
                        let mut bytes = [0; <$later_type as Kind>::KIND.width()];
                        <$later_type as Kind>::put(&mut bytes, 0, value);
                        out.extend_from_slice(&bytes);
                    })?
                }
            }

            impl From<$name> for $enum {
                fn from(message: $name) -> Self {
                    Self::$name(message)
                }
            }
        )+

        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum $enum {
            $($name($name),)+
        }

        impl $enum {
            /// The message in these bytes; `None` if its type is not known. Bytes beyond those that are known are ignored.
            ///
            /// # Errors
            ///
            /// If there is no byte, or there are too few for the type; the offset is 0.
            pub fn decode(bytes: &[u8]) -> Result<Option<Self>, WireError> {
                match bytes.first() {
                    $(Some(&$kind) => $name::get(bytes).map(|message| Some(Self::$name(message))),)+
                    Some(_) => Ok(None),
                    None => Err(empty()),
                }
            }

            /// Put the bytes of the message after others.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name(message) => message.put(out),)+
                }
            }
        }

        $(#[$table_doc])*
        pub const $table: &[OuchLayout] = &[$(
            OuchLayout {
                layout: Layout {
                    kind: $kind,
                    name: stringify!($snake),
                    length: $length,
                    fields: &[$(Field { name: stringify!($field), offset: $offset, kind: <$type as Kind>::KIND },)*],
                }
                .checked(),
                later: messages!(@later $($later_offset $later $later_type)?),
            },
        )+];
    };
    (@later) => { None };
    (@later $offset:literal $field:ident $type:ty) => {
        Some(Field { name: stringify!($field), offset: $offset, kind: <$type as Kind>::KIND })
    };
}

pub(super) use messages;
