//! Opening, closing, and finding the file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use emdb::{Emdb, Error, IoBackend};

use crate::common::folder;

/// Bytes of the two header slots in front of the journal.
const HEADER: u64 = 8192;

fn value(db: &Emdb, key: &str) -> Option<String> {
    db.get(key).unwrap().map(|v| String::from_utf8(v).unwrap())
}

mod open {
    use super::*;

    #[test]
    fn makes_a_file_that_is_not_there() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        assert!(path.is_file());
        assert_eq!(db.len().unwrap(), 0);
    }

    #[test]
    fn finds_what_was_written_before() {
        let (_folder, path) = folder();
        Emdb::open(&path).unwrap().insert("k", "v").unwrap();
        assert_eq!(value(&Emdb::open(&path).unwrap(), "k").as_deref(), Some("v"));
    }

    #[test]
    fn takes_an_empty_file_for_a_new_database() {
        let (_folder, path) = folder();
        fs::write(&path, b"").unwrap();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        db.close().unwrap();
        assert_eq!(value(&Emdb::open(&path).unwrap(), "k").as_deref(), Some("v"));
    }

    #[test]
    fn makes_no_folders() {
        let (folder, _) = folder();
        let missing = folder.path().join("missing");
        match Emdb::open(missing.join("db")) {
            Err(Error::Io(e)) => assert_eq!(e.kind(), ErrorKind::NotFound),
            other => panic!("{other:?}"),
        }
        assert!(!missing.exists());
    }

    #[test]
    fn refuses_a_folder() {
        let (folder, _) = folder();
        assert!(matches!(Emdb::open(folder.path()), Err(Error::Io(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn refuses_an_empty_path() {
        assert!(matches!(Emdb::open(""), Err(Error::Io(_))));
    }

    #[test]
    fn refuses_a_foreign_file_and_leaves_it_as_it_was() {
        let (_folder, path) = folder();
        for len in [1, 7, 100, 8192, 20_000] {
            let foreign: Vec<u8> = b"SQLite format 3\0".iter().copied().cycle().take(len).collect();
            fs::write(&path, &foreign).unwrap();
            assert!(matches!(Emdb::open(&path), Err(Error::MagicMismatch)), "{len}");
            assert_eq!(fs::read(&path).unwrap(), foreign);
        }
    }

    #[test]
    fn refuses_a_file_of_zeros_and_leaves_it_as_it_was() {
        let (_folder, path) = folder();
        fs::write(&path, vec![0; 10_000]).unwrap();
        assert!(matches!(Emdb::open(&path), Err(Error::MagicMismatch)));
        assert_eq!(fs::read(&path).unwrap(), vec![0; 10_000]);
    }

    #[test]
    fn lets_go_of_a_foreign_file() {
        let (_folder, path) = folder();
        fs::write(&path, "text").unwrap();
        assert!(Emdb::open(&path).is_err());
        assert!(Emdb::lock_holder(&path).unwrap().is_none());
        fs::write(&path, "").unwrap();
        assert!(Emdb::open(&path).is_ok());
    }

    #[test]
    fn names_the_version_of_a_file_that_is_too_new() {
        let (_folder, path) = folder();
        Emdb::open(&path).unwrap().close().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        for slot in bytes[..HEADER as usize].chunks_mut(HEADER as usize / 2) {
            slot[8..12].copy_from_slice(&77u32.to_le_bytes());
            let check = crc32c(&slot[..508]).to_le_bytes();
            slot[508..512].copy_from_slice(&check);
        }
        fs::write(&path, &bytes).unwrap();
        match Emdb::open(&path) {
            Err(Error::VersionMismatch { found: 77, expected: 1 }) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    /// CRC-32C, bit by bit.
    fn crc32c(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |c, _| {
                if c & 1 == 0 { c >> 1 } else { c >> 1 ^ 0x82F6_3B78 }
            })
        })
    }

    #[cfg(unix)]
    #[test]
    fn makes_files_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        db.flush().unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
        }
    }

    #[test]
    fn leaves_no_files_but_data_and_lock() {
        let (folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        db.close().unwrap();
        Emdb::open(&path).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["db", "db.lock"]);
    }
}

#[cfg(unix)]
mod links;

mod in_memory {
    use super::*;

    #[test]
    fn two_databases_share_nothing() {
        let (a, b) = (Emdb::open_in_memory(), Emdb::open_in_memory());
        a.insert("k", "a").unwrap();
        assert_eq!(b.get("k").unwrap(), None);
        assert_ne!(a.path(), b.path());
    }

    #[test]
    fn no_file_is_at_the_path() {
        let db = Emdb::open_in_memory();
        db.insert("k", "v").unwrap();
        db.flush().unwrap();
        assert!(!db.path().as_os_str().is_empty());
        assert!(!db.path().exists());
        assert_eq!(db.stats().unwrap().io_backend, IoBackend::Memory);
    }

    #[test]
    fn handles_share_one_database() {
        let db = Emdb::open_in_memory();
        let other = db.clone_handle();
        db.insert("k", "v").unwrap();
        drop(db);
        assert_eq!(value(&other, "k").as_deref(), Some("v"));
    }

    #[test]
    fn a_builder_without_a_path_makes_one() {
        let db = Emdb::builder().build().unwrap();
        assert!(!db.path().exists());
        assert_eq!(db.stats().unwrap().io_backend, IoBackend::Memory);
    }

    #[test]
    fn nothing_is_recovered() {
        assert!(Emdb::open_in_memory().recovery().is_none());
    }

    #[test]
    fn it_closes() {
        let db = Emdb::open_in_memory();
        db.insert("k", "v").unwrap();
        db.close().unwrap();
    }
}

mod handles {
    use super::*;

    #[test]
    fn are_clone_send_sync_and_static() {
        fn check<T: Clone + Send + Sync + 'static>() {}
        check::<Emdb>();
        check::<emdb::Namespace>();
    }

    #[test]
    fn see_each_others_writes() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let (clone, other) = (db.clone(), db.clone_handle());
        clone.insert("k", "v").unwrap();
        assert_eq!(value(&other, "k").as_deref(), Some("v"));
        assert_eq!(other.path(), db.path());
    }

    #[test]
    fn keep_the_database_open_until_the_last_one_goes() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let namespace = db.namespace("n").unwrap();
        drop(db);
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        namespace.insert("k", "v").unwrap();
        drop(namespace);
        assert!(Emdb::open(&path).is_ok());
    }

    #[test]
    fn give_the_path_as_it_was_given() {
        let (folder, _) = folder();
        let path = folder.path().join(".").join("x").join("..").join("db");
        fs::create_dir(folder.path().join("x")).unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.path().as_os_str(), path.as_os_str());
    }

    #[test]
    fn a_relative_path_is_one_below_the_working_folder() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let path = Path::new(folder.path().file_name().unwrap()).join("db");
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.path(), path);
        assert!(folder.path().join("db").is_file());
    }
}

mod close {
    use super::*;

    #[test]
    fn lets_the_next_open_in() {
        let (_folder, path) = folder();
        for round in 0..5 {
            let db = Emdb::open(&path).unwrap();
            assert_eq!(db.len().unwrap(), round);
            db.insert(round.to_be_bytes(), "v").unwrap();
            db.close().unwrap();
        }
    }

    #[test]
    fn is_refused_while_another_handle_lives_and_that_one_goes_on() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let other = db.clone_handle();
        assert!(matches!(db.close(), Err(Error::AlreadyLocked)));
        other.insert("k", "v").unwrap();
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        other.close().unwrap();
        assert_eq!(value(&Emdb::open(&path).unwrap(), "k").as_deref(), Some("v"));
    }

    #[test]
    fn is_refused_while_a_namespace_lives() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let namespace = db.namespace("n").unwrap();
        assert!(matches!(db.close(), Err(Error::AlreadyLocked)));
        namespace.insert("k", "v").unwrap();
    }

    #[test]
    fn is_not_kept_by_iterators_and_borrowed_values() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        let value = db.get_zerocopy("k").unwrap().unwrap();
        let iter = db.iter().unwrap();
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "w").unwrap();
        assert_eq!(value, b"v"[..]);
        assert_eq!(iter.collect::<Vec<_>>(), [(b"k".to_vec(), b"v".to_vec())]);
    }

    #[test]
    fn trims_what_was_allocated_ahead() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        assert!(fs::metadata(&path).unwrap().len() > HEADER + 1000);
        db.close().unwrap();
        let len = fs::metadata(&path).unwrap().len();
        assert!(len <= HEADER + 100, "{len}");
    }

    #[test]
    fn leaves_a_clean_file() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("a", "1").unwrap();
        db.insert("b", "2").unwrap();
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        let report = db.recovery().unwrap();
        assert!(report.clean);
        assert_eq!(report.records_replayed, 2);
        assert_eq!((report.torn_bytes, report.commits_dropped), (0, 0));
        assert_eq!(report.torn_file, None);
    }

    #[test]
    fn of_an_untouched_database_writes_nothing() {
        let (_folder, path) = folder();
        Emdb::open(&path).unwrap().insert("k", "v").unwrap();
        let before = fs::read(&path).unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(value(&db, "k").as_deref(), Some("v"));
        db.close().unwrap();
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn happens_on_drop_as_well() {
        let (_folder, path) = folder();
        Emdb::open(&path).unwrap().insert("k", "v").unwrap();
        assert!(fs::metadata(&path).unwrap().len() <= HEADER + 100);
        assert!(Emdb::open(&path).unwrap().recovery().unwrap().clean);
    }
}

mod an_open_of_a_copy_of_an_open_file {
    use super::*;

    #[test]
    fn has_all_that_was_written_and_says_that_it_was_not_closed() {
        let (folder, path) = folder();
        let copy = folder.path().join("copy");
        let db = Emdb::open(&path).unwrap();
        for n in 0..100u32 {
            db.insert(n.to_be_bytes(), "v").unwrap();
        }
        fs::copy(&path, &copy).unwrap();
        let copy = Emdb::open(&copy).unwrap();
        assert_eq!(copy.len().unwrap(), 100);
        let report = copy.recovery().unwrap();
        assert!(!report.clean);
        assert_eq!((report.records_replayed, report.torn_bytes), (100, 0));
    }
}

mod builder {
    use super::*;

    fn refused(result: emdb::Result<Emdb>) -> String {
        match result {
            Err(Error::InvalidConfig(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn path_opens_that_file() {
        let (_folder, path) = folder();
        let db = Emdb::builder().path(&path).build().unwrap();
        assert_eq!(db.path(), path);
        assert!(path.is_file());
    }

    #[test]
    fn names_make_a_file_below_the_root_with_its_folders() {
        let (folder, _) = folder();
        let root = folder.path().join("some/where");
        let builder = Emdb::builder().app_name("app").database_name("main.db").data_root(&root);
        let db = builder.build().unwrap();
        assert_eq!(db.path(), root.join("app/main.db"));
        assert!(root.join("app/main.db").is_file());
    }

    #[test]
    fn each_name_asks_for_the_other() {
        assert!(refused(Emdb::builder().app_name("a").build()).contains("database_name"));
        assert!(refused(Emdb::builder().database_name("a").build()).contains("app_name"));
    }

    #[test]
    fn names_that_leave_the_folder_are_refused_and_nothing_is_made() {
        let (folder, _) = folder();
        for bad in ["", "..", ".", "/", "/abs", "a/b", "a\\b", "../x", "x/", "x/.."] {
            for (app, database) in [(bad, "ok"), ("ok", bad)] {
                let builder = Emdb::builder().data_root(folder.path());
                let reason = refused(builder.app_name(app).database_name(database).build());
                let which = if app == bad { "app_name" } else { "database_name" };
                assert!(reason.contains(which), "{reason}");
            }
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_and_path_together_are_refused() {
        let (_folder, path) = folder();
        refused(Emdb::builder().path(&path).app_name("a").database_name("b").build());
        refused(Emdb::builder().path(&path).app_name("a").build());
        refused(Emdb::builder().path(&path).database_name("b").build());
        assert!(!path.exists());
    }

    #[test]
    fn a_root_without_names_is_refused() {
        let (folder, path) = folder();
        refused(Emdb::builder().data_root(folder.path()).build());
        refused(Emdb::builder().data_root(folder.path()).path(&path).build());
        assert!(!path.exists());
    }

    #[test]
    fn a_period_of_zero_is_refused() {
        refused(Emdb::builder().flush_every(std::time::Duration::ZERO).build());
    }

    #[test]
    fn can_be_used_twice() {
        let (_folder, path) = folder();
        let builder = Emdb::builder().path(&path);
        drop(builder.clone().build().unwrap());
        assert!(builder.build().is_ok());
    }
}
