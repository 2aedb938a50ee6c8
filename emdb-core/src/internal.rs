//! What the typed layer needs beside the public API. Not for users: it may change at any time.

pub use crate::clock::ManualClock;
use crate::db::Emdb;
use crate::error::Result;
use crate::format::record::Verb;
use crate::namespace::Namespace;
use crate::options::EmdbBuilder;
use crate::settings::NamespaceOptions;
use crate::store::names::{CATALOGUE, child_prefix};

/// The namespace that keeps one entry for each namespace that is a table. Dropping a namespace
/// takes its entry along.
pub fn catalogue(db: &Emdb) -> Result<Namespace> {
    db.open_namespace(CATALOGUE, NamespaceOptions::new())
}

/// An internal child of `parent`: dropped and cleared with it, and seen by nobody else.
pub fn child(db: &Emdb, parent: &Namespace, name: &str) -> Result<Namespace> {
    let name = format!("{}{name}", child_prefix(parent.name()));
    db.open_namespace(&name, NamespaceOptions::new())
}

/// Inserts and gives the previous live value, in one commit.
pub fn replace(ns: &Namespace, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>> {
    ns.swap(Verb::Put, (key, value), ns.store().default_expiry(&ns.state)?)
}

/// Lets a test set the time.
pub fn with_clock(mut builder: EmdbBuilder, clock: ManualClock) -> EmdbBuilder {
    builder.settings.manual_clock = Some(clock);
    builder
}
