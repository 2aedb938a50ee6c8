//! Plain calls on keys and values.

use std::collections::BTreeMap;
use std::thread;

use emdb::{Emdb, Error, ValueRef};

use crate::common::folder;

const MAX_KEY: usize = 65_535;
const MAX_VALUE: usize = 1 << 30;

/// Runs the test on a file and in memory.
fn on_both(test: impl Fn(&Emdb)) {
    let (_folder, path) = folder();
    test(&Emdb::open(path).unwrap());
    test(&Emdb::open_in_memory());
}

fn content(db: &Emdb) -> BTreeMap<Vec<u8>, Vec<u8>> {
    db.iter().unwrap().collect()
}

fn is_too_large<T>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::TooLarge { .. }))
}

mod arguments {
    use super::*;

    #[test]
    fn are_whatever_is_bytes() {
        let db = Emdb::open_in_memory();
        db.insert("k1", "v").unwrap();
        db.insert(String::from("k2"), String::from("v")).unwrap();
        db.insert(b"k3", b"v").unwrap();
        db.insert(*b"k4", *b"v").unwrap();
        let owned = (b"k5".to_vec(), b"v".to_vec());
        db.insert(owned.0, owned.1).unwrap();
        db.insert(b"k6".as_slice(), b"v".as_slice()).unwrap();
        let (key, value) = (String::from("k7"), vec![b'v']);
        db.insert(&key, &value).unwrap();
        db.insert(Box::<[u8]>::from(*b"k8"), std::borrow::Cow::from("v").as_bytes()).unwrap();
        for n in 1..=8 {
            assert_eq!(db.get(format!("k{n}")).unwrap(), Some(b"v".to_vec()), "{n}");
        }
        assert!(db.contains_key(&key).unwrap());
        assert_eq!(db.remove(b"k1").unwrap(), Some(b"v".to_vec()));
        assert_eq!(db.get_zerocopy([b'k', b'2']).unwrap().unwrap(), b"v"[..]);
    }

    #[test]
    fn of_insert_many_are_pairs_of_them() {
        let db = Emdb::open_in_memory();
        db.insert_many([("a", "1")]).unwrap();
        db.insert_many(vec![(String::from("b"), vec![2])]).unwrap();
        db.insert_many([(b"c", &[3][..])]).unwrap();
        db.insert_many((0..3u8).map(|n| ([n], [n]))).unwrap();
        db.insert_many(BTreeMap::from([("d", "4")])).unwrap();
        assert_eq!(db.len().unwrap(), 7);
    }

    #[test]
    fn may_be_empty() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("", "of the empty key").unwrap();
        db.insert("empty", "").unwrap();
        drop(db);
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.get("").unwrap(), Some(b"of the empty key".to_vec()));
        assert_eq!(db.get("empty").unwrap(), Some(vec![]));
        assert!(db.get_zerocopy("empty").unwrap().unwrap().is_empty());
        assert!(db.contains_key("").unwrap());
        assert_eq!(content(&db).len(), 2);
        db.insert("", "").unwrap();
        assert_eq!(db.remove("").unwrap(), Some(vec![]));
        assert_eq!(db.get("").unwrap(), None);
    }
}

mod limits {
    use super::*;

    #[test]
    fn the_longest_key_is_taken() {
        on_both(|db| {
            let key = vec![7; MAX_KEY];
            db.insert(&key, "v").unwrap();
            assert_eq!(db.get(&key).unwrap(), Some(b"v".to_vec()));
            assert_eq!(db.keys().unwrap().next(), Some(key));
        });
    }

    #[test]
    fn a_longer_key_is_refused_and_nothing_is_written() {
        on_both(|db| {
            let key = vec![7; MAX_KEY + 1];
            let before = db.stats().unwrap().logical_size_bytes;
            assert!(is_too_large(db.insert(&key, "v")));
            assert!(is_too_large(db.insert_many([(&b"a"[..], "v"), (&key, "v")])));
            assert!(is_too_large(db.transaction(|tx| tx.insert(&key, "v"))));
            assert_eq!(db.stats().unwrap().logical_size_bytes, before);
            assert!(db.is_empty().unwrap());
        });
    }

    #[test]
    fn a_longer_key_is_absent() {
        let db = Emdb::open_in_memory();
        let key = vec![7; MAX_KEY + 1];
        assert_eq!(db.get(&key).unwrap(), None);
        assert!(!db.contains_key(&key).unwrap());
    }

    #[test]
    fn a_longer_value_is_refused_and_nothing_is_written() {
        let db = Emdb::open_in_memory();
        let value = vec![0; MAX_VALUE + 1];
        match db.insert("k", &value) {
            Err(Error::TooLarge { size, limit, .. }) => {
                assert_eq!((size, limit), (MAX_VALUE as u64 + 1, MAX_VALUE as u64));
            }
            other => panic!("{other:?}"),
        }
        assert!(db.is_empty().unwrap());
    }
}

mod insert_and_get {
    use super::*;

    #[test]
    fn give_back_what_was_put_in() {
        on_both(|db| {
            assert_eq!(db.get("k").unwrap(), None);
            db.insert("k", "v").unwrap();
            assert_eq!(db.get("k").unwrap(), Some(b"v".to_vec()));
            assert_eq!(db.get("K").unwrap(), None);
        });
    }

    #[test]
    fn replace() {
        on_both(|db| {
            for value in ["1", "", "a longer one", "2"] {
                db.insert("k", value).unwrap();
                assert_eq!(db.get("k").unwrap().unwrap(), value.as_bytes());
                assert_eq!(db.len().unwrap(), 1);
            }
        });
    }

    #[test]
    fn take_big_values() {
        let (_folder, path) = folder();
        let big = |n: usize| -> Vec<u8> { (0..n).map(|i| (i * 7 + n) as u8).collect() };
        // Around the size where the way of writing changes, and far above.
        let sizes = [200_000, 262_100, 262_144, 262_200, 1 << 20, 5_000_001, 17 << 20];
        let check = |db: &Emdb| {
            for n in sizes {
                assert!(db.get(n.to_string()).unwrap().unwrap() == big(n), "{n}");
                assert!(db.get(format!("small {n}")).unwrap().unwrap() == b"v", "{n}");
            }
        };
        let db = Emdb::open(&path).unwrap();
        for n in sizes {
            db.insert(n.to_string(), big(n)).unwrap();
            db.insert(format!("small {n}"), "v").unwrap();
        }
        check(&db);
        db.close().unwrap();
        check(&Emdb::open(&path).unwrap());
        let memory = Emdb::open_in_memory();
        for n in sizes {
            memory.insert(n.to_string(), big(n)).unwrap();
            memory.insert(format!("small {n}"), "v").unwrap();
        }
        check(&memory);
    }
}

mod get_zerocopy {
    use super::*;

    fn one(db: &Emdb, value: &str) -> ValueRef {
        db.insert("k", value).unwrap();
        db.get_zerocopy("k").unwrap().unwrap()
    }

    #[test]
    fn gives_the_value_or_none() {
        on_both(|db| {
            assert_eq!(one(db, "v").as_slice(), b"v");
            assert!(db.get_zerocopy("absent").unwrap().is_none());
            db.remove("k").unwrap();
            assert!(db.get_zerocopy("k").unwrap().is_none());
        });
    }

    #[test]
    fn value_is_bytes_in_every_way() {
        let db = Emdb::open_in_memory();
        let value = one(&db, "value");
        assert_eq!((value.len(), value.is_empty()), (5, false));
        assert_eq!(value.as_slice(), b"value");
        assert_eq!(&value[1..3], b"al");
        assert_eq!(AsRef::<[u8]>::as_ref(&value), b"value");
        assert!(value.starts_with(b"va"));
        assert_eq!(value, b"value"[..]);
        assert_eq!(value, &b"value"[..]);
        assert_eq!(value, b"value".to_vec());
        assert_ne!(value, b"other".to_vec());
        assert_eq!(value.into_vec(), b"value");
    }

    #[test]
    fn value_can_go_to_other_threads_and_outlive_all() {
        fn check<T: Send + Sync + 'static>(_: &T) {}
        let db = Emdb::open_in_memory();
        let value = one(&db, "value");
        check(&value);
        drop(db);
        assert_eq!(thread::spawn(move || value.into_vec()).join().unwrap(), b"value");
    }

    #[test]
    fn value_stays_after_overwrite_and_removal() {
        on_both(|db| {
            let value = one(db, "first");
            db.insert("k", "second").unwrap();
            assert_eq!(value, b"first"[..]);
            db.remove("k").unwrap();
            db.clear().unwrap();
            assert_eq!(value, b"first"[..]);
        });
    }

    #[test]
    fn value_stays_while_the_file_grows() {
        on_both(|db| {
            let value = one(db, "first");
            for n in 0..40u32 {
                db.insert(n.to_be_bytes(), vec![n as u8; 1 << 20]).unwrap();
            }
            assert_eq!(value, b"first"[..]);
        });
    }

    #[test]
    fn value_stays_after_the_database_is_closed_and_its_file_gone() {
        let (folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let value = one(&db, "first");
        db.close().unwrap();
        assert_eq!(value, b"first"[..]);
        drop(folder);
        assert_eq!(value, b"first"[..]);
    }
}

mod remove {
    use super::*;

    #[test]
    fn gives_the_value_that_was_live() {
        on_both(|db| {
            db.insert("k", "old").unwrap();
            db.insert("k", "new").unwrap();
            assert_eq!(db.remove("k").unwrap(), Some(b"new".to_vec()));
            assert_eq!(db.remove("k").unwrap(), None);
            assert_eq!((db.get("k").unwrap(), db.contains_key("k").unwrap()), (None, false));
        });
    }

    #[test]
    fn of_an_absent_key_writes_nothing() {
        let db = Emdb::open_in_memory();
        let before = db.stats().unwrap().logical_size_bytes;
        assert_eq!(db.remove("absent").unwrap(), None);
        assert_eq!(db.stats().unwrap().logical_size_bytes, before);
    }

    #[test]
    fn survives_a_reopen() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert_many([("a", "1"), ("b", "2")]).unwrap();
        db.remove("a").unwrap();
        drop(db);
        let db = Emdb::open(&path).unwrap();
        assert_eq!(content(&db), BTreeMap::from([(b"b".to_vec(), b"2".to_vec())]));
    }

    #[test]
    fn and_insert_again_come_and_go() {
        let db = Emdb::open_in_memory();
        for n in 0..200u32 {
            db.insert("k", n.to_be_bytes()).unwrap();
            assert_eq!(db.len().unwrap(), 1);
            assert_eq!(db.remove("k").unwrap(), Some(n.to_be_bytes().to_vec()));
            assert_eq!(db.len().unwrap(), 0);
        }
    }

    #[test]
    fn makes_room_in_the_index() {
        let db = Emdb::open_in_memory();
        for n in 0..50_000u32 {
            db.insert(n.to_be_bytes(), "").unwrap();
            db.remove(n.to_be_bytes()).unwrap();
        }
        let index = db.stats().unwrap().index_bytes;
        assert!(index < 64 << 10, "{index}");
    }
}

mod counting {
    use super::*;

    #[test]
    fn follows_every_write() {
        on_both(|db| {
            assert!(db.is_empty().unwrap());
            db.insert("a", "1").unwrap();
            db.insert("a", "2").unwrap();
            db.insert("b", "3").unwrap();
            assert_eq!((db.len().unwrap(), db.is_empty().unwrap()), (2, false));
            db.remove("a").unwrap();
            db.remove("a").unwrap();
            assert_eq!(db.len().unwrap(), 1);
            db.clear().unwrap();
            assert_eq!((db.len().unwrap(), db.is_empty().unwrap()), (0, true));
        });
    }

    #[test]
    fn contains_key_is_exact() {
        let db = Emdb::open_in_memory();
        db.insert_many((0..5000u32).map(|n| ((n * 2).to_be_bytes(), ""))).unwrap();
        for n in 0..10_000u32 {
            assert_eq!(db.contains_key(n.to_be_bytes()).unwrap(), n % 2 == 0);
        }
    }
}

mod clear {
    use super::*;

    #[test]
    fn survives_a_reopen() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert_many((0..1000u32).map(|n| (n.to_be_bytes(), "v"))).unwrap();
        db.clear().unwrap();
        db.insert("after", "v").unwrap();
        drop(db);
        let db = Emdb::open(&path).unwrap();
        assert_eq!((db.len().unwrap(), content(&db).len()), (1, 1));
        assert_eq!(db.get(5u32.to_be_bytes()).unwrap(), None);
        db.clear().unwrap();
        drop(db);
        assert!(Emdb::open(&path).unwrap().is_empty().unwrap());
    }

    #[test]
    fn costs_one_record_whatever_was_there() {
        let db = Emdb::open_in_memory();
        db.insert_many((0..10_000u32).map(|n| (n.to_be_bytes(), "v"))).unwrap();
        let before = db.stats().unwrap().logical_size_bytes;
        db.clear().unwrap();
        assert!(db.stats().unwrap().logical_size_bytes - before < 32);
    }
}

mod get_many;
mod insert_many;

mod iterators;
