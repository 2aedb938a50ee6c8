//! Many keys read in one call.

use std::sync::atomic::{AtomicBool, Ordering};

use emdb::{Emdb, Namespace};
use emdb_testing::Random;

use super::*;

fn lent(ns: &Namespace, keys: &[&str]) -> Vec<Option<Vec<u8>>> {
    let mut values = Vec::new();
    ns.get_many_with(keys, |number, value| {
        assert_eq!(number, values.len(), "in the order of the keys");
        values.push(value.map(<[u8]>::to_vec));
    })
    .unwrap();
    values
}

#[test]
fn gives_each_key_its_value_in_the_order_of_the_keys() {
    on_both(|db| {
        db.insert_many([("a", "1"), ("b", ""), ("c", "3")]).unwrap();
        db.remove("c").unwrap();
        let keys = ["c", "b", "a", "never", "a", ""];
        let expected = [None, Some(vec![]), Some(b"1".to_vec()), None, Some(b"1".to_vec()), None];
        assert_eq!(db.get_many(keys).unwrap(), expected);
        assert_eq!(lent(db, &keys), expected);
        assert_eq!(db.get_many(Vec::<&str>::new()).unwrap(), Vec::<Option<Vec<u8>>>::new());
    });
}

#[test]
fn of_an_empty_namespace_gives_nothing_for_each_key() {
    let db = Emdb::open_in_memory();
    assert_eq!(db.get_many((0..100u32).map(u32::to_be_bytes)).unwrap(), vec![None; 100]);
}

#[test]
fn takes_any_keys_of_any_number() {
    let db = Emdb::open_in_memory();
    db.insert_many((0..500u32).map(|n| (n.to_string(), n.to_string()))).unwrap();
    // Around the numbers of keys that are on their way at once.
    for count in (0..40).chain([63, 64, 65, 500, 1000]) {
        let values = db.get_many((0..count).map(|n| n.to_string())).unwrap();
        let expected = |n: u32| (n < 500).then(|| n.to_string().into_bytes());
        assert_eq!(values, (0..count).map(expected).collect::<Vec<_>>(), "{count}");
    }
    assert_eq!(db.get_many(&[String::from("7")]).unwrap(), [Some(b"7".to_vec())]);
}

/// Against a map: values of many lengths, replaced, removed, cleared, in a file that is opened again.
#[test]
fn agrees_with_single_reads() {
    let (_folder, path) = folder();
    let mut random = Random(7);
    let mut model = BTreeMap::new();
    let mut db = Emdb::open(&path).unwrap();
    for round in 0..60 {
        for _ in 0..200 {
            let key = (random.next() % 500).to_string().repeat(1 + (random.next() % 12) as usize);
            match random.next() % 8 {
                0 => {
                    assert_eq!(db.remove(&key).unwrap(), model.remove(&key));
                }
                _ => {
                    let value = vec![random.next() as u8; (random.next() % 700) as usize];
                    db.insert(&key, &value).unwrap();
                    model.insert(key, value);
                }
            }
        }
        match round % 20 {
            7 => db = reopened(db, &path),
            13 => db.compact().unwrap(),
            19 => {
                db.clear().unwrap();
                model.clear();
            }
            _ => {}
        }
        let mut keys: Vec<String> = model.keys().cloned().collect();
        keys.extend((0..50).map(|_| (random.next() % 1000).to_string()));
        let expected: Vec<_> = keys.iter().map(|key| model.get(key).cloned()).collect();
        assert!(db.get_many(&keys).unwrap() == expected, "round {round}");
        assert!(db.snapshot().get_many(&keys).unwrap() == expected, "round {round}");
    }
}

fn reopened(db: Emdb, path: &std::path::Path) -> Emdb {
    db.close().unwrap();
    Emdb::open(path).unwrap()
}

/// A writer moves amounts between keys, each time in one commit: whatever is read at once adds up.
#[test]
fn reads_one_state_beside_a_writer() {
    const KEYS: u64 = 300;
    let db = Emdb::open_in_memory();
    let amount = |n: u64| n.to_be_bytes();
    db.insert_many((0..KEYS).map(|n| (amount(n), amount(100)))).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random(3);
            while !done.load(Ordering::Relaxed) {
                let (from, to) = (random.next() % KEYS, random.next() % KEYS);
                db.transaction(|tx| -> emdb::Result<()> {
                    let read = |value: Option<Vec<u8>>| {
                        u64::from_be_bytes(value.unwrap().try_into().unwrap())
                    };
                    let left = read(tx.get(amount(from))?);
                    if left > 0 {
                        tx.remove(amount(from))?;
                        tx.insert(amount(from), amount(left - 1))?;
                        let there = read(tx.get(amount(to))?);
                        tx.insert(amount(to), amount(there + 1))?;
                    }
                    Ok(())
                })
                .unwrap();
            }
        });
        for _ in 0..300 {
            let mut sum = 0;
            db.get_many_with((0..KEYS).map(amount), |_, value| {
                sum += u64::from_be_bytes(value.unwrap().try_into().unwrap());
            })
            .unwrap();
            assert_eq!(sum, 100 * KEYS);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn of_a_snapshot_gives_what_was_there() {
    let db = Emdb::open_in_memory();
    db.insert_many([("a", "1"), ("b", "2")]).unwrap();
    let snapshot = db.snapshot();
    db.insert("a", "new").unwrap();
    db.remove("b").unwrap();
    db.insert("c", "3").unwrap();
    let expected = [Some(b"1".to_vec()), Some(b"2".to_vec()), None];
    assert_eq!(snapshot.get_many(["a", "b", "c"]).unwrap(), expected);
    db.clear().unwrap();
    assert_eq!(snapshot.get_many(["a", "b", "c"]).unwrap(), expected);
    let mut lent = Vec::new();
    snapshot.get_many_with(["a", "c"], |_, value| lent.push(value.map(<[u8]>::to_vec))).unwrap();
    assert_eq!(lent, [Some(b"1".to_vec()), None]);
}

#[test]
fn in_a_transaction_gives_what_is_staged_over_what_is_committed() {
    let db = Emdb::open_in_memory();
    let users = db.namespace("users").unwrap();
    users.insert_many([("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
    db.transaction(|tx| -> emdb::Result<()> {
        let users = tx.namespace(&users);
        users.insert("a", "staged")?;
        users.remove("b")?;
        users.insert("d", "new")?;
        let expected =
            [Some(b"staged".to_vec()), None, Some(b"3".to_vec()), Some(b"new".to_vec()), None];
        assert_eq!(users.get_many(["a", "b", "c", "d", "e"])?, expected);
        users.clear()?;
        assert_eq!(users.get_many(["a", "c"])?, [None, None]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn leaves_out_what_has_expired() {
    let db = Emdb::open_in_memory();
    #[cfg(feature = "ttl")]
    db.insert_with_ttl("gone", "1", emdb::Ttl::Duration(std::time::Duration::ZERO)).unwrap();
    db.insert("here", "2").unwrap();
    assert_eq!(db.get_many(["gone", "here"]).unwrap(), [None, Some(b"2".to_vec())]);
}

#[test]
fn of_a_dropped_namespace_is_refused() {
    let db = Emdb::open_in_memory();
    let users = db.namespace("users").unwrap();
    db.drop_namespace("users").unwrap();
    assert!(matches!(users.get_many(["a"]), Err(Error::NamespaceDropped)));
}

/// Other calls, writes too, may be made from within: the values are of the state before.
#[test]
fn lends_values_while_others_are_written() {
    let db = Emdb::open_in_memory();
    db.insert_many((0..200u32).map(|n| (n.to_be_bytes(), n.to_be_bytes()))).unwrap();
    db.get_many_with((0..200u32).map(u32::to_be_bytes), |number, value| {
        let number = number as u32;
        assert_eq!(value, Some(&number.to_be_bytes()[..]));
        db.insert((199 - number).to_be_bytes(), b"changed").unwrap();
    })
    .unwrap();
    assert_eq!(db.get_many([7u32.to_be_bytes()]).unwrap(), [Some(b"changed".to_vec())]);
}
