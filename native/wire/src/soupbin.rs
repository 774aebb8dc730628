//! SoupBinTCP 3.00 to 4.10: numbered messages over a byte stream that may break.
//!
//! [`Client`] and [`Server`] are one connection's ends without the connection: bytes and the time go in, events and bytes to send come
//! out. Only what the server sends is numbered, and only in the heads of both; a client that lost its connection logs in with the number
//! it wants next, so nothing is lost and nothing comes twice. A machine holds one packet that has not arrived whole, at most 65,537
//! bytes, and the output that its owner has not taken, at most `max_output` and one packet more.

mod client;
mod packets;
mod server;

pub use client::{Client, ClientConfig, ClientEvent, ClientState};
pub use packets::{Packets, put_packet};
pub use server::{Server, ServerConfig, ServerEvent, ServerState};

use crate::WireError;
use crate::bytes::trim;
use crate::session::Session;

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginReject {
    /// `A`: no such user, or another password.
    NotAuthorised,
    /// `S`: there is no such session.
    NoSession,
    /// A letter that the protocol does not name.
    Other(u8),
}

impl LoginReject {
    /// Its letter.
    pub fn code(self) -> u8 {
        match self {
            Self::NotAuthorised => b'A',
            Self::NoSession => b'S',
            Self::Other(code) => code,
        }
    }

    /// What a letter says.
    pub fn of(code: u8) -> Self {
        match code {
            b'A' => Self::NotAuthorised,
            b'S' => Self::NoSession,
            other => Self::Other(other),
        }
    }
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Nobody is logged in.
    NotLoggedIn,
    /// The payload is longer than a packet can be.
    TooLong(usize),
    /// The owner has not taken what was sent before.
    Full,
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotLoggedIn => f.write_str("nobody is logged in"),
            Self::TooLong(length) => {
                write!(f, "a message has at most {} bytes, not {length}", crate::session::MAX_MESSAGE)
            }
            Self::Full => f.write_str("too much waits to be sent"),
        }
    }
}

impl std::error::Error for SendError {}

/// What a client asks for in its first packet; fields are at offsets 0, 6, 16, 26 and, from 4.10 on, 46 of the payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Up to six letters and digits; compared without case.
    pub username: String,
    /// Up to ten letters and digits; never shown.
    pub password: String,
    /// The session it wants; blank for the current one.
    pub session: Session,
    /// The first number it wants; 0 for what comes from now on.
    pub sequence: u64,
    /// After how many milliseconds of silence the server shall give up.
    pub timeout_ms: Option<u32>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .field("session", &self.session)
            .field("sequence", &self.sequence)
            .field("timeout_ms", &self.timeout_ms)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// Writes the packet. Text that is too long is cut: [`ClientConfig::check`] refuses it earlier.
    fn put(&self, output: &mut Vec<u8>) {
        let mut payload = [b' '; 51];
        left(&mut payload[..6], self.username.as_bytes());
        left(&mut payload[6..16], self.password.as_bytes());
        payload[16..26].copy_from_slice(&self.session.right_justified());
        put_number(&mut payload[26..46], self.sequence);
        let Some(timeout_ms) = self.timeout_ms else { return put_packet(output, b'L', &payload[..46]) };
        put_number(&mut payload[46..], timeout_ms.min(99_999).into());
        put_packet(output, b'L', &payload);
    }

    fn read(payload: &[u8], offset: u64) -> Result<Self, WireError> {
        let wrong = |found: &[u8], expected: &str| WireError {
            offset,
            found: String::from_utf8_lossy(found).into_owned(),
            expected: expected.to_owned(),
        };
        if payload.len() < 46 {
            let expected = "a login request of at least 46 bytes".to_owned();
            return Err(WireError { offset, found: format!("{} bytes", payload.len()), expected });
        }
        let session = Session::read(&payload[16..26]).ok_or_else(|| wrong(&payload[16..26], "the name of a session"))?;
        let sequence = number(&payload[26..46]).ok_or_else(|| wrong(&payload[26..46], "a sequence number"))?;
        let timeout_ms = payload.get(46..51).and_then(number).and_then(|ms| u32::try_from(ms).ok());
        Ok(Self { username: text(&payload[..6]), password: text(&payload[6..16]), session, sequence, timeout_ms })
    }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(trim(field)).into_owned()
}

fn left(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
}

/// Decimal digits, padded with spaces on either side; blank is 0.
fn number(field: &[u8]) -> Option<u64> {
    trim(field).iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

fn put_number(field: &mut [u8], mut number: u64) {
    for place in field.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_has_the_bytes_of_the_fact_sheet() {
        let login = Login {
            username: "USER01".to_owned(),
            password: "PASSWORD".to_owned(),
            session: Session::default(),
            sequence: 1,
            timeout_ms: None,
        };
        let mut bytes = Vec::new();
        login.put(&mut bytes);
        let expected: Vec<u8> =
            [b"\x00\x2fLUSER01PASSWORD  ", &[b' '; 10][..], &[b' '; 19][..], b"1"].into_iter().flatten().copied().collect();
        assert_eq!(bytes, expected);
        assert_eq!(Login::read(&bytes[3..], 0), Ok(login));
    }

    #[test]
    fn a_later_login_says_after_how_much_silence_it_is_dead() {
        let login = Login {
            username: "u".to_owned(),
            password: String::new(),
            session: Session::read(b"S").unwrap(),
            sequence: 0,
            timeout_ms: Some(1_500),
        };
        let mut bytes = Vec::new();
        login.put(&mut bytes);
        assert_eq!((bytes.len(), &bytes[49..]), (54, &b" 1500"[..]));
        assert_eq!(Login::read(&bytes[3..], 0), Ok(login));
    }

    #[test]
    fn padding_on_either_side_and_leading_zeros_are_read() {
        assert_eq!((number(b"00042   "), number(b"   42"), number(b"   ")), (Some(42), Some(42), Some(0)));
        assert_eq!((number(b"4 2"), number(b"-1"), number(b"99999999999999999999")), (None, None, None));
    }

    #[test]
    fn a_password_is_never_shown() {
        let mut payload = [b' '; 46];
        payload[6..12].copy_from_slice(b"SECRET");
        assert!(!format!("{:?}", Login::read(&payload, 0).unwrap()).contains("SECRET"));
    }
}
