//! One process at a time, and nothing to clean up after any of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use emdb::{Emdb, Error};

use crate::common::folder;
use crate::other::OtherProcess;
use crate::other::Role::Writer;

fn lock_file(path: &Path) -> PathBuf {
    path.with_file_name("db.lock")
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
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
        let other = OtherProcess::open(&path, Writer);
        assert_eq!(other.verdict, "locked");
        other.finish();
        db.insert("still", "works").unwrap();
    }

    #[test]
    fn is_refused_while_another_process_has_it() {
        let (_folder, path) = folder();
        let other = OtherProcess::open(&path, Writer);
        assert_eq!(other.verdict, "opened 0");
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
        let started: Vec<_> = (0..8)
            .map(|_| OtherProcess::spawn(OtherProcess::command(&path, Writer)).unwrap())
            .collect();
        let others: Vec<_> =
            started.into_iter().map(|child| OtherProcess::listen(child).unwrap()).collect();
        let won = others.iter().filter(|o| o.has_opened()).count();
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
        let other = OtherProcess::open(&path, Writer);
        assert_eq!(other.verdict, "opened 0");
        other.kill();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.len().unwrap(), 1, "what it wrote survives");
    }

    #[test]
    fn holds_nothing_any_more() {
        let (_folder, path) = folder();
        OtherProcess::open(&path, Writer).kill();
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
        let other = OtherProcess::open(&path, Writer);
        assert_eq!(Emdb::lock_holder(&path).unwrap().unwrap().pid, other.id());
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
        let other = OtherProcess::open(&path, Writer);
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
        OtherProcess::open(&path, Writer).kill();
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
mod a_forked_child;

#[cfg(unix)]
mod a_lock_file {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::*;

    fn owner_and_mode(path: &Path) -> (u32, u32, u32) {
        let meta = fs::metadata(path).unwrap();
        (meta.uid(), meta.gid(), meta.mode() & 0o777)
    }

    #[test]
    fn has_mode_and_owner_of_the_data_file() {
        let (_folder, path) = folder();
        drop(Emdb::open(&path).unwrap());
        assert_eq!(owner_and_mode(&lock_file(&path)).2, 0o600);
        for (mode, owner) in [(0o660, 1234), (0o640, 77), (0o600, 1234)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            if let Err(e) = chown(&path, Some(owner), Some(owner + 1)) {
                println!("the owner is left as it is: {e}");
            }
            let db = Emdb::open(&path).unwrap();
            assert_eq!(owner_and_mode(&lock_file(&path)), owner_and_mode(&path));
            assert_eq!(owner_and_mode(&path).2, mode);
            db.close().unwrap();
        }
    }

    #[test]
    fn that_has_another_name_is_left_as_it_is() {
        let (_folder, path) = folder();
        drop(Emdb::open(&path).unwrap());
        fs::hard_link(lock_file(&path), path.with_file_name("other")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        drop(Emdb::open(&path).unwrap());
        assert_eq!(owner_and_mode(&lock_file(&path)).2, 0o600);
    }
}
