//! Walks over sealed records, from either end, lent or not, compared with a `BTreeMap`.

use std::collections::BTreeMap;

use emdb::{Emdb, EmdbIter, EmdbRangeIter};
use emdb_testing::Random;

use super::files::Place;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Values of which a batch holds few, and short ones.
fn value(rng: &mut Random) -> Vec<u8> {
    let len = if rng.below(4) == 0 { 60_000 + rng.below(90_000) } else { rng.below(200) };
    vec![rng.below(256) as u8; len as usize]
}

fn key(rng: &mut Random) -> Vec<u8> {
    format!("key {:02}", rng.below(60)).into_bytes()
}

fn check_order(mut iter: EmdbRangeIter, model: &Model, rng: &mut Random) {
    let mut expected = model.iter();
    let odds = rng.below(9);
    loop {
        let front = rng.below(8) < odds;
        let expected = if front { expected.next() } else { expected.next_back() };
        let expected = expected.map(|(k, v)| (&k[..], &v[..]));
        if rng.below(2) == 0 {
            let item = if front { iter.next_entry() } else { iter.next_entry_back() };
            assert!(item == expected);
        } else {
            let item = if front { iter.next() } else { iter.next_back() };
            assert!(item.as_ref().map(|(k, v)| (&k[..], &v[..])) == expected);
        }
        if expected.is_none() {
            break;
        }
    }
    assert!(iter.next_entry().is_none() && iter.next_entry_back().is_none());
    iter.status().unwrap();
}

fn check_any_order(mut iter: EmdbIter, model: &Model, rng: &mut Random) {
    let mut found = Model::new();
    loop {
        let item = match rng.below(2) {
            0 => iter.next_entry().map(|(k, v)| (k.to_vec(), v.to_vec())),
            _ => iter.next(),
        };
        let Some((key, value)) = item else { break };
        assert!(found.insert(key, value).is_none(), "given twice");
    }
    iter.status().unwrap();
    assert!(found == *model);
}

fn run(db: &Emdb, ordered: bool, rng: &mut Random) {
    let mut model = Model::new();
    for _ in 0..30 {
        for _ in 0..rng.below(20) {
            let (key, value) = (key(rng), value(rng));
            db.insert(&key, &value).unwrap();
            model.insert(key, value);
        }
        let removed = key(rng);
        assert_eq!(db.remove(&removed).unwrap(), model.remove(&removed));
        let mut staged = model.clone();
        db.transaction(|tx| {
            for _ in 0..rng.below(12) {
                let key = key(rng);
                if rng.below(3) == 0 {
                    tx.remove(&key)?;
                    staged.remove(&key);
                } else {
                    let value = value(rng);
                    tx.insert(&key, &value)?;
                    staged.insert(key, value);
                }
            }
            check_any_order(tx.iter()?, &staged, rng);
            if ordered {
                check_order(tx.range_iter(..)?, &staged, rng);
            }
            Ok::<_, emdb::Error>(())
        })
        .unwrap();
        model = staged;
        check_any_order(db.iter().unwrap(), &model, rng);
        assert_eq!(db.keys().unwrap().count(), model.len());
        if ordered {
            check_order(db.range_iter(..).unwrap(), &model, rng);
            check_order(db.range_iter(..).unwrap(), &model, rng);
        }
    }
}

#[test]
fn walks_over_sealed_records_give_what_a_map_gives() {
    for (seed, ordered) in [(1, true), (2, true), (3, false)] {
        let place = Place::new();
        let db = place.builder().enable_range_scans(ordered).build().unwrap();
        run(&db, ordered, &mut Random(seed));
    }
}
