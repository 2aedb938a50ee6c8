//! The variant of bincode that rows are written in.

use bincode::config::{self, Configuration};

pub(super) const CONFIG: Configuration = config::standard();
