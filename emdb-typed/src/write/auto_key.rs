//! Automatic keys: the highest one that was ever used.
//!
//! Invariant: a table with automatic keys that has rows has a mark, which no key of a row is above.

use super::Batch;
use crate::backend::{Autocommit, Cursor, Keyspace, ReadView, Store, WriteGuard};
use crate::error::TableError;
use crate::key;
use crate::record::{AutoKey, AutoRecord, Record};
use crate::row;

/// The keyspace, inside of that of the rows, that keeps the mark.
pub(crate) const KEYSPACE: &str = "mark";

/// The one key of that keyspace.
pub(crate) const MARK: &[u8] = b"";

/// The next key; `None` if all have been used.
pub(crate) fn next<T: AutoRecord, G: WriteGuard>(
    batch: &Batch<G>,
) -> Result<Option<T::Key>, TableError> {
    let highest = batch.read(Keyspace::Mark, MARK, row::decode_key::<T>)?.transpose()?;
    let next = match highest {
        None => Some(T::Key::FIRST),
        Some(highest) => highest.next(),
    };
    let taken = |key: &T::Key| batch.read(Keyspace::Rows, &key::to_bytes(key), |_| ());
    match next {
        // Rows that came through `raw`, or by a type without automatic keys, left no mark.
        Some(key) if taken(&key)?.is_some() => {
            let highest = highest_key(batch.reads())?;
            let highest = highest.map(|bytes| row::decode_key::<T>(&bytes)).transpose()?;
            Ok(highest.and_then(T::Key::next))
        }
        next => Ok(next),
    }
}

/// Stages the mark, if the key is above it.
pub(crate) fn advance<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    key: &[u8],
) -> Result<(), TableError> {
    // Keys of the same width sort as their bytes.
    if !T::AUTO {
        return Ok(());
    }
    if batch.read(Keyspace::Mark, MARK, |mark| key > mark)? != Some(false) {
        batch.put(Keyspace::Mark, MARK, key, None);
    }
    Ok(())
}

/// Empties the table's mark, or keeps it, so that keys go on where they were. When the last key of the
/// type has been used, none comes after it, and they begin again.
pub(crate) fn clear<G: WriteGuard>(batch: &mut Batch<G>) -> Result<(), TableError> {
    let mark = batch.read(Keyspace::Mark, MARK, <[u8]>::to_vec)?;
    batch.clear(Keyspace::Mark);
    // Keys are unsigned numbers, big-endian.
    if let Some(mark) = mark.filter(|mark| mark.iter().any(|byte| *byte != u8::MAX)) {
        batch.put(Keyspace::Mark, MARK, &mark, None);
    }
    Ok(())
}

/// Makes the mark of a table that had no automatic keys until now.
pub(crate) fn make_mark<T: Record>(store: &impl Autocommit) -> Result<(), TableError> {
    if !lacks_mark::<T>(store)? {
        return Ok(());
    }
    let mut batch = Batch::new(store.lock()?);
    // Somebody may have been faster.
    if !lacks_mark::<T>(batch.reads())? {
        return Ok(());
    }
    if let Some(highest) = highest_key(batch.reads())? {
        batch.put(Keyspace::Mark, MARK, &highest, None);
    }
    Ok(batch.commit()?)
}

/// Whether there are rows, and the highest key that was used is not known.
pub(crate) fn lacks_mark<T: Record>(store: &impl Store) -> Result<bool, TableError> {
    let empty = |keyspace| Ok::<_, TableError>(store.count(keyspace)? == 0);
    Ok(T::AUTO && empty(Keyspace::Mark)? && !empty(Keyspace::Rows)?)
}

/// The highest key that a row has, in its bytes, which sort as the keys.
fn highest_key(store: &impl Store) -> Result<Option<Vec<u8>>, TableError> {
    let mut scan = store.view(Keyspace::Rows)?.scan()?.without_values();
    let mut highest = None;
    while let Some(entry) = scan.forward() {
        highest = highest.max(Some(entry?.0.to_vec()));
    }
    Ok(highest)
}
