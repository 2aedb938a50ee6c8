//! One process at a time, and nothing to clean up after any of them.

#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use emdb::{Emdb, Error};
use tempfile::TempDir;

const PATH: &str = "EMDB_TEST_LOCKING_PATH";

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    (folder, path)
}

fn lock_file(path: &Path) -> PathBuf {
    path.with_file_name("db.lock")
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Not a test of its own: what the child processes below run. It opens the database, says how
/// that went, and waits for its end.
#[test]
fn child_process() {
    let Some(path) = env::var_os(PATH) else { return };
    let opened = Emdb::open(path);
    // A line of its own, whatever the test harness has written before.
    match &opened {
        Ok(db) => {
            db.insert(std::process::id().to_be_bytes(), "was here").unwrap();
            println!("\nopened");
        }
        Err(Error::AlreadyLocked) => println!("\nlocked"),
        Err(e) => println!("\nfailed: {e}"),
    }
    // Until the parent closes the pipe or kills this process.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

struct OtherProcess {
    child: Child,
    verdict: String,
}

impl OtherProcess {
    fn start(path: &Path) -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["child_process", "--exact", "--nocapture"])
            .env(PATH, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn listen(mut child: Child) -> OtherProcess {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let verdict = lines
            .find_map(|line| {
                let line = line.unwrap();
                ["opened", "locked", "failed"].iter().any(|v| line.starts_with(v)).then_some(line)
            })
            .unwrap();
        // Keeps the pipe open, so that the child's harness can write its summary.
        thread::spawn(move || lines.for_each(drop));
        OtherProcess { child, verdict }
    }

    fn open(path: &Path) -> OtherProcess {
        OtherProcess::listen(OtherProcess::start(path))
    }

    fn finish(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

mod a_second_open {
    use super::*;

    #[test]
    fn in_the_same_process_is_refused() {
        let (_folder, path) = folder();
        let _db = Emdb::open(&path).unwrap();
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        assert!(matches!(Emdb::builder().path(&path).build(), Err(Error::AlreadyLocked)));
    }

    #[test]
    fn in_another_process_is_refused() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let other = OtherProcess::open(&path);
        assert_eq!(other.verdict, "locked");
        other.finish();
        db.insert("still", "works").unwrap();
    }

    #[test]
    fn is_refused_while_another_process_has_it() {
        let (_folder, path) = folder();
        let other = OtherProcess::open(&path);
        assert_eq!(other.verdict, "opened");
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        other.finish();
        assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 1);
    }

    #[test]
    fn does_not_disturb_the_first() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        assert!(Emdb::open(&path).is_err());
        assert_eq!(Emdb::lock_holder(&path).unwrap().unwrap().pid, std::process::id());
        db.insert("l", "w").unwrap();
        db.close().unwrap();
        assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 2);
    }
}

mod of_eight_openers_exactly_one_wins {
    use super::*;

    #[test]
    fn among_threads() {
        for existing in [false, true] {
            let (_folder, path) = folder();
            if existing {
                Emdb::open(&path).unwrap().close().unwrap();
            }
            let (start, end) = (Barrier::new(8), Barrier::new(8));
            let contest = || {
                start.wait();
                let opened = Emdb::open(&path);
                end.wait();
                match opened {
                    Ok(_) => 1,
                    Err(Error::AlreadyLocked) => 0,
                    Err(e) => panic!("{e}"),
                }
            };
            let winners: u32 = thread::scope(|s| {
                let contestants: Vec<_> = (0..8).map(|_| s.spawn(contest)).collect();
                contestants.into_iter().map(|t| t.join().unwrap()).sum()
            });
            assert_eq!(winners, 1);
        }
    }

    #[test]
    fn among_processes() {
        let (_folder, path) = folder();
        let started: Vec<_> = (0..8).map(|_| OtherProcess::start(&path)).collect();
        let others: Vec<_> = started.into_iter().map(OtherProcess::listen).collect();
        let won = others.iter().filter(|o| o.verdict == "opened").count();
        let lost = others.iter().filter(|o| o.verdict == "locked").count();
        others.into_iter().for_each(OtherProcess::finish);
        assert_eq!((won, lost), (1, 7));
        assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 1);
    }
}

mod a_killed_process {
    use super::*;

    #[test]
    fn leaves_a_lock_that_needs_no_help() {
        let (_folder, path) = folder();
        let other = OtherProcess::open(&path);
        assert_eq!(other.verdict, "opened");
        other.kill();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.len().unwrap(), 1, "what it wrote survives");
    }

    #[test]
    fn holds_nothing_any_more() {
        let (_folder, path) = folder();
        OtherProcess::open(&path).kill();
        assert!(Emdb::lock_holder(&path).unwrap().is_none());
        Emdb::break_lock(&path).unwrap();
    }
}

mod lock_holder {
    use super::*;

    #[test]
    fn is_this_process_while_it_has_the_database_open() {
        let (_folder, path) = folder();
        let before = now_ms();
        let _db = Emdb::open(&path).unwrap();
        let holder = Emdb::lock_holder(&path).unwrap().unwrap();
        assert_eq!(holder.pid, std::process::id());
        assert!((before..=now_ms()).contains(&holder.acquired_at_ms));
        assert_eq!(holder.schema_version, 1);
        assert_eq!(holder.crate_version, "0.1.0");
    }

    #[test]
    fn is_the_other_process() {
        let (_folder, path) = folder();
        let other = OtherProcess::open(&path);
        assert_eq!(Emdb::lock_holder(&path).unwrap().unwrap().pid, other.child.id());
        other.finish();
        assert!(Emdb::lock_holder(&path).unwrap().is_none());
    }

    #[test]
    fn is_the_present_one_whatever_a_former_one_left() {
        let (_folder, path) = folder();
        drop(Emdb::open(&path).unwrap());
        let usual = fs::read(lock_file(&path)).unwrap().len();
        for left in ["", "pid=1\n", &"pid=4294967295\nanything=\u{e9}".repeat(100)] {
            fs::write(lock_file(&path), left).unwrap();
            let db = Emdb::open(&path).unwrap();
            let holder = Emdb::lock_holder(&path).unwrap().unwrap();
            assert_eq!(holder.pid, std::process::id());
            assert_eq!(holder.crate_version, "0.1.0");
            drop(db);
            assert_eq!(fs::read(lock_file(&path)).unwrap().len(), usual);
        }
    }

    #[test]
    fn is_nobody_before_the_first_open() {
        let (folder, path) = folder();
        assert!(Emdb::lock_holder(&path).unwrap().is_none());
        assert!(Emdb::lock_holder(folder.path().join("missing/db")).unwrap().is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn is_nobody_after_close_and_after_drop() {
        let (_folder, path) = folder();
        Emdb::open(&path).unwrap().close().unwrap();
        assert!(Emdb::lock_holder(&path).unwrap().is_none());
        drop(Emdb::open(&path).unwrap());
        assert!(Emdb::lock_holder(&path).unwrap().is_none());
    }

    #[test]
    fn is_nobody_whatever_the_lock_file_says() {
        let (_folder, path) = folder();
        fs::write(lock_file(&path), "pid=1\n\u{1F}rubbish").unwrap();
        assert!(Emdb::lock_holder(&path).unwrap().is_none());
        let _db = Emdb::open(&path).unwrap();
        assert_eq!(Emdb::lock_holder(&path).unwrap().unwrap().pid, std::process::id());
    }

    #[cfg(unix)]
    #[test]
    fn is_found_by_a_symbolic_link() {
        let (folder, path) = folder();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let _db = Emdb::open(&path).unwrap();
        assert_eq!(Emdb::lock_holder(&link).unwrap().unwrap().pid, std::process::id());
    }

    #[test]
    fn is_found_by_a_hard_link() {
        let (folder, path) = folder();
        let link = folder.path().join("link");
        let _db = Emdb::open(&path).unwrap();
        fs::hard_link(&path, &link).unwrap();
        assert!(Emdb::lock_holder(&link).unwrap().is_some());
    }
}

mod break_lock {
    use super::*;

    #[test]
    fn succeeds_when_nobody_holds_it() {
        let (_folder, path) = folder();
        Emdb::break_lock(&path).unwrap();
        Emdb::open(&path).unwrap().close().unwrap();
        Emdb::break_lock(&path).unwrap();
        fs::write(lock_file(&path), "left behind").unwrap();
        Emdb::break_lock(&path).unwrap();
        assert!(Emdb::open(&path).is_ok());
    }

    #[test]
    fn is_refused_while_this_process_holds_it() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        assert!(matches!(Emdb::break_lock(&path), Err(Error::AlreadyLocked)));
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        db.insert("k", "v").unwrap();
    }

    #[test]
    fn is_refused_while_another_process_holds_it() {
        let (_folder, path) = folder();
        let other = OtherProcess::open(&path);
        assert!(matches!(Emdb::break_lock(&path), Err(Error::AlreadyLocked)));
        other.finish();
        Emdb::break_lock(&path).unwrap();
    }

    #[test]
    fn is_refused_by_a_hard_link_as_well() {
        let (folder, path) = folder();
        let link = folder.path().join("link");
        let _db = Emdb::open(&path).unwrap();
        fs::hard_link(&path, &link).unwrap();
        assert!(matches!(Emdb::break_lock(&link), Err(Error::AlreadyLocked)));
    }

    #[test]
    fn makes_no_files() {
        let (folder, path) = folder();
        Emdb::break_lock(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[cfg(unix)]
mod the_lock_file {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn is_never_unlinked() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let inode = || fs::metadata(lock_file(&path)).unwrap().ino();
        let first = inode();
        db.close().unwrap();
        assert_eq!(inode(), first);
        Emdb::break_lock(&path).unwrap();
        assert_eq!(inode(), first);
        drop(Emdb::open(&path).unwrap());
        assert_eq!(inode(), first);
        OtherProcess::open(&path).kill();
        drop(Emdb::open(&path).unwrap());
        assert_eq!(inode(), first);
    }

    /// Opening `db` once wrote its lock over a database that somebody had named `db.lock`.
    #[test]
    fn is_not_written_over_a_database_of_that_name() {
        let (_folder, path) = folder();
        let other = lock_file(&path);
        Emdb::open(&other).unwrap().insert("k", "v").unwrap();
        let before = fs::read(&other).unwrap();
        assert!(matches!(Emdb::open(&path), Err(Error::InvalidConfig(_))));
        assert_eq!(fs::read(&other).unwrap(), before);
        assert_eq!(Emdb::open(&other).unwrap().get("k").unwrap(), Some(b"v".to_vec()));
    }

    #[test]
    fn is_not_followed_if_it_is_a_symbolic_link() {
        let (folder, path) = folder();
        let victim = folder.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, lock_file(&path)).unwrap();
        assert!(matches!(Emdb::open(&path), Err(Error::Io(_))));
        assert!(matches!(Emdb::lock_holder(&path), Err(Error::Io(_))));
        assert!(matches!(Emdb::break_lock(&path), Err(Error::Io(_))));
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(!path.exists());
    }

    #[test]
    fn is_not_made_through_a_dangling_symbolic_link() {
        let (folder, path) = folder();
        let victim = folder.path().join("victim");
        symlink(&victim, lock_file(&path)).unwrap();
        assert!(matches!(Emdb::open(&path), Err(Error::Io(_))));
        assert!(!victim.exists());
    }
}

#[cfg(unix)]
mod a_forked_child {
    #![allow(unsafe_code)]

    use super::*;

    /// Runs `body` in a forked child and gives whether it said true.
    fn fork(body: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child calls the database and allocates, which glibc and macOS allow after
        // a fork, and leaves by `_exit` alone.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let went = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(!went.unwrap_or(false))) };
        }
        assert!(pid > 0);
        let began = Instant::now();
        let mut status = 0;
        // SAFETY: waits for the child above; `status` is valid for writes.
        while unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == 0 {
            if began.elapsed() > Duration::from_secs(20) {
                // SAFETY: the child is not yet waited for, so the id is still its own.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            thread::sleep(Duration::from_millis(1));
        }
        status == 0
    }

    #[test]
    fn may_not_write() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let namespace = db.namespace("n").unwrap();
        db.insert("k", "v").unwrap();
        let before = fs::read(&path).unwrap();
        assert!(fork(|| {
            db.insert("k", "child").is_err()
                && db.remove("k").is_err()
                && db.insert_many([("a", "b")]).is_err()
                && db.clear().is_err()
                && namespace.insert("k", "child").is_err()
                && db.namespace("new").is_err()
                && db.drop_namespace("n").is_err()
                && db.transaction(|tx| tx.insert("k", "child")).is_err()
                && db.flush().is_err()
        }));
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(db.get("k").unwrap(), Some(b"v".to_vec()));
    }

    #[test]
    fn can_read() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        assert!(fork(|| {
            db.get("k").unwrap().as_deref() == Some(b"v") && db.iter().unwrap().count() == 1
        }));
    }

    #[test]
    fn touches_nothing_by_its_drops() {
        let (_folder, path) = folder();
        let mut db = Some(Emdb::open(&path).unwrap());
        db.as_ref().unwrap().insert("k", "v").unwrap();
        let before = fs::read(&path).unwrap();
        assert!(fork(|| {
            drop(db.take());
            true
        }));
        assert_eq!(fs::read(&path).unwrap(), before, "neither trimmed nor marked clean");
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)), "nor unlocked");
        assert!(!OtherProcess::open(&path).verdict.starts_with("opened"));
        let db = db.unwrap();
        db.insert("l", "w").unwrap();
        db.close().unwrap();
        assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 2);
    }

    #[test]
    fn can_commit_no_transaction_that_the_parent_began() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let mut pid = -1;
        let committed = db.transaction(|tx| {
            tx.insert("k", "v")?;
            // SAFETY: the child leaves by `_exit` below.
            pid = unsafe { libc::fork() };
            Ok::<(), Error>(())
        });
        if pid == 0 {
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(committed.is_ok())) };
        }
        let mut status = 0;
        // SAFETY: waits for the child above; `status` is valid for writes.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        assert_eq!(status, 0);
        committed.unwrap();
        assert_eq!(db.get("k").unwrap(), Some(b"v".to_vec()));
        let logical = db.stats().unwrap().logical_size_bytes;
        db.insert("l", "w").unwrap();
        assert!(db.stats().unwrap().logical_size_bytes > logical);
        db.close().unwrap();
        assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 2);
    }

    #[test]
    fn can_open_another_database() {
        let (folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let other = folder.path().join("other");
        assert!(fork(|| {
            let db = Emdb::open(&other).unwrap();
            db.insert("k", "child").unwrap();
            db.close().is_ok()
        }));
        assert_eq!(Emdb::open(&other).unwrap().len().unwrap(), 1);
        db.insert("k", "v").unwrap();
    }

    #[test]
    fn does_not_keep_the_database_locked_when_the_parent_closes() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        // SAFETY: the child only waits for its end.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            drop(writer);
            let mut reader = reader;
            let _ = std::io::Read::read(&mut reader, &mut [0]);
            // SAFETY: ends the process.
            unsafe { libc::_exit(0) };
        }
        db.close().unwrap();
        let again = Emdb::open(&path);
        drop((reader, writer));
        // SAFETY: waits for the child above; no status is asked for.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
        assert!(again.is_ok());
    }
}
