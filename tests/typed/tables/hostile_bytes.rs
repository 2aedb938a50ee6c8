//! Rows that nobody has written.

use super::*;

#[test]
fn a_row_that_is_cut_is_an_error_and_can_be_replaced() {
    let (_, users, _) = open();
    users.insert(&user(1, "Ada")).unwrap();
    let key = 1_u64.to_be_bytes();
    let whole = users.raw().get(key).unwrap().unwrap();
    for cut in 0..whole.len() {
        users.raw().insert(key, &whole[..cut]).unwrap();
        let error = users.get(&1).unwrap_err();
        assert!(matches!(error, TableError::Decode { .. }), "{cut}: {error}");
    }
    let text = users.get(&1).unwrap_err().to_string();
    assert!(text.contains("the row 0x0000000000000001"), "{text}");
    assert!(users.get(&1).unwrap_err().source().is_some());
    assert!(users.contains_key(&1).unwrap());

    assert!(users.insert(&user(1, "Grace")).is_err(), "the old row can't be given");
    assert_eq!(users.get(&1).unwrap(), Some(user(1, "Grace")), "and is replaced all the same");
}

#[test]
fn a_row_that_cannot_be_read_can_be_removed() {
    let (_, users, _) = open();
    users.raw().insert(1_u64.to_be_bytes(), [1, 253]).unwrap();
    assert!(matches!(users.remove(&1), Err(TableError::Decode { .. })));
    assert!(users.is_empty().unwrap());
}

#[test]
fn a_row_with_bytes_left_over_is_an_error() {
    let (_, users, _) = open();
    users.insert(&user(1, "Ada")).unwrap();
    let key = 1_u64.to_be_bytes();
    let mut row = users.raw().get(key).unwrap().unwrap();
    row.push(0);
    users.raw().insert(key, &row).unwrap();
    assert!(matches!(users.get(&1), Err(TableError::Decode { .. })));
}

#[test]
fn a_failed_item_ends_the_iteration() {
    let (_, users, _) = open();
    for id in 0..10 {
        users.insert(&user(id, "x")).unwrap();
    }
    users.raw().insert(3_u64.to_be_bytes(), [1]).unwrap();
    let mut rows = users.iter().unwrap();
    let failed = rows.by_ref().position(|row| row.is_err());
    assert!(failed.is_some());
    assert!(rows.next().is_none());
    assert!(rows.next().is_none());
}

#[test]
fn a_key_that_is_none_ends_the_keys_with_an_error() {
    let (_, users, _) = open();
    users.raw().insert("short", [1]).unwrap();
    let keys: Vec<_> = users.keys().unwrap().collect();
    assert_eq!(keys.len(), 1);
    let error = keys[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("8 bytes"), "{error}");
}

#[test]
fn the_same_errors_come_up_inside_a_transaction() {
    let (db, users, _) = open();
    users.raw().insert(1_u64.to_be_bytes(), [1, 0xFF]).unwrap();
    let ended = db.transaction(|tx| users.with(tx).get(&1));
    assert!(matches!(ended, Err(TableError::Decode { .. })));
}

proptest! {
    #[test]
    fn no_bytes_in_a_row_make_a_read_panic(bytes: Vec<u8>) {
        let (_, users, _) = open();
        users.raw().insert(1_u64.to_be_bytes(), &bytes).unwrap();
        let _ = users.get(&1);
        let _ = users.iter().unwrap().count();
    }
}
