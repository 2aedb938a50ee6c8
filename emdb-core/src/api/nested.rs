//! Dotted groups of keys: a prefix and a dot before each.

use std::collections::BTreeSet;
use std::fmt;

use crate::api::iterators::EmdbIter;
use crate::api::namespace::Namespace;
use crate::cursor::end::End;
use crate::cursor::namespace_view::PinnedNamespace;
use crate::cursor::range::Bounds;
use crate::cursor::walk::Walk;
use crate::engine::append_lock::Access;
use crate::engine::apply::PriorRecord;
use crate::engine::write_op::{Change, WriteOp};
use crate::engine::written_since::WrittenSince;
use crate::error::Result;

/// The keys under a prefix, by what they are called there; see [`Namespace::focus`].
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// let db = emdb::Emdb::open_in_memory();
/// let alice = db.focus("users").focus("alice");
/// alice.set("name", "Alice")?;
/// assert_eq!(db.get("users.alice.name")?, Some(b"Alice".to_vec()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Focus {
    namespace: Namespace,
    /// Ends in a dot.
    prefix: Vec<u8>,
}

impl fmt::Debug for Focus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Focus").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// `prefix` with the dot that ends it.
fn dotted(prefix: &[u8]) -> Vec<u8> {
    [prefix, b"."].concat()
}

impl Namespace {
    /// The keys under `prefix` and a dot.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.focus("users").set("alice", "1")?;
    /// assert!(db.contains_key("users.alice")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn focus(&self, prefix: impl AsRef<[u8]>) -> Focus {
        Focus { namespace: self.clone(), prefix: dotted(prefix.as_ref()) }
    }

    /// All keys that begin with `prefix` and a dot, whole, with their values: `users.alice` has
    /// `users.alice.name` in it, but not `users.alicette.name`. Sees one committed state. In an
    /// ordered namespace it costs what it gives and comes in order; otherwise it looks at all keys.
    ///
    /// # Errors
    /// As [`iter`](Namespace::iter).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("users.alice.name", "Alice")?;
    /// db.insert("users.alicette.name", "Alicette")?;
    /// let keys: Vec<_> = db.group("users.alice")?.map(|(key, _)| key).collect();
    /// assert_eq!(keys, [b"users.alice.name"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn group(&self, prefix: impl AsRef<[u8]>) -> Result<EmdbIter> {
        Ok(EmdbIter(self.walk_group(&dotted(prefix.as_ref()))?))
    }

    /// Removes what [`group`](Namespace::group) gives, in one commit, and tells how many records
    /// that was. They are held in memory meanwhile. Other writers go on while the group is looked
    /// for, and wait for the commit alone; what they add to it until then goes as well.
    ///
    /// # Errors
    /// As [`remove`](Namespace::remove).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("users.alice", "1")?;
    /// db.insert("users.bob", "2")?;
    /// assert_eq!(db.delete_group("users")?, 2);
    /// assert!(db.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_group(&self, prefix: impl AsRef<[u8]>) -> Result<usize> {
        self.delete_under(&dotted(prefix.as_ref()))
    }

    fn walk_group(&self, prefix: &[u8]) -> Result<Walk> {
        let pinned = self.pinned()?;
        self.engine().order_later(pinned.incarnation.as_deref());
        walk_group(pinned, prefix)
    }

    fn delete_under(&self, prefix: &[u8]) -> Result<usize> {
        // Where nothing may be written, nothing is looked for.
        drop(self.engine().lock_for_writing(Access::Plain)?);
        loop {
            if let Some(removed) = self.try_delete_under(prefix, &self.pinned()?)? {
                return Ok(removed);
            }
        }
    }

    /// Removes the group, prepared on what is pinned: under the lock only what has been written
    /// since is looked at. None if the namespace was cleared or the file compacted meanwhile.
    fn try_delete_under(&self, prefix: &[u8], pinned: &PinnedNamespace) -> Result<Option<usize>> {
        let Some(incarnation) = &pinned.incarnation else { return Ok(Some(0)) };
        let engine = self.engine();
        let mut walk = walk_group(pinned.clone(), prefix)?.without_values();
        let mut found: Vec<(Vec<u8>, PriorRecord)> = Vec::new();
        while walk.go(End::Front) {
            found.extend(walk.record().map(|r| (r.key().to_vec(), PriorRecord::of(r.record()))));
        }
        walk.status()?;
        let (mut added, mut ops) = (BTreeSet::new(), Vec::with_capacity(found.len()));
        for (key, record) in &found {
            ops.push(self.removal(key)?.of_record(*record));
        }
        let mut since = WrittenSince::new(&pinned.view, incarnation, 0);
        let mut note = |key: &[u8]| {
            if key.starts_with(prefix) {
                added.insert(key.to_vec());
            }
        };
        // Most of it before others have to wait: what comes while the one is read is read then.
        since.read(&mut note)?;
        since.read(&mut note)?;
        let mut commit = engine.begin_commit(Access::Plain)?;
        self.state.check()?;
        if !since.is_of(&self.state) {
            return Ok(None);
        }
        since.read(&mut note)?;
        for key in &added {
            // As it is now. What was found under this key is not the newest any more.
            if self.contains_key(key)? {
                ops.push(self.removal(key)?);
            }
        }
        if let Some(last) = ops.last_mut() {
            last.end_commit();
        }
        commit.write(&mut ops)?;
        commit.finish()?;
        Ok(Some(ops.iter().filter(|op| !op.void).count()))
    }

    /// A removal that does not end its commit.
    fn removal<'a>(&'a self, key: &'a [u8]) -> Result<WriteOp<'a>> {
        WriteOp::write(&self.state, Change::remove(key).ending_commit(false))
    }
}

/// The keys that begin with `prefix`.
fn walk_group(pinned: PinnedNamespace, prefix: &[u8]) -> Result<Walk> {
    if pinned.ordered {
        pinned.into_walk_range(Bounds::prefix(prefix))
    } else {
        Ok(pinned.into_walk()?.only(prefix))
    }
}

impl Focus {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// Inserts or replaces; see [`Namespace::insert`].
    ///
    /// # Errors
    /// As [`Namespace::insert`]; the limit on keys is on the whole key.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.focus("users").set("alice", "1")?;
    /// assert_eq!(db.get("users.alice")?, Some(b"1".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        self.namespace.insert(self.key(key.as_ref()), value)
    }

    /// Inserts or replaces, with an expiry of its own; see [`Namespace::insert_with_ttl`].
    ///
    /// # Errors
    /// As [`Namespace::insert_with_ttl`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use std::time::Duration;
    /// use emdb::Ttl;
    ///
    /// let sessions = db.focus("sessions");
    /// sessions.set_with_ttl("alice", "token", Ttl::Duration(Duration::from_secs(60)))?;
    /// assert!(db.ttl("sessions.alice")?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "ttl")]
    pub fn set_with_ttl(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: crate::Ttl,
    ) -> Result<()> {
        self.namespace.insert_with_ttl(self.key(key.as_ref()), value, ttl)
    }

    /// The value of `key`; see [`Namespace::get`].
    ///
    /// # Errors
    /// As [`Namespace::get`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("users.alice", "1")?;
    /// assert_eq!(db.focus("users").get("alice")?, Some(b"1".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.namespace.get(self.key(key.as_ref()))
    }

    /// Removes `key` and gives the value that was live; see [`Namespace::remove`].
    ///
    /// # Errors
    /// As [`Namespace::remove`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("users.alice", "1")?;
    /// assert_eq!(db.focus("users").remove("alice")?, Some(b"1".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.namespace.remove(self.key(key.as_ref()))
    }

    /// Whether `key` is present and not expired; see [`Namespace::contains_key`].
    ///
    /// # Errors
    /// As [`Namespace::contains_key`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("users.alice", "1")?;
    /// assert!(db.focus("users").contains_key("alice")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.namespace.contains_key(self.key(key.as_ref()))
    }

    /// All keys below, whole, with their values; see [`Namespace::group`].
    ///
    /// # Errors
    /// As [`Namespace::group`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// let users = db.focus("users");
    /// users.set("alice", "1")?;
    /// assert_eq!(users.iter()?.next().unwrap().0, b"users.alice");
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> Result<EmdbIter> {
        Ok(EmdbIter(self.namespace.walk_group(&self.prefix)?))
    }

    /// Removes all keys below, in one commit, and tells how many that was; see
    /// [`Namespace::delete_group`].
    ///
    /// # Errors
    /// As [`Namespace::delete_group`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// let users = db.focus("users");
    /// users.set("alice", "1")?;
    /// assert_eq!(users.delete_all()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_all(&self) -> Result<usize> {
        self.namespace.delete_under(&self.prefix)
    }

    /// The keys under a further prefix.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.focus("users").focus("alice").set("name", "Alice")?;
    /// assert!(db.contains_key("users.alice.name")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn focus(&self, sub: impl AsRef<[u8]>) -> Focus {
        let prefix = dotted(&self.key(sub.as_ref()));
        Focus { namespace: self.namespace.clone(), prefix }
    }
}
