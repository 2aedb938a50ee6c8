//! Commits of which a part is damaged.

use super::*;

/// A file with one transaction of three records between two inserts; the middle one is damaged,
/// either in its key or in its value.
fn broken_transaction(folder: &Path, pattern: &[u8]) -> PathBuf {
    let source = folder.join("source");
    let db = Emdb::open(&source).unwrap();
    db.insert("before", "whole").unwrap();
    let log = db.namespace("log").unwrap();
    db.transaction(|tx| -> emdb::Result<()> {
        tx.namespace(&log).insert("first", "of three")?;
        tx.namespace(&log).insert("second", "the damaged")?;
        tx.namespace(&log).insert("third", "the last")
    })
    .unwrap();
    db.insert("behind", "whole").unwrap();
    drop(log);
    db.close().unwrap();
    let mut bytes = fs::read(&source).unwrap();
    let at = bytes.windows(pattern.len()).position(|w| w == pattern).unwrap();
    bytes[at] ^= 4;
    fs::write(&source, bytes).unwrap();
    source
}

#[test]
fn an_incomplete_commit_is_left_out_and_listed() {
    let folder = memory_folder();
    let target = folder.path().join("target");
    let source = broken_transaction(folder.path(), b"the damaged");
    let report = Emdb::salvage(&source, &target, None).unwrap();
    let lost: Vec<_> = report.lost.iter().map(|l| (l.kind, l.key.clone().unwrap())).collect();
    let expected = [
        (LostKind::IncompleteCommit, b"first".to_vec()),
        (LostKind::Value, b"second".to_vec()),
        (LostKind::IncompleteCommit, b"third".to_vec()),
    ];
    assert_eq!(lost, expected);
    assert!(report.lost.iter().all(|l| l.namespace.as_deref() == Some("log") && l.durable));
    let db = Emdb::open(&target).unwrap();
    assert_eq!(db.len().unwrap(), 2);
    assert!(db.namespace("log").unwrap().is_empty().unwrap());
}

#[test]
fn partial_commits_are_copied_when_asked_for() {
    let folder = memory_folder();
    let target = folder.path().join("target");
    let source = broken_transaction(folder.path(), b"second");
    let options = SalvageOptions::new().partial_commits(true);
    let report = options.run(&source, &target, None, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((report.records, report.lost.len()), (4, 1));
    assert_eq!(report.lost[0].kind, LostKind::Gap);
    let db = Emdb::open(&target).unwrap();
    let log = db.namespace("log").unwrap();
    assert_eq!(log.get("third").unwrap().as_deref(), Some(&b"the last"[..]));
    assert_eq!((log.len().unwrap(), db.len().unwrap()), (2, 2));
}
