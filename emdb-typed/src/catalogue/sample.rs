//! Asking a few rows and entries whether the indexes are still what the type makes them.
//!
//! The schema doesn't tell that the filter of an index decides otherwise now, or that a key has other bytes: that
//! is the program's code. Rows and entries tell, a sample of both, from all over the table: no order
//! is built for it, and an order would show a key's smallest and largest values alone. A change to
//! the bytes of a key shows in any row; one that concerns a part of the rows in a sample with a
//! likelihood that grows with that part, and in what reads and writes meet.

use crate::backend::{Cursor, Keyspace, ReadView, Store};
use crate::error::TableError;
use crate::index::IndexSpec;
use crate::record::Record;
use crate::row;
use crate::stale;
use crate::write::entries;

/// How many rows are looked at, and how many entries of each index.
pub(super) const SAMPLE_MAX_RECORDS: usize = 32;

/// The indexes of which something disagrees with the rows. A record that can't be read tells nothing,
/// and is for whoever reads it to report.
pub(super) fn disagreeing<T: Record>(
    specs: &[IndexSpec<T>],
    store: &impl Store,
) -> Result<Vec<bool>, TableError> {
    let mut found = vec![false; specs.len()];
    if specs.is_empty() {
        return Ok(found);
    }
    let rows = store.view(Keyspace::Rows)?;
    let views = (0..specs.len()).map(|at| store.view_beside(&rows, Keyspace::Index(at)));
    let views = views.collect::<Result<Vec<_>, _>>()?;
    let mut sample = rows.sample(SAMPLE_MAX_RECORDS)?;
    while let Some(Ok((key, value))) = sample.forward() {
        let Ok(row) = row::decode::<T>(key, value) else { continue };
        let expiry = rows.expiry(key)?;
        for (index, entry) in entries::all(specs, &row, key).iter() {
            let value = specs[index].kind.entry_value(key);
            let same = views[index].entry(entry, |found, at| found == value && at == expiry);
            found[index] |= matches!(same, Ok(None | Some(false)));
        }
    }
    for ((spec, view), found) in specs.iter().zip(&views).zip(&mut found) {
        let mut sample = view.sample(SAMPLE_MAX_RECORDS)?;
        while let (false, Some(Ok((entry, value)))) = (*found, sample.forward()) {
            *found = is_left_over(spec, &rows, entry, value);
        }
    }
    Ok(found)
}

/// Whether an entry is none of the row that it names.
fn is_left_over<T: Record>(
    spec: &IndexSpec<T>,
    rows: &impl ReadView,
    entry: &[u8],
    value: &[u8],
) -> bool {
    let Some(key) = spec.kind.row_key(entry, value) else { return true };
    match rows.read(key, |bytes| row::decode::<T>(key, bytes)) {
        Ok(Some(Ok(row))) => !stale::has_entry(spec, &row, spec.kind.value_of(entry, key)),
        Ok(None) => true,
        Ok(Some(Err(_))) | Err(_) => false,
    }
}
