//! Typed tables over each backend: the embedded database, and a double in memory that implements
//! the seam from outside. Every test runs over both, but for those of files and of the engine's errors.

#![cfg(feature = "ttl")]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
// Two indexes of one struct may have the same fields.
#![allow(clippy::duplicated_attributes)]

mod calls;
mod harness;
mod indexes;
#[cfg(feature = "json")]
mod json;
mod lifetimes;
mod memory;
mod messages;
mod migrations;
mod model;
mod stale;
mod transactions;
mod upkeep;
mod versions;

/// Makes a test over each backend of each function, which takes the backend as its type.
macro_rules! over_both {
    ($($name:ident)*) => {
        mod embedded {
            $(#[test] fn $name() { super::$name::<crate::harness::Embedded>(); })*
        }
        mod memory {
            $(#[test] fn $name() { super::$name::<crate::memory::Memory>(); })*
        }
    };
}
use over_both;
