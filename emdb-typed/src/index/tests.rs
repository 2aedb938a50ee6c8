use emdb_core::{Emdb, internal};
use serde::{Deserialize, Serialize};

use super::maintain::{entry_value, row_key};
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

#[test]
fn the_key_of_a_row_is_found_in_its_entry_whatever_its_length() {
    for len in [0, 1, 254, 255, 256, 65_535] {
        let key = vec![7; len];
        let entry = [b"value".as_slice(), &key].concat();
        assert_eq!(row_key(false, &entry, &entry_value(false, &key)), Some(key.as_slice()));
        assert_eq!(row_key(true, b"value", &entry_value(true, &key)), Some(key.as_slice()));
    }
    for hostile in [&b""[..], b"\xff", b"\xff\x00", b"\x09\x09", b"\x09"] {
        assert_eq!(row_key(false, b"short", hostile), None);
    }
}
