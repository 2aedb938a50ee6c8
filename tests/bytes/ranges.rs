//! Ranges of keys, in the order of their bytes.

mod forms;
mod iterators;
mod models;
mod order;
mod threads;
mod transactions;

use std::collections::BTreeMap;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::path::PathBuf;
use std::time::Duration;

use emdb::{
    Emdb, EmdbRangeIter, Error, Namespace, NamespaceOptions, SnapshotNamespace,
    TransactionNamespace,
};
use tempfile::TempDir;

use crate::common::{commit, folder};

type Entries = Vec<(Vec<u8>, Vec<u8>)>;
type Model = BTreeMap<Vec<u8>, Vec<u8>>;
type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

const ORDERED: NamespaceOptions = NamespaceOptions::new().ordered(true);

fn ordered() -> Emdb {
    Emdb::builder().enable_range_scans(true).build().unwrap()
}

/// An ordered database with `a` to `e` in it, not written in order.
fn letters() -> Emdb {
    let db = ordered();
    db.insert_many([("d", "4"), ("a", "1"), ("e", "5"), ("c", "3"), ("b", "2")]).unwrap();
    db
}

fn numbers(namespace: &Namespace, count: u32) {
    // 7919 is prime: each number once, not in order.
    let shuffled = (0..count).map(|n| (u64::from(n) * 7919 % u64::from(count)) as u32);
    namespace.insert_many(shuffled.map(|n| (n.to_be_bytes(), n.to_be_bytes()))).unwrap();
}

/// The keys as they come, as words.
fn words(items: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> String {
    let keys = items.into_iter().map(|(key, _)| String::from_utf8(key).unwrap());
    keys.collect::<Vec<_>>().join(" ")
}

fn is_config<T>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::InvalidConfig(_)))
}

/// How long each of the tests with threads takes. 60 is for a run that somebody starts.
fn stress() -> Duration {
    Duration::from_secs(emdb_testing::number("EMDB_STRESS_SECONDS", 3))
}

/// The calls that namespaces, snapshots and transactions share.
trait View {
    fn within(&self, bounds: Bounds) -> EmdbRangeIter;

    /// That the calls agree with the model on this key and as a whole.
    fn check(&self, model: &Model, key: &[u8]);
}

macro_rules! view {
    ($($type:ty),*) => {$(
        impl View for $type {
            fn within(&self, bounds: Bounds) -> EmdbRangeIter {
                self.range_iter(bounds).unwrap()
            }

            fn check(&self, model: &Model, key: &[u8]) {
                let entries = |keep: &dyn Fn(&[u8]) -> bool| -> Entries {
                    model.clone().into_iter().filter(|(k, _)| keep(k)).collect()
                };
                assert!(self.iter().unwrap().eq(model.clone()), "iter");
                assert!(self.keys().unwrap().eq(model.keys().cloned()), "keys");
                assert_eq!(self.len().unwrap(), model.len());
                assert_eq!(self.get(key).unwrap().as_ref(), model.get(key));
                let under = entries(&|k| k.starts_with(key));
                assert_eq!(self.range_prefix(key).unwrap(), under);
                assert!(self.range_prefix_iter(key).unwrap().rev().eq(under.into_iter().rev()));
                assert!(self.iter_from(key).unwrap().eq(entries(&|k| k >= key)));
                assert!(self.iter_after(key).unwrap().eq(entries(&|k| k > key)));
                assert_eq!(self.range(..key).unwrap(), entries(&|k| k < key));
            }
        }
    )*};
}

view!(Namespace, SnapshotNamespace, TransactionNamespace);

/// All items, each taken from the end that the next bit tells, lent or not as another bit tells, in
/// their order.
fn from_ends(mut iter: EmdbRangeIter, bits: u64) -> Entries {
    let (mut front, mut back) = (Vec::new(), Vec::new());
    let owned = |(key, value): (&[u8], &[u8])| (key.to_vec(), value.to_vec());
    for turn in 0.. {
        let bit = |bits: u64| bits >> (turn % 64) & 1 == 1;
        let item = match (bit(bits), bit(bits.rotate_left(13))) {
            (true, true) => iter.next_entry().map(owned),
            (true, false) => iter.next(),
            (false, true) => iter.next_entry_back().map(owned),
            (false, false) => iter.next_back(),
        };
        let taken = if bit(bits) { &mut front } else { &mut back };
        taken.extend(item.clone());
        if item.is_none() {
            break;
        }
    }
    assert_eq!((iter.next(), iter.next_back()), (None, None), "it goes on after its end");
    assert_eq!(iter.next_entry(), None, "it goes on after its end");
    assert_eq!(iter.next_entry_back(), None, "it goes on after its end");
    iter.status().unwrap();
    front.extend(back.into_iter().rev());
    front
}

/// As `BTreeMap::range`, which panics for ranges that are empty here.
fn expected(model: &Model, (low, high): &Bounds) -> Entries {
    if let (Included(l) | Excluded(l), Included(h) | Excluded(h)) = (low, high) {
        let closed = matches!((low, high), (Included(_), Included(_)));
        if l > h || l == h && !closed {
            return Entries::new();
        }
    }
    let range = model.range((low.clone(), high.clone()));
    range.map(|(k, v)| (k.clone(), v.clone())).collect()
}

mod in_an_unordered_namespace {
    use super::*;

    #[test]
    fn are_refused_by_every_call() {
        let db = Emdb::open_in_memory();
        db.insert("a", "1").unwrap();
        assert!(is_config(db.range(..)));
        assert!(is_config(db.range_iter(..)));
        assert!(is_config(db.range_prefix("a")));
        assert!(is_config(db.range_prefix_iter("a")));
        assert!(is_config(db.iter_from("a")));
        assert!(is_config(db.iter_after("a")));
        assert!(is_config(db.snapshot().range(..)));
        commit(&db, |tx| {
            tx.insert("b", "2")?;
            assert!(is_config(tx.range(..)) && is_config(tx.range_prefix_iter("a")));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn are_refused_with_a_message_that_names_what_to_do() {
        let message = Emdb::open_in_memory().range(..).unwrap_err().to_string();
        assert!(message.contains("namespace_with"), "{message}");
        assert!(message.contains("NamespaceOptions::new().ordered(true)"), "{message}");
        assert!(message.contains("enable_range_scans(true)"), "{message}");
    }

    #[test]
    fn are_refused_also_when_they_are_empty() {
        let db = Emdb::open_in_memory();
        assert!(is_config(db.range("b".."a")));
        assert!(is_config(db.namespace("n").unwrap().range(..)));
    }

    #[test]
    fn are_refused_beside_an_ordered_one() {
        let db = Emdb::open_in_memory();
        let (yes, no) = (db.namespace_with("yes", ORDERED).unwrap(), db.namespace("no").unwrap());
        assert!(yes.range(..).is_ok() && is_config(no.range(..)) && is_config(db.range(..)));
    }

    #[test]
    fn are_refused_by_a_namespace_with_options_that_ask_for_nothing() {
        let db = Emdb::open_in_memory();
        let namespace = db.namespace_with("n", NamespaceOptions::new()).unwrap();
        assert!(is_config(namespace.range(..)));
    }
}

mod prefixes {
    use super::*;

    fn under(keys: &[&[u8]], prefix: &[u8]) -> Vec<Vec<u8>> {
        let db = ordered();
        db.insert_many(keys.iter().map(|k| (k, ""))).unwrap();
        let found: Vec<_> = db.range_prefix(prefix).unwrap().into_iter().map(|(k, _)| k).collect();
        let mut back: Vec<_> = db.range_prefix_iter(prefix).unwrap().rev().map(|i| i.0).collect();
        back.reverse();
        assert_eq!(back, found);
        found
    }

    #[test]
    fn hold_what_begins_with_them_and_themselves() {
        let keys: [&[u8]; 6] = [b"us", b"user", b"user\0", b"user:1", b"user\xFF\xFF", b"uses"];
        assert_eq!(under(&keys, b"user"), keys[1..5]);
    }

    #[test]
    fn that_are_empty_hold_everything() {
        let keys: [&[u8]; 4] = [b"", b"\0", b"a", b"\xFF\xFF"];
        assert_eq!(under(&keys, b""), keys);
    }

    #[test]
    fn of_nothing_but_the_highest_byte_go_to_the_end() {
        let keys: [&[u8]; 5] = [b"\xFE\xFF", b"\xFF", b"\xFF\xFE", b"\xFF\xFF", b"\xFF\xFF\0"];
        assert_eq!(under(&keys, b"\xFF"), keys[1..]);
        assert_eq!(under(&keys, b"\xFF\xFF"), keys[3..]);
        assert!(under(&keys, b"\xFF\xFF\xFF").is_empty());
    }

    #[test]
    fn that_end_in_the_highest_byte_end_where_the_byte_before_grows() {
        let keys: [&[u8]; 6] = [b"a\xFE", b"a\xFF", b"a\xFF\xFF", b"a\xFF\xFF\xFF", b"b", b"b\xFF"];
        assert_eq!(under(&keys, b"a\xFF"), keys[1..4]);
        assert_eq!(under(&keys, b"a\xFF\xFF"), keys[2..4]);
    }

    #[test]
    fn that_nothing_has_are_empty() {
        assert!(under(&[b"a", b"c"], b"b").is_empty());
        assert!(under(&[], b"b").is_empty());
        assert!(under(&[b"a"], &[b'a'; 70_000]).is_empty());
    }
}

mod replays {
    use super::*;

    /// Lets removals that a view still needs get into the order, and then the index forget them.
    fn go_and_come_back(db: &Emdb, namespace: &Namespace, between: impl Fn()) {
        numbers(namespace, 1000);
        let snapshot = db.snapshot();
        for n in 0..500u32 {
            namespace.remove(n.to_be_bytes()).unwrap();
        }
        between();
        drop(snapshot);
        namespace.insert_many((0..200_000u32).map(|n| (format!("other {n}"), ""))).unwrap();
        numbers(namespace, 500);
        assert_eq!(namespace.len().unwrap(), 201_000);
        assert_eq!(namespace.keys().unwrap().count(), 201_000);
        assert_eq!(namespace.range(..1000u32.to_be_bytes()).unwrap().len(), 1000);
    }

    /// The order once took removals for keys, where a view needed them, and went on to believe
    /// them after the keys had come back.
    #[test]
    fn keys_that_come_back_after_a_view_saw_them_go_are_found() {
        let db = ordered();
        go_and_come_back(&db, &db, || {
            assert_eq!(db.range_iter(..).unwrap().count(), 500);
            // For a reader that finds something new the background merges.
            db.insert("other 0", "").unwrap();
            assert_eq!(db.range_iter(..).unwrap().count(), 501);
            std::thread::sleep(Duration::from_millis(100));
        });
    }

    #[test]
    fn keys_that_come_back_after_their_namespace_got_its_order_are_found() {
        let db = Emdb::open_in_memory();
        let namespace = db.namespace("n").unwrap();
        go_and_come_back(&db, &namespace, || {
            db.namespace_with("n", ORDERED).unwrap();
            assert_eq!(namespace.range_iter(..).unwrap().count(), 500);
        });
    }
}

mod cursors {
    use super::*;

    #[test]
    fn begin_at_their_start_or_behind_it() {
        let db = letters();
        assert_eq!(words(db.iter_from("c").unwrap()), "c d e");
        assert_eq!(words(db.iter_after("c").unwrap()), "d e");
        assert_eq!(words(db.iter_from("cc").unwrap()), "d e");
        assert_eq!(words(db.iter_after("cc").unwrap()), "d e");
        assert_eq!(words(db.iter_after("e").unwrap()), "");
        assert_eq!(words(db.iter_from("").unwrap()), "a b c d e");
    }

    #[test]
    fn go_back_from_the_end() {
        assert_eq!(words(letters().iter_after("c").unwrap().rev()), "e d");
    }

    #[test]
    fn page_through_keys_that_change_without_skipping_or_repeating() {
        let db = ordered();
        numbers(&db, 3000);
        let (mut seen, mut last) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let iter = match &last {
                Some(last) => db.iter_after(last).unwrap(),
                None => db.iter_from("").unwrap(),
            };
            let page: Vec<_> = iter.take(100).map(|(k, _)| k).collect();
            let Some(end) = page.last().cloned() else { break };
            seen.extend(page);
            // The key that the next page begins behind goes, as do some before it; others come
            // on both sides, or change their value.
            let at = u32::from_be_bytes(end[..4].try_into().unwrap());
            db.remove(&end).unwrap();
            db.insert_many((0..at).step_by(7).map(|n| (n.to_be_bytes(), "again"))).unwrap();
            db.insert_many((at..3000).map(|n| (n.to_be_bytes(), "over"))).unwrap();
            db.remove(&end).unwrap();
            last = Some(end);
        }
        let all: Vec<_> = (0..3000u32).map(|n| n.to_be_bytes().to_vec()).collect();
        assert!(seen == all);
    }
}

#[cfg(feature = "ttl")]
mod expired_records {
    use super::*;
    use emdb::Ttl;
    use emdb_core::internal::{ManualClock, with_clock};

    fn with_expiring() -> (Emdb, ManualClock) {
        let clock = ManualClock::new(1000);
        let builder = Emdb::builder().enable_range_scans(true);
        let db = with_clock(builder, clock.clone()).build().unwrap();
        for (key, at) in [("a", 1100), ("b", 1300), ("c", 1100), ("d", 1100), ("e", 1300)] {
            db.insert_with_ttl(key, "v", Ttl::ExpiresAt(at)).unwrap();
        }
        (db, clock)
    }

    #[test]
    fn are_invisible_swept_or_not() {
        let (db, clock) = with_expiring();
        assert_eq!(words(db.range(..).unwrap()), "a b c d e");
        clock.set(1200);
        assert_eq!(words(db.range(..).unwrap()), "b e");
        assert_eq!(words(db.range_iter(..).unwrap().rev()), "e b");
        assert!(db.range_prefix("c").unwrap().is_empty());
        assert_eq!(words(db.iter_from("c").unwrap()), "e");
        assert_eq!(db.sweep_expired(), 3);
        assert_eq!(words(db.range(..).unwrap()), "b e");
    }

    #[test]
    fn are_judged_by_the_moment_when_the_iterator_was_made() {
        let (db, clock) = with_expiring();
        let (iter, snapshot) = (db.range_iter(..).unwrap(), db.snapshot());
        clock.set(1200);
        db.sweep_expired();
        assert_eq!(words(iter), "a b c d e");
        assert_eq!(words(snapshot.range(..).unwrap()), "a b c d e");
    }

    #[test]
    fn are_invisible_in_transactions_committed_or_staged() {
        let (db, clock) = with_expiring();
        clock.set(1200);
        commit(&db, |tx| {
            tx.insert_with_ttl("bb", "", Ttl::ExpiresAt(1200))?;
            tx.insert_with_ttl("e", "", Ttl::ExpiresAt(1150))?;
            tx.insert_with_ttl("f", "", Ttl::ExpiresAt(1201))?;
            assert_eq!(words(tx.range(..)?), "b f");
            assert_eq!(words(tx.range_iter(..)?.rev()), "f b");
            Ok(())
        })
        .unwrap();
        assert_eq!(words(db.range(..).unwrap()), "b f");
    }
}
