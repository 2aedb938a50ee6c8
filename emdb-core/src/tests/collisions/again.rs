//! The refusals of an index depend on what the journal says, and not on how it was come to.

use crate::tests::collisions::*;

fn group(keys: &Inverse, which: u64) -> Vec<[u8; 8]> {
    let hash = |n| 0x1_2345 << 46 | 7 << HOME_SHIFT | which << 20 | n;
    (0..ALIKE_MAX_KEYS as u64).map(|n| keys.key(hash(n))).collect()
}

#[test]
fn removed_keys_whose_hashes_are_alike_make_room_in_whatever_way_the_file_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = open(&path);
    let keys = inverse(&db);
    let (first, second) = (group(&keys, 1), group(&keys, 2));
    db.insert_many(first.iter().map(|key| (key, "1"))).unwrap();
    remove(&db, first.iter());
    db.checkpoint().unwrap();
    drop(db);
    // The checkpoint has no slots of what was removed.
    let db = open(&path);
    db.insert_many(second[..100].iter().map(|key| (key, "2"))).unwrap();
    drop(db);
    // The journal says all that there is.
    let copy = folder.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    let db = open(&copy);
    assert_eq!(db.len().unwrap(), 100);
}

#[test]
fn removed_keys_whose_hashes_are_alike_make_room_for_others() {
    let db = Emdb::open_in_memory();
    let keys = inverse(&db);
    let (first, second) = (group(&keys, 1), group(&keys, 2));
    db.insert_many(first.iter().map(|key| (key, "1"))).unwrap();
    assert!(matches!(db.insert(second[0], "2"), Err(Error::TooLarge { .. })));
    remove(&db, first.iter());
    for key in &second {
        db.insert(key, "2").unwrap();
    }
    assert!(matches!(db.insert(first[0], "1"), Err(Error::TooLarge { .. })));
    assert_eq!(db.len().unwrap(), ALIKE_MAX_KEYS);
}

#[test]
fn a_commit_that_a_kill_kept_from_being_taken_back_is_dropped_by_the_next_open() {
    use crate::engine::append_lock::Access;
    use crate::engine::write_op::{Change, WriteOp};
    use crate::format::prepared::Prepared;
    use crate::format::record::Verb;
    use crate::journal::durability::FlushPolicy;
    use crate::storage::Disk;
    use crate::storage::sim::SimDisk;

    for mapped in [false, true] {
        let disk = SimDisk::new(mapped);
        let open = |disk| super::super::open(disk, FlushPolicy::default());
        let engine = open(&disk).unwrap();
        let generation = engine.generation(&crossbeam_epoch::pin()).generation.clone();
        let keys = Inverse::new(|key| generation.hash(key));
        let (first, second) = (group(&keys, 1), group(&keys, 2));
        let step = |key| {
            let put = Change::put(key, b"v", None).ending_commit(false);
            WriteOp::write(&engine.default_namespace, put).unwrap()
        };
        let mut ops: Vec<_> = first[1..].iter().map(|key| step(&key[..])).collect();
        let last = Change::put(&first[0], b"v", None);
        let last = WriteOp::write(&engine.default_namespace, last).unwrap();
        ops.push(last);
        engine.commit(&mut ops, Access::Plain).unwrap();
        drop(ops);
        // As the commit leaves it, before it is published.
        let (position, mut out) = (generation.watermark(), vec![0; 100]);
        let len = Prepared::new(Verb::Put, true, 0, &second[0], b"v", None).write(
            generation.journal.place,
            position,
            0,
            false,
            &mut out,
        );
        disk.open(Path::new("db")).unwrap().write_at(position, &out[..len]).unwrap();
        let again = open(&disk.killed()).unwrap();
        assert_eq!(super::super::get(&again, &first[7]).unwrap().unwrap(), b"v");
        assert_eq!(super::super::content(&again).len(), ALIKE_MAX_KEYS);
    }
}

#[test]
fn what_a_commit_that_could_not_be_made_would_have_changed_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for large in [false, true] {
        let path = folder.path().join(if large { "large" } else { "small" });
        let open = || Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
        let db = open();
        let keys = inverse(&db);
        let (first, second) = (group(&keys, 1), group(&keys, 2));
        let other = db.namespace("other").unwrap();
        other.insert_many((0..10_u8).map(|n| ([n], "1"))).unwrap();
        db.insert_many(first.iter().map(|key| (key, "1"))).unwrap();
        let before = db.snapshot();
        let made: crate::Result<()> = db.transaction(|tx| {
            tx.namespace(&other).clear()?;
            tx.namespace(&other).insert("new", value(if large { 300 << 10 } else { 5 }))?;
            tx.remove(first[0])?;
            tx.insert(first[1], "2")?;
            tx.insert("new", "2")?;
            tx.insert(second[0], "2")?;
            tx.insert("newer", "2")
        });
        assert!(matches!(made, Err(Error::Poisoned)), "{made:?}");
        assert!(matches!(db.insert("later", ""), Err(Error::Poisoned)));
        let check = |db: &Emdb| {
            let other = db.namespace("other").unwrap();
            assert_eq!(other.len().unwrap(), 10);
            assert_eq!(other.keys().unwrap().collect::<Vec<_>>().len(), 10);
            assert_eq!(other.get("new").unwrap(), None);
            assert_eq!(other.get([3]).unwrap().unwrap(), b"1");
            assert_eq!(db.len().unwrap(), ALIKE_MAX_KEYS);
            let mut all = first.clone();
            all.sort_unstable();
            let found = db.range(..).unwrap();
            assert!(found.iter().all(|(_, value)| value == b"1"));
            assert!(found.iter().map(|(key, _)| key).eq(all.iter()));
            let back = db.range_iter(..).unwrap().rev();
            assert!(back.map(|(key, _)| key).eq(all.iter().rev()));
            assert_eq!(db.get(second[0]).unwrap(), None);
            assert_eq!(db.get("new").unwrap(), None);
            assert_eq!(db.get(first[0]).unwrap().unwrap(), b"1");
        };
        check(&db);
        check(&db);
        assert_eq!(before.len().unwrap(), ALIKE_MAX_KEYS);
        drop(before);
        drop(other);
        drop(db);
        let db = open();
        check(&db);
        db.insert("later", "value").unwrap();
        drop(db);
        assert_eq!(open().len().unwrap(), ALIKE_MAX_KEYS + 1);
    }
}
