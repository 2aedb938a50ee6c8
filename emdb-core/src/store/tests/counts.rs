//! How many records there are, beside commits that go to several namespaces in turn.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::db::Emdb;
use crate::internal::{Write, WriteLock};

#[test]
fn a_view_knows_its_number_of_records_beside_commits_that_go_to_and_fro() {
    let db = Emdb::open_in_memory();
    let [rows, index] = ["rows", "index"].map(|name| db.namespace(name).unwrap());
    let keys: Vec<_> = (0..500_u32).map(u32::to_be_bytes).collect();
    // As a table with an index writes many rows: each behind its entry.
    let write = || {
        let both = keys.iter().flat_map(|key| [&rows, &index].map(|namespace| (namespace, key)));
        let writes: Vec<_> = both
            .map(|(namespace, key)| Write { namespace, key, value: Some(b""), expiry: None })
            .collect();
        WriteLock::begin(&rows).unwrap().commit(writes.into_iter()).unwrap();
    };
    write();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let held = db.store().hold();
                for namespace in [&rows, &index] {
                    let incarnation = held.incarnation(&namespace.state).unwrap();
                    assert_eq!(incarnation.records_at(held.watermark()), Some(500));
                }
            }
        });
        for _ in 0..2_000 {
            write();
            if reader.is_finished() {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}
