//! Former states that a read view keeps, and that go with the last view of them.

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
