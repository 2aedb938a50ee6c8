//! Transactions: all of it or nothing, for everybody.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error, Namespace, Transaction};

use crate::common::{commit, folder};

/// A database with `a`, `b` and `c` in it.
fn with_abc() -> Emdb {
    let db = Emdb::open_in_memory();
    db.insert_many([("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
    db
}

fn text(value: Option<Vec<u8>>) -> Option<String> {
    value.map(|v| String::from_utf8(v).unwrap())
}

/// Keys and values, sorted, as `k=v` words.
fn words(items: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> String {
    let mut words: Vec<_> = items
        .map(|(k, v)| {
            format!("{}={}", String::from_utf8(k).unwrap(), String::from_utf8(v).unwrap())
        })
        .collect();
    words.sort();
    words.join(" ")
}

fn content(namespace: &Namespace) -> String {
    words(namespace.iter().unwrap())
}

fn is_active<T>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::TransactionActive))
}

mod ends;

mod inside;

mod namespaces;

mod on_the_same_thread;

mod on_other_threads;

mod consistency;

mod queues;

mod savepoints;

mod limits;

#[test]
fn parts_that_were_exchanged_with_another_database_are_refused() {
    let (a, b) = (Emdb::open_in_memory(), Emdb::open_in_memory());
    let (in_a, in_b) = (a.namespace("n").unwrap(), b.namespace("n").unwrap());
    let outer = a.transaction(|ta| -> Result<(), Error> {
        ta.namespace(&in_a).insert("a", "1")?;
        let inner = b.transaction(|tb| -> Result<(), Error> {
            tb.namespace(&in_b).insert("b", "1")?;
            std::mem::swap(ta.namespace(&in_a), tb.namespace(&in_b));
            Ok(())
        });
        assert!(matches!(inner, Err(Error::InvalidConfig(_))));
        Ok(())
    });
    assert!(matches!(outer, Err(Error::InvalidConfig(_))));
    assert!(in_a.is_empty().unwrap() && in_b.is_empty().unwrap());
}
