//! Which registers of the gate the system itself looks at: the kill switches, and all that belong to its state; `docs/oms.md` section 7.

use omni_types::{AccountId, InstrumentId};

use crate::command::SwitchScope;
use crate::gate::map::{Accepts, Bank, Map, account, global, instrument, position};

const WORD: u64 = 8;
const ACCOUNT_WORDS: u64 = account::WARNED / WORD + 1;
const WARNING_WORDS: u64 = (account::ORDER_TOKENS - account::MAX_POSITION) / WORD + 4;
const POSITION_WORDS: u64 = position::MAX_ORDER_QTY / WORD + 1;
/// From CONTROL on: what comes before says which device it is.
const GLOBAL_WORDS: u64 = (global::END - global::CONTROL) / WORD;
/// All of an instrument but its tick value and its sector.
const INSTRUMENT_WORDS: [u64; 6] = [
    instrument::CONTROL,
    instrument::REFERENCE,
    instrument::MAX_ORDER_QTY,
    instrument::COLLAR_BPS,
    instrument::MAX_NOTIONAL,
    instrument::MAX_NOTIONAL + WORD,
];

/// What the kill switch at an address stops; `None` where there is none.
pub(crate) fn switch_scope(map: Map, address: u64) -> Option<SwitchScope> {
    let place = map.locate(address).ok()?;
    let (register, _) = place.register()?;
    let number = place.index as u32;
    (register.accepts == Accepts::Switch).then_some(match place.bank {
        Bank::Account => SwitchScope::Account(AccountId(number)),
        Bank::Instrument => SwitchScope::Instrument(InstrumentId(number)),
        Bank::Global | Bank::Warning | Bank::Sector | Bank::Position => SwitchScope::Everything,
    })
}

/// Address of the kill switch of a scope.
pub(crate) const fn switch_address(scope: SwitchScope) -> u64 {
    match scope {
        SwitchScope::Everything => global::CONTROL,
        SwitchScope::Account(id) => Bank::Account.address(id.0 as u64) + account::CONTROL,
        SwitchScope::Instrument(id) => Bank::Instrument.address(id.0 as u64) + instrument::CONTROL,
    }
}

/// Address of the reference price of an instrument.
pub(crate) fn reference_of(index: usize) -> u64 {
    Bank::Instrument.address(index as u64) + instrument::REFERENCE
}

/// Addresses of the words of the state, in its order.
pub(crate) fn state_words(map: Map) -> impl Iterator<Item = u64> {
    let words = |start: u64, n: u64| (0..n).map(move |word| start + WORD * word);
    let each =
        move |bank: Bank, first: u64, n: u64| (0..map.n_banks(bank)).flat_map(move |index| words(bank.address(index) + first, n));
    let instruments = (0..map.n_banks(Bank::Instrument))
        .flat_map(|index| INSTRUMENT_WORDS.map(|offset| Bank::Instrument.address(index) + offset));
    words(global::CONTROL, GLOBAL_WORDS)
        .chain(each(Bank::Account, 0, ACCOUNT_WORDS))
        .chain(each(Bank::Warning, account::MAX_POSITION, WARNING_WORDS))
        .chain(instruments)
        .chain(each(Bank::Position, 0, POSITION_WORDS))
}

/// How many these are.
pub(crate) const fn n_state_words(map: Map) -> u64 {
    GLOBAL_WORDS
        + (ACCOUNT_WORDS + WARNING_WORDS) * map.n_banks(Bank::Account)
        + INSTRUMENT_WORDS.len() as u64 * map.n_banks(Bank::Instrument)
        + POSITION_WORDS * map.n_banks(Bank::Position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_has_the_words_of_the_contract() {
        for (n_accounts, n_instruments) in [(0, 0), (1, 0), (0, 2), (3, 5)] {
            let map = Map::new(n_accounts, n_instruments, 4).unwrap();
            let expected = 29 + (33 + 19) * n_accounts + 6 * n_instruments + 5 * n_accounts * n_instruments;
            assert_eq!(state_words(map).count(), expected);
            assert_eq!(n_state_words(map), expected as u64);
        }
    }

    #[test]
    fn every_register_that_changes_is_in_the_state() {
        let map = Map::new(2, 3, 2).unwrap();
        let all = map.addresses().filter(|&address| {
            let (register, _) = map.locate(address).unwrap().register().unwrap();
            !register.is_identity() && !register.is_derived()
        });
        assert_eq!(state_words(map).collect::<Vec<_>>(), all.collect::<Vec<_>>());
    }

    #[test]
    fn switches_have_scopes_and_addresses() {
        let map = Map::new(2, 3, 0).unwrap();
        for (address, scope) in [
            (0x28, SwitchScope::Everything),
            (0x1200, SwitchScope::Account(AccountId(1))),
            (0x40_0100, SwitchScope::Instrument(InstrumentId(2))),
        ] {
            assert_eq!((switch_scope(map, address), switch_address(scope)), (Some(scope), address));
        }
        for other in [0, 0x30, 0x1208, 0x1400, 0x20_0000, 0x40_0180] {
            assert_eq!(switch_scope(map, other), None);
        }
    }
}
