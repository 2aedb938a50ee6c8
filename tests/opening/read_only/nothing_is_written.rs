//! The files in the folder stay as they are, whatever the database is like.

use super::*;

fn unchanged(folder: &Path, path: &Path) {
    let before = picture(folder);
    let db = Emdb::builder()
        .path(path)
        .read_only(true)
        .flush_policy(FlushPolicy::WriteThrough)
        .flush_every(std::time::Duration::from_millis(1))
        .default_ttl(std::time::Duration::from_secs(1))
        .build()
        .unwrap();
    let _ = db.insert("x", "y");
    db.iter().unwrap().for_each(drop);
    assert_eq!(db.sweep_expired(), 0);
    db.flush().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(db.stats().unwrap().syncs, 0);
    db.close().unwrap();
    assert_eq!(picture(folder), before);
}

#[test]
fn to_a_database_that_was_closed() {
    let (folder, path) = folder();
    filled(&path);
    unchanged(folder.path(), &path);
}

#[test]
fn not_even_a_lock_file() {
    let (folder, path) = folder();
    filled(&path);
    fs::remove_file(folder.path().join("db.lock")).unwrap();
    unchanged(folder.path(), &path);
    assert!(!folder.path().join("db.lock").exists());
}

#[test]
fn where_the_lock_file_is_something_else() {
    let (folder, path) = folder();
    filled(&path);
    let lock = folder.path().join("db.lock");
    fs::remove_file(&lock).unwrap();
    symlink("elsewhere", &lock).unwrap();
    unchanged(folder.path(), &path);
}

#[test]
fn to_a_database_whose_writer_was_killed() {
    let (folder, path) = folder();
    let source = folder.path().join("source");
    let db = Emdb::open(&source).unwrap();
    db.insert("k", "v").unwrap();
    fs::copy(&source, &path).unwrap();
    drop(db);
    unchanged(folder.path(), &path);
    let db = read(&path).unwrap();
    assert_eq!(db.len().unwrap(), 1);
    let report = db.recovery().unwrap();
    assert_eq!((report.clean, report.torn_bytes), (false, 0));
}

#[test]
fn to_a_torn_tail_which_is_left_out_of_view() {
    let (folder, path) = folder();
    let at = torn(&path);
    unchanged(folder.path(), &path);
    let db = read(&path).unwrap();
    assert_eq!(db.get("kept").unwrap().unwrap(), b"flushed");
    assert_eq!(db.get("torn").unwrap(), None);
    assert_eq!(db.get("last").unwrap(), None);
    assert_eq!(db.keys().unwrap().collect::<Vec<_>>(), [b"kept"]);
    let report = db.recovery().unwrap();
    assert!(!report.clean && report.torn_bytes > 20);
    assert_eq!((report.commits_dropped, &report.torn_file), (1, &None));
    assert!(db.stats().unwrap().logical_size_bytes < at);
    drop(db);
    // A writer cuts it, and keeps it aside.
    let db = Emdb::open(&path).unwrap();
    assert!(db.recovery().unwrap().torn_file.is_some());
    assert_eq!(db.len().unwrap(), 1);
}

#[test]
fn to_rubbish_at_the_end() {
    let (folder, path) = folder();
    filled(&path);
    File::options().append(true).open(&path).unwrap().write_all(b"rubbish").unwrap();
    unchanged(folder.path(), &path);
    let db = read(&path).unwrap();
    assert_eq!(db.recovery().unwrap().torn_bytes, 7);
    assert_eq!(db.len().unwrap(), 4);
}

#[test]
fn to_a_damaged_file_which_is_told_from_a_torn_one() {
    let (folder, path) = folder();
    filled(&path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8200] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let before = picture(folder.path());
    assert!(matches!(read(&path), Err(Error::Corrupted { .. })));
    assert_eq!(picture(folder.path()), before);
}

#[test]
fn to_an_empty_file_which_is_an_empty_database() {
    let (folder, path) = folder();
    File::create(&path).unwrap();
    unchanged(folder.path(), &path);
    let db = read(&path).unwrap();
    assert!(db.is_empty().unwrap() && db.iter().unwrap().next().is_none());
    assert!(matches!(db.insert("k", "v"), Err(Error::ReadOnly)));
    assert!(matches!(db.namespace("n"), Err(Error::ReadOnly)));
    assert!(db.recovery().unwrap().clean);
    // A writer would put another file in its place.
    assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
    drop(db);
    Emdb::open(&path).unwrap().insert("k", "v").unwrap();
    assert_eq!(read(&path).unwrap().len().unwrap(), 1);
}

#[test]
fn where_there_is_no_file() {
    let (folder, path) = folder();
    let before = picture(folder.path());
    for path in [path, folder.path().join("no").join("db")] {
        assert!(matches!(read(&path), Err(Error::Io(e)) if e.kind() == ErrorKind::NotFound));
    }
    let named = Emdb::builder().app_name("app").database_name("db").data_root(folder.path());
    let opened = named.read_only(true).build();
    assert!(matches!(opened, Err(Error::Io(e)) if e.kind() == ErrorKind::NotFound));
    assert_eq!(picture(folder.path()), before);
}

#[test]
fn by_one_who_may_not_write() {
    let (folder, path) = folder();
    filled(&path);
    let set = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
    set(&path, 0o444).unwrap();
    set(folder.path(), 0o555).unwrap();
    let before = picture(folder.path());
    assert_eq!(read(&path).unwrap().len().unwrap(), 4);
    let mut command = OtherProcess::command(&path, Reader);
    if fs::metadata(&path).unwrap().uid() == 0 {
        // For whom permissions mean nothing; so the child is nobody, who can't open the lock
        // file either.
        command.uid(65_534).gid(65_534);
    }
    let child = OtherProcess::spawn(command);
    if let Some(other) = child.ok().and_then(OtherProcess::listen) {
        assert_eq!(other.verdict, "opened 4");
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked | Error::Io(_))));
        other.finish();
    }
    set(folder.path(), 0o755).unwrap();
    let mut after = picture(folder.path());
    // The refused writer, and the permissions of the folder.
    for changed in [folder.path().to_path_buf(), folder.path().join("db.lock")] {
        after.insert(changed.clone(), before[&changed].clone());
    }
    assert_eq!(after, before);
}

#[test]
fn on_media_that_can_only_be_read() {
    let (folder, path) = folder();
    filled(&path);
    let mut command = Command::new("unshare");
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && \
                 ! touch \"$1/x\" && shift && exec \"$@\"";
    command.args(["--mount", "--", "sh", "-c", mount, "sh"]).arg(folder.path());
    let child = OtherProcess::command(&path, Reader);
    command.arg(child.get_program()).args(child.get_args()).stderr(Stdio::null());
    command.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // Where this user can't mount there is nothing to see.
    let child = OtherProcess::spawn(command);
    if let Some(other) = child.ok().and_then(OtherProcess::listen) {
        assert_eq!(other.verdict, "opened 4");
        other.finish();
    }
}
