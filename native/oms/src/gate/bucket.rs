//! The tokens of a rate.

use omni_types::Nanos;

use super::map::{TOKEN, account};
use super::rules;
use super::words::Words;
use crate::config::MAX64;

/// The four registers of a rate, in the bank of an account or in its warning bank.
pub(crate) struct Bucket {
    rate: u64,
    burst: u64,
    tokens: u64,
    ts: u64,
}

pub(crate) const ORDERS: Bucket =
    Bucket { rate: account::ORDER_RATE, burst: account::ORDER_BURST, tokens: account::ORDER_TOKENS, ts: account::ORDER_TS };
pub(crate) const CANCELS: Bucket =
    Bucket { rate: account::CANCEL_RATE, burst: account::CANCEL_BURST, tokens: account::CANCEL_TOKENS, ts: account::CANCEL_TS };

impl Bucket {
    /// Take a token if there is one; without a rate there is no need.
    #[inline]
    pub fn take<const N: usize>(&self, bank: &Words<N>, now: Nanos) -> bool {
        let rate = bank.signed(self.rate);
        if rate == MAX64 {
            return true;
        }
        let tokens = rules::refill(bank.signed(self.tokens), bank.signed(self.ts), now.0, rate, bank.signed(self.burst));
        let taken = tokens >= TOKEN;
        bank.set(self.tokens, (if taken { tokens - TOKEN } else { tokens }) as u64);
        bank.set(self.ts, now.0 as u64);
        taken
    }

    pub fn fill<const N: usize>(&self, bank: &Words<N>) {
        bank.set(self.tokens, bank.get(self.burst) * TOKEN as u64);
    }
}
