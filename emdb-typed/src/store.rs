//! The seam to the engine: all that a table asks of what is below it.
//!
//! Invariant: tables reach the engine through [`Store`] alone. It is dispatched statically, so the
//! plain path costs nothing; and each call of a table is written once, whether it runs by itself
//! ([`Live`]) or inside a transaction ([`Staged`]). A read-only view (a snapshot) can implement
//! the reading half and has the reads of a table with it.

use std::cell::RefCell;

use emdb_core::{
    EmdbIter, EmdbKeyIter, Error, Namespace, Transaction, TransactionNamespace, ValueRef, internal,
};

type Result<T> = std::result::Result<T, Error>;

/// The reads.
#[doc(hidden)]
pub trait Store: sealed::Sealed {
    /// A value's bytes, lent or owned.
    type Value: AsRef<[u8]>;
    /// A scan of everything.
    type Entries: Iterator<Item = Result<(Vec<u8>, Vec<u8>)>>;
    /// A scan of the keys.
    type Keys: Iterator<Item = Result<Vec<u8>>>;

    fn read(&self, key: &[u8]) -> Result<Option<Self::Value>>;
    fn contains(&self, key: &[u8]) -> Result<bool>;
    fn count(&self) -> Result<usize>;
    fn entries(&self) -> Result<Self::Entries>;
    fn keys(&self) -> Result<Self::Keys>;
}

/// The writes. Each is one commit, or one staged change of the transaction.
#[doc(hidden)]
pub trait StoreMut: Store {
    /// Inserts or replaces, and gives what was live before.
    fn replace(&self, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>>;
    /// Removes, and gives what was live.
    fn take(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;
}

mod sealed {
    /// Stores are ours: the typed layer may ask more of them in every release.
    pub trait Sealed {}
    impl Sealed for super::Live {}
    impl Sealed for super::Staged<'_> {}
}

/// A table by itself: every call sees the last committed state, every write is a commit.
#[derive(Debug, Clone)]
pub struct Live {
    pub(crate) namespace: Namespace,
}

impl Store for Live {
    type Value = ValueRef;
    type Entries = emdb_core::Results<EmdbIter>;
    type Keys = emdb_core::Results<EmdbKeyIter>;

    fn read(&self, key: &[u8]) -> Result<Option<ValueRef>> {
        self.namespace.get_zerocopy(key)
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.namespace.contains_key(key)
    }

    fn count(&self) -> Result<usize> {
        self.namespace.len()
    }

    fn entries(&self) -> Result<Self::Entries> {
        Ok(self.namespace.iter()?.results())
    }

    fn keys(&self) -> Result<Self::Keys> {
        Ok(self.namespace.keys()?.results())
    }
}

impl StoreMut for Live {
    fn replace(&self, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>> {
        internal::replace(&self.namespace, key, value)
    }

    fn take(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.namespace.remove(key)
    }
}

/// A table inside a transaction: reads see what the transaction wrote, writes are staged in it.
///
/// The transaction is borrowed for as long as this lives. The cell only spares callers a `mut`:
/// no call holds it while code of the caller runs.
#[derive(Debug)]
pub struct Staged<'tx> {
    namespace: RefCell<&'tx mut TransactionNamespace>,
}

impl<'tx> Staged<'tx> {
    pub(crate) fn new(tx: &'tx mut Transaction<'_>, namespace: &Namespace) -> Self {
        Staged { namespace: RefCell::new(tx.namespace(namespace)) }
    }
}

impl Store for Staged<'_> {
    type Value = Vec<u8>;
    type Entries = emdb_core::Results<EmdbIter>;
    type Keys = emdb_core::Results<EmdbKeyIter>;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.namespace.borrow().get(key)
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.namespace.borrow().contains_key(key)
    }

    fn count(&self) -> Result<usize> {
        self.namespace.borrow().len()
    }

    fn entries(&self) -> Result<Self::Entries> {
        Ok(self.namespace.borrow().iter()?.results())
    }

    fn keys(&self) -> Result<Self::Keys> {
        Ok(self.namespace.borrow().keys()?.results())
    }
}

impl StoreMut for Staged<'_> {
    fn replace(&self, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut namespace = self.namespace.borrow_mut();
        let before = namespace.get(key)?;
        namespace.insert(key, value)?;
        Ok(before)
    }

    fn take(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.namespace.borrow_mut().remove(key)
    }
}

/// Inserts what must not expire: a database's default TTL is for rows, and the catalogue outlives
/// them. Without the feature there is no default TTL.
pub(crate) fn insert_forever(
    namespace: &mut TransactionNamespace,
    key: &[u8],
    value: &[u8],
) -> Result<()> {
    #[cfg(feature = "ttl")]
    return namespace.insert_with_ttl(key, value, emdb_core::Ttl::None);
    #[cfg(not(feature = "ttl"))]
    return namespace.insert(key, value);
}
