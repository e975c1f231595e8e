//! What a cohort takes on its device, estimated from shapes and the optimizer's rule.
//!
//! An upper bound: a cohort that does not fit costs an attempt, one that might have been wider costs little. `cargo xtask
//! bench memory` compares it with what cohorts take on a CPU.

use crate::trials::TrialFacts;

/// Copies of a parameter that training keeps beside what the optimizer does: the value, its gradient where it is found
/// and where it is used, and the learning rate and the decay where they differ by member.
const PARAMETER_COPIES: u64 = 5;
/// Copies of an activation: the value, what its layer keeps for the backward pass (a mask, positions), and its gradient.
const ACTIVATION_COPIES: u64 = 3;
/// Bytes of a number.
const NUMBER_BYTES: u64 = 4;
/// What a cohort takes however small it is: libtorch's scratch memory and what the allocator holds back.
const COHORT_BYTES: u64 = 32 << 20;

/// Estimated bytes that a cohort of `width` members takes on a device, the rows not counted.
#[must_use]
pub fn cohort_bytes(facts: &TrialFacts, width: usize) -> u64 {
    COHORT_BYTES.saturating_add(member_bytes(facts).saturating_mul(width as u64))
}

/// Members that this much memory has room for, at least one.
#[must_use]
pub fn members(facts: &TrialFacts, memory_bytes: u64) -> usize {
    let room = memory_bytes.saturating_sub(COHORT_BYTES) / member_bytes(facts).max(1);
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

fn member_bytes(facts: &TrialFacts) -> u64 {
    let copies = PARAMETER_COPIES.saturating_add(facts.optimizer_numbers);
    let parameters = facts.parameters.total.saturating_mul(copies);
    let activations =
        facts.activations.saturating_mul(facts.batch_size as u64).saturating_mul(ACTIVATION_COPIES);
    parameters.saturating_add(activations).saturating_mul(NUMBER_BYTES)
}
