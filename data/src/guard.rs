//! The last line against readers of foreign formats: what they panic at becomes an error of the file.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `read` gives, or `None` where it panicked. Nothing that it changed is looked at then.
pub(crate) fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}
