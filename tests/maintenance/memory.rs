//! Memory that a database gives back: what removed keys took, and namespaces that are gone.
//!
//! Measured as the anonymous memory of a process that does nothing else: pages of files are the
//! system's to take.

use std::fs;
use std::time::{Duration, Instant};

#[cfg(feature = "ttl")]
use emdb::Ttl;
use emdb::{Emdb, Namespace, Record, Table};
use emdb_testing::child;
use serde::{Deserialize, Serialize};

/// KiB above those of an empty database that may stay.
const LEFT_MAX_KIB: u64 = 4 << 10;
/// And one more for so many keys: bits of the order for each 64 bytes of the journal, and ends of heaps.
const KEYS_A_KIB: u32 = 500;
/// Bytes that the index may take then: some of the last keys are looked for with the next ones.
const INDEX_MAX_BYTES: u64 = 256 << 10;
/// Until when they have to be given back: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(30);

/// Keys of each database.
fn count() -> u32 {
    std::env::var("EMDB_MEMORY_KEYS").map_or(150_000, |keys| keys.parse().unwrap())
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Remove,
    #[cfg(feature = "ttl")]
    Sweep,
    Clear,
    Drop,
    DropTable,
}

const WAYS: &[Way] = &[
    Way::Remove,
    #[cfg(feature = "ttl")]
    Way::Sweep,
    Way::Clear,
    Way::Drop,
    Way::DropTable,
];

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
    #[emdb(index)]
    age: u32,
}

/// KiB of anonymous memory of this process.
fn anonymous() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn key(n: u32) -> [u8; 8] {
    u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()
}

fn fill(namespace: &Namespace, way: Way) {
    for n in 0..count() {
        match way {
            #[cfg(feature = "ttl")]
            Way::Sweep => namespace.insert_with_ttl(key(n), [7; 50], Ttl::ExpiresAt(1)).unwrap(),
            _ => namespace.insert(key(n), [7; 50]).unwrap(),
        }
    }
}

fn fill_table(db: &Emdb) {
    let users = Table::<User>::open(db).unwrap();
    for first in (0..count()).step_by(1000) {
        let row = |n| User { id: n, email: format!("user-{n}@example.com"), age: n as u32 % 90 };
        let rows: Vec<_> = (first..first + 1000).map(|n| row(u64::from(n))).collect();
        users.insert_all(&rows).unwrap();
    }
}

fn empty(db: &Emdb, namespace: Namespace, way: Way) {
    match way {
        Way::Remove => {
            for n in 0..count() {
                namespace.remove(key(n)).unwrap();
            }
        }
        #[cfg(feature = "ttl")]
        Way::Sweep => assert_eq!(namespace.try_sweep().unwrap(), count() as usize),
        Way::Clear => namespace.clear().unwrap(),
        Way::Drop => {
            let name = namespace.name().to_owned();
            drop(namespace);
            assert!(db.drop_namespace(&name).unwrap());
        }
        Way::DropTable => assert!(db.drop_namespace("users").unwrap()),
    }
}

/// Lets keys go in these ways, each in a process of its own.
fn let_go(ways: &[(Way, &str)]) {
    for (way, order) in ways {
        let number = WAYS.iter().position(|known| known == way).unwrap().to_string();
        let output = child::command(child_process, &[&number, order]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{complained}");
        said.lines().filter(|line| line.contains("KiB")).for_each(|line| println!("{line}"));
    }
}

#[test]
fn what_removed_keys_took_goes_back_to_the_system() {
    let_go(&[(Way::Remove, "unordered"), (Way::Remove, "ordered")]);
}

#[cfg(feature = "ttl")]
#[test]
fn what_swept_keys_took_goes_back_to_the_system() {
    let_go(&[(Way::Sweep, "unordered"), (Way::Sweep, "ordered")]);
}

#[test]
fn what_a_cleared_or_dropped_namespace_took_goes_back_to_the_system() {
    let_go(&[(Way::Clear, "unordered"), (Way::Clear, "ordered")]);
    let_go(&[(Way::Drop, "unordered"), (Way::Drop, "ordered")]);
}

#[test]
fn what_a_dropped_table_and_its_indexes_took_goes_back_to_the_system() {
    let_go(&[(Way::DropTable, "unordered"), (Way::DropTable, "ordered")]);
}

/// The child's part: one way in which keys go.
#[test]
fn child_process() {
    let Some([way, order]) = child::arguments() else { return };
    let way = WAYS[way.parse::<usize>().unwrap()];
    let folder = tempfile::tempdir().unwrap();
    let ordered = order == "ordered";
    let db = Emdb::builder().path(folder.path().join("db")).enable_range_scans(ordered);
    let db = db.build().unwrap();
    let namespace = db.namespace("one").unwrap();
    namespace.insert("stays", "there").unwrap();
    let empty_kib = anonymous();
    let empty_index = db.stats().unwrap().index_bytes;
    match way {
        Way::DropTable => fill_table(&db),
        _ => fill(&namespace, way),
    }
    let full = (anonymous(), db.stats().unwrap().index_bytes);
    empty(&db, namespace, way);
    let left_max = LEFT_MAX_KIB + u64::from(count() / KEYS_A_KIB);
    let began = Instant::now();
    let (mut left, mut index) = (u64::MAX, u64::MAX);
    while began.elapsed() < LIMIT && (left > left_max || index > empty_index + INDEX_MAX_BYTES) {
        std::thread::sleep(Duration::from_millis(10));
        left = anonymous().saturating_sub(empty_kib);
        index = db.stats().unwrap().index_bytes;
    }
    println!(
        "{way:?} {order}: {} KiB full, {left} KiB left after {:?}; index {} to {index} bytes",
        full.0 - empty_kib,
        began.elapsed(),
        full.1,
    );
    assert!(index <= empty_index + INDEX_MAX_BYTES, "{way:?}, {order}: an index of {index} bytes");
    assert!(left <= left_max, "{way:?}, {order}: {left} KiB");
}
