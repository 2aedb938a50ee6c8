//! Compactions: those that fail, and commits that come while one copies.

use std::time::Instant;

use crate::tests::*;

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
    let settings = Settings {
        auto_compact: Some(crate::engine::settings::AutoCompact {
            ratio: 0.5,
            min_bytes: 256 << 10,
        }),
        ..Settings::default()
    };
    let engine = Database::in_memory(&settings).unwrap();
    put(&engine, b"a", b"1");
    compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0)).unwrap();
    for n in 0..400u32 {
        put(&engine, b"a", &[n as u8; 1024]);
    }
    let began = Instant::now();
    while stats(&engine).compactions < 2 {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", stats(&engine));
        std::thread::sleep(Duration::from_millis(10));
    }
}
