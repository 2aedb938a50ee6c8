//! Refusals of the operating system are told with the file that they are about.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

use emdb::{Emdb, Error};
use emdb_testing::child;

use crate::common::folder;

/// The text of an error of the operating system.
fn said<T: std::fmt::Debug>(done: emdb::Result<T>) -> String {
    match done {
        Err(error @ Error::Io(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, path) = folder();
    let missing = folder.path().join("missing");
    let name = missing.to_str().unwrap();
    let target = missing.join("db");
    let db = Emdb::open(&path).unwrap();
    for text in [
        said(Emdb::open(&target)),
        said(Emdb::builder().path(&target).read_only(true).build()),
        said(db.backup_to(&target)),
        said(Emdb::salvage(path.with_file_name("no db"), &target, None)),
    ] {
        assert!(text.contains(name) || text.contains("no db"), "{text}");
        assert!(text.contains("No such file or directory"), "{text}");
    }
    // The code is there, for whoever asks for it.
    let Err(Error::Io(error)) = Emdb::open(&target) else { panic!("the folder is missing") };
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_name_that_is_taken_is_named() {
    let (folder, path) = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let text = said(Emdb::open(file.join("db")));
    assert!(text.contains(file.to_str().unwrap()), "{text}");
    fs::create_dir(folder.path().join("db.lock")).unwrap();
    let text = said(Emdb::open(&path));
    assert!(text.contains("lock file") && text.contains("db.lock"), "{text}");
}

/// The part of a child that has no rights here: it tells what it was told.
#[test]
fn child_process() {
    let Some([kind, path]) = child::arguments() else { return };
    let path = Path::new(&path);
    let text = match &*kind {
        "open" => said(Emdb::open(path)),
        "read" => said(Emdb::builder().path(path).read_only(true).build()),
        "backup" => said(Emdb::open_in_memory().backup_to(path)),
        "salvage" => said(Emdb::salvage(path, path.with_file_name("target"), None)),
        other => panic!("{other}"),
    };
    println!("\nsaid {text}");
}

#[test]
fn a_file_without_permission_is_named() {
    let (folder, path) = folder();
    set_mode(folder.path(), 0o755);
    Emdb::open(&path).unwrap().insert("key", "value").unwrap();
    let new = folder.path().join("new");
    for (kind, path, refused) in [
        ("open", &path, "open the lock file"),
        ("open", &new, "open the lock file"),
        ("read", &path, "open"),
        ("backup", &new, "open the lock file"),
        ("salvage", &path, "open"),
    ] {
        let mut command = child::command(child_process, &[kind, path.to_str().unwrap()]);
        // Nobody, to whom root's files are closed.
        let output = match command.uid(65534).gid(65534).output() {
            Ok(output) => output,
            Err(e) => return println!("skipped: no child of another user: {e}"),
        };
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = out.lines().find_map(|line| line.strip_prefix("said ")).unwrap_or(&out);
        let named = text.contains(path.to_str().unwrap()) && text.contains(refused);
        assert!(named && text.contains("Permission denied"), "{kind}: {text}");
    }
}
