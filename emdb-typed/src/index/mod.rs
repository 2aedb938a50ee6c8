//! Secondary indexes: what a type says about them, and the entries that a row has in them.
//!
//! An index is a keyspace inside of the table's. Invariant: it holds exactly the entries
//! that [`IndexSpec::entries`] gives for the live rows, with the rows' expiries; a row and its
//! entries change in one commit. The bytes of an entry are those of its [`IndexKind`].

mod computed;
mod constant;
mod entries;
mod kind;
mod named;
mod spec;

pub use computed::{Computed, ComputedEach, ComputedSparse};
pub use constant::{Index, Multi, OneRow, Unique};
pub use entries::{Each, EntryWriter, Sparse};
pub use kind::IndexKind;
pub(crate) use kind::KindProperties;
pub use named::Named;
pub use spec::{Description, IndexSpec};
