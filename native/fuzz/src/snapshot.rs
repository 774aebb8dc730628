//! States that something happened to.

use omni_oms::Oms;

use crate::edits::edit;
use crate::{Input, Market};

const MOST_COMMANDS: u8 = 32;

/// The state of a system after a few commands is edited and read. The first byte may say that the rest is the state itself.
///
/// # Panics
///
/// If bytes are taken for a state that is not theirs.
pub fn snapshot(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let state = if input.byte() == u8::MAX { input.rest().to_vec() } else { edited(&mut input) };
    if let Ok(oms) = Oms::from_state(&state) {
        let same = oms.state().iter().zip(&state).take_while(|(one, other)| one == other).count();
        assert!(oms.state() == state, "from byte {same} on the system has another state than the one that it was made from");
    }
}

fn edited(input: &mut Input) -> Vec<u8> {
    let market = Market::read(input);
    let mut oms = Oms::new(market.config(input)).expect("the market is possible");
    for _ in 0..input.below(MOST_COMMANDS + 1) {
        if let Some(command) = market.command(input, &oms) {
            drop(oms.execute(&command));
        }
    }
    let mut state = oms.state();
    edit(input, &mut state);
    state
}
