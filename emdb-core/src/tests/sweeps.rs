//! Sweeps: by the right expiries, and by ones that are not those of the records that they name, as a
//! forged image has them.

use crate::api::db::Emdb;
use crate::api::internal::with_clock;
use crate::maintenance::sweep::sweep;
use crate::os::clock::ManualClock;
use crate::os::sync::lock;
use crate::tests::*;

#[test]
fn a_sweep_removes_no_record_that_does_not_expire_and_ends() {
    let db = with_clock(Emdb::builder(), ManualClock::new(1_000_000)).build().unwrap();
    for key in ["kept", "removed"] {
        db.insert(key, "value").unwrap();
    }
    db.remove("removed").unwrap();
    let engine = db.engine();
    let view = engine.read_view();
    let incarnation = view.incarnation(&engine.default_namespace).unwrap();
    let kept = view.stored(&incarnation, b"kept").unwrap().unwrap();
    // The first record, that of the removal, and one that is none.
    let removal = view.watermark() - (b"removed".len() as u64 + 12);
    let positions = [kept.position(), removal, removal - 1, view.watermark() + 5];
    let is_removal = view.reader().record(removal).unwrap();
    assert!(!is_removal.is_put() && is_removal.key() == b"removed");
    for position in positions {
        lock(&incarnation.expiries).insert(5, position);
    }
    assert_eq!(db.sweep_expired(), 0);
    assert_eq!(db.get("kept").unwrap().unwrap(), b"value");
    assert_eq!(lock(&incarnation.expiries).len(), 0);
}

#[test]
fn a_sweep_finds_all_that_has_expired_whatever_was_compacted_or_loaded() {
    for seed in 0..seeds() {
        let mut random = Random(seed + 1);
        let disk = SimDisk::new(true).sealed(seed % 3 == 1);
        open::create(&settings(&disk), &disk, Path::new(PATH)).unwrap();
        let clock = ManualClock::new(1_000_000);
        let settings = Settings {
            manual_clock: Some(clock.clone()),
            range_scans: seed % 2 == 0,
            ..settings(&disk)
        };
        let mut now = 1_000_000;
        let mut model = BTreeMap::<Vec<u8>, Option<u64>>::new();
        for _ in 0..6 {
            let disk = Arc::new(disk.clone());
            let engine = Database::on_disk(&settings, disk, Path::new(PATH)).unwrap();
            for _ in 0..random.below(80) {
                match random.below(14) {
                    0 => engine.checkpoint(CheckpointKind::Durable, || false).unwrap(),
                    1 => {
                        let mut nothing = |_| ControlFlow::Continue(());
                        compact(&engine, &mut ProgressMeter::new(&mut nothing, 0)).unwrap();
                    }
                    2 => {
                        let mut swept = 0;
                        sweep(&engine, &engine.default_namespace, &mut swept).unwrap();
                        model.retain(|_, at| at.is_none_or(|at| at > now));
                        let len = engine.len(&engine.default_namespace).unwrap();
                        assert_eq!(len, model.len(), "seed {seed}");
                    }
                    3 => {
                        now += random.below(100);
                        clock.set(now);
                    }
                    _ => {
                        for _ in 0..random.below(20) {
                            let key = vec![random.below(60) as u8];
                            let expiry = (random.below(4) != 0).then(|| now + random.below(300));
                            if random.below(6) == 0 {
                                write(&engine, &[(key.clone(), None)]).unwrap();
                                model.remove(&key);
                            } else {
                                put_until(&engine, &key, b"v", expiry);
                                model.insert(key, expiry);
                            }
                        }
                    }
                }
                let live: Vec<_> = content(&engine).into_keys().collect();
                let alive = model.iter().filter(|(_, at)| at.is_none_or(|at| at > now));
                assert_eq!(live, alive.map(|(key, _)| key.clone()).collect::<Vec<_>>());
            }
            engine.flush().unwrap();
            engine.background.stop();
        }
    }
}
