//! The traits of the seam.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::keyspace::{Changes, Keyspace, KeyspaceOptions, Keyspaces};
use super::schema_epoch::SchemaEpoch;
use crate::error::{BackendError, TableError};

/// The ends of a range of keys.
pub type KeyBounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// A database that tables can be kept in.
pub trait Backend {
    /// Why a call failed.
    type Error: BackendError;
    /// A handle to one keyspace.
    type Handle: Clone + fmt::Debug;
    /// One state of a keyspace.
    type View: ReadView<Error = Self::Error, Cursor: 'static> + 'static;
    /// A table by itself.
    type Store: Autocommit<Error = Self::Error, View = Self::View>;
    /// A transaction.
    type Transaction<'t>;
    /// A table in a transaction.
    type Staged<'t>: StoreMut<Error = Self::Error, View = Self::View>;
    /// One state of the database.
    type Snapshot: Snapshot<Error = Self::Error, View = Self::View>;

    /// The keyspace that keeps one entry for each table; made if it is not there. An entry goes
    /// when the keyspace of the table's name is dropped.
    fn catalogue(&self) -> Result<Self::Handle, Self::Error>;

    /// The keyspace of this name, made if it is not there.
    fn keyspace(&self, name: &str, options: KeyspaceOptions) -> Result<Self::Handle, Self::Error>;

    /// The keyspace that has no name.
    fn default_keyspace(&self) -> Self::Handle;

    /// An ordered keyspace inside of another one, emptied and dropped with it; made if it is not
    /// there.
    fn child(&self, parent: &Self::Handle, name: &str) -> Result<Self::Handle, Self::Error>;

    /// Gives a keyspace another name, with those inside of it and its entry in the catalogue, at once;
    /// tells whether it was there. The new name has to be free. Handles by the former name are refused.
    fn rename(&self, from: &str, to: &str) -> Result<bool, Self::Error>;

    /// The epoch that all handles of the table with these rows share.
    fn schema_epoch(&self, rows: &Self::Handle) -> Arc<SchemaEpoch>;

    /// A table of these keyspaces.
    fn store(&self, keyspaces: Keyspaces<Self::Handle>) -> Self::Store;

    /// The entry that the catalogue has of a table now.
    fn catalogue_entry(&self, table: &str) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Commits what `body` does as one if it succeeds, and nothing of it if not.
    fn transact<R>(
        &self,
        body: impl FnOnce(&mut Self::Transaction<'_>) -> Result<R, TableError>,
    ) -> Result<R, TableError>;

    /// The table of a store in a transaction.
    fn staged<'t>(transaction: &'t Self::Transaction<'_>, store: &Self::Store) -> Self::Staged<'t>;

    /// The state of now.
    fn snapshot(&self) -> Self::Snapshot;

    /// Whether this thread has the exclusive right to write, so that waiting for it would never end.
    fn in_transaction(&self) -> bool;

    /// Whether nothing can be written. A keyspace that is not there is an empty one then, instead of
    /// being made.
    fn is_read_only(&self) -> bool {
        false
    }
}

/// One state of a database. A keyspace that it didn't have is empty.
pub trait Snapshot {
    /// Why a call failed.
    type Error: BackendError;
    /// One of its keyspaces.
    type View: ReadView<Error = Self::Error>;

    /// The catalogue.
    fn catalogue(&self) -> Self::View;

    /// The keyspace that has no name.
    fn default_keyspace(&self) -> Self::View {
        self.keyspace("")
    }

    /// The keyspace of a name.
    fn keyspace(&self, name: &str) -> Self::View;

    /// The keyspace `name` inside of another one.
    fn child(&self, parent: &str, name: &str) -> Self::View;

    /// The keyspaces that are not inside of others, by their names; the one without a name first.
    fn keyspaces(&self) -> Result<Vec<NamedKeyspace>, Self::Error>;
}

/// A keyspace that a snapshot has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKeyspace {
    /// Its name.
    pub name: String,
    /// How it was made.
    pub ordered: bool,
}

/// One state of a keyspace, to read for as long as wanted.
pub trait ReadView: Clone + fmt::Debug {
    /// Why a call failed.
    type Error: BackendError;
    /// A walk over it.
    type Cursor: Cursor<Error = Self::Error>;

    /// The value of `key`, borrowed, and when it expires.
    fn entry<R>(
        &self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>, Self::Error>;

    /// The value of `key`, borrowed.
    #[inline(always)]
    fn read<R>(&self, key: &[u8], take: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Self::Error> {
        self.entry(key, |value, _| take(value))
    }

    /// Calls `each` with the keys, in their order, and the value of each, borrowed, if it is there.
    /// The first error ends it. A backend to which a single read is dear asks for many at once.
    #[inline]
    fn read_each<'k, E: From<Self::Error>>(
        &self,
        keys: impl IntoIterator<Item = &'k [u8]>,
        mut each: impl FnMut(&'k [u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        for key in keys {
            match self.read(key, |value| each(key, Some(value)))? {
                Some(done) => done?,
                None => each(key, None)?,
            }
        }
        Ok(())
    }

    /// Tells which keys are likely to be read next, one by one. A backend that waits for its data has it
    /// on its way then.
    #[inline]
    fn will_read<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        let _ = keys;
    }

    /// When `key`, if it is there, expires.
    fn expiry(&self, key: &[u8]) -> Result<Option<u64>, Self::Error>;

    /// Whether `key` is there. Its value isn't read.
    fn contains(&self, key: &[u8]) -> Result<bool, Self::Error>;

    /// How many records there are; expired ones may count.
    fn count(&self) -> Result<usize, Self::Error>;

    /// All records, in order if the keyspace has one.
    fn scan(&self) -> Result<Self::Cursor, Self::Error>;

    /// At most so many of the records that were committed, from all over the keyspace, in any
    /// order. It has to be cheap, however many there are: tables look at one when they are opened.
    fn sample(&self, records: usize) -> Result<Self::Cursor, Self::Error>;

    /// The records of a range, in order, of an ordered keyspace.
    fn range(&self, bounds: KeyBounds) -> Result<Self::Cursor, Self::Error>;
}

/// A key and its value, borrowed; or why there is none.
pub type CursorItem<'c, E> = Result<(&'c [u8], &'c [u8]), E>;

/// A walk over a [`ReadView`], from one end or both.
pub trait Cursor: Sized {
    /// Why a step failed.
    type Error: BackendError;

    /// Values are not wanted.
    #[must_use]
    fn without_values(self) -> Self;

    /// The next key and value from the front, borrowed.
    fn forward(&mut self) -> Option<CursorItem<'_, Self::Error>>;

    /// The next key and value from the back, borrowed. A walk without order has one end.
    fn backward(&mut self) -> Option<CursorItem<'_, Self::Error>>;
}

/// The keys that were written since a state of a keyspace, as far as it has been read.
#[derive(Debug)]
pub struct Written<V> {
    /// The state.
    pub view: V,
    /// How far behind it, in the backend's terms; 0 at first.
    pub reached: u64,
    /// The keys, perhaps several times.
    pub keys: Vec<Vec<u8>>,
}

impl<V> Written<V> {
    /// Nothing has been read yet.
    pub fn since(view: V) -> Written<V> {
        Written { view, reached: 0, keys: Vec::new() }
    }
}

/// Where a table reads: by itself ([`Live`](crate::Live)), inside a transaction
/// ([`Staged`](crate::Staged)), or on a snapshot ([`Frozen`](crate::Frozen)).
///
/// It is the bound of a function that reads, wherever the table is. The trait is sealed: its items
/// are not part of the API, and no type of a user implements it.
///
/// # Example
///
/// ```
/// # use emdb::Emdb;
/// use emdb::{Store, Table, TableError};
///
/// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// # struct User { #[emdb(key)] id: u64, #[emdb(unique)] email: String }
/// fn id_of<S: Store>(users: &Table<User, S>, email: &str) -> Result<Option<u64>, TableError> {
///     Ok(users.by(User::EMAIL).get(email)?.map(|user| user.id))
/// }
///
/// # let db = Emdb::open_in_memory();
/// let users = Table::<User>::open(&db)?;
/// users.insert(&User { id: 7, email: "ada@example.org".into() })?;
/// assert_eq!(id_of(&users, "ada@example.org")?, Some(7));
/// assert_eq!(id_of(&users.at(&db.snapshot()), "ada@example.org")?, Some(7));
/// db.transaction(|tx| -> Result<(), TableError> {
///     users.with(tx).remove(&7)?;
///     assert_eq!(id_of(&users.with(tx), "ada@example.org")?, None);
///     Ok(())
/// })?;
/// # Ok::<(), TableError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a table can't be read through `{Self}`",
    label = "not a store of a table",
    note = "a function that takes a table wherever it is has the bound `S: Store`, or \
            `S: StoreMut` if it writes: `fn f<S: Store>(table: &Table<T, S>)`"
)]
pub trait Store {
    /// Why a call failed.
    #[doc(hidden)]
    type Error: BackendError;
    /// One state of a keyspace.
    #[doc(hidden)]
    type View: ReadView<Error = Self::Error>;

    /// Whether these are the reads of a transaction, which notes rows that were read for those that
    /// are put in their places.
    #[doc(hidden)]
    const NOTES: bool = false;

    /// Notes that the row with this key was read, for as long as the transaction is open.
    #[doc(hidden)]
    fn note(&self, key: &[u8]) -> Result<(), Self::Error> {
        let _ = key;
        Ok(())
    }

    /// Whether the row with this key was noted.
    #[doc(hidden)]
    fn is_noted(&self, key: &[u8]) -> Result<bool, Self::Error> {
        let _ = key;
        Ok(false)
    }

    /// Whether an index may be asked; why not, if not.
    #[doc(hidden)]
    fn ready(&self, index: usize) -> Result<(), TableError> {
        let _ = index;
        Ok(())
    }

    /// Why nothing may be read, if it may not.
    #[doc(hidden)]
    fn refused(&self) -> Result<(), TableError> {
        Ok(())
    }

    /// The [`SchemaEpoch`] of the table. `None` if the entry has to be looked at with each call.
    #[doc(hidden)]
    fn epoch(&self) -> Option<u64>;

    /// The number of the state of now: states that come later have larger ones. `None` if the backend
    /// doesn't number them.
    #[doc(hidden)]
    fn sequence(&self) -> Option<u64> {
        None
    }

    /// The entry that the catalogue has of the table now.
    #[doc(hidden)]
    fn catalogue_entry(&self, table: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        self.read(Keyspace::Catalogue, table.as_bytes(), <[u8]>::to_vec)
    }

    /// The value of a key, borrowed, and when it expires.
    #[doc(hidden)]
    fn entry<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>, Self::Error>;

    /// The value of a key, borrowed.
    #[doc(hidden)]
    #[inline(always)]
    fn read<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Self::Error> {
        self.entry(keyspace, key, |value, _| take(value))
    }

    /// When a key, if it is there, expires.
    #[doc(hidden)]
    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<u64>, Self::Error>;

    /// Whether a key is there. Its value isn't read.
    #[doc(hidden)]
    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Result<bool, Self::Error>;

    /// How many records there are; expired ones may count.
    #[doc(hidden)]
    fn count(&self, keyspace: Keyspace) -> Result<usize, Self::Error>;

    /// One state of a keyspace.
    #[doc(hidden)]
    fn view(&self, keyspace: Keyspace) -> Result<Self::View, Self::Error>;

    /// Another keyspace in the state of a view.
    #[doc(hidden)]
    fn view_beside(&self, view: &Self::View, keyspace: Keyspace)
    -> Result<Self::View, Self::Error>;

    /// Brings `written` up to now; tells whether its keys are all of the keyspace that were written.
    /// A backend that can't tell says no.
    #[doc(hidden)]
    fn written_since(
        &self,
        keyspace: Keyspace,
        written: &mut Written<Self::View>,
    ) -> Result<bool, Self::Error> {
        let _ = (keyspace, written);
        Ok(false)
    }

    /// Runs reads of several keyspaces so that they see one state, as often as that takes.
    #[doc(hidden)]
    fn consistent<R>(&self, read: impl FnMut() -> Result<R, TableError>) -> Result<R, TableError>;

    /// The database's time, in milliseconds since 1970.
    #[doc(hidden)]
    fn now(&self) -> u64;

    /// The expiry of a row that is written now without one of its own.
    #[doc(hidden)]
    fn default_expiry(&self) -> Result<Option<u64>, Self::Error>;

    /// The expiry of what lives so long from now on.
    #[doc(hidden)]
    fn expiry_after(&self, lifetime: Duration) -> Result<u64, Self::Error>;
}

/// Where a table writes: by itself ([`Live`](crate::Live)), each call a commit, or inside a
/// transaction ([`Staged`](crate::Staged)).
///
/// It is the bound of a function that writes, inside of transactions and outside. The trait is
/// sealed, as [`Store`] is.
///
/// # Example
///
/// ```
/// # use emdb::Emdb;
/// use emdb::{StoreMut, Table, TableError};
///
/// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// # struct Account { #[emdb(key)] owner: String, cents: i64 }
/// fn deposit<S: StoreMut>(
///     accounts: &Table<Account, S>,
///     owner: &str,
///     cents: i64,
/// ) -> Result<(), TableError> {
///     let make = || Account { owner: owner.into(), cents };
///     accounts.upsert(owner, make, |account| account.cents += cents)?;
///     Ok(())
/// }
///
/// # let db = Emdb::open_in_memory();
/// let accounts = Table::<Account>::open(&db)?;
/// deposit(&accounts, "ada", 500)?;
/// db.transaction(|tx| -> Result<(), TableError> {
///     let accounts = accounts.with(tx);
///     deposit(&accounts, "ada", -200)?;
///     deposit(&accounts, "bob", 200)
/// })?;
/// assert_eq!(accounts.get("ada")?.map(|account| account.cents), Some(300));
/// # Ok::<(), TableError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a table can't be written through `{Self}`",
    label = "not a store that writes",
    note = "a function that writes to a table, by itself or in a transaction, has the bound \
            `S: StoreMut`: `fn f<S: StoreMut>(table: &Table<T, S>)`; a snapshot is read alone"
)]
pub trait StoreMut: Store {
    /// Exclusive write access.
    #[doc(hidden)]
    type Guard<'s>: WriteGuard<Error = Self::Error, View = Self::View>
    where
        Self: 's;

    /// Waits for other writers.
    #[doc(hidden)]
    fn lock(&self) -> Result<Self::Guard<'_>, Self::Error>;

    /// Makes changes that were gathered without the lock, if `holds` says as the only writer that
    /// they still are the right ones; tells whether it did. A backend that can prepares them first,
    /// and asks before others have to wait as well, so that there is little left to do then.
    #[doc(hidden)]
    fn commit_if(
        &self,
        changes: &Changes,
        mut holds: impl for<'r, 's> FnMut(
            &'r <Self::Guard<'s> as WriteGuard>::Reads,
        ) -> Result<bool, TableError>,
    ) -> Result<bool, TableError> {
        let guard = self.lock()?;
        if !holds(guard.reads())? {
            return Ok(false);
        }
        guard.commit(changes)?;
        Ok(true)
    }
}

/// A store whose commits are commits of the database: a table by itself.
pub trait Autocommit: StoreMut + Clone {
    /// One of the table's keyspaces in the state of a view of a snapshot, if that state has `since` as its
    /// number or a larger one, and the keyspace has had its name from then to now. `None` also if the
    /// backend can't tell: then the snapshot is asked for the name, which costs more.
    #[doc(hidden)]
    fn view_in(&self, state: &Self::View, since: u64, keyspace: Keyspace) -> Option<Self::View> {
        let _ = (state, since, keyspace);
        None
    }
}

/// Exclusive write access: while it lives, nobody else changes what is read through it.
pub trait WriteGuard {
    /// Why a call failed.
    type Error: BackendError;
    /// One state of a keyspace.
    type View: ReadView<Error = Self::Error>;
    /// The reads.
    type Reads: Store<Error = Self::Error, View = Self::View>;

    /// The table as it is while nobody else writes.
    fn reads(&self) -> &Self::Reads;

    /// The value that is stored under a key, expired or not, and whether it has not.
    fn stored<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>, Self::Error>;

    /// Makes all changes at once, or none, and lets others write.
    fn commit(self, changes: &Changes) -> Result<(), Self::Error>;
}

/// A scan to the first error or the end, calling `each`.
pub(crate) fn for_each(
    mut scan: impl Cursor,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), TableError>,
) -> Result<(), TableError> {
    while let Some(entry) = scan.forward() {
        let (key, value) = entry?;
        each(key, value)?;
    }
    Ok(())
}
