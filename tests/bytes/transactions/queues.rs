//! A transaction that takes what is committed from the ends, again and again.

use std::collections::BTreeMap;
use std::ops::Bound;

use emdb::NamespaceOptions;
use emdb_testing::Random;

use super::*;

fn key(number: u64) -> [u8; 4] {
    (number as u32).to_be_bytes()
}

/// An ordered namespace with as many keys.
fn queue(keys: u64) -> (Emdb, Namespace) {
    let db = Emdb::open_in_memory();
    let queue = db.namespace_with("queue", NamespaceOptions::new().ordered(true)).unwrap();
    queue.insert_many((0..keys).map(|number| (key(number), b"job"))).unwrap();
    (db, queue)
}

#[test]
fn taking_from_both_ends_costs_what_is_taken() {
    let (db, queue) = queue(20_000);
    let begun = Instant::now();
    commit(&db, |tx| {
        let queue = tx.namespace(&queue);
        for number in 0..10_000 {
            let (first, _) = queue.range_iter(..)?.next().unwrap();
            assert_eq!(first, key(number));
            queue.remove(first)?;
            let (last, _) = queue.range_iter(..)?.next_back().unwrap();
            assert_eq!(last, key(19_999 - number));
            queue.remove(last)?;
        }
        assert!(queue.range_iter(..)?.next().is_none());
        Ok(())
    })
    .unwrap();
    assert_eq!(queue.len().unwrap(), 0);
    // Minutes, where each walk passes over all that was taken before.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn taking_from_behind_a_bound_costs_what_is_taken() {
    let (db, queue) = queue(20_000);
    let begun = Instant::now();
    commit(&db, |tx| {
        let queue = tx.namespace(&queue);
        for number in 5_000..15_000 {
            let (first, _) = queue.range_iter(&key(5_000)[..]..)?.next().unwrap();
            assert_eq!(first, key(number));
            queue.insert(&first, "done")?;
            queue.remove(first)?;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(queue.len().unwrap(), 10_000);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn clearing_many_namespaces_costs_what_they_are() {
    let db = Emdb::open_in_memory();
    let all: Vec<_> = (0..20_000).map(|n| db.namespace(format!("n{n}")).unwrap()).collect();
    let begun = Instant::now();
    commit(&db, |tx| all.iter().try_for_each(|namespace| tx.namespace(namespace).clear())).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn walks_beside_savepoints_and_removals_see_what_a_map_has() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let (db, queue) = queue(300);
        let mut model: BTreeMap<[u8; 4], &[u8]> = (0..300).map(|n| (key(n), &b"job"[..])).collect();
        let mut marks = Vec::new();
        commit(&db, |tx| steps(tx, &queue, &mut random, &mut model, &mut marks, 600)).unwrap();
        let found: Vec<_> = queue.iter().unwrap().map(|(key, _)| key).collect();
        assert!(found.iter().eq(model.keys()), "seed {seed}");
    }
}

/// Takes runs from the ends and from the middle, with savepoints around some of it.
fn steps(
    tx: &mut Transaction<'_>,
    queue: &Namespace,
    random: &mut Random,
    model: &mut BTreeMap<[u8; 4], &'static [u8]>,
    kept: &mut Vec<(emdb::EmdbRangeIter, Vec<[u8; 4]>)>,
    steps: usize,
) -> emdb::Result<()> {
    for _ in 0..steps {
        match random.below(20) {
            0 if steps > 40 => {
                let before = model.clone();
                let keep = random.below(2) == 0;
                let done = tx.savepoint(|tx| {
                    self::steps(tx, queue, random, model, kept, 40)?;
                    if keep { Ok(()) } else { Err(Error::KeyNotFound) }
                });
                assert_eq!(done.is_ok(), keep);
                if !keep {
                    *model = before;
                }
            }
            1 => {
                let number = random.below(300);
                tx.namespace(queue).insert(key(number), "again")?;
                model.insert(key(number), b"again");
            }
            2 => {
                let expected = model.keys().copied().collect();
                kept.push((tx.namespace(queue).range_iter(..)?, expected));
            }
            3 if !kept.is_empty() => {
                // A walk sees what was there when it began, and tells what it passed over then.
                let (walk, expected) = kept.swap_remove(random.below(kept.len() as u64) as usize);
                let found: Vec<_> = walk.map(|(key, _)| key).collect();
                assert!(found.iter().eq(&expected));
            }
            _ => take(tx, queue, random, model)?,
        }
    }
    Ok(())
}

/// Removes some keys from one end of a range, each found by a walk of its own.
fn take(
    tx: &mut Transaction<'_>,
    queue: &Namespace,
    random: &mut Random,
    model: &mut BTreeMap<[u8; 4], &'static [u8]>,
) -> emdb::Result<()> {
    let bound = |random: &mut Random| match random.below(3) {
        0 => Bound::Unbounded,
        1 => Bound::Included(key(random.below(300))),
        _ => Bound::Excluded(key(random.below(300))),
    };
    let (low, high) = (bound(random), bound(random));
    let within = |at: &[u8; 4]| {
        (match low {
            Bound::Unbounded => true,
            Bound::Included(low) => *at >= low,
            Bound::Excluded(low) => *at > low,
        }) && (match high {
            Bound::Unbounded => true,
            Bound::Included(high) => *at <= high,
            Bound::Excluded(high) => *at < high,
        })
    };
    let front = random.below(2) == 0;
    let queue = tx.namespace(queue);
    for _ in 0..random.below(40) {
        let mut walk = queue.range_iter((low, high))?;
        let found = if front { walk.next() } else { walk.next_back() };
        let mut expected = model.keys().filter(|at| within(at));
        let expected = if front { expected.next() } else { expected.next_back() }.copied();
        assert_eq!(found.as_ref().map(|(key, _)| &key[..]), expected.as_ref().map(|key| &key[..]));
        let Some(key) = expected else { break };
        queue.remove(key)?;
        model.remove(&key);
    }
    Ok(())
}

#[test]
fn ranges_without_an_order_are_refused_whatever_a_walk_has_passed_over() {
    let db = Emdb::open_in_memory();
    db.insert_many((0..500).map(|number| (key(number), b"job"))).unwrap();
    commit(&db, |tx| {
        for number in 0..500 {
            tx.remove(key(number))?;
        }
        assert_eq!(tx.iter()?.count(), 0);
        // The walk ended at some key, and this is the first one.
        assert!(matches!(tx.range(..&key(1)[..]), Err(Error::InvalidConfig(_))));
        assert!(matches!(tx.range_iter(..), Err(Error::InvalidConfig(_))));
        Ok(())
    })
    .unwrap();
}
