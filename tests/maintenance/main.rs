//! The calls that look after a file, and their work in the background.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod backup;
mod checkpoint;
mod compact;
#[cfg(target_os = "linux")]
mod memory;
mod salvage;
mod verify;
