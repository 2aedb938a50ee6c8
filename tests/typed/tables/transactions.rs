//! Tables in a transaction.

use super::*;

#[test]
fn a_transaction_sees_what_it_wrote_and_others_do_not_until_it_ends() {
    let (db, users, _) = open();
    users.insert(&user(1, "Ada")).unwrap();
    db.transaction(|tx| -> Result<_, TableError> {
        let inside = users.with(tx);
        assert_eq!(inside.insert(&user(1, "Grace"))?, Some(user(1, "Ada")));
        assert_eq!(inside.insert(&user(2, "Edsger"))?, None);
        assert_eq!(inside.get(&1)?, Some(user(1, "Grace")));
        assert!(inside.contains_key(&2)?);
        assert_eq!(inside.len()?, 2);
        let mut rows = inside.iter()?.collect::<Result<Vec<_>, _>>()?;
        rows.sort_by_key(|row| row.id);
        assert_eq!(rows, [user(1, "Grace"), user(2, "Edsger")]);
        assert_eq!(inside.keys()?.count(), 2);
        assert_eq!(inside.remove(&2)?, Some(user(2, "Edsger")));
        assert_eq!(inside.remove(&2)?, None);

        assert_eq!(users.get(&1)?, Some(user(1, "Ada")), "committed state outside");
        Ok(())
    })
    .unwrap();
    assert_eq!(all(&users), BTreeMap::from([(1, user(1, "Grace"))]));
}

#[test]
fn an_error_rolls_back_every_table() {
    let (db, users, lines) = open();
    users.insert(&user(1, "Ada")).unwrap();
    let ended = db.transaction(|tx| -> Result<(), TableError> {
        users.with(tx).insert(&user(1, "Grace"))?;
        users.with(tx).insert(&user(2, "Edsger"))?;
        lines.with(tx).insert(&line("a", 1))?;
        Err(Error::KeyNotFound.into())
    });
    assert!(matches!(ended, Err(TableError::Core(Error::KeyNotFound))));
    assert_eq!(all(&users), BTreeMap::from([(1, user(1, "Ada"))]));
    assert!(lines.is_empty().unwrap());
}

#[test]
fn a_panic_rolls_back() {
    let (db, users, _) = open();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = db.transaction(|tx| -> Result<(), TableError> {
            users.with(tx).insert(&user(1, "Ada"))?;
            panic!("on purpose");
        });
    }));
    assert!(caught.is_err());
    assert!(users.is_empty().unwrap());
    users.insert(&user(2, "Grace")).unwrap();
}

#[test]
fn two_tables_change_in_one_commit() {
    let (db, users, lines) = open();
    lines.insert(&line("old", 1)).unwrap();
    let removed = db
        .transaction(|tx| {
            users.with(tx).insert(&user(1, "Ada"))?;
            lines.with(tx).insert(&line("new", 1))?;
            lines.with(tx).remove("old")
        })
        .unwrap();
    assert_eq!(removed, Some(line("old", 1)));
    assert_eq!(users.get(&1).unwrap(), Some(user(1, "Ada")));
    assert_eq!(all(&lines), BTreeMap::from([("new".to_owned(), line("new", 1))]));
}

#[test]
fn plain_writes_inside_a_transaction_are_refused() {
    let (db, users, _) = open();
    db.transaction(|tx| -> Result<_, TableError> {
        let refused = users.insert(&user(1, "Ada"));
        assert!(matches!(refused, Err(TableError::Core(Error::TransactionActive))));
        let refused = users.remove(&1);
        assert!(matches!(refused, Err(TableError::Core(Error::TransactionActive))));
        users.with(tx).insert(&user(2, "Grace"))?;
        Ok(())
    })
    .unwrap();
    assert_eq!(all(&users), BTreeMap::from([(2, user(2, "Grace"))]));
}

#[test]
fn a_table_of_another_database_is_refused() {
    let (db, ..) = open();
    let (_, foreign, _) = open();
    let ended = db.transaction(|tx| foreign.with(tx).insert(&user(1, "Ada")));
    assert!(matches!(ended, Err(TableError::Core(Error::InvalidConfig(_)))));
    assert!(foreign.is_empty().unwrap());
}

#[test]
fn an_existing_table_can_be_opened_inside_a_transaction() {
    let (db, users, _) = open();
    users.insert(&user(1, "Ada")).unwrap();
    db.transaction(|tx| -> Result<_, TableError> {
        let again = Table::<User>::open(&db)?;
        assert_eq!(again.get(&1)?, Some(user(1, "Ada")));
        again.with(tx).insert(&user(2, "Grace"))?;
        Ok(())
    })
    .unwrap();
    assert_eq!(users.len().unwrap(), 2);
}

#[test]
fn a_new_table_cannot_be_made_inside_a_transaction() {
    let db = Emdb::open_in_memory();
    let made = db.transaction(|_| Table::<User>::open(&db).map(drop));
    assert!(matches!(made, Err(TableError::Core(Error::TransactionActive))));
    Table::<User>::open(&db).unwrap();
}
