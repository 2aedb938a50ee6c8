//! The file and its name, mode, links and lock.

use std::fs;

use emdb::Error;
use emdb_testing::child;

use super::*;

#[test]
fn shrinks_to_what_is_live() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let ordered = db.namespace_with("ordered", ORDERED).unwrap();
    for round in 0..4u32 {
        for namespace in [&*db, &ordered] {
            let value = vec![round as u8; 200];
            namespace.insert_many((0..10_000u32).map(|n| (n.to_be_bytes(), &value))).unwrap();
        }
    }
    let before = db.stats().unwrap();
    db.compact().unwrap();
    let after = db.stats().unwrap();
    let live = 20_000 * (4 + 200) + 20_000 * 12;
    assert!(before.dead_bytes > 3 * live / 2, "{before:?}");
    assert!(after.dead_bytes < 1000, "{after:?}");
    assert!(after.logical_size_bytes < before.logical_size_bytes / 3, "{after:?}");
    let len = fs::metadata(&path).unwrap().len();
    assert!((len as f64) < 1.08 * live as f64, "{len} bytes for {live}");
    assert_eq!(after.live_records, before.live_records);
    assert_eq!(after.namespace_count, before.namespace_count);
    drop(ordered);
    db.close().unwrap();
    // A close adds its marks, and nothing that is allocated ahead.
    assert!(fs::metadata(&path).unwrap().len() <= len + 1000);
    let db = Emdb::open(&path).unwrap();
    assert!(db.stats().unwrap().dead_bytes < 1000);
}

#[test]
fn is_locked_throughout() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    let link = path.with_file_name("link");
    for _ in 0..3 {
        compact_around(&db, || assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked))));
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        let holder = Emdb::lock_holder(&path).unwrap().unwrap();
        assert_eq!(holder.pid, std::process::id());
        assert!(matches!(Emdb::break_lock(&path), Err(Error::AlreadyLocked)));
        // The new file is locked as well, and so is it by another name.
        fs::hard_link(&path, &link).unwrap();
        assert!(matches!(Emdb::open(&link), Err(Error::AlreadyLocked)));
        fs::remove_file(&link).unwrap();
    }
    db.close().unwrap();
    assert!(Emdb::lock_holder(&path).unwrap().is_none());
    Emdb::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    for mode in [0o640, 0o604, 0o600] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        compact_around(&db, || {
            let unfinished = fs::metadata(temp(&path)).unwrap().permissions().mode();
            assert_eq!(unfinished & 0o777 & !mode, 0, "more than the file itself allows");
        });
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
    }
}

#[cfg(unix)]
#[test]
fn stays_where_a_symbolic_link_leads() {
    let (folder, path) = folder();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let link = folder.path().join("sub/link");
    std::os::unix::fs::symlink("../db", &link).unwrap();
    let db = Emdb::open(&link).unwrap();
    litter(&db, 2);
    let state = read_state(&db).unwrap();
    db.compact().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(fs::read_dir(folder.path().join("sub")).unwrap().count(), 1);
    assert_state_lasts(db, &path, &state);
}

#[cfg(unix)]
#[test]
fn with_several_names_is_refused() {
    let (_folder, path) = folder();
    let other = path.with_file_name("other");
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    let state = read_state(&db).unwrap();
    db.flush().unwrap();
    fs::hard_link(&path, &other).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(db.compact(), Err(Error::Io(_))));
    assert!(!temp(&path).exists());
    assert!(fs::read(&path).unwrap() == before && fs::read(&other).unwrap() == before);
    fs::remove_file(other).unwrap();
    db.compact().unwrap();
    assert_state_lasts(db, &path, &state);
}

#[cfg(unix)]
#[test]
fn another_file_that_took_the_path_meanwhile_is_left_alone() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    db.insert_many((0..1000u32).map(|n| (n.to_be_bytes(), "ours"))).unwrap();
    // A backup is put back on the running system.
    let restored = path.with_extension("restored");
    let other = Emdb::open(&restored).unwrap();
    other.insert("theirs", "1").unwrap();
    other.close().unwrap();
    fs::rename(&restored, &path).unwrap();
    let bytes = fs::read(&path).unwrap();
    for failed in [db.compact(), db.checkpoint()] {
        let failed = failed.unwrap_err().to_string();
        assert!(failed.contains("renamed, removed or replaced"), "{failed}");
    }
    // The database goes on, and its last handle leaves the other file alone as well.
    db.insert("later", "1").unwrap();
    assert_eq!(db.len().unwrap(), 1001);
    drop(db);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(!path.with_extension("meta").exists());
    let db = Emdb::open(&path).unwrap();
    assert_eq!((db.len().unwrap(), db.get("theirs").unwrap()), (1, Some(b"1".to_vec())));
}

#[test]
fn a_database_that_began_as_an_empty_file_is_compacted_like_any_other() {
    let (_folder, path) = folder();
    fs::write(&path, b"").unwrap();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    let state = read_state(&db).unwrap();
    db.compact().unwrap();
    db.checkpoint().unwrap();
    assert_state_lasts(db, &path, &state);
}

#[test]
fn is_looked_for_in_the_folder_of_the_open() {
    let (folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    let state = read_state(&db).unwrap();
    let moved = folder.path().with_extension("moved");
    fs::rename(folder.path(), &moved).unwrap();
    assert!(matches!(db.compact(), Err(Error::Io(_))));
    assert!(read_state(&db).unwrap() == state);
    fs::rename(&moved, folder.path()).unwrap();
    db.compact().unwrap();
    assert_state_lasts(db, &path, &state);
}

#[test]
fn what_a_crash_left_goes_with_the_next_open_or_compaction() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 1);
    let state = read_state(&db).unwrap();
    fs::write(temp(&path), "half of a file").unwrap();
    db.compact().unwrap();
    assert!(!temp(&path).exists());
    db.close().unwrap();
    fs::write(temp(&path), "half of a file").unwrap();
    let db = Emdb::open(&path).unwrap();
    assert!(!temp(&path).exists());
    assert_state_lasts(db, &path, &state);
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_from_the_temporary_name() {
    let (_folder, path) = folder();
    let victim = path.with_file_name("victim");
    fs::write(&victim, "precious").unwrap();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    std::os::unix::fs::symlink(&victim, temp(&path)).unwrap();
    db.compact().unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

/// Where `needle` lies in the file.
fn find(path: &Path, needle: &[u8]) -> usize {
    let bytes = fs::read(path).unwrap();
    bytes.windows(needle.len()).rposition(|w| w == needle).unwrap()
}

fn flip(path: &Path, at: usize) {
    use std::io::{Read, Seek, SeekFrom, Write};
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[byte[0] ^ 4]).unwrap();
}

#[test]
fn with_a_damaged_live_record_stays_as_it_is() {
    for (verify, needle) in [(true, "THE VALUE"), (false, "THE VALUE"), (true, "THE KEY")] {
        let (_folder, path) = folder();
        let db = Emdb::builder().path(&path).verify_reads(verify).build().unwrap();
        litter(&db, 2);
        db.insert("THE KEY", "THE VALUE").unwrap();
        litter(&db, 1);
        db.flush().unwrap();
        let at = find(&path, needle.as_bytes());
        flip(&path, at);
        let before = fs::read(&path).unwrap();
        let refused = db.compact();
        assert!(matches!(refused, Err(Error::Corrupted { .. })), "{needle}: {refused:?}");
        assert!(!temp(&path).exists());
        assert!(fs::read(&path).unwrap() == before, "{needle}: the file has changed");
        assert_eq!(db.get("litter 007").unwrap().unwrap(), 0u32.to_le_bytes().repeat(50));
        db.insert("still", "works").unwrap();
        flip(&path, at);
        db.compact().unwrap();
        assert_eq!(db.get("THE KEY").unwrap(), Some(b"THE VALUE".to_vec()));
        assert_eq!(db.get("still").unwrap(), Some(b"works".to_vec()));
    }
}

#[test]
fn damage_to_what_is_dead_goes() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    db.insert("key", "THE DEAD VALUE").unwrap();
    db.flush().unwrap();
    flip(&path, find(&path, b"THE DEAD VALUE"));
    db.insert("key", "the living value").unwrap();
    db.compact().unwrap();
    let expected = State::from([((String::new(), b"key".to_vec()), b"the living value".to_vec())]);
    assert_state_lasts(db, &path, &expected);
}

#[cfg(unix)]
#[test]
fn an_unwritable_folder_is_an_error_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    let state = read_state(&db).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let refused = db.compact();
    // Root may write there all the same.
    assert!(refused.is_ok() || matches!(refused, Err(Error::Io(_))));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    db.compact().unwrap();
    assert_state_lasts(db, &path, &state);
}

#[cfg(target_os = "linux")]
#[test]
fn leaves_no_descriptor_and_no_mapping_behind() {
    let (folder, path) = folder();
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    let name = folder.path().to_str().unwrap();
    let open = || {
        let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        let files = targets.filter(|file| file.to_string_lossy().contains(name)).count();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        (files, maps.lines().filter(|line| line.contains(name)).count())
    };
    let mut most = (0, 0);
    for round in 0..60 {
        litter(&db, 1);
        let snapshot = db.snapshot();
        db.namespace("dropped").unwrap().insert("key", "value").unwrap();
        let cancelled = db.compact_with(|_| ControlFlow::Break(()));
        assert!(matches!(cancelled, Err(Error::Cancelled)));
        db.drop_namespace("dropped").unwrap();
        db.compact().unwrap();
        drop(snapshot);
        if round < 30 {
            most = most.max(open());
        }
    }
    let (files, maps) = open();
    // Other threads may still be about to leave the latest ones.
    assert!(files <= most.0 + 4 && maps <= most.1 + 8, "{most:?}, then {files} and {maps}");
    assert!(files < 40 && maps < 80, "{files} and {maps}");
}

/// The child's part: it tries to open the path.
#[test]
fn child_process() {
    let Some([path]) = child::arguments() else { return };
    let code = match Emdb::open(path) {
        Ok(_) => 10,
        Err(Error::AlreadyLocked) => 11,
        Err(_) => 12,
    };
    std::process::exit(code);
}

#[test]
fn is_locked_for_other_processes_and_theirs_after_the_close() {
    let (_folder, path) = folder();
    let other = || {
        let mut child = child::command(child_process, &[path.to_str().unwrap()]);
        child.output().unwrap().status.code()
    };
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    compact_around(&db, || assert_eq!(other(), Some(11)));
    assert_eq!(other(), Some(11));
    assert_eq!(db.len().unwrap(), 500);
    db.close().unwrap();
    assert_eq!(other(), Some(10));
}

/// Waits for what the background is to do.
fn wait_for(db: &Emdb, done: impl Fn(&emdb::EmdbStats) -> bool) -> emdb::EmdbStats {
    let began = std::time::Instant::now();
    loop {
        let stats = db.stats().unwrap();
        if done(&stats) {
            return stats;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "{stats:?}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn shrinks_by_itself_once_enough_is_dead() {
    let (_folder, path) = folder();
    let db = Emdb::builder().path(&path).auto_compact(0.5, 64 << 10).build().unwrap();
    litter(&db, 20);
    let stats = wait_for(&db, |stats| stats.compactions > 0 && stats.dead_bytes < 200 << 10);
    assert_eq!((stats.live_records, stats.compaction_failures), (500, 0));
    for ratio in [0.0, -1.0, 1.1, f64::NAN] {
        let refused = Emdb::builder().auto_compact(ratio, 1).build();
        assert!(matches!(refused, Err(Error::InvalidConfig(_))), "{ratio}");
    }
}

#[cfg(unix)]
#[test]
fn failing_by_itself_is_counted_and_harms_nothing() {
    let (_folder, path) = folder();
    let db = Emdb::builder().path(&path).auto_compact(0.5, 64 << 10).build().unwrap();
    // A file with two names is not compacted.
    fs::hard_link(&path, path.with_extension("link")).unwrap();
    litter(&db, 20);
    let stats = wait_for(&db, |stats| stats.compaction_failures > 0);
    assert_eq!((stats.live_records, stats.compactions), (500, 0));
    db.insert("key", "value").unwrap();
    assert!(!temp(&path).exists());
}

#[cfg(unix)]
#[test]
fn keeps_the_owner() {
    use std::os::unix::fs::{MetadataExt, chown};
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 3);
    if chown(&path, Some(4321), Some(4322)).is_err() {
        // Only the superuser gives files away.
        return;
    }
    db.compact().unwrap();
    let meta = fs::metadata(&path).unwrap();
    assert_eq!((meta.uid(), meta.gid()), (4321, 4322));
}
