//! One thing that happens to a coordinator.

use proptest::prelude::*;

/// One thing that happens. Numbers that name something are taken modulo how many there are.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A study is submitted, perhaps under a request id that was used before.
    Submit { request: u8, trials: u8, repeats: u8, width: u8 },
    /// A study gets more trials or repeats.
    Extend { study: u8, trials: u8, repeats: u8 },
    /// A slot asks for work.
    Lease { worker: u8, slot: u8 },
    /// A worker says something about a lease that it was given.
    Say { lease: u8, what: Saying },
    /// Something that was said arrives once more: late, or twice.
    Again { message: u16 },
    /// A person does something to a study.
    Operate { study: u8, what: Operation },
    /// A worker is to be emptied.
    Drain { worker: u8 },
    /// A worker leaves and another of its name comes.
    Replace { worker: u8 },
    /// Time passes; the wall clock may jump either way.
    Pass { ms: u16, wall_jump_ms: i64 },
    /// The machine sleeps for long.
    Sleep,
    /// The coordinator dies and comes back.
    Restart,
    /// The next command's write fails, and the coordinator takes it back.
    FailWrite,
}

/// What a worker says about a lease.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Saying {
    Progress,
    Checkpoint { epoch: u8 },
    Complete { diverged: bool, goes_on: Option<u8> },
    Fail { kind: u8 },
}

/// What a person does to a study.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Cancel,
    Pause,
    Resume,
    Prioritize { priority: i8 },
    Retry,
    Delete,
}

/// A submission.
pub(crate) fn submit() -> impl Strategy<Value = Step> {
    (0..4_u8, 1..4_u8, 1..4_u8, 1..8_u8).prop_map(|(request, trials, repeats, width)| Step::Submit {
        request,
        trials,
        repeats,
        width,
    })
}

/// Any step, in about the proportions of life, with more misfortune.
pub(crate) fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => submit(),
        1 => (any::<u8>(), 1..5_u8, 1..4_u8)
            .prop_map(|(study, trials, repeats)| Step::Extend { study, trials, repeats }),
        8 => (0..3_u8, 0..2_u8).prop_map(|(worker, slot)| Step::Lease { worker, slot }),
        12 => (any::<u8>(), saying()).prop_map(|(lease, what)| Step::Say { lease, what }),
        4 => any::<u16>().prop_map(|message| Step::Again { message }),
        3 => (any::<u8>(), operation()).prop_map(|(study, what)| Step::Operate { study, what }),
        1 => (0..3_u8).prop_map(|worker| Step::Drain { worker }),
        1 => (0..3_u8).prop_map(|worker| Step::Replace { worker }),
        3 => (0..20_000_u16, -10_000_000..10_000_000_i64)
            .prop_map(|(ms, wall_jump_ms)| Step::Pass { ms, wall_jump_ms }),
        1 => Just(Step::Sleep),
        2 => Just(Step::Restart),
        1 => Just(Step::FailWrite),
    ]
}

fn saying() -> impl Strategy<Value = Saying> {
    prop_oneof![
        3 => Just(Saying::Progress),
        3 => (1..4_u8).prop_map(|epoch| Saying::Checkpoint { epoch }),
        6 => (prop::bool::weighted(0.1), prop::option::of(0..2_u8))
            .prop_map(|(diverged, goes_on)| Saying::Complete { diverged, goes_on }),
        3 => any::<u8>().prop_map(|kind| Saying::Fail { kind }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        1 => Just(Operation::Cancel),
        1 => Just(Operation::Pause),
        2 => Just(Operation::Resume),
        2 => (-1..2_i8).prop_map(|priority| Operation::Prioritize { priority }),
        2 => Just(Operation::Retry),
        1 => Just(Operation::Delete),
    ]
}
