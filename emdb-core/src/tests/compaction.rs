//! Compactions: those that fail, and commits that come while one copies.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::tests::*;

/// Waits for the database to have been compacted `times` times.
fn wait_for_compactions(engine: &Database, times: u64) {
    let began = Instant::now();
    while stats(engine).compactions < times {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", stats(engine));
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn with_automatic_compactions(settings: Settings) -> Settings {
    let auto = crate::engine::settings::AutoCompact { ratio: 0.5, min_bytes: 256 << 10 };
    Settings { auto_compact: Some(auto), ..settings }
}

#[test]
fn a_compaction_that_fails_anywhere_leaves_the_database_as_it_was() {
    for mapped in [true, false] {
        let mut failed = 0;
        for fail_in in 0..40 {
            let disk = SimDisk::new(mapped);
            let engine = open(&disk, FlushPolicy::Group).unwrap();
            let mut model = Model::new();
            let mut random = Random(fail_in);
            for _ in 0..40 {
                let commit = random_commit(&mut random);
                apply(&mut model, &commit);
                write(&engine, &commit).unwrap();
            }
            disk.set_faults(Faults { fail_in: Some(fail_in), ..Faults::default() });
            let done =
                compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0));
            disk.set_faults(Faults::default());
            assert_eq!(content(&engine), model);
            assert!(!disk.exists(Path::new("db.compact.tmp")));
            let more = [(b"more".to_vec(), Some(b"1".to_vec()))];
            match write(&engine, &more) {
                Ok(()) => apply(&mut model, &more),
                // The name of the new file may not be durable.
                Err(e) => assert!(matches!(e, Error::Poisoned) && done.is_err(), "{e}"),
            }
            engine.background.stop();
            drop(engine);
            assert_eq!(content(&open(&disk.killed(), FlushPolicy::Group).unwrap()), model);
            failed += u64::from(done.is_err());
        }
        // Some operations are not needed; the last ones come after all that a compaction does.
        assert!((8..30).contains(&failed), "{failed}");
    }
}

#[test]
fn a_disk_that_is_full_leaves_the_database_as_it_was_before_a_compaction() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    for n in 0..40u8 {
        write(&engine, &[(vec![n], Some(vec![n; 1000]))]).unwrap();
    }
    let before = content(&engine);
    disk.set_faults(Faults { room: Some(20_000), ..Faults::default() });
    let done = compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0));
    assert!(matches!(done, Err(Error::Io(_))), "{done:?}");
    disk.set_faults(Faults::default());
    assert_eq!(content(&engine), before);
    write(&engine, &[(vec![0], None)]).unwrap();
    compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0)).unwrap();
    assert_eq!(content(&engine).len(), before.len() - 1);
    engine.background.stop();
}

#[test]
fn large_records_that_come_during_a_compaction_are_copied_a_few_at_a_time() {
    let engine = Database::in_memory(&Settings::default()).unwrap();
    put(&engine, b"a", b"1");
    let mut written = false;
    let mut meanwhile = |_| {
        if !std::mem::replace(&mut written, true) {
            for n in 0..48u8 {
                put(&engine, &[n], &vec![n; 1 << 20]);
            }
        }
        ControlFlow::Continue(())
    };
    compact(&engine, &mut ProgressMeter::new(&mut meanwhile, 0)).unwrap();
    assert_eq!(engine.len(&engine.default_namespace).unwrap(), 49);
    let writer = &engine.append_lock.lock().writer;
    // Records that are written at once lie in one region of memory.
    assert!(writer.skipped < 16 << 20, "{} of {} left out", writer.skipped, writer.position);
}

#[test]
fn a_compaction_by_hand_leaves_the_automatic_one_as_watchful_as_before() {
    let settings = with_automatic_compactions(Settings::default());
    let engine = Database::in_memory(&settings).unwrap();
    put(&engine, b"a", b"1");
    compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0)).unwrap();
    for n in 0..400u32 {
        put(&engine, b"a", &[n as u8; 1024]);
    }
    wait_for_compactions(&engine, 2);
}

#[test]
fn commits_that_are_synced_as_they_are_written_wake_maintenance_like_any_other() {
    // The medium that is not mapped begins a sync with the write itself.
    for mapped in [false, true] {
        let disk = SimDisk::new(mapped);
        open::create(&settings(&disk), &disk, Path::new(PATH)).unwrap();
        let settings = with_automatic_compactions(Settings {
            flush_policy: FlushPolicy::WriteThrough,
            ..settings(&disk)
        });
        let engine = Database::on_disk(&settings, Arc::new(disk.clone()), Path::new(PATH)).unwrap();
        for n in 0..400u32 {
            put(&engine, b"a", &[n as u8; 1024]);
        }
        wait_for_compactions(&engine, 1);
        engine.background.stop();
    }
}

#[test]
fn a_flush_waits_for_the_name_of_the_new_file_to_be_durable() {
    for mapped in [true, false] {
        let disk = SimDisk::new(mapped);
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        put(&engine, b"before", b"1");
        engine.flush().unwrap();
        let flushed = Arc::new(AtomicBool::new(false));
        let cuts = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (kept, taken) = (flushed.clone(), cuts.clone());
        let (writer, seen) = (engine.clone(), disk.clone());
        disk.before_next_sync_of_names(move || {
            let written = Arc::new(AtomicBool::new(false));
            let (begun, done) = (written.clone(), kept.clone());
            std::thread::spawn(move || {
                put(&writer, b"beside", b"2");
                begun.store(true, Ordering::Release);
                writer.flush().unwrap();
                done.store(true, Ordering::Release);
            });
            while !written.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            // For long enough that a flush which does not wait would be done.
            std::thread::sleep(Duration::from_millis(100));
            assert!(!kept.load(Ordering::Acquire), "the name could still be that of the old file");
            // The power may go here.
            let cut = |seed| seen.power_cut(&mut Random(seed));
            taken.lock().unwrap().extend((1..40).map(cut));
        });
        compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0)).unwrap();
        let began = Instant::now();
        while !flushed.load(Ordering::Acquire) {
            assert!(began.elapsed() < Duration::from_secs(30), "the flush goes on after the sync");
            std::thread::yield_now();
        }
        for seed in 1..40 {
            let engine =
                open(&disk.power_cut(&mut Random(seed)), FlushPolicy::OnEachFlush).unwrap();
            assert_eq!(content(&engine).len(), 2, "what the flush has acknowledged");
        }
        let cuts = std::mem::take(&mut *cuts.lock().unwrap());
        assert_eq!(cuts.len(), 39);
        for cut in cuts {
            let engine = open(&cut, FlushPolicy::OnEachFlush).unwrap();
            assert_eq!(get(&engine, b"before").unwrap().as_deref(), Some(&b"1"[..]));
        }
        engine.background.stop();
    }
}

/// Writes and removals that come between the chunks of a compaction, over `keys` keys; each time a few.
fn compact_beside_writers(engine: &Database, model: &mut Model, keys: u64) {
    let mut random = Random(7);
    let mut told = 0;
    let mut meanwhile = |_| {
        told += 1;
        for _ in 0..30 {
            let key = random.below(keys).to_be_bytes().to_vec();
            let value = (random.below(3) != 0).then(|| vec![random.next() as u8; 3000]);
            apply(model, &[(key.clone(), value.clone())]);
            write(engine, &[(key, value)]).unwrap();
        }
        ControlFlow::Continue(())
    };
    compact(engine, &mut ProgressMeter::new(&mut meanwhile, 0)).unwrap();
    assert!(told > 5, "the copy has several chunks");
}

#[test]
fn keys_that_are_replaced_while_a_copy_goes_over_the_index_again_are_copied_once() {
    for ordered in [false, true] {
        let settings = Settings { range_scans: ordered, ..Settings::default() };
        let engine = Database::in_memory(&settings).unwrap();
        let mut model = Model::new();
        // Several parts, and several chunks.
        for n in 0..1500u64 {
            let commit = [(n.to_be_bytes().to_vec(), Some(vec![n as u8; 4000]))];
            apply(&mut model, &commit);
            write(&engine, &commit).unwrap();
        }
        for _ in 0..3 {
            compact_beside_writers(&engine, &mut model, 2000);
            assert_eq!(content(&engine), model, "ordered: {ordered}");
            assert_eq!(engine.len(&engine.default_namespace).unwrap(), model.len());
            let report =
                crate::maintenance::verify::verify(&engine, &mut |_| ControlFlow::Continue(()));
            assert!(report.unwrap().is_ok());
        }
    }
}

#[test]
fn a_compaction_leaves_one_run_of_the_keys_in_whose_order_the_file_goes_forward() {
    let settings = Settings { range_scans: true, ..Settings::default() };
    let engine = Database::in_memory(&settings).unwrap();
    let mut model = Model::new();
    let mut random = Random(3);
    for round in 0..4u64 {
        // Keys that come, that are replaced, and that go, in no order.
        for _ in 0..3000 {
            let key = random.below(4000).to_be_bytes().to_vec();
            let value = (random.below(3) != 0).then(|| vec![round as u8; 40]);
            apply(&mut model, &[(key.clone(), value.clone())]);
            write(&engine, &[(key, value)]).unwrap();
        }
        compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0)).unwrap();
        let view = engine.read_view();
        let incarnation = view.incarnation(&engine.default_namespace).unwrap();
        let keys = view.anchors(&incarnation);
        let levels = incarnation.order.get().unwrap().levels(keys).unwrap();
        assert!(levels.recent.is_empty());
        let [run] = &levels.runs[..] else { panic!("{} runs", levels.runs.len()) };
        assert_eq!(run.len(), model.len());
        assert!((1..run.len()).all(|at| run.at(at - 1) < run.at(at)));
        assert_eq!(content(&engine), model);
    }
}
