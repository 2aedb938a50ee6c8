//! Snapshots: one committed state to read from for as long as wanted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error, NamespaceOptions, Snapshot, SnapshotNamespace};

use crate::common::{commit, folder};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;
type Model = BTreeMap<Vec<u8>, Vec<u8>>;

const ORDERED: NamespaceOptions = NamespaceOptions::new().ordered(true);

fn ordered() -> Emdb {
    Emdb::builder().enable_range_scans(true).build().unwrap()
}

/// An ordered database with `a`, `b` and `c` in it.
fn abc() -> Emdb {
    let db = ordered();
    db.insert_many([("b", "2"), ("c", "3"), ("a", "1")]).unwrap();
    db
}

/// Entries, sorted, as `k=v` words.
fn words(items: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> String {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let mut words: Vec<_> =
        items.into_iter().map(|(k, v)| format!("{}={}", text(k), text(v))).collect();
    words.sort();
    words.join(" ")
}

fn content(view: &SnapshotNamespace) -> String {
    assert_eq!(view.len().unwrap(), view.iter().unwrap().count());
    words(view.iter().unwrap())
}

fn is_config<T>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::InvalidConfig(_)))
}

/// How long each of the tests with threads takes. 60 is for a run that somebody starts.
fn stress() -> Duration {
    Duration::from_secs(emdb_testing::number("EMDB_STRESS_SECONDS", 3))
}

#[test]
fn snapshots_are_cloned_sent_shared_and_borrow_nothing() {
    fn check<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    check::<Snapshot>();
    check::<SnapshotNamespace>();
}

mod every_read_call;

mod a_snapshot;

mod a_namespace;

mod models;

/// A count was once lost when the thread that takes the snapshot was held up in the midst of it.
#[test]
fn len_is_right_however_slowly_the_snapshot_was_taken() {
    let db = Emdb::open_in_memory();
    db.insert_many((0..100u32).map(|n| (n.to_be_bytes(), "always"))).unwrap();
    let end = Instant::now() + stress();
    std::thread::scope(|s| {
        s.spawn(|| {
            while Instant::now() < end {
                db.insert("sometimes", "").unwrap();
                db.remove("sometimes").unwrap();
            }
        });
        // They take the processor from the others.
        for _ in 0..4 {
            s.spawn(|| while Instant::now() < end {});
        }
        while Instant::now() < end {
            let len = db.snapshot().len().unwrap();
            assert!(len == 100 || len == 101, "{len}");
        }
    });
}
