//! Reads of many keys at once, of whatever holds a namespace.

use crate::api::namespace::Namespace;
use crate::api::snapshot::SnapshotNamespace;
use crate::api::transaction::TransactionNamespace;
use crate::cursor::namespace_view::NamespaceView;
use crate::error::{Error, Result};

/// The values of `keys`, copied.
fn owned<K: AsRef<[u8]>>(
    view: NamespaceView<'_>,
    keys: impl IntoIterator<Item = K>,
) -> Result<Vec<Option<Vec<u8>>>> {
    let keys = keys.into_iter();
    let mut values = Vec::with_capacity(keys.size_hint().0);
    view.read_each(keys, |_, value| {
        values.push(value.map(<[u8]>::to_vec));
        Ok::<_, Error>(())
    })?;
    Ok(values)
}

/// The values of `keys`, lent with the number of their key.
fn lent<K: AsRef<[u8]>>(
    view: NamespaceView<'_>,
    keys: impl IntoIterator<Item = K>,
    mut each: impl FnMut(usize, Option<&[u8]>),
) -> Result<()> {
    let mut number = 0;
    view.read_each(keys, |_, value| {
        each(number, value);
        number += 1;
        Ok(())
    })
}

impl Namespace {
    /// The values of `keys`, in the order of the keys: `None` for one that is absent or expired. All
    /// are of one committed state.
    ///
    /// Many keys are looked up beside each other, which takes a third of the time that single calls
    /// of [`get`](Namespace::get) would take where the data is larger than the processor's cache. Keys
    /// are taken from the iterator some ahead of their lookups.
    ///
    /// # Errors
    /// As [`get`](Namespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert_many([("a", "1"), ("b", "2")])?;
    /// let values = db.get_many(["b", "c", "a"])?;
    /// assert_eq!(values, [Some(b"2".to_vec()), None, Some(b"1".to_vec())]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        owned(self.pinned()?.committed(), keys)
    }

    /// As [`get_many`](Namespace::get_many), but calls `each` with the number of each key, from 0 on, and
    /// its value, which is lent: it lies in the mapped journal, neither copied nor allocated.
    ///
    /// # Errors
    /// As [`get`](Namespace::get). Keys before the one that can't be read have had their call.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert_many([("a", "one"), ("b", "three")])?;
    /// let mut bytes = 0;
    /// db.get_many_with(["a", "b", "c"], |_, value| bytes += value.map_or(0, <[u8]>::len))?;
    /// assert_eq!(bytes, 8);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many_with<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        each: impl FnMut(usize, Option<&[u8]>),
    ) -> Result<()> {
        lent(self.pinned()?.committed(), keys, each)
    }
}

impl SnapshotNamespace {
    /// The values of `keys`; see [`Namespace::get_many`].
    ///
    /// # Errors
    /// As [`get`](SnapshotNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// let snapshot = db.snapshot();
    /// db.remove("key")?;
    /// assert_eq!(snapshot.get_many(["key", "other"])?, [Some(b"value".to_vec()), None]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        owned(self.pinned.committed(), keys)
    }

    /// The values of `keys`, lent; see [`Namespace::get_many_with`].
    ///
    /// # Errors
    /// As [`get`](SnapshotNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// let mut found = Vec::new();
    /// db.snapshot().get_many_with(["key", "other"], |_, value| found.push(value.is_some()))?;
    /// assert_eq!(found, [true, false]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many_with<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        each: impl FnMut(usize, Option<&[u8]>),
    ) -> Result<()> {
        lent(self.pinned.committed(), keys, each)
    }
}

impl TransactionNamespace {
    /// The values of `keys`, staged or live; see [`Namespace::get_many`].
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.insert("other", "staged")?;
    ///     let values = tx.get_many(["key", "other"])?;
    ///     assert_eq!(values, [Some(b"value".to_vec()), Some(b"staged".to_vec())]);
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        owned(self.view()?, keys)
    }

    /// The values of `keys`, staged or live, lent; see [`Namespace::get_many_with`].
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.remove("key")?;
    ///     tx.get_many_with(["key"], |_, value| assert!(value.is_none()))
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_many_with<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        each: impl FnMut(usize, Option<&[u8]>),
    ) -> Result<()> {
        lent(self.view()?, keys, each)
    }
}
