//! The variant of bincode that rows are written in.

use bincode::config::{self, Configuration};

pub(super) const CONFIG: Configuration = config::standard();

/// A first byte below this is the number itself, in its integers of variable length.
pub(super) const LONG: u8 = 251;

/// The first byte of an integer whose eight bytes follow.
pub(super) const WORD: u8 = 253;
