//! The calls for ranges, once for all that has them.

use crate::api::iterators::EmdbRangeIter;
use crate::api::namespace::Namespace;
use crate::api::snapshot::SnapshotNamespace;
use crate::api::transaction::TransactionNamespace;
use crate::cursor::end::End;
use crate::cursor::range::{Bounds, KeyRange};
use crate::cursor::walk::Walk;
use crate::error::Result;

/// Keys with their values.
type Entries = Vec<(Vec<u8>, Vec<u8>)>;

fn all(mut walk: Walk) -> Result<Entries> {
    let mut entries = Vec::new();
    while let Some(entry) = walk.next(End::Front, |key, value| (key.to_vec(), value.to_vec())) {
        entries.push(entry);
    }
    walk.status()?;
    Ok(entries)
}

/// Between `$open` and `$close` the examples call the type's object `view`.
macro_rules! ranges {
    ($type:ty, $open:literal, $close:literal) => {
        /// Ranges of keys, in the byte order of the keys. They need an ordered namespace: see
        /// [`namespace_with`](crate::Emdb::namespace_with) and
        /// [`enable_range_scans`](crate::EmdbBuilder::enable_range_scans).
        impl $type {
            /// The keys in a range with their values.
            ///
            /// # Errors
            /// `InvalidConfig` if the namespace isn't ordered; `Corrupted` if a record is damaged;
            /// `NamespaceDropped`.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::builder().enable_range_scans(true).build()?;
            /// db.insert_many([("a", "1"), ("b", "2"), ("c", "3")])?;
            #[doc = $open]
            /// assert_eq!(view.range("b"..)?.len(), 2);
            /// assert_eq!(view.range("a"..="b")?[0], (b"a".to_vec(), b"1".to_vec()));
            #[doc = $close]
            /// # Ok(())
            /// # }
            /// ```
            pub fn range(&self, range: impl KeyRange) -> Result<Entries> {
                all(self.walk_range(range.bounds())?)
            }

            /// As `range`, one by one and from both ends: it costs what is taken. It sees exactly
            /// the state of the moment when it was made, and survives the drop of every handle.
            ///
            /// # Errors
            /// As `range`; damage found on the way ends the iteration.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::builder().enable_range_scans(true).build()?;
            /// db.insert_many([("a", "1"), ("b", "2"), ("c", "3")])?;
            #[doc = $open]
            /// let last: Vec<_> = view.range_iter(..)?.rev().take(2).map(|(key, _)| key).collect();
            /// assert_eq!(last, [b"c", b"b"]);
            #[doc = $close]
            /// # Ok(())
            /// # }
            /// ```
            pub fn range_iter(&self, range: impl KeyRange) -> Result<EmdbRangeIter> {
                Ok(EmdbRangeIter(self.walk_range(range.bounds())?))
            }

            /// The keys that begin with `prefix`, with their values.
            ///
            /// # Errors
            /// As `range`.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::builder().enable_range_scans(true).build()?;
            /// db.insert_many([("user:1", "a"), ("user:2", "b"), ("zoo", "c")])?;
            #[doc = $open]
            /// assert_eq!(view.range_prefix("user:")?.len(), 2);
            #[doc = $close]
            /// # Ok(())
            /// # }
            /// ```
            pub fn range_prefix(&self, prefix: impl AsRef<[u8]>) -> Result<Entries> {
                all(self.walk_range(Bounds::prefix(prefix.as_ref()))?)
            }

            /// As `range_prefix`, one by one and from both ends.
            ///
            /// # Errors
            /// As `range_iter`.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::builder().enable_range_scans(true).build()?;
            /// db.insert_many([("user:1", "a"), ("user:2", "b"), ("zoo", "c")])?;
            #[doc = $open]
            /// assert_eq!(view.range_prefix_iter("user:")?.next_back().unwrap().1, b"b");
            #[doc = $close]
            /// # Ok(())
            /// # }
            /// ```
            pub fn range_prefix_iter(&self, prefix: impl AsRef<[u8]>) -> Result<EmdbRangeIter> {
                Ok(EmdbRangeIter(self.walk_range(Bounds::prefix(prefix.as_ref()))?))
            }

            /// From `start` on, `start` itself included.
            ///
            /// # Errors
            /// As `range_iter`.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::builder().enable_range_scans(true).build()?;
            /// db.insert_many([("a", "1"), ("b", "2"), ("c", "3")])?;
            #[doc = $open]
            /// assert_eq!(view.iter_from("b")?.count(), 2);
            #[doc = $close]
            /// # Ok(())
            /// # }
            /// ```
            pub fn iter_from(&self, start: impl AsRef<[u8]>) -> Result<EmdbRangeIter> {
                self.range_iter(start..)
            }

            /// From behind `start` on: with the last key of a page it gives the next page, also
            /// when that key is gone by then.
            ///
            /// # Errors
            /// As `range_iter`.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::builder().enable_range_scans(true).build()?;
            /// db.insert_many([("a", "1"), ("b", "2"), ("c", "3")])?;
            #[doc = $open]
            /// assert_eq!(view.iter_after("b")?.next().unwrap().0, b"c");
            #[doc = $close]
            /// # Ok(())
            /// # }
            /// ```
            pub fn iter_after(&self, start: impl AsRef<[u8]>) -> Result<EmdbRangeIter> {
                use std::ops::Bound::{Excluded, Unbounded};
                self.range_iter((Excluded(start), Unbounded))
            }
        }
    };
}

ranges!(Namespace, "let view = &db;", "");
ranges!(SnapshotNamespace, "let view = db.snapshot();", "");
ranges!(TransactionNamespace, "db.transaction(|view| -> emdb_core::Result<()> {", "# Ok(())\n})?;");
