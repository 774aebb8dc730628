//! Captures of ITCH in every framing, whole, in parts and damaged.

mod any_bytes;
mod build;
mod damaged;
mod packets;
mod real;
mod sessions;
mod whole;
