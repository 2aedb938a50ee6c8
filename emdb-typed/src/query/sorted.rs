//! Rows sorted in memory: their sort values and keys alone, and of those the best ones if there is a limit.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::walk::{Batch, Found, Lead};
use crate::error::TableError;
use crate::expr::Order;
use crate::record::Record;

/// The rows that were seen, as bytes that sort as the rows are wanted: the parts by which they are sorted, those
/// that descend inverted, and the key behind them.
pub(super) struct Sorted<'q, T> {
    orders: &'q [Order<T>],
    /// How many are wanted.
    limit: usize,
    kept: Kept,
}

enum Kept {
    /// The best ones, the worst of them on top.
    Best(BinaryHeap<Row>),
    All(Vec<Row>),
}

/// The sort bytes, the key from `key` on, and from `value` on that of the entry by which the row is checked when it
/// is read.
struct Row {
    bytes: Vec<u8>,
    key: usize,
    value: usize,
    index: Option<usize>,
}

impl Row {
    fn sorted(&self) -> &[u8] {
        &self.bytes[..self.value]
    }
}

impl Ord for Row {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sorted().cmp(other.sorted())
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

impl Eq for Row {}

impl<'q, T: Record> Sorted<'q, T> {
    pub(super) fn new(orders: &'q [Order<T>], limit: Option<usize>) -> Self {
        let kept = match limit {
            Some(_) => Kept::Best(BinaryHeap::new()),
            None => Kept::All(Vec::new()),
        };
        Sorted { orders, limit: limit.unwrap_or(usize::MAX), kept }
    }

    /// Sorts in a row that was checked.
    pub(super) fn put(&mut self, found: &Found<'_, T>) -> Result<(), TableError> {
        let bytes = sort_bytes(self.orders, found)?;
        self.put_bytes(bytes, Lead { key: found.key, ..Lead::default() });
        Ok(())
    }

    /// Sorts in a row by its key alone.
    pub(super) fn put_key(&mut self, lead: Lead<'_>) {
        self.put_bytes(Vec::with_capacity(lead.key.len() + lead.value.len()), lead);
    }

    fn put_bytes(&mut self, mut bytes: Vec<u8>, lead: Lead<'_>) {
        let key = bytes.len();
        bytes.extend_from_slice(lead.key);
        let value = bytes.len();
        bytes.extend_from_slice(lead.value);
        let row = Row { bytes, key, value, index: lead.index };
        match &mut self.kept {
            Kept::All(rows) => rows.push(row),
            Kept::Best(best) if best.len() < self.limit => best.push(row),
            Kept::Best(best) => {
                if let Some(mut worst) = best.peek_mut()
                    && row < *worst
                {
                    *worst = row;
                }
            }
        }
    }

    /// The keys in order.
    pub(super) fn into_batch(self) -> Batch {
        let rows = match self.kept {
            Kept::Best(best) => best.into_sorted_vec(),
            Kept::All(mut rows) => {
                rows.sort_unstable();
                rows
            }
        };
        let mut batch = Batch::default();
        for Row { bytes, key, value, index } in &rows {
            batch.push(Lead { key: &bytes[*key..*value], value: &bytes[*value..], index: *index });
        }
        batch
    }
}

/// The bytes by which a row is sorted, in front of its key.
pub(super) fn sort_bytes<T: Record>(
    orders: &[Order<T>],
    found: &Found<'_, T>,
) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::with_capacity(32);
    for order in orders {
        let start = bytes.len();
        order.by.write(&found.row, &mut bytes)?;
        if order.descending {
            bytes[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    Ok(bytes)
}
