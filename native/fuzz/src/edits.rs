//! What may happen to bytes on their way.

use crate::Input;

/// Changes `bytes` as the input says: bits, bytes, words, cuts, insertions and copies, at most sixteen of them.
pub fn edit(input: &mut Input, bytes: &mut Vec<u8>) {
    for _ in 0..input.below(17) {
        let at = usize::from(input.u16()) % (bytes.len() + 1);
        match input.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(at..at, input.take(8).iter().copied())),
            2 => drop(bytes.drain(at..bytes.len().min(at + 8))),
            3 => {
                let from = usize::from(input.u16()) % (bytes.len() + 1);
                let copied = bytes[from..bytes.len().min(from + 64)].to_vec();
                overwrite(bytes, at, &copied);
            }
            4 => overwrite(bytes, at, &input.u64().to_le_bytes()),
            5 => overwrite(bytes, at, &input.number(|byte| byte).to_le_bytes()),
            6 => overwrite(bytes, at, &[input.byte()]),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << input.below(8);
                }
            }
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, &new) in bytes[at..].iter_mut().zip(with) {
        *byte = new;
    }
}
