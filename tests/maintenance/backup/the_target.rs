//! Where a copy goes, and what is there already.

use super::*;

fn is_config(result: emdb::Result<()>) -> bool {
    matches!(result, Err(Error::InvalidConfig(_)))
}

#[test]
fn is_never_a_file_of_the_database_itself() {
    let (folder, db, _) = sample();
    let state = read_state(&db).unwrap();
    let root = folder.path();
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("db.meta"), "an index").unwrap();
    fs::hard_link(root.join("db"), root.join("hard")).unwrap();
    fs::hard_link(root.join("db.lock"), root.join("hard lock")).unwrap();
    let mut names = vec!["db", "hard", "hard lock", "sub/../db", "./db", "db.lock", "db.meta"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("db", root.join("soft")).unwrap();
        std::os::unix::fs::symlink("soft", root.join("sub/../softer")).unwrap();
        std::os::unix::fs::symlink("db.lock", root.join("soft lock")).unwrap();
        names.extend(["soft", "softer", "soft lock"]);
    }
    for name in names {
        let refused = db.backup_to(root.join(name));
        assert!(is_config(refused), "{name}");
    }
    assert!(is_config(db.backup_to(db.path())));
    fs::remove_file(root.join("hard")).unwrap();
    fs::remove_file(root.join("db.meta")).unwrap();
    assert!(read_state(&db).unwrap() == state);
    assert!(matches!(Emdb::open(root.join("db")), Err(Error::AlreadyLocked)));
    db.close().unwrap();
    assert!(content(&root.join("db")) == state);
}

#[test]
fn that_is_another_database_is_replaced() {
    let (_folder, db, target) = sample();
    let old = Emdb::open(&target).unwrap();
    old.insert("old", "value").unwrap();
    old.namespace("old").unwrap().insert("old", "value").unwrap();
    old.close().unwrap();
    for round in 0..3u32 {
        db.insert("round", round.to_le_bytes()).unwrap();
        db.backup_to(&target).unwrap();
        assert!(content(&target) == read_state(&db).unwrap());
    }
}

#[test]
fn that_is_open_is_refused() {
    let (_folder, db, target) = sample();
    let open = Emdb::open(&target).unwrap();
    open.insert("key", "kept").unwrap();
    assert!(matches!(db.backup_to(&target), Err(Error::AlreadyLocked)));
    open.compact().unwrap();
    assert!(matches!(db.backup_to(&target), Err(Error::AlreadyLocked)));
    let link = target.with_file_name("link");
    fs::hard_link(&target, &link).unwrap();
    assert!(matches!(db.backup_to(&link), Err(Error::AlreadyLocked)));
    assert_eq!(open.get("key").unwrap(), Some(b"kept".to_vec()));
    open.close().unwrap();
    assert_eq!(content(&target).len(), 1);
    db.backup_to(&target).unwrap();
    // The link leads to the former file, which is another database now.
    assert_eq!(content(&link).len(), 1);
}

#[test]
fn that_is_being_written_is_locked() {
    let (_folder, db, target) = sample();
    db.backup_to(&target).unwrap();
    let mut calls = 0;
    db.backup_to_with(&target, |_| {
        calls += 1;
        assert!(matches!(Emdb::open(&target), Err(Error::AlreadyLocked)));
        assert!(matches!(db.backup_to(&target), Err(Error::AlreadyLocked)));
        let holder = Emdb::lock_holder(&target).unwrap().unwrap();
        assert_eq!(holder.pid, std::process::id());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(calls > 0);
    assert!(Emdb::lock_holder(&target).unwrap().is_none());
    assert!(content(&target) == read_state(&db).unwrap());
}

#[test]
fn that_is_something_else_is_not_touched() {
    let (_folder, db, target) = sample();
    let texts = [1, 3, 7, 8, 20, 511, 512, 513, 5000, 100_000].map(|n| vec![b'a'; n]);
    for text in texts {
        fs::write(&target, &text).unwrap();
        let refused = db.backup_to(&target);
        assert!(matches!(refused, Err(Error::MagicMismatch)), "{}: {refused:?}", text.len());
        assert!(fs::read(&target).unwrap() == text, "{} bytes", text.len());
        assert!(!temp(&target).exists());
    }
    fs::write(&target, "").unwrap();
    db.backup_to(&target).unwrap();
    assert!(content(&target) == read_state(&db).unwrap());
}

#[test]
fn in_a_missing_folder_or_a_folder_itself_is_an_error() {
    let (folder, db, target) = sample();
    let missing = folder.path().join("missing/copy");
    assert!(matches!(db.backup_to(&missing), Err(Error::Io(_))));
    assert!(!folder.path().join("missing").exists());
    fs::create_dir(&target).unwrap();
    assert!(db.backup_to(&target).is_err());
    assert!(db.backup_to(folder.path().join("..")).is_err());
    assert!(db.backup_to("").is_err());
    assert!(target.is_dir() && fs::read_dir(&target).unwrap().count() == 0);
}

#[cfg(unix)]
#[test]
fn may_be_reached_by_a_link() {
    let (folder, db, target) = sample();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("copy", &link).unwrap();
    for _ in 0..2 {
        db.backup_to(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::symlink_metadata(&target).unwrap().is_file());
        assert!(content(&target) == read_state(&db).unwrap());
    }
}

#[cfg(unix)]
#[test]
fn is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, db, target) = sample();
    db.backup_to(&target).unwrap();
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn leads_nobody_astray_by_its_temporary_name() {
    let (_folder, db, target) = sample();
    let victim = target.with_file_name("victim");
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, temp(&target)).unwrap();
    db.backup_to(&target).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert!(content(&target) == read_state(&db).unwrap());
}

#[test]
fn left_unfinished_by_a_crash_is_no_hindrance() {
    let (_folder, db, target) = sample();
    fs::write(temp(&target), "half of a file").unwrap();
    db.backup_to(&target).unwrap();
    assert!(!temp(&target).exists());
    fs::write(temp(&target), "half of a file").unwrap();
    assert!(content(&target) == read_state(&db).unwrap());
    assert!(!temp(&target).exists());
}

/// The names that this database needs for itself, now and then, are no place for a backup:
/// it would be removed without a word.
#[test]
fn is_no_name_that_the_database_uses_for_a_while() {
    for end in ["compact.tmp", "backup.tmp"] {
        let (folder, db, _) = sample();
        let target = folder.path().join(format!("db.{end}"));
        if is_config(db.backup_to(&target)) {
            continue;
        }
        db.compact().unwrap();
        db.close().unwrap();
        drop(Emdb::open(folder.path().join("db")).unwrap());
        assert!(target.exists(), "{end}: the backup is gone");
    }
}

/// The other way round: what a target needs for itself may be the database.
#[test]
fn does_not_need_the_name_of_the_database() {
    for end in ["backup.tmp", "meta", "lock", "compact.tmp"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("copy.{end}"));
        let db = Emdb::open(&path).unwrap();
        db.insert("key", "value").unwrap();
        let done = db.backup_to(folder.path().join("copy"));
        assert!(path.exists(), "{end}: the database lost its file, and the backup said {done:?}");
        db.insert("later", "value").unwrap();
        db.close().unwrap();
        assert_eq!(content(&path).len(), 2, "{end}");
    }
}
