//! Lazy ranges: what they see, from which end, and how they end.

use emdb_testing::{Random, seed};

use super::*;

#[test]
fn come_in_reverse() {
    let db = letters();
    assert_eq!(words(db.range_iter("b".."e").unwrap().rev()), "d c b");
}

#[test]
fn meet_in_the_middle() {
    let mut iter = letters().range_iter(..).unwrap();
    assert_eq!(iter.next().unwrap().0, b"a");
    assert_eq!(iter.next_back().unwrap().0, b"e");
    assert_eq!(iter.next_back().unwrap().0, b"d");
    assert_eq!(iter.next().unwrap().0, b"b");
    assert_eq!(iter.next_back().unwrap().0, b"c");
    for _ in 0..3 {
        assert_eq!((iter.next(), iter.next_back()), (None, None));
    }
    iter.status().unwrap();
}

#[test]
fn lend_entries_from_both_ends() {
    let mut iter = letters().range_iter("b".."e").unwrap();
    assert_eq!(iter.next_entry(), Some((&b"b"[..], &b"2"[..])));
    assert_eq!(iter.next_entry_back(), Some((&b"d"[..], &b"4"[..])));
    assert_eq!(iter.next().unwrap(), (b"c".to_vec(), b"3".to_vec()));
    assert_eq!(iter.next_entry(), None);
    assert_eq!(iter.next_entry_back(), None);
}

#[test]
fn end_at_the_front_too_once_the_back_has_passed_over_keys_that_are_gone() {
    let db = ordered();
    // So many that they are sorted at once, with no search tree beside them.
    numbers(&db, 1_000);
    (0..900_u32).for_each(|n| assert!(db.remove(n.to_be_bytes()).unwrap().is_some()));
    // The first walk finds that nobody sees them any more, and tells the later ones.
    assert_eq!(db.range_iter(..).unwrap().count(), 100);
    for from in [1_u32, 899, 900] {
        let mut iter = db.range_iter(from.to_be_bytes()..).unwrap();
        assert_eq!(iter.by_ref().rev().take(100).last().unwrap().0, 900_u32.to_be_bytes());
        assert_eq!((iter.next(), iter.next_back()), (None, None));
        iter.status().unwrap();
    }
}

/// Bounds of any kind, some with the low one behind the high one.
fn random_bounds(random: &mut Random, below: u64) -> Bounds {
    let mut bound = || {
        let key = (random.below(below) as u32).to_be_bytes().to_vec();
        match random.below(3) {
            0 => Included(key),
            1 => Excluded(key),
            _ => Unbounded,
        }
    };
    (bound(), bound())
}

/// Takes all of a range, some from one end and some from the other.
fn compare(mut iter: EmdbRangeIter, model: &Model, bounds: &Bounds, random: &mut Random) {
    let is_in = |key: &Vec<u8>| std::ops::RangeBounds::contains(bounds, key);
    let wanted: Vec<_> = model.iter().filter(|(key, _)| is_in(key)).collect();
    let mut wanted = &wanted[..];
    for _ in 0..1_000 {
        let from_front = random.below(2) == 0;
        for _ in 0..random.below(30) {
            let split = if from_front { wanted.split_first() } else { wanted.split_last() };
            let found = if from_front { iter.next_entry() } else { iter.next_entry_back() };
            assert_eq!(found, split.map(|((key, value), _)| (&key[..], &value[..])), "{bounds:?}");
            let Some((_, rest)) = split else { return iter.status().unwrap() };
            wanted = rest;
        }
    }
}

#[test]
fn give_from_both_ends_what_a_map_has_whatever_is_gone_or_replaced_or_was_seen_before() {
    let seed = seed();
    let mut random = Random(seed);
    println!("EMDB_SEED={seed}");
    for _ in 0..30 {
        let db = ordered();
        let count = 600 + random.below(600);
        numbers(&db, count as u32);
        let key = |n: u64| (n as u32).to_be_bytes();
        let all = (0..count).map(|n| (key(n).to_vec(), key(n).to_vec()));
        let mut model: Model = all.collect();
        let mut held = None;
        for _ in 0..6 {
            if random.below(4) == 0 {
                held = Some((db.snapshot(), model.clone()));
            }
            for _ in 0..random.below(4) {
                let (from, len) = (random.below(count), random.below(200));
                for n in from..(from + len).min(count) {
                    match (random.below(40), random.below(8)) {
                        (0, _) => {}
                        (_, 0) if model.contains_key(&key(n)[..]) => {
                            db.insert(key(n), "again").unwrap();
                            model.insert(key(n).to_vec(), b"again".to_vec());
                        }
                        _ => {
                            db.remove(key(n)).unwrap();
                            model.remove(&key(n)[..]);
                        }
                    }
                }
            }
            for _ in 0..12 {
                let bounds = random_bounds(&mut random, count + 20);
                compare(db.range_iter(bounds.clone()).unwrap(), &model, &bounds, &mut random);
                if let Some((snapshot, seen)) = &held {
                    let iter = snapshot.range_iter(bounds.clone()).unwrap();
                    compare(iter, seen, &bounds, &mut random);
                }
            }
            if random.below(3) == 0 {
                held = None;
            }
        }
    }
}

#[test]
fn give_results_from_both_ends() {
    let mut iter = letters().range_iter(..).unwrap().results();
    assert_eq!(iter.next().unwrap().unwrap().0, b"a");
    assert_eq!(iter.next_back().unwrap().unwrap().0, b"e");
    assert_eq!(words(iter.by_ref().rev().map(Result::unwrap)), "d c b");
    assert!(iter.next().is_none() && iter.next_back().is_none());
}

#[test]
fn are_static_and_can_be_sent() {
    fn check<T: Send + 'static>(value: T) -> T {
        value
    }
    let iter = check(letters().range_iter(..).unwrap());
    assert_eq!(std::thread::spawn(move || words(iter)).join().unwrap(), "a b c d e");
}

#[test]
fn cost_what_is_taken_from_them() {
    let db = ordered();
    numbers(&db, 200_000);
    assert_eq!(db.range_iter(..).unwrap().count(), 200_000);
    let time = |work: &dyn Fn()| {
        let began = std::time::Instant::now();
        work();
        began.elapsed()
    };
    let all = time(&|| assert_eq!(db.range_iter(..).unwrap().count(), 200_000));
    let few = time(&|| (0..100).for_each(|_| assert!(db.range_iter(..).unwrap().nth(9).is_some())));
    // Eager ones would take a hundred times as long as one.
    assert!(few < all * 20, "{few:?} for few, {all:?} for all");
}

#[test]
fn see_the_state_of_their_moment_through_all_kinds_of_writes() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let namespace = db.namespace_with("n", ORDERED).unwrap();
    numbers(&namespace, 6000);
    let before: Entries = namespace.iter().unwrap().collect();
    let held = || -> Vec<_> { (0..4).map(|_| namespace.range_iter(..).unwrap()).collect() };
    let mut iterators = held();
    // One has begun at both ends, the others have not.
    iterators[0].next().unwrap();
    iterators[0].next_back().unwrap();
    let fresh = |n: u32| [n.to_be_bytes().as_slice(), b"between"].concat();
    namespace.insert_many((0..6000).map(|n| (fresh(n), "new"))).unwrap();
    for n in 0..3000u32 {
        namespace.insert((2 * n).to_be_bytes(), "over").unwrap();
        namespace.remove((3 * n).to_be_bytes()).unwrap();
        if n % 500 == 0 {
            // Readers let the order be put right meanwhile.
            namespace.range_iter(..).unwrap().next().unwrap();
            std::thread::sleep(Duration::from_millis(25));
        }
    }
    iterators.pop().map(|i| assert!(i.eq(before.clone()))).unwrap();
    namespace.clear().unwrap();
    numbers(&namespace, 10);
    iterators.pop().map(|i| assert!(i.rev().eq(before.iter().rev().cloned()))).unwrap();
    db.drop_namespace("n").unwrap();
    drop(namespace);
    db.close().unwrap();
    assert!(iterators.pop().unwrap().eq(before.clone()));
    assert!(iterators.pop().unwrap().eq(before[1..5999].to_vec()));
}

#[cfg(unix)]
#[test]
fn give_no_wrong_item_behind_damage_from_either_end() {
    use std::os::unix::fs::FileExt;

    let (_folder, path) = folder();
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    db.insert_many((0..3000).map(|n| (format!("{n:04}"), format!("value {n:04}")))).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|w| w == b"value 0007").unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"V", at as u64).unwrap();
    for from_front in 0..9 {
        let mut iter = db.range_iter(..).unwrap();
        let front: Vec<_> = iter.by_ref().take(from_front).map(|(key, _)| key).collect();
        assert!(front.iter().enumerate().all(|(n, key)| *key == format!("{n:04}").as_bytes()));
        // What comes from the other end is the last key, or the error.
        match iter.next_back() {
            Some((key, _)) => assert_eq!(key, b"2999"),
            None => assert!(matches!(iter.status(), Err(Error::Corrupted { .. }))),
        }
    }
}
