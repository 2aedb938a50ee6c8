use emdb_core::{Emdb, Error, internal};
use serde::{Deserialize, Serialize};

use crate::{Table, TableError};

#[derive(Serialize, Deserialize, emdb_derive::Record)]
#[emdb(namespace = "users", crate = "crate")]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(index(each))]
    tags: Vec<String>,
}

/// Layout 1; then the schema; then the state of its one index; then no older schemas; and
/// that no raise is under way.
const GOLDEN: &[u8] =
    b"\x01\x01\x01\x01\x02id\x00\x02\x02id\x03u64\x09\x04tags\x0bVec<String>\x12\x0e\x00\x01\
      \x04tags\x01\x04tags\x00\x01\x00\x00\x01\x00\x00\x00";

fn entry(db: &Emdb) -> Vec<u8> {
    internal::catalogue(db).unwrap().get("users").unwrap().unwrap()
}

fn golden() -> Vec<u8> {
    let db = Emdb::open_in_memory();
    Table::<User>::open(&db).unwrap();
    entry(&db)
}

fn open_with(entry: &[u8]) -> Result<Table<User>, TableError> {
    let db = Emdb::open_in_memory();
    internal::catalogue(&db).unwrap().insert("users", entry).unwrap();
    Table::<User>::open(&db)
}

#[test]
fn the_bytes_of_an_entry_are_pinned() {
    assert_eq!(golden(), GOLDEN, "{}", golden().escape_ascii());
    open_with(GOLDEN).unwrap();
}

#[test]
fn an_entry_of_the_same_schema_is_left_alone() {
    let db = Emdb::open_in_memory();
    Table::<User>::open(&db).unwrap();
    db.transaction(|_| -> Result<(), TableError> {
        Table::<User>::open(&db)?;
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_table_cannot_be_made_inside_a_transaction() {
    let db = Emdb::open_in_memory();
    let made = db.transaction(|_| Table::<User>::open(&db));
    assert!(matches!(made, Err(TableError::Core(Error::TransactionActive))));
    // Nor when another table has made the catalogue already.
    internal::catalogue(&db).unwrap();
    let made = db.transaction(|_| Table::<User>::open(&db));
    assert!(matches!(made, Err(TableError::Core(Error::TransactionActive))));
    Table::<User>::open(&db).unwrap();
}

#[test]
fn an_entry_that_is_cut_is_an_error() {
    for cut in 0..golden().len() {
        assert!(matches!(open_with(&golden()[..cut]), Err(TableError::Decode { .. })), "{cut}");
    }
}

#[test]
fn an_entry_with_a_flipped_bit_never_panics_and_opens_only_what_can_be_read() {
    for bit in 0..8 * golden().len() {
        let mut flipped = golden();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // A flip can make another name of an index, which is then built anew.
        if let Ok(users) = open_with(&flipped) {
            users.insert(&User { id: 1, tags: vec!["a".into()] }).unwrap();
            assert_eq!(users.by(User::TAGS).count("a").unwrap(), 1, "bit {bit}");
        }
    }
}

#[test]
fn an_entry_of_a_later_layout_is_named() {
    let error = open_with(&[9, 1, 2, 3]).unwrap_err().to_string();
    assert!(error.contains("layout 9"), "{error}");
}

#[test]
fn an_entry_with_another_encoding_is_a_mismatch() {
    let mut other = golden();
    other[2] = 7;
    let error = open_with(&other).unwrap_err();
    assert!(matches!(error, TableError::SchemaMismatch { .. }), "{error}");
    assert!(error.to_string().contains("encoding of the rows: stored 7, now 1"), "{error}");
}

#[test]
fn an_entry_of_a_later_version_is_newer() {
    let mut later = golden();
    later[1] = 3;
    let error = open_with(&later).unwrap_err();
    assert!(matches!(error, TableError::SchemaNewer { stored: 3, ours: 1, .. }), "{error}");
}

/// The entry as a release wrote it that could not follow the field's type.
fn coarse() -> Vec<u8> {
    let whole = GOLDEN.escape_ascii().to_string();
    let at = GOLDEN.windows(2).position(|shape| shape == [0x12, 0x0e]).expect(&whole);
    [&GOLDEN[..at], b"\x17\x0bVec<String>", &GOLDEN[at + 2..]].concat()
}

#[test]
fn an_entry_that_knows_less_of_the_type_is_made_to_know_more() {
    let db = Emdb::open_in_memory();
    internal::catalogue(&db).unwrap().insert("users", coarse()).unwrap();
    let before = Table::<User>::open(&db).unwrap();
    assert_eq!(entry(&db), GOLDEN);
    before.insert(&User { id: 1, tags: vec!["a".into()] }).unwrap();
    assert_eq!(before.by(User::TAGS).count("a").unwrap(), 1);
}

#[test]
fn it_is_left_where_nothing_can_be_written() {
    let db = Emdb::open_in_memory();
    Table::<User>::open(&db).unwrap();
    internal::catalogue(&db).unwrap().insert("users", coarse()).unwrap();
    db.transaction(|tx| -> Result<(), TableError> {
        let users = Table::<User>::open(&db)?;
        users.with(tx).insert(&User { id: 1, tags: Vec::new() })?;
        Ok(())
    })
    .unwrap();
    assert_eq!(entry(&db), coarse());
}

#[test]
fn an_entry_that_knows_more_of_the_type_is_left_alone() {
    #[derive(Serialize, Deserialize, emdb_derive::Record)]
    #[emdb(namespace = "users", crate = "crate")]
    struct Hidden {
        #[emdb(key)]
        id: u64,
        tags: Tags,
    }
    #[derive(Serialize)]
    struct Tags(Vec<String>);
    impl<'de> Deserialize<'de> for Tags {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(serde::de::Error::custom("none"))
        }
    }
    let text = b"\x0bVec<String>";
    let at = GOLDEN.windows(text.len()).position(|written| written == text).unwrap();
    let known = [&GOLDEN[..at], b"\x04Tags", &GOLDEN[at + text.len()..]].concat();
    // Without the index, which the type has not.
    let cut = known.len() - b"\x01\x04tags\x01\x04tags\x00\x01\x00\x00\x01\x00\x00\x00".len();
    let known = [&known[..cut], b"\x00\x00\x00\x00"].concat();
    let db = Emdb::open_in_memory();
    internal::catalogue(&db).unwrap().insert("users", &known[..]).unwrap();
    Table::<Hidden>::open(&db).unwrap();
    assert_eq!(entry(&db), known);
}
