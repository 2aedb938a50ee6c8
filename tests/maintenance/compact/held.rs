//! Views and handles that were taken before a compaction and are used during and after it.

#[cfg(target_os = "linux")]
use std::sync::{Arc, Barrier};

use emdb::{Error, Snapshot};
#[cfg(target_os = "linux")]
use emdb_testing::child;
use emdb_testing::sealed::{seal, unseal};

use super::*;

const COUNT: u32 = 2000;

fn key(n: u32) -> Vec<u8> {
    format!("key {n:05}").into_bytes()
}

fn fill(namespace: &emdb::Namespace, number: u64) {
    let name = namespace.name().to_owned();
    let items = (0..COUNT).map(|n| (key(n), seal(&name, &key(n), number, 30)));
    namespace.insert_many(items).unwrap();
}

fn check(name: &str, items: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>, number: u64) -> usize {
    let whole = |(k, v): (Vec<u8>, Vec<u8>)| assert_eq!(unseal(name, &k, &v), number);
    items.into_iter().map(whole).count()
}

/// Changes everything and compacts, several times.
fn compact_and_change(db: &Emdb) {
    for number in 10..14 {
        for name in db.list_namespaces().unwrap() {
            fill(&db.namespace(name).unwrap(), number);
        }
        db.compact().unwrap();
    }
}

#[test]
fn iterators_go_on_in_their_state() {
    on_each(|db| {
        let hashed = db.namespace("hashed").unwrap();
        let ordered = db.namespace_with("ordered", ORDERED).unwrap();
        fill(&hashed, 1);
        fill(&ordered, 1);
        let mut iter = hashed.iter().unwrap();
        let mut keys = hashed.keys().unwrap();
        let mut range = ordered.range_iter(..).unwrap();
        let fresh = ordered.range_iter(key(500)..key(1500)).unwrap();
        let begun = check("hashed", iter.by_ref().take(100), 1);
        assert_eq!(keys.by_ref().take(100).count(), 100);
        let mut ends = Vec::new();
        for _ in 0..50 {
            ends.push(range.next().unwrap());
            ends.push(range.next_back().unwrap());
        }
        compact_and_change(&db);
        assert_eq!(begun + check("hashed", iter.by_ref(), 1), COUNT as usize);
        iter.status().unwrap();
        assert_eq!(keys.count(), COUNT as usize - 100);
        loop {
            let (front, back) = (range.next(), range.next_back());
            ends.extend(front.clone().into_iter().chain(back));
            if front.is_none() {
                break;
            }
        }
        range.status().unwrap();
        assert_eq!(check("ordered", ends.clone(), 1), COUNT as usize);
        ends.sort();
        assert!(ends.iter().map(|(k, _)| k.clone()).eq((0..COUNT).map(key)));
        let found: Vec<_> = fresh.rev().collect();
        assert_eq!(check("ordered", found, 1), 1000);
    });
}

#[test]
fn lent_entries_and_values_stay() {
    on_each(|db| {
        fill(&db, 1);
        let value = db.get_zerocopy(key(7)).unwrap().unwrap();
        let mut iter = db.iter().unwrap();
        let (k, v) = iter.next_entry().unwrap();
        fill(&db, 2);
        db.compact().unwrap();
        let newer = db.get_zerocopy(key(7)).unwrap().unwrap();
        db.compact().unwrap();
        assert_eq!(unseal("", k, v), 1);
        assert_eq!(unseal("", &key(7), &value), 1);
        assert_eq!(unseal("", &key(7), &newer), 2);
        let clone = value.clone();
        drop((value, iter));
        db.remove(key(7)).unwrap();
        db.compact().unwrap();
        drop(db);
        assert_eq!(unseal("", &key(7), &clone), 1);
        assert_eq!(unseal("", &key(7), &newer), 2);
    });
}

fn check_snapshot(snapshot: &Snapshot, numbers: &[(&str, u64)]) {
    for (name, number) in numbers {
        let namespace = snapshot.namespace(name).unwrap();
        let count = if *number == 0 { 0 } else { COUNT as usize };
        assert_eq!(check(name, namespace.iter().unwrap(), *number), count, "{name}");
        assert_eq!(namespace.keys().unwrap().count(), count, "{name}");
        assert_eq!(namespace.len().unwrap(), count, "{name}");
        assert_eq!(namespace.contains_key(key(3)).unwrap(), count > 0, "{name}");
        if let Some(value) = namespace.get(key(3)).unwrap() {
            assert_eq!(unseal(name, &key(3), &value), *number);
        }
        if *name == "ordered" {
            assert_eq!(check(name, namespace.range(key(5)..key(25)).unwrap(), *number), 20);
            let back = namespace.range_iter(..).unwrap().rev();
            assert_eq!(check(name, back, *number), count);
        }
    }
}

#[test]
fn snapshots_keep_their_namespaces_through_clears_drops_and_compactions() {
    on_each(|db| {
        let open = |name: &str| match name {
            "ordered" => db.namespace_with(name, ORDERED).unwrap(),
            _ => db.namespace(name).unwrap(),
        };
        for name in ["kept", "ordered", "cleared", "dropped", "dropped later", "again"] {
            fill(&open(name), 1);
        }
        let first = db.snapshot();
        let firsts = [
            ("kept", 1),
            ("ordered", 1),
            ("cleared", 1),
            ("dropped", 1),
            ("dropped later", 1),
            ("again", 1),
            ("new", 0),
        ];
        open("cleared").clear().unwrap();
        db.drop_namespace("dropped").unwrap();
        db.drop_namespace("again").unwrap();
        fill(&open("again"), 2);
        let second = db.snapshot();
        let seconds = [
            ("kept", 1),
            ("ordered", 1),
            ("cleared", 0),
            ("dropped", 0),
            ("dropped later", 1),
            ("again", 2),
            ("new", 0),
        ];
        check_snapshot(&first, &firsts);
        db.compact().unwrap();
        check_snapshot(&first, &firsts);
        check_snapshot(&second, &seconds);
        db.drop_namespace("dropped later").unwrap();
        db.drop_namespace("ordered").unwrap();
        open("again").clear().unwrap();
        fill(&open("new"), 3);
        fill(&open("kept"), 3);
        fill(&open("cleared"), 3);
        let third = db.snapshot();
        let thirds = [
            ("kept", 3),
            ("cleared", 3),
            ("dropped", 0),
            ("dropped later", 0),
            ("again", 0),
            ("new", 3),
        ];
        check_snapshot(&first, &firsts);
        check_snapshot(&second, &seconds);
        check_snapshot(&third, &thirds);
        for _ in 0..2 {
            db.compact().unwrap();
            check_snapshot(&first, &firsts);
            check_snapshot(&second, &seconds);
            check_snapshot(&third, &thirds);
        }
        drop(second);
        db.compact().unwrap();
        check_snapshot(&first, &firsts);
        check_snapshot(&third, &thirds);
        drop(db);
        check_snapshot(&first, &firsts);
        check_snapshot(&third, &thirds);
    });
}

#[test]
fn a_snapshot_taken_while_it_runs_is_of_its_moment() {
    on_each(|db| {
        fill(&db.namespace("kept").unwrap(), 1);
        let mut snapshots = Vec::new();
        let mut number = 1;
        for _ in 0..3 {
            compact_around(&db, || {
                snapshots.push((db.snapshot(), number));
                number += 1;
                fill(&db.namespace("kept").unwrap(), number);
                snapshots.push((db.snapshot(), number));
            });
            snapshots.iter().for_each(|(snapshot, n)| check_snapshot(snapshot, &[("kept", *n)]));
        }
    });
}

#[test]
fn handles_of_dropped_namespaces_stay_useless() {
    on_each(|db| {
        let dropped = db.namespace("dropped").unwrap();
        let renewed = db.namespace("renewed").unwrap();
        dropped.insert("key", "value").unwrap();
        renewed.insert("key", "value").unwrap();
        compact_around(&db, || {
            db.drop_namespace("dropped").unwrap();
            db.drop_namespace("renewed").unwrap();
            db.namespace("renewed").unwrap().insert("key", "newer").unwrap();
        });
        for _ in 0..2 {
            for old in [&dropped, &renewed] {
                let gone = |e| matches!(e, Error::NamespaceDropped);
                assert!(gone(old.get("key").unwrap_err()));
                assert!(gone(old.get_zerocopy("key").unwrap_err()));
                assert!(gone(old.insert("key", "value").unwrap_err()));
                assert!(gone(old.remove("key").unwrap_err()));
                assert!(gone(old.iter().unwrap_err()));
                assert!(gone(old.len().unwrap_err()));
                assert!(gone(old.clear().unwrap_err()));
                assert!(gone(commit(&db, |tx| tx.namespace(old).insert("a", "b")).unwrap_err()));
                assert!(gone(commit(&db, |tx| tx.namespace(old).get("a")).unwrap_err()));
            }
            let now = db.namespace("renewed").unwrap();
            assert_eq!(now.get("key").unwrap(), Some(b"newer".to_vec()));
            db.compact().unwrap();
        }
        assert_eq!(db.list_namespaces().unwrap(), ["renewed"]);
    });
}

/// Bytes of mapped memory that belong to files without a name.
#[cfg(target_os = "linux")]
fn nameless(folder: &Path) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let folder = folder.to_str().unwrap();
    maps.lines().filter(|line| line.contains(folder) && line.ends_with("(deleted)")).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_former_file_goes_with_the_last_that_looks_at_it() {
    let (folder, path) = folder();
    let db = Emdb::open(path).unwrap();
    fill(&db, 1);
    let snapshot = db.snapshot();
    let value = db.get_zerocopy(key(1)).unwrap().unwrap();
    db.compact().unwrap();
    db.compact().unwrap();
    assert!(nameless(folder.path()) > 0);
    drop(snapshot);
    assert!(nameless(folder.path()) > 0, "the value is still there");
    drop(value);
    assert_gone(folder.path());
}

#[cfg(target_os = "linux")]
#[test]
fn a_former_file_goes_although_a_namespace_was_dropped_before_a_snapshots_eyes() {
    let (folder, path) = folder();
    let db = Emdb::open(path).unwrap();
    fill(&db.namespace("dropped").unwrap(), 1);
    let snapshot = db.snapshot();
    db.drop_namespace("dropped").unwrap();
    db.compact().unwrap();
    check_snapshot(&snapshot, &[("dropped", 1)]);
    drop(snapshot);
    assert_gone(folder.path());
}

/// Memory is freed by and by, when other threads have moved on.
#[cfg(target_os = "linux")]
fn assert_gone(folder: &Path) {
    for _ in 0..200 {
        // What is to be freed is looked after by whoever reads and writes next.
        let other = Emdb::open_in_memory();
        (0..300u32).for_each(|n| other.insert(n.to_le_bytes(), "x").unwrap());
        other.compact().unwrap();
        if nameless(folder) == 0 {
            return;
        }
    }
    panic!("the former file is still mapped");
}

/// Uses a database in all the ways in which a file can stay mapped, and closes it.
#[cfg(target_os = "linux")]
fn use_and_close(path: &Path, auto: bool) {
    let mut builder = Emdb::builder().path(path).enable_range_scans(true);
    if auto {
        builder = builder.auto_compact(0.3, 64 << 10);
    }
    let db = builder.build().unwrap();
    let names = ["one", "two", "dropped"];
    let [one, two, dropped] = names.map(|name| db.namespace(name).unwrap());
    [&*db, &one, &two, &dropped].into_iter().for_each(|namespace| fill(namespace, 1));
    db.checkpoint().unwrap();
    let snapshot = db.snapshot();
    let value = two.get_zerocopy(key(2)).unwrap().unwrap();
    let (mut iter, mut range) = (one.iter().unwrap(), two.range_iter(..).unwrap());
    assert!(iter.next().is_some() && range.next().is_some());
    let (changed, ended) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let thread = std::thread::spawn({
        let (db, one) = (db.clone(), one.clone());
        let (changed, ended) = (changed.clone(), ended.clone());
        move || {
            one.clear().unwrap();
            db.compact().unwrap();
            db.drop_namespace("dropped").unwrap();
            assert_eq!(one.len().unwrap(), 0);
            drop((db, one));
            changed.wait();
            // It does nothing more, but is there.
            ended.wait();
        }
    });
    changed.wait();
    for number in 2..6 {
        [&*db, &one, &two].into_iter().for_each(|namespace| fill(namespace, number));
        (0..COUNT / 2).for_each(|n| drop(one.remove(key(n)).unwrap()));
        db.compact().unwrap();
        db.checkpoint().unwrap();
    }
    drop((snapshot, iter, range, one, two, dropped));
    db.close().unwrap();
    assert!(nameless(path.parent().unwrap()) > 0, "the value keeps its file");
    assert_eq!(unseal("two", &key(2), &value), 1);
    drop(value);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let name = path.parent().unwrap().to_str().unwrap();
    let left: Vec<_> = maps.lines().filter(|line| line.contains(name)).collect();
    assert!(left.is_empty(), "auto_compact {auto}: {left:#?}");
    ended.wait();
    thread.join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn no_mapping_of_a_former_file_outlives_the_last_handle_and_value() {
    child::alone(|| {
        for auto in [false, true] {
            let (_folder, path) = folder();
            use_and_close(&path, auto);
        }
    });
}
