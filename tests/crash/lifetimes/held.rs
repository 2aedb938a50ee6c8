//! Views and values that are held over later operations, and what they have to give then.

use std::collections::VecDeque;

use emdb::{EmdbIter, EmdbKeyIter, EmdbRangeIter, Snapshot, Table, ValueRef};
use emdb_testing::Random;

use super::model::{Bytes, Model, Row, Visible, check_snapshot};

pub(crate) enum Held {
    Snapshot(Box<(Snapshot, Model)>),
    Table(Snapshot, Table<Row>, Vec<Row>),
    Iter(EmdbIter, Visible),
    Keys(EmdbKeyIter, Visible),
    Range(EmdbRangeIter, VecDeque<(Bytes, Bytes)>),
    Value(ValueRef, Bytes),
}

impl Held {
    /// Looks at it, or at the next part of it. False when there is no more.
    pub(crate) fn look(&mut self, rng: &mut Random) -> bool {
        match self {
            Held::Snapshot(both) => check_snapshot(&both.0, &both.1, rng),
            Held::Table(snapshot, table, rows) => {
                let at = table.at(snapshot);
                let found: Vec<Row> = at.iter().unwrap().map(Result::unwrap).collect();
                assert!(found == *rows, "{} rows in a snapshot, not {}", found.len(), rows.len());
                let Some(row) = rows.get(rng.below(1 + rows.len() as u64) as usize) else {
                    return true;
                };
                assert_eq!(at.by(Row::NAME).get(&row.name).unwrap().as_ref(), Some(row));
            }
            Held::Iter(iter, left) => {
                for _ in 0..rng.below(200) {
                    let Some((key, value)) = iter.next() else {
                        iter.status().unwrap();
                        assert!(left.is_empty(), "an iterator left {} out", left.len());
                        return false;
                    };
                    assert_eq!(left.remove(&key), Some(value), "{key:?} of an iterator");
                }
            }
            Held::Keys(iter, left) => {
                for _ in 0..rng.below(200) {
                    let Some(key) = iter.next() else {
                        iter.status().unwrap();
                        assert!(left.is_empty(), "an iterator left {} out", left.len());
                        return false;
                    };
                    assert!(left.remove(&key).is_some(), "{key:?} of an iterator of keys");
                }
            }
            Held::Range(iter, left) => {
                for _ in 0..rng.below(100) {
                    let (found, expected) = match rng.below(2) {
                        0 => (iter.next(), left.pop_front()),
                        _ => (iter.next_back(), left.pop_back()),
                    };
                    assert_eq!(found, expected, "the next of a range");
                    if found.is_none() {
                        iter.status().unwrap();
                        return false;
                    }
                }
            }
            Held::Value(value, expected) => assert!(value == expected, "a value changed"),
        }
        true
    }
}
