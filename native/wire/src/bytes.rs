//! Big-endian numbers and padded text, read from and written to fixed places.
//!
//! Every function panics where the place is outside the bytes: a codec checks the length of a message once, before it reads the first
//! field.

/// The `N` bytes from `at` on.
#[inline]
pub fn get_array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

/// Two bytes as a number.
#[inline]
pub fn get_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(get_array(bytes, at))
}

/// Four bytes as a number.
#[inline]
pub fn get_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(get_array(bytes, at))
}

/// Six bytes as a number.
#[inline]
pub fn get_u48(bytes: &[u8], at: usize) -> u64 {
    u64::from(get_u16(bytes, at)) << 32 | u64::from(get_u32(bytes, at + 2))
}

/// Eight bytes as a number.
#[inline]
pub fn get_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(get_array(bytes, at))
}

/// Padded text as it is, padding and all.
#[inline]
pub fn get_alpha<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    get_array(bytes, at)
}

/// Put bytes in their place.
#[inline]
pub fn put_array<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

/// Put a number into two bytes.
#[inline]
pub fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    put_array(bytes, at, value.to_be_bytes());
}

/// Put a number into four bytes.
#[inline]
pub fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    put_array(bytes, at, value.to_be_bytes());
}

/// Put the low 48 bits of a number into six bytes.
#[inline]
pub fn put_u48(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 6].copy_from_slice(&value.to_be_bytes()[2..]);
}

/// Put a number into eight bytes.
#[inline]
pub fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    put_array(bytes, at, value.to_be_bytes());
}

/// Put text, already padded, in its place.
#[inline]
pub fn put_alpha<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    put_array(bytes, at, value);
}

/// Text with spaces after it; `None` if it is longer than its place.
pub fn pad_right<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut padded = [b' '; N];
    padded.get_mut(..text.len())?.copy_from_slice(text);
    Some(padded)
}

/// Text with spaces before it; `None` if it is longer than its place.
pub fn pad_left<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut padded = [b' '; N];
    padded.get_mut(N.checked_sub(text.len())?..)?.copy_from_slice(text);
    Some(padded)
}

/// Text without the spaces around it.
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 9] = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09];

    #[test]
    fn the_first_byte_is_the_highest() {
        assert_eq!(get_u16(&BYTES, 1), 0x0203);
        assert_eq!(get_u32(&BYTES, 1), 0x0203_0405);
        assert_eq!(get_u48(&BYTES, 1), 0x0203_0405_0607);
        assert_eq!(get_u64(&BYTES, 1), 0x0203_0405_0607_0809);
    }

    #[test]
    fn what_was_put_is_got_and_nothing_beside_it() {
        let mut bytes = [0xFF; 24];
        put_u16(&mut bytes, 1, 0x0203);
        put_u32(&mut bytes, 4, 0x0405_0607);
        put_u48(&mut bytes, 9, 0x0809_0A0B_0C0D);
        put_u64(&mut bytes, 16, 0x0E0F_1011_1213_1415);
        assert_eq!((get_u16(&bytes, 1), get_u32(&bytes, 4)), (0x0203, 0x0405_0607));
        assert_eq!((get_u48(&bytes, 9), get_u64(&bytes, 16)), (0x0809_0A0B_0C0D, 0x0E0F_1011_1213_1415));
        assert_eq!([bytes[0], bytes[3], bytes[8], bytes[15]], [0xFF; 4]);
    }

    #[test]
    fn text_is_padded_on_the_side_that_is_asked_for() {
        assert_eq!(pad_right::<4>(b"AB"), Some(*b"AB  "));
        assert_eq!(pad_left::<4>(b"AB"), Some(*b"  AB"));
        assert_eq!((pad_right::<2>(b"ABC"), pad_left::<2>(b"ABC")), (None, None));
        assert_eq!((trim(b" A B  "), trim(b"   "), trim(b"")), (&b"A B"[..], &b""[..], &b""[..]));
    }
}
