//! Journal, index and namespaces together: one engine, with one lookup and one commit.

pub(crate) mod anchors;
pub(crate) mod append_lock;
pub(crate) mod apply;
pub(crate) mod background;
pub(crate) mod baseline;
pub(crate) mod commit;
pub(crate) mod decoded;
mod deferral;
pub(crate) mod figures;
mod growth;
pub(crate) mod lookahead;
pub(crate) mod lookup;
pub(crate) mod namespace_table;
pub(crate) mod namespaces;
pub(crate) mod open;
mod ordering;
pub(crate) mod read_view;
pub(crate) mod reader;
mod renaming;
pub(crate) mod repair;
pub(crate) mod replay;
pub(crate) mod settings;
mod space;
mod state;
mod tasks;
mod time_marks;
mod unneeded;
pub(crate) mod value_ref;
pub(crate) mod write_lock;
pub(crate) mod write_op;
pub(crate) mod written_since;

pub(crate) use state::{Engine, Parts};
