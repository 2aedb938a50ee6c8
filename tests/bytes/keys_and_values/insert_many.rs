//! Many records in one call.

use super::*;

#[test]
fn of_nothing_does_nothing() {
    let db = Emdb::open_in_memory();
    let before = db.stats().unwrap().logical_size_bytes;
    db.insert_many(Vec::<(&str, &str)>::new()).unwrap();
    assert_eq!(db.stats().unwrap().logical_size_bytes, before);
}

#[test]
fn lets_later_duplicates_win() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    db.insert("a", "0").unwrap();
    db.insert_many([("a", "1"), ("b", "1"), ("a", "2"), ("b", "2"), ("a", "3")]).unwrap();
    let expected = BTreeMap::from([(b"a".into(), b"3".into()), (b"b".into(), b"2".into())]);
    assert_eq!(content(&db), expected);
    assert_eq!(db.len().unwrap(), 2);
    drop(db);
    let db = Emdb::open(&path).unwrap();
    assert_eq!(content(&db), expected);
    assert_eq!(db.len().unwrap(), 2);
}

#[test]
fn lets_later_duplicates_win_across_chunks() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    // Each key comes once in every thousand, through several chunks.
    db.insert_many((0..20_000u32).map(|n| ((n % 1000).to_be_bytes(), n.to_be_bytes()))).unwrap();
    let check = |db: &Emdb| {
        assert_eq!(db.len().unwrap(), 1000);
        for n in 0..1000u32 {
            let value = db.get(n.to_be_bytes()).unwrap();
            assert_eq!(value, Some((19_000 + n).to_be_bytes().to_vec()));
        }
    };
    check(&db);
    drop(db);
    check(&Emdb::open(&path).unwrap());
}

#[test]
fn takes_long_iterators() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    for count in [4095, 4096, 4097, 50_000u32] {
        db.insert_many((0..count).map(|n| (n.to_be_bytes(), n.to_le_bytes()))).unwrap();
        assert_eq!(db.len().unwrap(), count as usize);
    }
    drop(db);
    let db = Emdb::open(&path).unwrap();
    assert_eq!(db.len().unwrap(), 50_000);
    for n in (0..50_000u32).step_by(97) {
        assert_eq!(db.get(n.to_be_bytes()).unwrap(), Some(n.to_le_bytes().to_vec()));
    }
}

#[test]
fn takes_items_larger_than_a_chunk() {
    on_both(|db| {
        let value = |n: u8| vec![n; 3 << 20];
        db.insert_many((0..4u8).map(|n| ([n], value(n)))).unwrap();
        for n in 0..4 {
            assert!(db.get([n]).unwrap().unwrap() == value(n));
        }
    });
}

#[test]
fn holds_a_bounded_number_of_items() {
    use std::cell::Cell;
    struct Counted<'a>(&'a Cell<i64>, u32);
    impl AsRef<[u8]> for Counted<'_> {
        fn as_ref(&self) -> &[u8] {
            b"v"
        }
    }
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    let db = Emdb::open_in_memory();
    let (alive, most) = (Cell::new(0), Cell::new(0));
    let items = (0..30_000u32).map(|n| {
        alive.set(alive.get() + 1);
        most.set(most.get().max(alive.get()));
        let item = Counted(&alive, n);
        (item.1.to_be_bytes(), item)
    });
    db.insert_many(items).unwrap();
    assert!(most.get() <= 4096, "{}", most.get());
    assert_eq!(db.len().unwrap(), 30_000);
}

#[test]
fn keeps_the_chunks_before_an_error() {
    let db = Emdb::open_in_memory();
    let items = (0..10_000u32).map(|n| {
        let len = if n == 9_000 { MAX_KEY + 1 } else { 8 };
        let mut key = vec![0; len];
        key[..4].copy_from_slice(&n.to_be_bytes());
        (key, "v")
    });
    assert!(is_too_large(db.insert_many(items)));
    assert_eq!(db.len().unwrap(), 8192);
}

#[test]
fn may_read_and_write_from_its_iterator() {
    let db = Emdb::open_in_memory();
    let items = (0..10u8).map(|n| {
        db.insert([n, n], "by the iterator").unwrap();
        ([n], "v")
    });
    db.insert_many(items).unwrap();
    assert_eq!(db.len().unwrap(), 20);
}
