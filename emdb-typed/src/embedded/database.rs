//! The database as a backend.

use std::sync::Arc;

use emdb_core::internal::{self, View};
use emdb_core::{Emdb, Error, Namespace, NamespaceOptions, Snapshot, Transaction};

use super::live::Live;
use super::staged::Staged;
use crate::backend::{Backend, KeyspaceOptions, Keyspaces, SchemaEpoch};
use crate::error::TableError;

type Result<T> = std::result::Result<T, Error>;

impl Backend for Emdb {
    type Error = Error;
    type Handle = Namespace;
    type View = View;
    type Store = Live;
    type Transaction<'t> = Transaction<'t>;
    type Staged<'t> = Staged<'t>;
    type Snapshot = Snapshot;

    fn catalogue(&self) -> Result<Namespace> {
        internal::catalogue(self)
    }

    fn keyspace(&self, name: &str, options: KeyspaceOptions) -> Result<Namespace> {
        internal::keyspace(self, name, NamespaceOptions::new().ordered(options.ordered))
    }

    fn default_keyspace(&self) -> Namespace {
        Namespace::clone(self)
    }

    fn child(&self, parent: &Namespace, name: &str) -> Result<Namespace> {
        internal::child(self, parent, name)
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool> {
        self.rename_namespace(from, to)
    }

    fn schema_epoch(&self, rows: &Namespace) -> Arc<SchemaEpoch> {
        internal::attached(rows, SchemaEpoch::default)
    }

    fn store(&self, keyspaces: Keyspaces<Namespace>) -> Live {
        let epoch = self.schema_epoch(&keyspaces.rows);
        Live::new(keyspaces, epoch)
    }

    fn catalogue_entry(&self, table: &str) -> Result<Option<Vec<u8>>> {
        self.catalogue()?.get(table)
    }

    fn transact<R>(
        &self,
        body: impl FnOnce(&mut Transaction<'_>) -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        self.transaction(body)
    }

    fn staged<'t>(transaction: &'t Transaction<'_>, store: &Live) -> Staged<'t> {
        Staged::new(transaction, store)
    }

    fn snapshot(&self) -> Snapshot {
        Emdb::snapshot(self)
    }

    fn in_transaction(&self) -> bool {
        internal::is_writer(self)
    }

    fn is_read_only(&self) -> bool {
        internal::is_read_only(self)
    }
}
