//! Enough keys for the index to grow.

use super::*;

/// Enough keys for the index to grow, to be divided and to drop tombstones, under iterators that
/// began before, and with reopens between.
#[test]
fn many_keys_under_iterators_do_as_maps_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let open = || Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    let mut db = open();
    let (mut model, mut held) = (Visible::new(), Vec::new());
    let mut random = 7u32;
    let mut next = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % below
    };
    for round in 0..40u32 {
        // Few removals first, many later.
        let share = round % 10;
        for _ in 0..3000 {
            let key = next(60_000).to_be_bytes();
            if next(10) < share {
                assert_eq!(db.remove(key).unwrap(), model.remove(&key[..]));
            } else {
                db.insert(key, round.to_be_bytes()).unwrap();
                model.insert(key.to_vec(), round.to_be_bytes().to_vec());
            }
        }
        assert_eq!(db.len().unwrap(), model.len());
        held.push((db.iter().unwrap(), model.clone()));
        if held.len() > 3 {
            let (iterator, expected) = held.remove(next(4) as usize);
            assert!(iterator.eq(expected));
        }
        if round % 10 == 9 {
            drop(db);
            db = open();
            assert!(db.iter().unwrap().eq(model.clone()));
        }
    }
    for n in 0..60_000u32 {
        assert_eq!(db.get(n.to_be_bytes()).unwrap().as_ref(), model.get(&n.to_be_bytes()[..]));
    }
}
