//! Looking after a database: rewriting, copying, verifying and sweeping it.

pub(crate) mod backup;
pub(crate) mod catch_up;
pub(crate) mod compact;
pub(crate) mod copy;
pub(crate) mod exclusive;
#[cfg(feature = "encrypt")]
pub(crate) mod rekey;
pub(crate) mod salvage;
pub(crate) mod schedule;
#[cfg(feature = "ttl")]
pub(crate) mod sweep;
pub(crate) mod verify;
pub(crate) mod verify_report;
