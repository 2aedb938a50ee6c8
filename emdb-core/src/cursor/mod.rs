//! Walks over a namespace: in the order of the hash index or of keys, with a transaction's writes over it.

mod base;
mod batch;
pub(crate) mod end;
mod hashed;
mod merged;
pub(crate) mod namespace_view;
mod ordered;
mod overlay;
mod pinned;
pub(crate) mod range;
mod single;
pub(crate) mod walk;
