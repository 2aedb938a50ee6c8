//! The call itself: refused, cancelled, concurrent.

use super::*;

#[test]
fn inside_a_transaction_is_refused() {
    let (_folder, db, target) = sample();
    commit(&db, |tx| {
        tx.insert("key", "value")?;
        assert!(matches!(db.backup_to(&target), Err(Error::TransactionActive)));
        Ok(())
    })
    .unwrap();
    assert!(!target.exists());
    db.backup_to(&target).unwrap();
}

#[test]
fn that_is_cancelled_leaves_the_old_target() {
    let (folder, db, target) = sample();
    let large = vec![1; 700_000];
    (0..6u8).for_each(|n| db.insert([n], &large).unwrap());
    let listing = |folder: &Path| {
        let all = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    };
    let before = listing(folder.path());
    let cancelled = db.backup_to_with(&target, |_| ControlFlow::Break(()));
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    assert!(!target.exists());
    let lock = target.with_file_name("copy.lock");
    let after = listing(folder.path());
    assert!(after.iter().all(|n| before.contains(n) || Some(&**n) == lock.file_name()));
    db.backup_to(&target).unwrap();
    let state = content(&target);
    db.insert("newer", "value").unwrap();
    let mut steps = 0;
    for last in 0.. {
        let mut calls = 0;
        let done = db.backup_to_with(&target, |progress| {
            assert!(progress.done <= progress.total);
            calls += 1;
            if calls > last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if done.is_ok() {
            break;
        }
        steps += 1;
        assert!(matches!(done, Err(Error::Cancelled)));
        assert!(content(&target) == state);
        assert!(!temp(&target).exists());
    }
    assert!(steps > 2, "{steps}");
    assert!(content(&target) == read_state(&db).unwrap());
}

#[test]
fn may_read_write_and_compact_in_its_callback() {
    within_a_minute(|| {
        let (_folder, db, target) = sample();
        let state = read_state(&db).unwrap();
        db.backup_to_with(&target, |_| {
            db.insert("meanwhile", "value").unwrap();
            db.compact().unwrap();
            db.namespace("other").unwrap().clear().unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!(content(&target) == state, "the copy is of the moment when it began");
        assert_eq!(db.len().unwrap(), 501);
    });
}

#[test]
fn that_panics_in_its_callback_leaves_the_target_usable() {
    let (_folder, db, target) = sample();
    db.backup_to(&target).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = db.backup_to_with(&target, |_| std::panic::resume_unwind(Box::new("on purpose")));
    }));
    assert!(panicked.is_err());
    assert!(content(&target) == read_state(&db).unwrap());
    db.backup_to(&target).unwrap();
}

#[test]
fn twice_at_once_to_one_target_is_done_once_at_least() {
    within_a_minute(|| {
        let (_folder, db, target) = sample();
        let outcomes = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| db.backup_to(&target)));
            threads.map(|t| t.join().unwrap())
        });
        assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
        let locked = |r: &emdb::Result<()>| matches!(r, Ok(()) | Err(Error::AlreadyLocked));
        assert!(outcomes.iter().all(locked), "{outcomes:?}");
        assert!(content(&target) == read_state(&db).unwrap());
        assert!(!temp(&target).exists());
    });
}

#[test]
fn of_two_databases_to_each_other_is_refused_while_they_are_open() {
    let (_folder, db, target) = sample();
    let other = Emdb::open(&target).unwrap();
    assert!(matches!(other.backup_to(db.path()), Err(Error::AlreadyLocked)));
    assert!(matches!(db.backup_to(&target), Err(Error::AlreadyLocked)));
}

#[test]
fn reports_a_damaged_live_record_and_keeps_the_target() {
    let (_folder, db, target) = sample();
    db.backup_to(&target).unwrap();
    let state = content(&target);
    db.insert("damaged", "THE VALUE").unwrap();
    db.flush().unwrap();
    let mut bytes = fs::read(db.path()).unwrap();
    let at = bytes.windows(9).rposition(|w| w == b"THE VALUE").unwrap();
    bytes[at] ^= 1;
    fs::write(db.path().with_file_name("damaged"), &bytes).unwrap();
    drop(db);
    let damaged = target.with_file_name("damaged");
    if let Ok(db) = Emdb::open(&damaged) {
        assert!(matches!(db.backup_to(&target), Err(Error::Corrupted { .. })));
        assert!(!temp(&target).exists());
    }
    assert!(content(&target) == state);
}

/// A child process, which may change its working directory.
#[test]
fn child_process() {
    let Some([folder]) = child::arguments() else { return };
    std::env::set_current_dir(&folder).unwrap();
    let db = Emdb::open("db").unwrap();
    db.insert("key", "value").unwrap();
    db.backup_to("copy").unwrap();
    db.backup_to("./sub/copy").unwrap();
    assert!(matches!(db.backup_to("sub/../db"), Err(Error::InvalidConfig(_))));
    std::env::set_current_dir("sub").unwrap();
    db.backup_to("other").unwrap();
    assert!(matches!(db.backup_to("../db"), Err(Error::InvalidConfig(_))));
    db.compact().unwrap();
    db.insert("key 2", "value").unwrap();
}

#[test]
fn takes_relative_paths_from_the_present_folder() {
    let (folder, path) = folder();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let mut child = child::command(child_process, &[folder.path().to_str().unwrap()]);
    let child = child.output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    for name in ["copy", "sub/copy", "sub/other"] {
        assert_eq!(content(&folder.path().join(name)).len(), 1, "{name}");
    }
    assert_eq!(content(&path).len(), 2);
    assert!(!folder.path().join("sub/db").exists());
}
