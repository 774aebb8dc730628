//! Payloads of commands and configurations: what decodes is what would have been encoded.

use omni_oms::{Command, Config, Oms};

use crate::Input;

/// The first byte is the kind of a frame, the rest is its payload; and the same bytes as a configuration and as a state.
///
/// # Panics
///
/// If something decodes that encodes to other bytes.
pub fn codec(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let kind = u16::from(input.byte());
    let payload = input.rest();
    if let Ok(command) = Command::decode(kind, payload) {
        assert_eq!(command.kind(), kind);
        assert_eq!(command.to_bytes(), payload, "{command:?}");
    }
    if let Ok(config) = Config::decode(payload) {
        assert_eq!(config.encode(), payload, "{config:?}");
        drop(Oms::new(config));
    }
}
