//! Opening and closing a database: by whom, beside whom, with what builder, on what path.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

#[cfg(unix)]
mod fork;
mod locking;
mod open_and_close;
mod other;
#[cfg(all(unix, feature = "ttl"))]
mod read_only;
#[cfg(unix)]
mod refusals;
#[cfg(target_os = "linux")]
mod uring;
