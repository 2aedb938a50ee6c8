//! Keeping a table in shape: migrating its rows, and proving and repairing its indexes.
//!
//! Invariant: each step is a commit after which rows and entries agree at least as well as before
//! it, so that a crash or a cancelled call leaves nothing to clean up: call it again.

mod migrate;
mod owner;
mod rebuild;
mod reporter;
mod state;
mod verify;

pub use migrate::MigrateReport;
pub use verify::{Problem, VerifyReport};
