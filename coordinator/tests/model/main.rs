//! The ledger against a model: whatever is said to it, in whatever order, however often, and whenever it dies.
//!
//! A case is a random sequence of [`Step`]s. After each of them [`Ledger::check`] looks at what is true of any ledger,
//! [`History`] at what is true of this one's past, and the ledger that a restart would rebuild is compared with the one
//! that runs. At the end workers keep coming, and every study must end. `PROPTEST_CASES` sets the number of cases.
//!
//! [`Ledger::check`]: foldwise_coordinator::ledger::Ledger::check

mod history;
mod machine;
#[path = "../scene/mod.rs"]
mod scene;
mod step;

use machine::Machine;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use step::Step;

/// The reference chooses steps; what must come of them, [`history::History`] knows.
pub(crate) struct Steps;

impl ReferenceStateMachine for Steps {
    /// Studies submitted so far, so that steps on studies begin when there is one.
    type State = usize;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self::State> {
        Just(0).boxed()
    }

    fn transitions(studies: &Self::State) -> BoxedStrategy<Self::Transition> {
        if *studies == 0 { step::submit().boxed() } else { step::any_step().boxed() }
    }

    fn apply(studies: Self::State, step: &Self::Transition) -> Self::State {
        studies + usize::from(matches!(step, Step::Submit { .. }))
    }
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Self;
    type Reference = Steps;

    fn init_test(_studies: &usize) -> Self {
        Self::new()
    }

    fn apply(mut machine: Self, _studies: &usize, step: Step) -> Self {
        machine.take(&step);
        machine
    }

    fn check_invariants(machine: &Self, _studies: &usize) {
        machine.check();
    }

    fn teardown(mut machine: Self, _studies: usize) {
        machine.run_to_the_end();
        machine.check();
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        // Beside this file, to be committed: what failed once is tried first for ever.
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/model/found.txt"))),
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost_and_nothing_twice(sequential 1..120 => Machine);
}
