//! Client order ids as people write them: a number, or a text of up to 16 characters; `docs/oms.md` section 2.

/// Ids from here on are texts.
const TEXT: u128 = 1 << 127;
const MAX_TEXT: usize = 16;

/// The id that a text stands for; `None` unless it has 1 to 16 characters, all ASCII and none of them NUL.
///
/// A NUL in front would not count, and two texts would be one id.
pub fn client_id_of_text(text: &str) -> Option<u128> {
    let fits = (1..=MAX_TEXT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii() && byte != 0);
    fits.then(|| text.bytes().fold(0, |number, byte| number << 8 | u128::from(byte)) | TEXT)
}

/// The text that an id stands for; `None` if it is a number.
pub fn text_of_client_id(id: u128) -> Option<String> {
    let bytes: Vec<u8> = (id ^ TEXT).to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
    String::from_utf8(bytes).ok().filter(|text| client_id_of_text(text) == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lead_back() {
        assert_eq!(client_id_of_text("AB"), Some((1 << 127) + 0x4142));
        for text in ["a", "ORDER-1", "ABCDEFGHIJKLMNOP"] {
            assert_eq!(text_of_client_id(client_id_of_text(text).unwrap()).as_deref(), Some(text));
        }
        for text in ["", "Ä", "ABCDEFGHIJKLMNOPQ", "\0A"] {
            assert_eq!(client_id_of_text(text), None);
        }
        assert_eq!(text_of_client_id(0x4142), None);
        assert_eq!(text_of_client_id(0), None);
        assert_eq!(text_of_client_id(TEXT), None);
    }
}
