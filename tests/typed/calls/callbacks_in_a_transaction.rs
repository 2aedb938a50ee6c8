//! Callbacks that call their own table.

use super::*;

fn is_refused<T: std::fmt::Debug>(done: Result<T, TableError>) -> bool {
    matches!(done, Err(TableError::Core(Error::TransactionActive)))
}

#[test]
fn may_not_write_to_the_table_and_the_call_after_them_may() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..4);
    db.transaction(|tx| -> Result<(), TableError> {
        let users = users.with(tx);
        users.update(&1, |row| {
            assert!(is_refused(users.remove(&1)));
            assert!(is_refused(users.insert(&User { id: 9, ..user(1) })));
            assert!(is_refused(users.clear()));
            row.age = 5;
        })?;
        users.retain(|row| {
            assert!(is_refused(users.update(&row.id, |row| row.age = 1)));
            row.id != 2
        })?;
        users.upsert(&7, || user(7), |_| ())?;
        Ok(())
    })
    .unwrap();
    assert_eq!(users.len().unwrap(), 4);
    assert_eq!(users.verify().unwrap().problems, []);
}

#[test]
fn may_write_where_nothing_is_gathered_yet() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..4);
    db.transaction(|tx| -> Result<(), TableError> {
        let users = users.with(tx);
        users.get_with(&1, |row| users.update(&row.id, |row| row.age = 50))?.unwrap()?;
        let rows = (10..12).map(|id| {
            users.remove(&(id - 10)).unwrap();
            user(id)
        });
        users.insert_many(rows)?;
        Ok(())
    })
    .unwrap();
    assert_eq!(users.len().unwrap(), 4);
    assert_eq!(users.verify().unwrap().problems, []);
}
