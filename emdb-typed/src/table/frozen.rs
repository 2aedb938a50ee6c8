//! A table as it was when a snapshot was taken.
//!
//! It is made of the views of a snapshot alone, so a backend has no part in it.

use std::time::Duration;

use crate::backend::{Autocommit, Keyspace, ReadView, Snapshot, Store};
use crate::catalogue::{self, Definition, Entry};
use crate::embedded::Live;
use crate::error::TableError;
use crate::record::Record;
use crate::schema::IndexSchema;
use crate::vocabulary::Error;

/// The view of an index, or the name of one that was not there, or not complete, when the snapshot was taken.
type Index<V> = Result<V, &'static str>;

/// The views of the rows and of the indexes.
type Views<V> = (V, Vec<Index<V>>);

/// A table on a snapshot: the reads.
#[derive(Debug, Clone)]
pub struct Frozen<S: Store = Live> {
    /// The table as it is now, for what a snapshot doesn't tell.
    live: S,
    rows: S::View,
    indexes: Vec<Index<S::View>>,
    table: &'static str,
    /// The entry of the table, if the type may not read it.
    other: Option<OtherType>,
}

/// An entry of the catalogue that is of another type, and what tells how.
#[derive(Debug, Clone)]
struct OtherType {
    entry: Vec<u8>,
    refuse: fn(&[u8]) -> Result<(), TableError>,
}

impl<S: Autocommit> Frozen<S> {
    pub(super) fn new<T: Record, N>(definition: &Definition<T>, live: S, snapshot: &N) -> Self
    where
        N: Snapshot<Error = S::Error, View = S::View>,
    {
        match Self::of_live(definition, &live, snapshot) {
            Some((rows, indexes)) => {
                Frozen { live, rows, indexes, table: T::NAMESPACE, other: None }
            }
            None => Self::by_names(definition, live, snapshot),
        }
    }

    /// The views of the live table's keyspaces, if the snapshot is of a state in which the type is known to
    /// agree with the entry, and had them under these names.
    fn of_live<T: Record, N>(
        definition: &Definition<T>,
        live: &S,
        snapshot: &N,
    ) -> Option<Views<S::View>>
    where
        N: Snapshot<Error = S::Error, View = S::View>,
    {
        let since = definition.agrees_since(live.epoch())?;
        let state = snapshot.default_keyspace();
        let rows = live.view_in(&state, since, Keyspace::Rows)?;
        let index = |at| live.view_in(&state, since, Keyspace::Index(at)).map(Ok);
        let indexes = (0..definition.indexes.len()).map(index).collect::<Option<_>>()?;
        Some((rows, indexes))
    }

    /// The keyspaces that the snapshot has under the table's name, as its entry in the catalogue says.
    fn by_names<T: Record, N>(definition: &Definition<T>, live: S, snapshot: &N) -> Self
    where
        N: Snapshot<Error = S::Error, View = S::View>,
    {
        // One that can't be read is refused as an empty one is.
        let bytes = snapshot.catalogue().read(T::NAMESPACE.as_bytes(), <[u8]>::to_vec);
        let bytes = bytes.unwrap_or(Some(Vec::new()));
        let agrees = bytes.as_deref().is_some_and(|bytes| definition.findings.agrees(bytes));
        let entry = bytes.as_deref().filter(|_| !agrees);
        let entry = entry.and_then(|bytes| Entry::decode(T::NAMESPACE, bytes).ok());
        let entry = entry.filter(|entry| entry.schema.version() == T::VERSION);
        let refuse = catalogue::refuse::<T>;
        let is_complete = |schema: &IndexSchema| {
            agrees || entry.as_ref().is_some_and(|entry| entry.is_complete(schema))
        };
        let other = bytes.as_ref().filter(|bytes| !agrees && refuse(bytes).is_err()).cloned();
        let index = |schema: &IndexSchema, name: &'static str| {
            let child = catalogue::index_child(name);
            if is_complete(schema) { Ok(snapshot.child(T::NAMESPACE, &child)) } else { Err(name) }
        };
        let specs = definition.schema.indexes().zip(&definition.indexes);
        Frozen {
            live,
            rows: snapshot.keyspace(T::NAMESPACE),
            indexes: specs.map(|(schema, spec)| index(schema, spec.name)).collect(),
            table: T::NAMESPACE,
            other: other.map(|entry| OtherType { entry, refuse }),
        }
    }
}

impl<S: Store> Frozen<S> {
    fn get(&self, keyspace: Keyspace) -> Result<&S::View, S::Error> {
        match keyspace {
            Keyspace::Rows | Keyspace::Mark | Keyspace::Catalogue => Ok(&self.rows),
            Keyspace::Index(position) => Ok(self.indexes[position].as_ref().map_err(|name| {
                Error::InvalidConfig(format!(
                    "the index `{name}` of table `{}` was not complete when the snapshot was \
                     taken; take a new snapshot",
                    self.table
                ))
            })?),
        }
    }
}

impl<S: Store> Store for Frozen<S> {
    type Error = S::Error;
    type View = S::View;

    fn ready(&self, index: usize) -> Result<(), TableError> {
        Ok(self.get(Keyspace::Index(index)).map(|_| ())?)
    }

    fn refused(&self) -> Result<(), TableError> {
        match &self.other {
            Some(OtherType { entry, refuse }) => refuse(entry),
            None => Ok(()),
        }
    }

    fn epoch(&self) -> Option<u64> {
        self.live.epoch()
    }

    fn sequence(&self) -> Option<u64> {
        self.live.sequence()
    }

    fn catalogue_entry(&self, table: &str) -> Result<Option<Vec<u8>>, S::Error> {
        self.live.catalogue_entry(table)
    }

    fn entry<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>, S::Error> {
        self.get(keyspace)?.entry(key, take)
    }

    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<u64>, S::Error> {
        self.get(keyspace)?.expiry(key)
    }

    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Result<bool, S::Error> {
        self.get(keyspace)?.contains(key)
    }

    fn count(&self, keyspace: Keyspace) -> Result<usize, S::Error> {
        self.get(keyspace)?.count()
    }

    fn view(&self, keyspace: Keyspace) -> Result<S::View, S::Error> {
        self.get(keyspace).cloned()
    }

    fn view_beside(&self, _view: &S::View, keyspace: Keyspace) -> Result<S::View, S::Error> {
        self.view(keyspace)
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        // A snapshot is one state.
        read()
    }

    fn now(&self) -> u64 {
        self.live.now()
    }

    fn default_expiry(&self) -> Result<Option<u64>, S::Error> {
        self.live.default_expiry()
    }

    fn expiry_after(&self, lifetime: Duration) -> Result<u64, S::Error> {
        self.live.expiry_after(lifetime)
    }
}
