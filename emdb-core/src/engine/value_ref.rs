//! Values that are borrowed from the journal.

#![allow(unsafe_code)]

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::format::record::Record;
use crate::mvcc::generation::Pin;

/// A value as it lies in the mapped journal: neither copied nor allocated. That of an encrypted
/// database is decrypted, and owned.
///
/// It stays valid, and unchanged, after the key is overwritten or removed, while the file grows,
/// and after the database is closed.
///
/// A value of a few bytes keeps all of the file that it is in: its mapping, and when a compaction has
/// put another file in the place, the space of the former one on the disk and the index that led to
/// it. That ends with the last value of that file. One that is kept for longer than a moment is better
/// turned into a `Vec` with [`into_vec`](ValueRef::into_vec), which keeps nothing else.
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// let db = emdb::Emdb::open_in_memory();
/// db.insert("k", "value")?;
/// let value = db.get_zerocopy("k")?.unwrap();
/// db.insert("k", "another")?;
/// assert_eq!(value, b"value"[..]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ValueRef {
    start: *const u8,
    len: usize,
    _keep: Keep,
}

/// The owner that keeps the bytes where they are.
#[derive(Clone)]
enum Keep {
    Journal { _pin: Arc<Pin> },
    Owned { _bytes: Arc<Vec<u8>> },
}

// SAFETY: the bytes are part of a committed record, which nobody writes any more, and the pin
// keeps them mapped; or they are in a vector that nobody changes.
unsafe impl Send for ValueRef {}
// SAFETY: as above.
unsafe impl Sync for ValueRef {}

impl ValueRef {
    /// The value of a committed record of the pinned generation.
    #[inline]
    pub(crate) fn of(record: Record<'_>, pin: &Arc<Pin>) -> ValueRef {
        let bytes = record.value();
        ValueRef {
            start: bytes.as_ptr(),
            len: bytes.len(),
            _keep: Keep::Journal { _pin: pin.clone() },
        }
    }

    /// A value of its own.
    pub(crate) fn owned(bytes: Vec<u8>) -> ValueRef {
        let (start, len) = (bytes.as_ptr(), bytes.len());
        ValueRef { start, len, _keep: Keep::Owned { _bytes: Arc::new(bytes) } }
    }

    /// Length in bytes.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.get_zerocopy("key")?.unwrap().len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the value has no bytes.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "")?;
    /// assert!(db.get_zerocopy("key")?.unwrap().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.get_zerocopy("key")?.unwrap().as_slice(), b"value");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: what keeps them lives as long as `self`; see `of` and `owned`.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// A copy of the bytes.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.get_zerocopy("key")?.unwrap().into_vec(), b"value");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_vec(self) -> Vec<u8> {
        self.as_slice().to_vec()
    }
}

impl Deref for ValueRef {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for ValueRef {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for ValueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueRef").field(&self.as_slice()).finish()
    }
}

impl PartialEq for ValueRef {
    fn eq(&self, other: &ValueRef) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for ValueRef {}

impl PartialEq<[u8]> for ValueRef {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_slice() == other
    }
}

impl PartialEq<&[u8]> for ValueRef {
    fn eq(&self, other: &&[u8]) -> bool {
        self.as_slice() == *other
    }
}

impl PartialEq<Vec<u8>> for ValueRef {
    fn eq(&self, other: &Vec<u8>) -> bool {
        self.as_slice() == other.as_slice()
    }
}
