//! Former states that a read view keeps, and that go with the last view of them.

use crate::cursor::end::End;
use crate::cursor::namespace_view::{PinnedNamespace, StagedWrites};
use crate::cursor::range::Bounds;
use crate::cursor::walk::Walk;
use crate::index::ordered::Order;
use crate::mvcc::write_set::WriteSet;
use crate::storage::Disk;
use crate::tests::*;

#[test]
fn only_the_states_that_somebody_looks_at_are_kept_by_a_clear() {
    let engine = Database::in_memory(&Settings::default()).unwrap();
    let namespace = &engine.default_namespace;
    write(&engine, &[(b"a".to_vec(), Some(b"1".to_vec()))]).unwrap();
    let view = engine.read_view();
    let former = Arc::downgrade(&view.incarnation(namespace).unwrap());
    for _ in 0..1000 {
        engine.clear(namespace).unwrap();
    }
    assert_eq!(engine.append_lock.lock().unneeded.untrimmed.len(), 1);
    let incarnation = view.incarnation(namespace).unwrap();
    assert!(view.find(&incarnation, b"a").unwrap().is_some());
    drop((incarnation, view));
    // The next commit lets go of it, once no reader can be in it.
    let began = std::time::Instant::now();
    for n in 0u32.. {
        write(&engine, &[((n % 1000).to_be_bytes().to_vec(), Some(vec![]))]).unwrap();
        crossbeam_epoch::pin().flush();
        // Readers of other tests hold it up.
        assert!(began.elapsed() < Duration::from_secs(60));
        if former.strong_count() == 0 {
            break;
        }
    }
    assert_eq!(former.strong_count(), 0);
    assert!(engine.append_lock.lock().unneeded.untrimmed.is_empty());
}

#[test]
fn a_namespace_that_no_view_saw_goes_when_it_is_dropped() {
    let engine = Database::in_memory(&Settings::default()).unwrap();
    let before = engine.read_view();
    engine.engine.open_namespace("unseen", Default::default()).unwrap();
    engine.drop_namespace("unseen").unwrap();
    assert!(engine.names.lock().dropped.is_empty());
    engine.engine.open_namespace("seen", Default::default()).unwrap();
    let view = engine.read_view();
    engine.drop_namespace("seen").unwrap();
    assert_eq!(engine.names.lock().dropped.len(), 1);
    drop((before, view));
    engine.clear(&engine.default_namespace).unwrap();
    assert!(engine.names.lock().dropped.is_empty());
}

#[test]
fn a_damaged_key_is_served_by_a_walk_in_order_where_nothing_is_verified() {
    let disk = SimDisk::new(true);
    open::create(&settings(&disk), &disk, Path::new(PATH)).unwrap();
    let settings = Settings { range_scans: true, unverified_reads: true, ..settings(&disk) };
    let engine = Database::on_disk(&settings, Arc::new(disk.clone()), Path::new(PATH)).unwrap();
    for n in 0..100u8 {
        put(&engine, &[b'k', b'e', b'y', n], b"value");
    }
    let walk = || {
        let view = engine.read_view();
        let incarnation = view.incarnation(&engine.default_namespace);
        let walk = Walk::range(view, incarnation, Bounds::all()).unwrap();
        crate::api::iterators::EmdbIter(walk).results().filter(|item| item.is_ok()).count()
    };
    assert_eq!(walk(), 100);
    let medium = disk.open(Path::new(PATH)).unwrap();
    let len = medium.len().unwrap();
    let bytes = medium.map(len).unwrap().bytes(0, len).unwrap().to_vec();
    let at = bytes.windows(5).position(|key| key == b"key\x32v").unwrap() as u64;
    medium.write_at(at, b"K").unwrap();
    assert_eq!(walk(), 100, "as `verify_reads(false)` asks for");
    engine.background.stop();
}

#[test]
fn a_walk_before_the_order_is_made_hides_nothing_from_one_in_order() {
    for kept in (0..200u8).step_by(20) {
        let engine = Database::in_memory(&Settings::default()).unwrap();
        let commit: Vec<_> = (0..200).map(|n: u8| (vec![n], Some(vec![]))).collect();
        write(&engine, &commit).unwrap();
        let view = engine.read_view();
        let incarnation = view.incarnation(&engine.default_namespace);
        let pinned = PinnedNamespace { view, incarnation, ordered: true };
        let mut writes = WriteSet::default();
        (0..200).filter(|n| *n != kept).for_each(|n: u8| writes.set((), &[n], None, None));
        let view = pinned.with(StagedWrites::Set(&writes));
        let all = |mut walk: Walk| -> Vec<_> {
            std::iter::from_fn(|| walk.next_key(End::Front)).collect()
        };
        // It passes over most removed keys in a row, in no order.
        assert_eq!(all(view.walk().unwrap()), [[kept]]);
        pinned.incarnation.as_ref().unwrap().order.get_or_init(Order::unbuilt);
        assert_eq!(all(view.walk().unwrap()), [[kept]], "in order");
        assert_eq!(all(view.walk_range(Bounds::all()).unwrap()), [[kept]]);
    }
}
