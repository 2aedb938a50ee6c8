//! Paths that are links.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_symbolic_link_finds_the_same_lock() {
    let (folder, path) = folder();
    let link = folder.path().join("link");
    let _db = Emdb::open(&path).unwrap();
    symlink(&path, &link).unwrap();
    assert!(matches!(Emdb::open(&link), Err(Error::AlreadyLocked)));
}

#[test]
fn a_symbolic_link_leads_to_the_same_data() {
    let (folder, path) = folder();
    let link = folder.path().join("link");
    symlink("db", &link).unwrap();
    Emdb::open(&link).unwrap().insert("k", "v").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(value(&Emdb::open(&path).unwrap(), "k").as_deref(), Some("v"));
}

#[test]
fn a_linked_folder_finds_the_same_lock() {
    let (folder, _) = folder();
    fs::create_dir(folder.path().join("real")).unwrap();
    symlink("real", folder.path().join("alias")).unwrap();
    let _db = Emdb::open(folder.path().join("real/db")).unwrap();
    let again = Emdb::open(folder.path().join("alias/db"));
    assert!(matches!(again, Err(Error::AlreadyLocked)));
}

#[test]
fn a_hard_link_is_locked_with_its_file() {
    let (folder, path) = folder();
    let link = folder.path().join("link");
    let db = Emdb::open(&path).unwrap();
    fs::hard_link(&path, &link).unwrap();
    assert!(matches!(Emdb::open(&link), Err(Error::AlreadyLocked)));
    db.close().unwrap();
    assert!(Emdb::open(&link).is_ok());
}

#[test]
fn links_in_a_circle_are_an_error() {
    let (_folder, path) = folder();
    symlink("db", &path).unwrap();
    assert!(matches!(Emdb::open(&path), Err(Error::Io(_))));
}
