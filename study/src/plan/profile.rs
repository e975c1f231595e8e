//! What pays on a kind of device.

use serde::{Deserialize, Serialize};

use crate::spec::DeviceKind;
use crate::trials::TrialFacts;

/// A device as a plan sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceProfile {
    /// The kind of device.
    pub kind: DeviceKind,
    /// Memory that one cohort may take, bytes.
    pub memory_bytes: u64,
    /// Widths for fully connected networks, by cost; the first rule that holds counts.
    pub linear: Vec<WidthRule>,
    /// Widths for convolutional networks, by cost.
    pub convolutional: Vec<WidthRule>,
}

/// Networks up to this cost train best so many at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WidthRule {
    /// Multiply-accumulates of one row's forward pass, at most.
    pub multiply_accumulates_max: u64,
    /// Members of a cohort.
    pub width: usize,
}

const GIB: u64 = 1 << 30;

impl DeviceProfile {
    /// The shipped profile of a kind of device.
    #[must_use]
    pub fn shipped(kind: DeviceKind) -> Self {
        let rule = |multiply_accumulates_max, width| WidthRule { multiply_accumulates_max, width };
        match kind {
            // `cargo xtask bench fused`, one thread, which is what a CPU slot has: fusing paid at 53,000 and 69,000
            // multiply-accumulates, not at 202,000 (linear) and 7,450,000 (convolutional); the bounds lie between.
            DeviceKind::Cpu => Self {
                kind,
                memory_bytes: 2 * GIB,
                linear: vec![rule(120_000, 16)],
                convolutional: vec![rule(200_000, 16)],
            },
            // A GPU is idle under networks this small until hundreds of them train at once.
            DeviceKind::Cuda => Self {
                kind,
                memory_bytes: 8 * GIB,
                linear: vec![rule(u64::MAX, 128)],
                convolutional: vec![rule(u64::MAX, 64)],
            },
        }
    }

    /// Members that pay for a network of these costs; 1 where fusing does not.
    #[must_use]
    pub fn width(&self, facts: &TrialFacts) -> usize {
        let rules = if facts.convolutional { &self.convolutional } else { &self.linear };
        let rule = rules.iter().find(|rule| facts.multiply_accumulates <= rule.multiply_accumulates_max);
        rule.map_or(1, |rule| rule.width)
    }
}
