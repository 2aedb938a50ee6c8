//! Verification: it finds differences between index and journal, and none where there are none.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::index::ordered::Order;
use crate::maintenance::verify::verify;
use crate::maintenance::verify_report::ProblemKind;
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::incarnation::Incarnation;
use crate::tests::*;

fn engine() -> Arc<Database> {
    let engine = Database::in_memory(&Settings::default()).unwrap();
    for n in 0..20u8 {
        put(&engine, &[n % 10], &[n]);
    }
    engine
}

fn kinds(engine: &Database) -> Vec<ProblemKind> {
    let report = verify(engine, &mut |_| ControlFlow::Continue(())).unwrap();
    report.problems.iter().map(|p| p.kind).collect()
}

fn incarnation(engine: &Engine) -> Arc<Incarnation> {
    engine.default_namespace.current(&crossbeam_epoch::pin()).clone()
}

#[test]
fn an_index_that_leads_elsewhere_is_found() {
    let engine = engine();
    assert_eq!(kinds(&engine), []);
    let view = engine.read_view();
    let (guard, incarnation) = (crossbeam_epoch::pin(), incarnation(&engine));
    let newest = view.find(&incarnation, &[3]).unwrap().unwrap();
    let previous = newest.previous().unwrap();
    let hash = view.hash(&[3]);
    let change = |old, new| {
        let oldest = || u64::MAX;
        incarnation.table.publish(hash, Some(old), new, oldest, |_| false, &guard).unwrap();
    };
    // To the version before, which the journal has replaced: told from both sides.
    change(newest.position(), (previous, false));
    assert_eq!(kinds(&engine), [ProblemKind::Index, ProblemKind::Index]);
    // To nothing.
    change(previous, (view.watermark() - 1, true));
    assert!(kinds(&engine).iter().all(|k| *k == ProblemKind::Index || *k == ProblemKind::Count));
    assert!(kinds(&engine).contains(&ProblemKind::Index));
}

#[test]
fn a_wrong_count_is_found() {
    let engine = engine();
    let incarnation = incarnation(&engine);
    incarnation.tally(1, 0);
    let view = engine.read_view();
    incarnation.show_records(view.watermark(), &view.generation().views);
    assert_eq!(kinds(&engine), [ProblemKind::Count]);
}

#[test]
fn an_order_that_lacks_keys_is_found() {
    let engine = engine();
    incarnation(&engine).order.get_or_init(Order::empty);
    assert_eq!(kinds(&engine), [ProblemKind::Order]);
}

#[test]
fn a_name_that_only_memory_has_is_found() {
    let engine = engine();
    let state = Arc::new(Incarnation::new(9));
    let handle = GenerationHandle::over(engine.read_view().generation().clone());
    let state = Arc::new(NamespaceState::new("x".into(), &handle, state));
    engine.names.lock().live.insert("x".into(), state);
    assert_eq!(kinds(&engine), [ProblemKind::Index]);
}

#[test]
fn the_note_of_a_checkpoint_is_no_damage() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    put(&engine, b"a", b"1");
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
                put(&engine, &n.to_be_bytes(), b"1");
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
