//! Which registers of the gate the system itself looks at: the kill switches, and all that belong to its state; `docs/oms.md` section 7.

use omni_book::Scope;
use omni_types::AccountId;

use crate::gate::map::{Accepts, Bank, Map, account, global, instrument, position};

const WORD: u64 = 8;
/// CONTROL, STATUS, CHECKED, PASSED and eight times REFUSED: what comes before says which device it is.
const GLOBAL_WORDS: u64 = (Bank::Global.stride() - global::CONTROL) / WORD;
const ACCOUNT_WORDS: u64 = account::REFUSED / WORD + 1;
const POSITION_WORDS: u64 = position::OPEN_SELL / WORD + 1;

/// What the kill switch at an address stops; `None` where there is none.
pub(crate) fn switch_scope(map: Map, address: u64) -> Option<Scope> {
    let place = map.locate(address).ok()?;
    let (register, _) = place.register()?;
    let account = (place.bank == Bank::Account).then_some(AccountId(place.index as u32));
    (register.accepts == Accepts::Switch).then_some(Scope { account, ..Scope::default() })
}

/// Address of the reference price of an instrument.
pub(crate) fn reference_of(index: usize) -> u64 {
    bank(Bank::Instrument, index as u64) + instrument::REFERENCE
}

/// Addresses of the words of the state, in its order.
pub(crate) fn state_words(map: Map) -> impl Iterator<Item = u64> {
    let words = |start: u64, n: u64| (0..n).map(move |word| start + WORD * word);
    let accounts = (0..map.n_banks(Bank::Account)).flat_map(move |index| words(bank(Bank::Account, index), ACCOUNT_WORDS));
    let references = (0..map.n_banks(Bank::Instrument)).map(|index| reference_of(index as usize));
    let positions = (0..map.n_banks(Bank::Position)).flat_map(move |index| words(bank(Bank::Position, index), POSITION_WORDS));
    words(global::CONTROL, GLOBAL_WORDS).chain(accounts).chain(references).chain(positions)
}

/// How many these are.
pub(crate) const fn n_state_words(map: Map) -> u64 {
    GLOBAL_WORDS
        + ACCOUNT_WORDS * map.n_banks(Bank::Account)
        + map.n_banks(Bank::Instrument)
        + POSITION_WORDS * map.n_banks(Bank::Position)
}

const fn bank(kind: Bank, index: u64) -> u64 {
    kind.base() + index * kind.stride()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_has_the_words_of_the_contract() {
        for (n_accounts, n_instruments) in [(0, 0), (1, 0), (0, 2), (3, 5)] {
            let map = Map::new(n_accounts, n_instruments).unwrap();
            let expected = 12 + 20 * n_accounts + n_instruments + 3 * n_accounts * n_instruments;
            assert_eq!(state_words(map).count(), expected);
            assert_eq!(n_state_words(map), expected as u64);
        }
    }

    #[test]
    fn switches_have_scopes() {
        let map = Map::new(2, 1).unwrap();
        assert_eq!(switch_scope(map, 0x20), Some(Scope::default()));
        assert_eq!(switch_scope(map, 0x1100).and_then(|scope| scope.account), Some(AccountId(1)));
        for other in [0, 0x28, 0x1108, 0x1200] {
            assert_eq!(switch_scope(map, other), None);
        }
    }
}
