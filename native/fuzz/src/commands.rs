//! Commands of every kind to a system without a journal.

use omni_oms::{Command, Oms};

use crate::{Input, Market, laws};

/// A story ends here at the latest.
const MOST_COMMANDS: usize = 400;
const MOST_EVENTS: usize = 100_000;

/// A system that the bytes configure carries out the commands that follow. One made from its state goes on with it from some
/// command on, and must do the same.
///
/// # Panics
///
/// If a law is broken.
pub fn commands(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let market = Market::read(&mut input);
    let config = market.config(&mut input);
    let mut oms = Oms::new(config).expect("the market is possible");
    let remake_at = usize::from(input.byte());
    let mut twin: Option<Oms> = None;
    let mut n_events = 0;
    for at in 0..MOST_COMMANDS {
        if input.is_over() || n_events > MOST_EVENTS {
            break;
        }
        if at == remake_at {
            twin = Some(laws::remade(&oms));
        }
        let Some(command) = market.command(&mut input, &oms) else { continue };
        let decoded = Command::decode(command.kind(), &command.to_bytes());
        assert_eq!(decoded.as_ref(), Ok(&command), "not the command that was encoded");
        step(&mut oms, twin.as_mut(), &command);
        n_events += oms.events().len();
        oms.clear_events();
    }
    let last = laws::remade(&oms);
    assert!(twin.is_none_or(|twin| twin.state() == last.state()), "the system made from a state went on in another way");
}

fn step(oms: &mut Oms, twin: Option<&mut Oms>, command: &Command) {
    let before = oms.sequence();
    let must_not_take = laws::must_not_take(oms, command);
    let outcome = oms.execute(command);
    match &outcome {
        Ok(sequence) => assert_eq!((*sequence, oms.sequence()), (before + 1, before + 1)),
        Err(error) => assert_eq!((oms.events().len(), oms.sequence()), (0, before), "{error}"),
    }
    laws::check_events(oms, oms.events());
    if must_not_take {
        laws::check_not_taken(oms.events());
    }
    laws::check(oms);
    if let Some(twin) = twin {
        assert_eq!(twin.execute(command).is_ok(), outcome.is_ok());
        assert_eq!(twin.events(), oms.events());
        twin.clear_events();
    }
}
