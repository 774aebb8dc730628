//! Where the banks lie: in memory of our own, or in a mapped file.

use omni_types::{AccountId, InstrumentId};

use super::map::Map;
use super::words::{AccountBank, GlobalBank, InstrumentBank, PositionBank, WarningBank};

/// The banks of the registers that are kept. All of them exist for accounts and instruments of the map; others stop the program.
pub(crate) trait Memory {
    fn map(&self) -> Map;
    fn global(&self) -> &GlobalBank;
    fn account(&self, account: AccountId) -> &AccountBank;
    fn warning(&self, account: AccountId) -> &WarningBank;
    fn instrument(&self, instrument: InstrumentId) -> &InstrumentBank;
    fn position(&self, account: AccountId, instrument: InstrumentId) -> &PositionBank;
}
