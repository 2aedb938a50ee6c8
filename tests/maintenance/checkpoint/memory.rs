//! How much memory an open from a checkpoint takes.

use super::*;

/// Anonymous memory of this process in KiB.
#[cfg(target_os = "linux")]
fn anonymous() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes long: cargo test --release --test maintenance checkpoint -- --ignored"]
fn an_open_of_a_million_keys_takes_little_memory_of_its_own() {
    let place = Place::new();
    let db = place.open_ordered();
    db.insert_many((0..1_000_000u32).map(|n| (n.to_be_bytes(), [1; 50]))).unwrap();
    db.range_iter(..).unwrap().next();
    db.close().unwrap();
    // In a process that has no memory left over.
    let mut child = child::command(child_process, &[place.path.to_str().unwrap()]);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The child's part: it opens the database, and looks at its own memory.
#[cfg(target_os = "linux")]
#[test]
fn child_process() {
    let Some([path]) = child::arguments() else { return };
    let before = anonymous();
    let db = Emdb::builder().path(path).enable_range_scans(true).build().unwrap();
    assert!(from(&db).is_some());
    assert!(db.get(500_000u32.to_be_bytes()).unwrap().is_some());
    assert!(anonymous() - before < 4096, "{} KiB", anonymous() - before);
}
