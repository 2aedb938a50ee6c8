//! The call itself: cancelled, refused, without space, killed.

use super::*;

/// A source that is whole, and a place for the target.
fn small(folder: &Path) -> (PathBuf, PathBuf) {
    let source = folder.join("source");
    let db = Emdb::open(&source).unwrap();
    db.insert_many((0..2000_u32).map(|n| (n.to_be_bytes(), [1; 1500]))).unwrap();
    db.close().unwrap();
    (source, folder.join("target"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    // What belongs to a database beside its data.
    names.retain(|n| !n.ends_with(".lock") && !n.ends_with(".meta"));
    names.sort();
    names
}

#[test]
fn a_cancelled_salvage_leaves_nothing() {
    let folder = memory_folder();
    let (source, target) = small(folder.path());
    let mut reported = Vec::new();
    Emdb::salvage_with(&source, &target, None, |p| {
        reported.push((p.done, p.total));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(reported.len() > 4 && reported.is_sorted(), "{reported:?}");
    assert!(reported.iter().all(|(done, total)| done <= total));
    let last = reported.last().unwrap();
    assert_eq!(last.0, last.1);
    fs::remove_file(&target).unwrap();
    for stop in 0..reported.len() {
        let mut calls = 0;
        let cancelled = Emdb::salvage_with(&source, &target, None, |_| {
            calls += 1;
            if calls > stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(cancelled, Err(Error::Cancelled)), "{stop}");
        assert_eq!(names(folder.path()), ["source"]);
    }
}

#[test]
fn neither_the_damaged_file_nor_anything_else_is_written_over() {
    let folder = memory_folder();
    let (source, target) = small(folder.path());
    let bytes = fs::read(&source).unwrap();
    let refused = |target: &Path| {
        let result = Emdb::salvage(&source, target, None);
        assert!(matches!(result, Err(Error::InvalidConfig(_))), "{target:?}: {result:?}");
        assert!(fs::read(&source).unwrap() == bytes);
    };
    refused(&source);
    let link = folder.path().join("link");
    fs::hard_link(&source, &link).unwrap();
    refused(&link);
    #[cfg(unix)]
    {
        let symbolic = folder.path().join("symbolic");
        std::os::unix::fs::symlink(&source, &symbolic).unwrap();
        refused(&symbolic);
    }
    // Names that the target would use by the way.
    for suffix in [".lock", ".salvage.tmp", ".salvage.tmp.emdb-tmp"] {
        fs::rename(&link, folder.path().join(format!("target{suffix}"))).unwrap();
        refused(&target);
        fs::rename(folder.path().join(format!("target{suffix}")), &link).unwrap();
    }
    fs::write(&target, "something else").unwrap();
    refused(&target);
    assert_eq!(fs::read(&target).unwrap(), b"something else");
    // An empty file is no database that could be lost.
    fs::write(&target, "").unwrap();
    assert_eq!(Emdb::salvage(&source, &target, None).unwrap().records, 2000);
}

#[test]
fn what_is_open_is_not_salvaged_and_no_open_target_is_replaced() {
    let folder = memory_folder();
    let (source, target) = small(folder.path());
    let db = Emdb::open(&source).unwrap();
    let result = Emdb::salvage(&source, &target, None);
    assert!(matches!(result, Err(Error::AlreadyLocked)), "{result:?}");
    assert_eq!(names(folder.path()), ["source"]);
    drop(db);
    let db = Emdb::open(&target).unwrap();
    fs::remove_file(&target).unwrap();
    let result = Emdb::salvage(&source, &target, None);
    assert!(matches!(result, Err(Error::AlreadyLocked)), "{result:?}");
    drop(db);
    let missing = Emdb::salvage(folder.path().join("missing"), &target, None);
    assert!(matches!(missing, Err(Error::Io(_))));
    assert!(matches!(Emdb::salvage(folder.path(), &target, None), Err(Error::Io(_))));
}

#[test]
fn a_key_for_a_plaintext_file_is_refused() {
    let folder = memory_folder();
    let (source, target) = small(folder.path());
    let key = EncryptionInput::Passphrase("secret".to_owned());
    assert_eq!(format!("{key:?}"), "Passphrase(..)");
    for key in [key, EncryptionInput::RawKey([7; 32])] {
        let result = Emdb::salvage(&source, &target, Some(key));
        assert!(matches!(result, Err(Error::EncryptionError(_))));
    }
    assert_eq!(names(folder.path()), ["source"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_of_the_target() {
    use std::process::Command;
    let folder = tempfile::tempdir().unwrap();
    let (source, _) = small(folder.path());
    let image = folder.path().join("image");
    fs::File::create(&image).unwrap().set_len(2 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image).status();
    println!("an ext4 image: {made:?}");
    for kind in ["tmpfs", "ext4"] {
        let disk = folder.path().join(kind);
        fs::create_dir(&disk).unwrap();
        let mut mount = Command::new("mount");
        match kind {
            "tmpfs" => mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]),
            _ => mount.args(["-o", "loop"]).arg(&image),
        };
        let mounted = mount.arg(&disk).output();
        if !mounted.as_ref().is_ok_and(|m| m.status.success()) {
            println!("skipped: {kind} can't be mounted: {mounted:?}");
            continue;
        }
        let result = Emdb::salvage(&source, disk.join("target"), None);
        let mut left = names(&disk);
        left.retain(|name| name != "lost+found");
        assert!(Command::new("umount").arg(&disk).status().unwrap().success());
        match result {
            Err(Error::Io(e)) => assert_eq!(e.kind(), std::io::ErrorKind::StorageFull, "{kind}"),
            other => panic!("{kind}: {other:?}"),
        }
        assert_eq!(left, [""; 0], "{kind}");
    }
}

/// The child's part: it salvages, and waits to be killed.
#[cfg(unix)]
#[test]
fn child_process() {
    let Some([folder]) = emdb_testing::child::arguments() else { return };
    let folder = Path::new(&folder);
    Emdb::salvage(folder.join("source"), folder.join("target"), None).unwrap();
    victim::done();
}

#[cfg(unix)]
#[test]
fn a_kill_leaves_no_target_or_a_whole_one() {
    let folder = memory_folder();
    let (source, target) = small(folder.path());
    let bytes = fs::read(&source).unwrap();
    let state = read_state(&Emdb::open(&source).unwrap()).unwrap();
    let mut rng = Random(emdb_testing::seed());
    let (mut absent, mut whole) = (0, 0);
    for _ in 0..60 {
        let patience = Duration::from_micros(rng.below(15_000));
        let child = Victim::start(child_process, &[folder.path().to_str().unwrap()]);
        assert_eq!(child.kill(0, patience), [""; 0], "the child failed");
        assert!(fs::read(&source).unwrap() == bytes);
        if target.exists() {
            whole += 1;
            let db = Emdb::open(&target).unwrap();
            assert!(db.recovery().unwrap().clean);
            assert!(read_state(&db).unwrap() == state);
            drop(db);
            fs::remove_file(&target).unwrap();
        } else {
            absent += 1;
        }
    }
    println!("{absent} absent, {whole} whole");
    // What the last one left is no hindrance.
    assert_eq!(Emdb::salvage(&source, &target, None).unwrap().records, 2000);
    assert_eq!(names(folder.path()), ["source", "target"]);
}
