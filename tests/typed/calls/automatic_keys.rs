//! Keys that the table counts.

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Note {
    #[emdb(key, auto)]
    id: u32,
    text: String,
}

fn note(id: u32) -> Note {
    Note { id, text: "text".into() }
}

#[test]
fn automatic_keys_count_up_and_never_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auto.emdb");
    {
        let db = Emdb::open(&path).unwrap();
        let notes = Table::<Note>::open(&db).unwrap();
        assert_eq!(notes.insert_new(note(0)).unwrap().id, 1);
        assert_eq!(notes.insert_new(note(77)).unwrap().id, 2);
        notes.insert(&note(10)).unwrap();
        assert_eq!(notes.insert_new(note(0)).unwrap().id, 11);
        notes.remove(&11).unwrap();
    }
    let db = Emdb::open(&path).unwrap();
    let notes = Table::<Note>::open(&db).unwrap();
    assert_eq!(notes.insert_new(note(0)).unwrap().id, 12);
    notes.clear().unwrap();
    assert_eq!(notes.insert_new(note(0)).unwrap().id, 13);
    let left: Result<(), TableError> = db.transaction(|tx| {
        assert_eq!(notes.with(tx).insert_new(note(0))?.id, 14);
        Err(Error::KeyNotFound.into())
    });
    assert!(left.is_err());
    assert_eq!(notes.insert_new(note(0)).unwrap().id, 14);
    notes.insert_many([note(20), note(19)]).unwrap();
    assert_eq!(notes.insert_new(note(0)).unwrap().id, 21);
    notes.insert(&note(u32::MAX)).unwrap();
    assert!(matches!(notes.insert_new(note(0)), Err(TableError::Invalid { .. })));
}

#[test]
fn automatic_keys_do_not_replace_rows_that_raw_brought() {
    let db = Emdb::open_in_memory();
    let notes = Table::<Note>::open(&db).unwrap();
    notes.insert(&note(1)).unwrap();
    let row = notes.raw().get(1_u32.to_be_bytes()).unwrap().unwrap();
    notes.raw().insert(2_u32.to_be_bytes(), &row).unwrap();
    notes.raw().insert(3_u32.to_be_bytes(), &row).unwrap();
    assert_eq!(notes.insert_new(note(0)).unwrap().id, 4);
}
