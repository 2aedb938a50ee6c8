//! Encryption at rest: what the files show, what they vouch for, and what a key opens.
#![cfg(feature = "encrypt")]
#![allow(clippy::unwrap_used)]

#[path = "../common/forge.rs"]
#[allow(dead_code)] // Its plain files are not what is forged here.
mod plain;
#[path = "../common/rng.rs"]
mod rng;
#[path = "../common/state.rs"]
mod state;

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
mod plaintext;
mod twins;
mod walks;
