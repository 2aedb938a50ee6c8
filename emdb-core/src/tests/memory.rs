//! Memory that is given back beside readers, views, checkpoints and compactions.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::cursor::walk::Walk;
use crate::engine::read_view::ReadView;
use crate::tests::*;
use crate::{Emdb, Namespace, NamespaceOptions, Snapshot};

/// Every record that the view sees, by way of the index.
fn seen(engine: &Engine, view: &ReadView) -> Model {
    let incarnation = view.incarnation(&engine.default_namespace);
    let walk = Walk::over(view.clone(), incarnation).unwrap();
    crate::api::iterators::EmdbIter(walk).results().collect::<Result<_>>().unwrap()
}

fn shrink(engine: &Engine) {
    let (handle, incarnation) = engine.default_namespace.now();
    engine.shrink_table(&handle, &incarnation, || false);
}

fn table_bytes(engine: &Engine) -> usize {
    engine.default_namespace.now().1.table.bytes()
}

/// Writes all keys, or removes all but those that are multiples of a number.
fn write_keys(engine: &Engine, model: &mut Model, removes: Option<u32>) {
    let all: Vec<_> = (0..60_000u32)
        .filter(|n| removes.is_none_or(|stays| !n.is_multiple_of(stays)))
        .map(|n| (n.to_be_bytes().to_vec(), removes.is_none().then(|| vec![3; 9])))
        .collect();
    for commit in all.chunks(1000) {
        write(engine, commit).unwrap();
        apply(model, commit);
    }
}

#[test]
fn an_index_of_a_checkpoint_shrinks_and_each_view_sees_what_it_saw() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.emdb");
    let mut model = Model::new();
    let db = Emdb::open(&path).unwrap();
    write_keys(db.engine(), &mut model, None);
    db.close().unwrap();

    let db = Emdb::open(&path).unwrap();
    let engine = db.engine();
    let full = table_bytes(engine);
    let (view, before) = (engine.read_view(), model.clone());
    write_keys(engine, &mut model, Some(50));
    shrink(engine);
    assert_eq!(table_bytes(engine), full, "a view needs what was removed");
    assert_eq!(seen(engine, &view), before);
    assert_eq!(content(engine), model);
    drop(view);
    let view = engine.read_view();
    shrink(engine);
    assert!(table_bytes(engine) <= full / 8, "{} of {full}", table_bytes(engine));
    assert_eq!(seen(engine, &view), model);
    for n in (0..60_000u32).step_by(7) {
        let key = n.to_be_bytes();
        assert_eq!(get(engine, &key).unwrap(), model.get(&key[..]).cloned());
    }
    drop(view);
    db.close().unwrap();

    let db = Emdb::open(&path).unwrap();
    let engine = db.engine();
    assert!(table_bytes(engine) <= full / 8, "the image is as small");
    assert_eq!(content(engine), model);
    write_keys(engine, &mut model, None);
    assert_eq!(content(engine), model);
}

/// Waits until the former content of a namespace has gone.
fn wait_for_end_of<T>(content: &std::sync::Weak<T>) {
    let began = Instant::now();
    while content.strong_count() > 0 {
        // Readers of other tests hold it up.
        assert!(began.elapsed() < Duration::from_secs(60), "it is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_handle_of_a_dropped_namespace_keeps_nothing_of_what_was_in_it() {
    let database = Database::in_memory(&Settings::default()).unwrap();
    let state = database.engine.open_namespace("dropped", Default::default()).unwrap();
    let content = Arc::downgrade(&state.now().1);
    assert!(database.drop_namespace("dropped").unwrap());
    wait_for_end_of(&content);
    let guard = crossbeam_epoch::pin();
    assert!(matches!(database.get(&state, b"key", &guard), Err(Error::NamespaceDropped)));
    assert!(matches!(database.len(&state), Err(Error::NamespaceDropped)));
}

#[test]
fn what_a_view_kept_goes_after_it_though_nothing_is_written() {
    let database = Database::in_memory(&Settings::default()).unwrap();
    let dropped = database.engine.open_namespace("dropped", Default::default()).unwrap();
    put(&database, b"key", b"value");
    let view = database.read_view();
    let contents = [&dropped, &database.default_namespace].map(|s| Arc::downgrade(&s.now().1));
    database.clear(&database.default_namespace).unwrap();
    database.drop_namespace("dropped").unwrap();
    assert_eq!(seen(&database, &view).len(), 1);
    assert!(view.incarnation(&dropped).is_some());
    // The background has found that it has to wait.
    std::thread::sleep(Duration::from_millis(100));
    assert!(contents.iter().all(|content| content.strong_count() > 0));
    drop(view);
    contents.iter().for_each(wait_for_end_of);
}

#[test]
fn the_index_follows_the_number_of_keys_without_a_compaction() {
    let database = Database::in_memory(&Settings::default()).unwrap();
    let mut model = Model::new();
    for _ in 0..3 {
        write_keys(&database, &mut model, None);
        let full = table_bytes(&database);
        let view = database.read_view();
        write_keys(&database, &mut model, Some(60_001));
        write(&database, &[(0u32.to_be_bytes().to_vec(), None)]).unwrap();
        assert_eq!(table_bytes(&database), full);
        drop(view);
        let began = Instant::now();
        while table_bytes(&database) > full / 4 {
            assert!(began.elapsed() < Duration::from_secs(60), "{}", table_bytes(&database));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Keys that stay, of those that come and go.
const STAY: u32 = 300;

/// Fills and empties both namespaces again and again.
fn fill_and_empty(db: &Emdb, ordered: &Namespace, goes_on: impl Fn() -> bool) {
    let mut random = Random(9);
    while goes_on() {
        let many = 5_000 + random.below(40_000) as u32;
        for namespace in [db, ordered] {
            let keys: Vec<_> = (STAY..many).map(u32::to_be_bytes).collect();
            for some in keys.chunks(2_000) {
                namespace.insert_many(some.iter().map(|key| (key, [5; 20]))).unwrap();
            }
            for some in keys.chunks(2_000) {
                let done: Result<()> = db.transaction(|tx| {
                    let tx = tx.namespace(namespace);
                    some.iter().try_for_each(|key| tx.remove(key).map(drop))
                });
                done.unwrap();
            }
        }
    }
}

/// The content of both namespaces.
fn all(snapshot: &Snapshot) -> [Vec<(Vec<u8>, Vec<u8>)>; 2] {
    let mut hashed: Vec<_> = snapshot.iter().unwrap().collect();
    hashed.sort();
    [hashed, snapshot.namespace("ordered").unwrap().iter().unwrap().collect()]
}

#[test]
fn readers_and_snapshots_see_right_states_while_indexes_grow_and_shrink() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db.emdb");
    let db = Emdb::open(&path).unwrap();
    let ordered = db.namespace_with("ordered", NamespaceOptions::new().ordered(true)).unwrap();
    for namespace in [&*db, &ordered] {
        namespace.insert_many((0..STAY).map(|n| (n.to_be_bytes(), n.to_be_bytes()))).unwrap();
    }
    let time = std::env::var("EMDB_STRESS_MS").ok().and_then(|t| t.parse().ok()).unwrap_or(1500);
    let (stop, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    let goes_on = || !stop.load(Ordering::Relaxed);
    std::thread::scope(|s| {
        s.spawn(|| fill_and_empty(&db, &ordered, goes_on));
        s.spawn(|| {
            let mut random = Random(2);
            while goes_on() {
                let key = (random.below(u64::from(STAY)) as u32).to_be_bytes();
                for namespace in [&*db, &ordered] {
                    assert_eq!(namespace.get(key).unwrap(), Some(key.to_vec()));
                }
            }
        });
        s.spawn(|| {
            while goes_on() {
                let snapshot = db.snapshot();
                let before = all(&snapshot);
                std::thread::sleep(Duration::from_millis(20));
                assert_eq!(all(&snapshot), before);
                assert!(before[1].is_sorted());
                assert!(before.iter().all(|content| content.len() >= STAY as usize));
                looks.fetch_add(1, Ordering::Relaxed);
            }
        });
        s.spawn(|| {
            for round in 0.. {
                if !goes_on() {
                    break;
                }
                db.checkpoint().unwrap();
                if round % 4 == 3 {
                    db.compact().unwrap();
                }
                let report = db.verify().unwrap();
                assert!(report.is_ok(), "{:?}", report.problems);
            }
        });
        std::thread::sleep(Duration::from_millis(time));
        stop.store(true, Ordering::Relaxed);
    });
    assert!(looks.load(Ordering::Relaxed) > 0);
    let held = all(&db.snapshot());
    assert!(held.iter().all(|content| content.len() == STAY as usize));
    drop((ordered, db));
    assert_eq!(all(&Emdb::open(&path).unwrap().snapshot()), held);
}

#[test]
fn the_content_of_a_namespace_that_was_renamed_and_dropped_goes_though_nobody_has_read() {
    let db = Emdb::open_in_memory();
    let namespace = db.namespace("former").unwrap();
    namespace.insert("key", "value").unwrap();
    let content = Arc::downgrade(&namespace.state.now().1);
    drop(namespace);
    assert!(db.rename_namespace("former", "new").unwrap());
    assert!(db.drop_namespace("new").unwrap());
    wait_for_end_of(&content);
    assert!(db.engine().names.lock().dropped.is_empty());
}
