//! ITCH 5.0: messages, columns and events.

mod events;
mod golden;
mod messages;
