//! Typed tables: the calls that every backend has.

mod change;
mod entries;
mod former;
mod frozen;
mod handle;
mod insert;
mod lookup;
mod migrating;
mod noted;
mod ordered;
mod read;
mod retain;
mod save;
#[cfg(feature = "ttl")]
mod touch;
mod walk;
mod write;

pub use frozen::Frozen;
pub use handle::Table;
pub use lookup::Lookup;
pub use ordered::Page;
pub use walk::{ByIndex, ByKey, Keys, Rows, TwoEnded};
