use emdb_core::{Emdb, internal};
use serde::{Deserialize, Serialize};

use crate::Table;

#[derive(Serialize, Deserialize, emdb_derive::Record)]
#[emdb(namespace = "notes", crate = "crate")]
struct Note {
    #[emdb(key, auto)]
    id: u16,
    #[emdb(unique)]
    title: String,
    #[emdb(index)]
    stars: u8,
}

#[test]
fn the_bytes_of_rows_entries_and_marks_are_pinned() {
    let db = Emdb::open_in_memory();
    let notes = Table::<Note>::open(&db).unwrap();
    notes.insert(&Note { id: 258, title: "a\0b".into(), stars: 5 }).unwrap();
    let all = |name: &str| {
        let child = internal::child(&db, notes.raw(), name).unwrap();
        child.iter().unwrap().collect::<Vec<_>>()
    };
    let row = (b"\x01\x02".to_vec(), b"\x01\xfb\x02\x01\x03a\0b\x05".to_vec());
    assert_eq!(notes.raw().iter().unwrap().collect::<Vec<_>>(), [row]);
    assert_eq!(all("index:title"), [(b"a\0\xffb\0\x01".to_vec(), b"\x01\x02".to_vec())]);
    assert_eq!(all("index:stars"), [(b"\x05\x01\x02".to_vec(), b"\x02".to_vec())]);
    assert_eq!(all("mark"), [(Vec::new(), b"\x01\x02".to_vec())]);
}
