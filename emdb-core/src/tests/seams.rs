//! Where compaction, checkpoints and writers meet.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::cursor::walk::Walk;
use crate::format::image::Header;
#[cfg(feature = "ttl")]
use crate::maintenance::sweep::sweep;
use crate::maintenance::verify::verify;
use crate::mvcc::retired::SeenNamespace;
use crate::storage::Disk;
use crate::tests::*;
use crate::{Emdb, NamespaceOptions};

const IMAGE: &str = "db.meta";

fn put(engine: &Arc<Database>, key: &[u8], value: &[u8], expiry: Option<u64>) {
    let target = &engine.default_namespace;
    let step = WriteOp::write(target, Change::put(key, value, expiry)).unwrap();
    engine.commit(&mut [step], Access::Plain).unwrap();
}

fn bytes(disk: &SimDisk, name: &str) -> Vec<u8> {
    let medium = disk.open(Path::new(name)).unwrap();
    let len = medium.len().unwrap();
    medium.map(len).unwrap().bytes(0, len).unwrap().to_vec()
}

#[test]
fn large_records_that_come_during_a_compaction_are_copied_a_few_at_a_time() {
    let engine = Database::in_memory(&Settings::default()).unwrap();
    put(&engine, b"a", b"1", None);
    let mut written = false;
    let mut meanwhile = |_| {
        if !std::mem::replace(&mut written, true) {
            for n in 0..48u8 {
                put(&engine, &[n], &vec![n; 1 << 20], None);
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
fn a_record_that_was_damaged_below_a_checkpoint_is_not_taken_for_another_key() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    for n in 0..10u8 {
        put(&engine, &[b'k', n], b"former", None);
    }
    engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
    put(&engine, &[b'k', 3], b"latter", None);
    engine.flush().unwrap();
    engine.background.stop();
    let disk = disk.killed();
    let data = bytes(&disk, PATH);
    let at = data.windows(8).position(|w| w == b"k\x03former").unwrap();
    for bit in 0..8 {
        let disk = disk.killed();
        disk.open(Path::new(PATH)).unwrap().write_at(at as u64 + 1, &[3 ^ 1 << bit]).unwrap();
        match open(&disk, FlushPolicy::OnEachFlush) {
            Err(e) => assert!(matches!(e, Error::Corrupted { .. }), "{e}"),
            Ok(engine) => {
                let len = engine.len(&engine.default_namespace).unwrap();
                engine.background.stop();
                assert_eq!(len, 10, "bit {bit}");
            }
        }
    }
}

#[test]
fn expiries_of_replaced_records_do_not_gather_in_checkpoints() {
    let disk = SimDisk::new(true);
    let far = crate::os::clock::unix_ms() + 1_000_000_000;
    for session in 0..6u8 {
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        for n in 0..100u8 {
            put(&engine, &[n], &[session], Some(far));
        }
        engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
        engine.background.stop();
    }
    let image = bytes(&disk, IMAGE);
    let header = Header::read(&image).unwrap();
    let meta = &image[header.meta_at as usize..][..header.meta_len as usize];
    let (_, namespaces, _) = crate::format::image::read_meta(meta).unwrap();
    let expiries = namespaces[0].expiries.count / 2;
    assert!(expiries <= 200, "{expiries} expiries of 100 records");
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
    put(&engine, b"a", b"1", None);
    compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0)).unwrap();
    for n in 0..400u32 {
        put(&engine, b"a", &[n as u8; 1024], None);
    }
    let began = Instant::now();
    while stats(&engine).compactions < 2 {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", stats(&engine));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_note_of_a_checkpoint_is_no_damage() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    put(&engine, b"a", b"1", None);
    engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
    let report = verify(&engine, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(report.is_ok(), "{:?}", report.problems);
    engine.background.stop();
}

#[test]
fn a_verification_beside_compactions_finds_nothing() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            for n in 0..300u32 {
                put(&engine, &n.to_be_bytes(), b"1", None);
                compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0))
                    .unwrap();
            }
            stop.store(true, Ordering::Relaxed);
        });
        while !stop.load(Ordering::Relaxed) {
            let report = verify(&engine, &mut |_| ControlFlow::Continue(())).unwrap();
            if !report.is_ok() {
                stop.store(true, Ordering::Relaxed);
            }
            assert!(report.is_ok(), "{:?}", report.problems);
        }
    });
    engine.background.stop();
}

type Names = BTreeMap<String, Model>;

fn seeds() -> u64 {
    std::env::var("EMDB_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20)
}

fn all(engine: &Arc<Database>) -> Names {
    seen(engine, &engine.read_view())
}

fn seen(engine: &Arc<Database>, view: &crate::engine::read_view::ReadView) -> Names {
    let states = view.namespaces(engine).into_iter();
    let content = |state: &SeenNamespace| {
        let incarnation = state.incarnation.clone();
        let walk = Walk::over(view.clone(), Some(incarnation.clone())).unwrap();
        let found: Vec<_> =
            crate::api::iterators::EmdbIter(walk).results().collect::<Result<_>>().unwrap();
        if incarnation.order.get().is_some() {
            assert!(found.is_sorted(), "{}", state.name);
        }
        let map: Model = found.iter().cloned().collect();
        assert_eq!(map.len(), found.len(), "no key comes twice");
        let len = incarnation.records_at(view.watermark());
        assert_eq!(len, Some(found.len() as u64), "{}", state.name);
        map
    };
    states.map(|state| (state.name.clone(), content(&state))).collect()
}

/// One random change; each commit of it is a state of the history, whether it succeeds or not.
fn change(engine: &Arc<Database>, history: &mut Vec<Names>, random: &mut Random) -> Result<()> {
    let mut model = history.last().unwrap().clone();
    let name = ["", "a", "b"][random.below(3) as usize].to_owned();
    let ordered = random.below(2) == 0;
    let options = crate::format::options::Options { ordered };
    model.entry(name.clone()).or_default();
    history.push(model.clone());
    let state = match name.as_str() {
        "" => engine.default_namespace.clone(),
        name => engine.engine.open_namespace(name, options)?,
    };
    match random.below(12) {
        0 => {
            model.insert(name, Model::new());
            history.push(model);
            engine.clear(&state)
        }
        1 if !name.is_empty() => {
            model.remove(&name);
            history.push(model);
            engine.drop_namespace(&name).map(drop)
        }
        2 if random.below(2) == 0 => {
            // Enough for segments of full size.
            let commit: Vec<_> = (0..9000u32)
                .map(|n| ([b"bulk".to_vec(), n.to_be_bytes().to_vec()].concat(), Some(vec![1])))
                .collect();
            apply(model.entry(name).or_default(), &commit);
            history.push(model);
            write_to(engine, &state, &commit)
        }
        _ => {
            let mut commit = random_commit(random);
            let bulk = [b"bulk".to_vec(), (random.below(9000) as u32).to_be_bytes().to_vec()];
            commit.push((bulk.concat(), (random.below(2) == 0).then(|| vec![2])));
            apply(model.entry(name).or_default(), &commit);
            history.push(model);
            write_to(engine, &state, &commit)
        }
    }
}

fn write_to(
    engine: &Arc<Database>,
    state: &Arc<NamespaceState>,
    commit: &[(Vec<u8>, Option<Vec<u8>>)],
) -> Result<()> {
    let mut steps = Vec::new();
    for (i, (key, value)) in commit.iter().enumerate() {
        let change = Change::write(key, value.as_deref(), None);
        steps.push(WriteOp::write(state, change.ending_commit(i + 1 == commit.len()))?);
    }
    engine.commit(&mut steps, Access::Plain)
}

fn live(
    disk: &SimDisk,
    random: &mut Random,
    history: &mut Vec<Names>,
    durable: &mut usize,
) -> Result<()> {
    let policy = [FlushPolicy::OnEachFlush, FlushPolicy::Group, FlushPolicy::WriteThrough];
    let engine = open(disk, policy[random.below(3) as usize])?;
    assert_eq!(all(&engine), *history.last().unwrap(), "a reopen without a cut changes nothing");
    *durable = history.len() - 1;
    let done = live_in(&engine, random, history, durable);
    engine.background.stop();
    if done.is_ok() {
        assert_eq!(all(&engine), *history.last().unwrap());
        let report = verify(&engine, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(report.is_ok(), "{:?}", report.problems);
        if random.below(2) == 0 {
            engine.close(true)?;
            *durable = history.len() - 1;
        }
    }
    done
}

fn live_in(
    engine: &Arc<Database>,
    random: &mut Random,
    history: &mut Vec<Names>,
    durable: &mut usize,
) -> Result<()> {
    let mut views = Vec::new();
    for _ in 0..random.below(40) {
        let now = history.len() - 1;
        match random.below(9) {
            0 => {
                engine.flush()?;
                *durable = now;
            }
            1 => {
                let care =
                    [CheckpointKind::Durable, CheckpointKind::Closing, CheckpointKind::Passing]
                        [random.below(3) as usize];
                engine.checkpoint(care, || false)?;
                if care != CheckpointKind::Passing {
                    *durable = now;
                }
            }
            2 => {
                let mut broken = None;
                let mut meanwhile = |_| {
                    for _ in 0..random.below(4) {
                        if let Err(e) = change(engine, history, random) {
                            broken = Some(e);
                            return ControlFlow::Break(());
                        }
                    }
                    ControlFlow::Continue(())
                };
                let done = compact(&engine, &mut ProgressMeter::new(&mut meanwhile, 0));
                broken.map_or(done, Err)?;
                assert_eq!(all(engine), *history.last().unwrap(), "a compaction changes nothing");
            }
            3 => views.push((engine.read_view(), now)),
            4 if !views.is_empty() => {
                let at = random.below(views.len() as u64) as usize;
                let (view, then) = views.swap_remove(at);
                assert_eq!(seen(engine, &view), history[then]);
            }
            _ => change(engine, history, random)?,
        }
    }
    Ok(())
}

#[test]
fn names_live_through_power_cuts_checkpoints_and_compactions() {
    for seed in 0..seeds() {
        let mut random = Random(seed * 7919 + 1);
        let mut disk = SimDisk::new(seed % 2 == 0).sealed(seed % 3 == 1);
        let mut history = vec![Names::from([(String::new(), Model::new())])];
        let mut durable = 0;
        for _ in 0..6 {
            if random.below(2) == 0 {
                let fail_in = Some(random.below(400));
                disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
            }
            let ended = live(&disk, &mut random, &mut history, &mut durable);
            disk.set_faults(Faults::default());
            if ended.is_ok() && random.below(3) == 0 {
                disk = disk.killed();
                continue;
            }
            disk = disk.power_cut(&mut random);
            let engine = open(&disk, FlushPolicy::Group).unwrap();
            let left = all(&engine);
            engine.background.stop();
            let at = (durable..history.len()).rev().find(|&i| history[i] == left);
            let Some(at) = at else { panic!("seed {seed}: no state since the last durable one") };
            history.truncate(at + 1);
            durable = at;
        }
    }
}

#[cfg(feature = "ttl")]
#[test]
fn a_sweep_finds_all_that_has_expired_whatever_was_compacted_or_loaded() {
    for seed in 0..seeds() {
        let mut random = Random(seed + 1);
        let disk = SimDisk::new(true).sealed(seed % 3 == 1);
        open::create(&settings(&disk), &disk, Path::new(PATH)).unwrap();
        let clock = crate::os::clock::ManualClock::new(1_000_000);
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
                                put(&engine, &key, b"v", expiry);
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

/// Writers that know what they wrote, readers who keep what they found, compactions, checkpoints,
/// namespaces that come and go.
fn stress(db: &Emdb, time: Duration) {
    let stop = AtomicBool::new(false);
    let rounds = AtomicU64::new(0);
    let ordered = db.namespace_with("ordered", NamespaceOptions::new().ordered(true)).unwrap();
    std::thread::scope(|s| {
        for writer in 0..2u32 {
            let (stop, ordered) = (&stop, &ordered);
            s.spawn(move || {
                let mut random = Random(u64::from(writer) + 1);
                let mut last = BTreeMap::<u32, Option<u64>>::new();
                let mut n = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let id = random.below(300) as u32 * 2 + writer;
                    let key = id.to_be_bytes();
                    let ns: &crate::Namespace = if id.is_multiple_of(3) { ordered } else { db };
                    let value = [n.to_le_bytes().to_vec(), vec![7; random.below(900) as usize]];
                    let value = value.concat();
                    let gone = random.below(4) == 0;
                    match random.below(3) {
                        0 if gone => drop(ns.remove(key).unwrap()),
                        0 => ns.insert(key, &value).unwrap(),
                        _ => {
                            let done: Result<()> = db.transaction(|tx| {
                                let tx = tx.namespace(ns);
                                if gone {
                                    tx.remove(key)?;
                                } else {
                                    tx.insert(key, &value)?;
                                }
                                if random.below(8) == 0 {
                                    db.flush()?;
                                }
                                Ok(())
                            });
                            done.unwrap();
                        }
                    }
                    last.insert(id, (!gone).then_some(n));
                    let id = random.below(300) as u32 * 2 + writer;
                    let ns: &crate::Namespace = if id.is_multiple_of(3) { ordered } else { db };
                    let found = ns.get(id.to_be_bytes()).unwrap();
                    let found = found.map(|v| u64::from_le_bytes(v[..8].try_into().unwrap()));
                    assert_eq!(found, last.get(&id).copied().flatten());
                    if random.below(50) == 0 {
                        db.flush().unwrap();
                    }
                }
                let all = last.iter().filter(|(_, v)| v.is_some()).count();
                let view = |ns: &crate::Namespace| {
                    let keys = ns.keys().unwrap();
                    keys.filter(|k| u32::from(k[3] % 2) == writer).count()
                };
                assert_eq!(view(db) + view(ordered), all);
            });
        }
        for reader in 0..2u64 {
            let (stop, ordered) = (&stop, &ordered);
            s.spawn(move || {
                let mut random = Random(reader + 77);
                let mut kept = Vec::new();
                let mut snapshots = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let id = random.below(600) as u32;
                    let ns: &crate::Namespace = if id.is_multiple_of(3) { ordered } else { db };
                    if let Some(value) = ns.get_zerocopy(id.to_be_bytes()).unwrap() {
                        kept.push((value.to_vec(), value));
                    }
                    if kept.len() > 200 {
                        assert!(kept.iter().all(|(copy, value)| value == copy));
                        kept.clear();
                    }
                    match random.below(40) {
                        0 => {
                            let mut iter = ns.iter().unwrap();
                            let n = iter.by_ref().count();
                            iter.status().unwrap();
                            assert!(n <= 600);
                        }
                        1 => {
                            let snapshot = db.snapshot();
                            let all = |s: &crate::Snapshot| -> Vec<_> {
                                s.namespace("ordered").unwrap().iter().unwrap().collect()
                            };
                            let seen = all(&snapshot);
                            snapshots.push((snapshot, seen));
                            if snapshots.len() > 3 {
                                let at = random.below(3) as usize;
                                let (snapshot, seen) = snapshots.swap_remove(at);
                                assert_eq!(all(&snapshot), seen);
                            }
                        }
                        _ => {}
                    }
                }
            });
        }
        let (stop, rounds) = (&stop, &rounds);
        s.spawn(move || {
            let mut random = Random(5);
            while !stop.load(Ordering::Relaxed) {
                let name = format!("n{}", random.below(3));
                let ns =
                    db.namespace_with(&name, NamespaceOptions::new().ordered(random.below(2) == 0));
                let ns = ns.unwrap();
                ns.insert_many((0..random.below(200)).map(|n| (n.to_be_bytes(), [1; 30]))).unwrap();
                match random.below(4) {
                    0 => drop(db.drop_namespace(&name).unwrap()),
                    1 => {
                        ns.clear().unwrap();
                        ns.insert("one", "1").unwrap();
                        assert_eq!(ns.len().unwrap(), 1);
                    }
                    _ => assert_eq!(ns.iter().unwrap().count(), ns.len().unwrap()),
                }
            }
        });
        s.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                db.compact().unwrap();
                rounds.fetch_add(1, Ordering::Relaxed);
                db.checkpoint().unwrap();
            }
        });
        s.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let report = db.verify().unwrap();
                assert!(report.is_ok(), "{:?}", report.problems);
            }
        });
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    assert!(rounds.load(Ordering::Relaxed) > 0);
}

fn time() -> Duration {
    Duration::from_millis(
        std::env::var("EMDB_STRESS_MS").ok().and_then(|t| t.parse().ok()).unwrap_or(400),
    )
}

#[test]
fn stress_in_memory() {
    stress(&Emdb::open_in_memory(), time());
}

#[test]
fn stress_on_disk() {
    for policy in [FlushPolicy::Group, FlushPolicy::WriteThrough, FlushPolicy::OnEachFlush] {
        for uring in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("db.emdb");
            let mut builder = Emdb::builder().path(&path).flush_policy(policy);
            if uring {
                builder = builder.iouring_sqpoll(50);
            }
            let db = builder.build().unwrap();
            stress(&db, time());
            let mut expected: Vec<_> = db.iter().unwrap().collect();
            expected.sort();
            drop(db);
            let db = Emdb::open(&path).unwrap();
            let mut found: Vec<_> = db.iter().unwrap().collect();
            found.sort();
            assert_eq!(found, expected);
        }
    }
}
