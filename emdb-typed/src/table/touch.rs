//! Expiries that change while their rows stay.

use super::former::Former;
use super::handle::Table;
use super::write::invalid;
use crate::backend::{Keyspace, Store, StoreMut};
use crate::error::TableError;
use crate::key::{self, AsKey};
use crate::lifetime::Lifetime;
use crate::record::Record;
use crate::vocabulary::Ttl;
use crate::write::entries;

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Lets the row with this key live so long from now on; tells whether it is there.
    ///
    /// The row stays as it is: it isn't encoded, validated or counted as changed, and its index
    /// entries expire with it. [`Ttl::Default`] begins anew what the type or the database says,
    /// [`Ttl::None`] makes the row permanent. A row that has expired stays away.
    ///
    /// Below, the engine writes a record with the row's bytes and the new expiry, for records never
    /// change in place; so a touch costs the journal what the row takes.
    ///
    /// # Errors
    ///
    /// [`TableError::Invalid`] when a field of the type says when its rows expire: change that by
    /// [`update`](Table::update); [`TableError::Decode`] when the row can't be read;
    /// [`TableError::Core`] when the engine refuses. Nothing is written then.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Session { #[emdb(key)] token: String }
    /// # let db = Emdb::open_in_memory();
    /// use emdb::Ttl;
    /// use std::time::Duration;
    ///
    /// let sessions = Table::<Session>::open(&db)?;
    /// sessions.insert(&Session { token: "abc".into() })?;
    /// // With each request, half an hour more.
    /// let half_an_hour = Ttl::Duration(Duration::from_secs(1800));
    /// assert!(sessions.touch("abc", half_an_hour)?);
    /// assert!(sessions.expires_at("abc")?.is_some());
    /// assert!(!sessions.touch("absent", half_an_hour)?);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn touch<Q>(&self, key: &Q, ttl: Ttl) -> Result<bool, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        let key = key::final_form::<T::Key>(key);
        self.write(|batch| {
            let (row, entries, expiry) = match self.former(batch, &key)? {
                Former::Row { row, entries, expiry, live: true } => (row, entries, expiry),
                Former::Unreadable(error, true) => return Err(error),
                _ => return Ok(false),
            };
            if let Lifetime::At(_) = row.lifetime() {
                return Err(invalid::<T>(
                    "a field of its type says when it expires; change that by `update`",
                ));
            }
            let until = self.expiry_by(&row, ttl)?;
            if until == expiry {
                return Ok(true);
            }
            let value = batch.stored(Keyspace::Rows, &key, |value, _, _| value.to_vec())?;
            let Some(value) = value else { return Ok(false) };
            let (specs, former) = (&self.definition.indexes, Some((&entries, expiry)));
            entries::claim(batch, specs, &key, former, (&entries, until))?;
            batch.put(Keyspace::Rows, &key, &value, until);
            Ok(true)
        })
    }
}

impl<T: Record, S: Store> Table<T, S> {
    /// When a row expires that is written now, by what a call says.
    pub(super) fn expiry_by(&self, row: &T, ttl: Ttl) -> Result<Option<u64>, TableError> {
        Ok(match ttl {
            Ttl::Default => self.expiry_of(row)?,
            Ttl::None => None,
            Ttl::Duration(lifetime) => Some(self.store.expiry_after(lifetime)?),
            Ttl::ExpiresAt(at) => Some(at),
            _ => return Err(invalid::<T>("this release has no such time to live")),
        })
    }
}
