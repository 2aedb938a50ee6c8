//! Looking after a database: its threads, and rewriting, copying, verifying and sweeping it.

pub(crate) mod backup;
mod catch_up;
pub(crate) mod compact;
mod copy;
pub(crate) mod database;
pub(crate) mod live;
mod lock;
mod memory;
mod moment;
pub(crate) mod open_file;
#[cfg(feature = "ttl")]
mod pace;
#[cfg(feature = "encrypt")]
pub(crate) mod rekey;
pub(crate) mod salvage;
pub(crate) mod salvage_file;
pub(crate) mod salvage_report;
mod schedule;
mod space;
#[cfg(feature = "ttl")]
pub(crate) mod sweep;
pub(crate) mod verify;
pub(crate) mod verify_report;
mod worker;
