//! A data file that is mounted by itself, as containers do it: no other file can take its place.
//!
//! Needs the right to mount; without it these tests say so and pass.

use std::fs;
use std::process::Command;

use emdb::Error;
use tempfile::TempDir;

use super::*;

/// A file that is mounted on another one.
struct Mounted {
    _folder: TempDir,
    path: PathBuf,
    source: PathBuf,
}

impl Mounted {
    /// None, with the reason printed, where that is not permitted. The file is empty, or what `make`
    /// leaves there.
    fn new(make: impl FnOnce(&Path)) -> Option<Mounted> {
        let (folder, path) = folder();
        let source = folder.path().join("source/db");
        fs::create_dir(folder.path().join("source")).unwrap();
        fs::write(&source, "").unwrap();
        make(&source);
        fs::write(&path, "").unwrap();
        let output = Command::new("mount").arg("--bind").args([&source, &path]).output();
        match output {
            Ok(output) if output.status.success() => {
                Some(Mounted { _folder: folder, path, source })
            }
            other => {
                println!("skipped: a file can't be mounted: {other:?}");
                None
            }
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // At once for the name, whoever still has it open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).output();
    }
}

#[test]
fn is_not_compacted_and_all_else_is_as_ever() {
    let Some(mounted) = Mounted::new(|path| litter(&Emdb::open(path).unwrap(), 3)) else { return };
    let path = &mounted.path;
    let db = Emdb::open(path).unwrap();
    assert!(!db.stats().unwrap().can_compact);
    let state = read_state(&db).unwrap();
    let Err(Error::Io(e)) = db.compact() else { panic!("a mount point has got another file") };
    assert_eq!(e.kind(), std::io::ErrorKind::Unsupported);
    let said = e.to_string();
    assert!(said.contains(path.to_str().unwrap()) && said.contains("mount the folder"), "{said}");
    assert!(!temp(path).exists());
    db.checkpoint().unwrap();
    db.backup_to(path.with_file_name("copy")).unwrap();
    db.insert("more", "of it").unwrap();
    db.remove("more").unwrap();
    assert_state_lasts(db, path, &state);
    // By its other name it can be.
    let db = Emdb::open(&mounted.source).unwrap();
    assert!(db.stats().unwrap().can_compact);
    assert!(read_state(&db).unwrap() == state);
}

#[test]
fn is_told_at_the_open_that_was_to_compact_it() {
    let Some(mounted) = Mounted::new(|path| litter(&Emdb::open(path).unwrap(), 3)) else { return };
    let builder = || Emdb::builder().path(&mounted.path);
    let Err(Error::InvalidConfig(said)) = builder().auto_compact(0.5, 1).build() else {
        panic!("it can't be compacted")
    };
    assert!(said.contains("mounted by itself") && said.contains("without auto_compact"), "{said}");
    builder().build().unwrap();
}

#[test]
fn becomes_a_database_where_it_is_if_it_is_empty() {
    let Some(mounted) = Mounted::new(|_| ()) else { return };
    let db = Emdb::open(&mounted.path).unwrap();
    assert!(matches!(Emdb::open(&mounted.path), Err(Error::AlreadyLocked)));
    litter(&db, 1);
    let state = read_state(&db).unwrap();
    assert_state_lasts(db, &mounted.path, &state);
    let db = Emdb::open(&mounted.source).unwrap();
    assert!(read_state(&db).unwrap() == state);
}
