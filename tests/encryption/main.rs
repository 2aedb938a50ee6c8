//! Encryption at rest: what the files show, what they vouch for, and what a key opens.
#![cfg(feature = "encrypt")]
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod files;
mod forge;
mod reading;
mod replays;
mod sample;

mod admin;
mod damage;
mod features;
mod forgery;
mod header;
mod keys;
mod life;
mod plaintext;
#[cfg(feature = "ttl")]
mod twins;
mod walks;
