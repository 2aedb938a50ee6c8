//! Journals that are written through an io_uring, and the ordinary path where the kernel refuses.
//!
//! Where this machine's kernel refuses throughout, the same tests run on the ordinary path.

use std::path::Path;

use emdb::{Emdb, FlushPolicy, IoBackend};
use emdb_testing::Random;
use emdb_testing::child::alone;

use crate::common::folder;
use crate::common::op::Op;
use crate::common::state::{State, read_state};
use crate::fork::fork;

fn open(path: &Path, policy: FlushPolicy) -> Emdb {
    Emdb::builder().path(path).flush_policy(policy).iouring_sqpoll(20).build().unwrap()
}

fn is_ring(db: &Emdb) -> bool {
    db.stats().unwrap().io_backend == IoBackend::IoUring
}

const POLICIES: [FlushPolicy; 3] =
    [FlushPolicy::OnEachFlush, FlushPolicy::Group, FlushPolicy::WriteThrough];

fn calls(rng: &mut Random) -> Op {
    let key = |rng: &mut Random| format!("key {}", rng.below(60)).into_bytes();
    let value = |rng: &mut Random| {
        let most = [40, 40, 40, 9000, 700_000][rng.below(5) as usize];
        vec![rng.next() as u8; rng.below(most) as usize]
    };
    let log = rng.below(2) == 0;
    match rng.below(12) {
        0 => Op::Remove(log, key(rng)),
        1 => Op::Flush,
        2 => Op::InsertMany(log, (0..50).map(|_| (key(rng), vec![1; 30])).collect()),
        3 => Op::Transaction {
            clear: [None, Some(log)][rng.below(2) as usize],
            writes: (0..5).map(|n| (n % 2 == 0, key(rng), (n != 3).then(|| value(rng)))).collect(),
        },
        4 => [Op::Clear(log), Op::DropLog][rng.below(2) as usize].clone(),
        5 => Op::InsertTimed(log, key(rng), value(rng)),
        _ => Op::Insert(log, key(rng), value(rng)),
    }
}

#[test]
fn every_call_does_what_it_does_without_a_ring() {
    let seed = emdb_testing::seed();
    for policy in POLICIES {
        let mut rng = Random(seed);
        let (_folder, path) = folder();
        let mut model = State::new();
        let mut db = open(&path, policy);
        println!("{policy:?}: {:?}", db.stats().unwrap().io_backend);
        for n in 0..400 {
            let call = calls(&mut rng);
            call.apply(&db).unwrap();
            call.advance(&mut model);
            if n % 80 == 79 {
                assert!(read_state(&db).unwrap() == model, "EMDB_SEED={seed}, {policy:?}, {n}");
                db.close().unwrap();
                // Each of the two ways reads what the other has written.
                let builder = Emdb::builder().path(&path).flush_policy(policy);
                let ring = n % 160 == 159;
                db = if ring { builder.iouring_sqpoll(20) } else { builder }.build().unwrap();
                assert!(db.recovery().unwrap().clean);
                assert!(read_state(&db).unwrap() == model, "EMDB_SEED={seed}, {policy:?}, {n}");
            }
        }
    }
}

#[test]
fn each_write_through_is_one_sync_and_flush_has_nothing_to_do() {
    let (_folder, path) = folder();
    let db = open(&path, FlushPolicy::WriteThrough);
    for n in 0..300u32 {
        db.insert(n.to_be_bytes(), vec![n as u8; n as usize * 40]).unwrap();
    }
    db.transaction(|tx| tx.insert("a", "1").and_then(|()| tx.insert("b", "2"))).unwrap();
    assert_eq!(db.stats().unwrap().syncs, 301);
    db.flush().unwrap();
    assert_eq!(db.stats().unwrap().syncs, 301);
    // A copy of the file is one that a kill leaves.
    let copy = path.with_extension("copy");
    std::fs::copy(&path, &copy).unwrap();
    let copy = Emdb::open(&copy).unwrap();
    assert_eq!(copy.len().unwrap(), 302);
    assert_eq!(copy.recovery().unwrap().torn_bytes, 0);
}

#[test]
fn the_ring_wakes_up_after_it_has_gone_to_sleep() {
    let (_folder, path) = folder();
    let builder = Emdb::builder().path(&path).flush_policy(FlushPolicy::WriteThrough);
    let db = builder.iouring_sqpoll(1).build().unwrap();
    for n in 0..20u8 {
        db.insert([n], "v").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(db.len().unwrap(), 20);
}

#[test]
fn threads_that_write_and_flush_together_lose_nothing() {
    for policy in POLICIES {
        let (_folder, path) = folder();
        let db = open(&path, policy);
        std::thread::scope(|scope| {
            for thread in 0..6u8 {
                let db = &db;
                scope.spawn(move || {
                    for n in 0..120u8 {
                        match n % 4 {
                            0 => db.transaction(|tx| tx.insert([thread, n], "v")).unwrap(),
                            1 => db
                                .insert([thread, n], vec![n; 300_000 * (n as usize % 3 / 2)])
                                .unwrap(),
                            _ => db.insert([thread, n], "v").unwrap(),
                        }
                        if n % 8 == 0 {
                            db.flush().unwrap();
                        }
                    }
                });
            }
        });
        assert!(db.stats().unwrap().syncs <= 6 * 120);
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.len().unwrap(), 720);
    }
}

mod the_ordinary_path {
    #![allow(unsafe_code)]

    use super::*;

    /// Lets the kernel refuse this system call to this thread.
    fn forbid(call: libc::c_long) {
        let op = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
        let mut filter = [
            op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32),
            op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
            op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: plain numbers.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        // SAFETY: the program outlives the call, which copies it.
        assert_eq!(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) }, 0);
    }

    #[test]
    fn is_taken_where_the_kernel_refuses_and_the_figures_say_so() {
        for call in
            [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register]
        {
            std::thread::spawn(move || {
                forbid(call);
                let (_folder, path) = folder();
                let db = open(&path, FlushPolicy::WriteThrough);
                assert!(!is_ring(&db));
                db.insert("k", "v").unwrap();
                db.close().unwrap();
                assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 1);
            })
            .join()
            .unwrap();
        }
    }

    #[test]
    fn is_taken_in_memory_and_by_readers() {
        let db = Emdb::builder().iouring_sqpoll(20).build().unwrap();
        assert_eq!(db.stats().unwrap().io_backend, IoBackend::Memory);
        let (_folder, path) = folder();
        open(&path, FlushPolicy::Group).insert("k", "v").unwrap();
        let db = Emdb::builder().path(&path).read_only(true).iouring_sqpoll(20).build().unwrap();
        assert!(!is_ring(&db));
        assert_eq!(db.len().unwrap(), 1);
    }
}

mod a_forked_child {
    use super::*;

    #[test]
    fn neither_uses_the_ring_nor_waits_for_it() {
        alone(|| {
            let (_folder, path) = folder();
            let mut db = Some(open(&path, FlushPolicy::WriteThrough));
            db.as_ref().unwrap().insert("k", "v").unwrap();
            assert!(fork(|| {
                let open = db.take().unwrap();
                let refused = open.insert("k", "child").is_err() && open.flush().is_err();
                drop(open);
                refused
            }));
            let db = db.unwrap();
            db.insert("l", "w").unwrap();
            assert_eq!(db.get("k").unwrap().unwrap(), b"v");
            db.close().unwrap();
            assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 2);
        });
    }
}
