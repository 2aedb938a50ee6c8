//! The seam between typed tables and the database that keeps them.
//!
//! A backend is an ordered store: keyspaces of byte keys and values, each value with an optional
//! expiry, that are read in one state, walked over from both ends, and written by commits that are
//! there as a whole or not at all. It implements [`Backend`] for the database, [`Store`] for what a
//! table reads (by itself, in a transaction), [`StoreMut`] and [`WriteGuard`] for what it writes,
//! [`ReadView`], [`Cursor`] and [`Snapshot`]. All else (keys, rows, indexes, uniqueness, the
//! catalogue, migrations, JSON) stands above and is written once, for all backends.
//!
//! Invariant: tables reach a database through these traits alone. They are dispatched statically,
//! so that they cost nothing.
//!
//! No part of the API: it changes whenever the typed layer needs more.

mod keyspace;
mod schema_epoch;
mod seam;

pub use crate::error::BackendError;
pub use crate::vocabulary::{KeyspaceId, WriteRef, WriteSet};
pub use keyspace::{Changes, Keyspace, KeyspaceOptions, Keyspaces};
pub use schema_epoch::SchemaEpoch;
pub(crate) use schema_epoch::SchemaLock;
pub(crate) use seam::for_each;
pub use seam::{
    Autocommit, Backend, Cursor, CursorItem, KeyBounds, NamedKeyspace, ReadView, Snapshot, Store,
    StoreMut, WriteGuard, Written,
};
