//! A full disk: what removes goes on, and a compaction fits where what is live fits.

use std::io::ErrorKind;

#[cfg(feature = "ttl")]
use crate::api::db::Emdb;
#[cfg(feature = "ttl")]
use crate::api::namespace::Namespace;
use crate::engine::append_lock::Access;
use crate::format::options::Options;
use crate::storage::data_file::DataFile;
use crate::tests::*;

/// Disks of each kind, mapped or not, plain or encrypted.
fn disks() -> impl Iterator<Item = SimDisk> {
    (0..4).map(|n| SimDisk::new(n % 2 == 0).sealed(n >= 2))
}

fn is_full(done: Result<()>) -> bool {
    match done {
        Ok(()) => false,
        Err(Error::Io(e)) if e.kind() == ErrorKind::StorageFull => true,
        Err(e) => panic!("not a full disk: {e:?}"),
    }
}

fn key(n: u32) -> Vec<u8> {
    format!("key {n}").into_bytes()
}

fn put_len(engine: &Engine, key: &[u8], len: usize) -> Result<()> {
    let value = vec![7; len];
    let op = WriteOp::write(&engine.default_namespace, Change::put(key, &value, None)).unwrap();
    engine.commit(&mut [op], Access::Plain)
}

/// Puts rows of this length, from the n-th on, until there is no room for any; gives their number.
fn fill(engine: &Engine, from: u32, len: usize) -> u32 {
    let mut n = from;
    for len in [len, 1] {
        while !is_full(put_len(engine, &key(n), len)) {
            n += 1;
        }
    }
    n
}

fn run_compaction(engine: &Arc<Database>) -> Result<()> {
    let mut nothing = |_| ControlFlow::Continue(());
    compact(engine, &mut ProgressMeter::new(&mut nothing, engine.live_bytes()))
}

fn full(disk: &SimDisk, capacity: u64) -> (Arc<Database>, u32) {
    let engine = open(disk, FlushPolicy::OnEachFlush).unwrap();
    disk.set_faults(Faults { capacity: Some(capacity), ..Faults::default() });
    let rows = fill(&engine, 0, 700);
    (engine, rows)
}

#[test]
fn what_only_removes_goes_on_where_the_disk_is_full() {
    for disk in disks() {
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        let [other, last] = ["other", "last"]
            .map(|name| engine.engine.open_namespace(name, Options::default()).unwrap());
        disk.set_faults(Faults { capacity: Some(300_000), ..Faults::default() });
        let rows = fill(&engine, 0, 700);
        // Large commits don't take what is spared, either.
        assert!(
            is_full(put_len(&engine, b"large", 300_000))
                && is_full(put_len(&engine, &key(999_999), 1))
        );
        for n in 0..200 {
            write(&engine, &[(key(n), None)]).unwrap();
        }
        assert!(is_full(put_len(&engine, &key(999_999), 1)), "there is room for removals alone");
        engine.clear(&other).unwrap();
        assert!(engine.drop_namespace(&last.name).unwrap());
        let removals: Vec<_> = (200..260).map(|n| (key(n), None)).collect();
        write(&engine, &removals).unwrap();
        assert_eq!(content(&engine).len() as u32, rows - 260);
        engine.clear(&engine.default_namespace).unwrap();
        run_compaction(&engine).unwrap();
        put_len(&engine, b"a", 100_000).unwrap();
        engine.close(true).unwrap();
    }
}

#[test]
fn a_compaction_gives_up_the_checkpoint_where_the_rest_does_not_fit() {
    for disk in disks() {
        let (engine, rows) = full(&disk, 400_000);
        for n in 0..rows / 2 + rows / 8 {
            write(&engine, &[(key(n), None)]).unwrap();
        }
        let kept = content(&engine);
        // What a checkpoint of so many keys would take; the disk is that much larger for a moment.
        let image = DataFile::image_of(Path::new(PATH));
        disk.set_faults(Faults::default());
        crate::storage::Disk::create(&disk, &image).unwrap().allocate(0, 200_000).unwrap();
        disk.set_faults(Faults { capacity: Some(600_000), ..Faults::default() });
        run_compaction(&engine).unwrap();
        assert!(!disk.exists(&image));
        assert_eq!(content(&engine), kept);
        put_len(&engine, b"a", 1).unwrap();
        engine.background.stop();
    }
}

#[test]
fn a_compaction_that_does_not_fit_says_how_much_is_missing() {
    for disk in disks() {
        let (engine, _) = full(&disk, 300_000);
        let kept = content(&engine);
        let Err(Error::Io(e)) = run_compaction(&engine) else { panic!("there was room") };
        assert_eq!(e.kind(), ErrorKind::StorageFull);
        let said = e.to_string();
        let needed = engine.live_bytes();
        let missing: Vec<_> = said.split(' ').filter_map(|word| word.parse::<u64>().ok()).collect();
        let [asked, free, missing] = missing[..] else { panic!("{said}") };
        assert!(asked >= needed && asked < needed + 50_000 && free + missing == asked, "{said}");
        assert_eq!(content(&engine), kept);
        // With that much more it fits.
        disk.set_faults(Faults { capacity: Some(300_000 + missing), ..Faults::default() });
        run_compaction(&engine).unwrap();
        assert_eq!(content(&engine), kept);
        engine.background.stop();
    }
}

#[cfg(feature = "ttl")]
#[test]
fn a_sweep_goes_on_where_the_disk_is_full() {
    for disk in disks() {
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        for n in 0..300 {
            put_until(&engine, &key(n + 100_000), b"", Some(1));
        }
        disk.set_faults(Faults { capacity: Some(300_000), ..Faults::default() });
        fill(&engine, 0, 700);
        let mut swept = 0;
        crate::maintenance::sweep::sweep(&engine, &engine.default_namespace, &mut swept).unwrap();
        assert_eq!(swept, 300);
        engine.background.stop();
    }
}

#[cfg(feature = "ttl")]
#[test]
fn a_sweep_for_which_there_is_no_room_at_all_tells_so_or_is_counted() {
    for disk in disks() {
        let database = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        let db = Emdb::new(database.clone(), PATH.into());
        for n in 0..300 {
            put_until(&database, &key(n + 100_000), b"", Some(1));
        }
        disk.set_faults(Faults { capacity: Some(300_000), ..Faults::default() });
        let rows = fill(&database, 0, 100);
        // What is spared for removals is taken by others.
        let left = (0..rows).take_while(|n| !is_full(write(&database, &[(key(*n), None)])));
        assert!(left.count() < rows as usize);

        let kept = content(&database);
        assert!(is_full(db.try_sweep().map(drop)));
        let default: &Namespace = &db;
        assert!(is_full(default.try_sweep().map(drop)));
        assert_eq!(db.stats().unwrap().sweep_failures, 0, "these were told");
        assert_eq!((db.sweep_expired(), default.sweep_expired()), (0, 0));
        assert_eq!(db.stats().unwrap().sweep_failures, 2);
        assert_eq!(content(&database), kept);

        disk.set_faults(Faults::default());
        assert_eq!(db.try_sweep().unwrap(), 300);
        assert_eq!(db.stats().unwrap().sweep_failures, 2);
        assert_eq!(content(&database), kept);
    }
}
