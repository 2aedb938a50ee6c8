//! Operations on the typed table.

use super::*;

impl World {
    fn row(&mut self) -> Row {
        let (name, tags) = (self.below(80), self.below(4));
        Row {
            id: self.below(60),
            name: format!("name {name}"),
            age: self.below(5) as u8,
            tags: (0..tags).map(|_| self.below(6) as u8).collect(),
        }
    }

    pub(super) fn on_table(&mut self) {
        let table = self.table.clone().unwrap();
        let (row, now, at) = (self.row(), self.model.now, self.expiry());
        let choice = self.below(14);
        let timed = self.below(4) == 0;
        self.note(format!("table {choice} {} {}, {timed}", row.id, row.name));
        let rows = self.model.rows.as_mut().unwrap();
        let live = |rows: &Rows, id: &u64| {
            rows.get(id).filter(|(_, e)| is_live(*e, now)).map(|(row, _)| row.clone())
        };
        let taken = |rows: &Rows, row: &Row| {
            rows.values().any(|(r, e)| r.name == row.name && r.id != row.id && is_live(*e, now))
        };
        match choice {
            0..7 => {
                let ttl = if timed { Ttl::ExpiresAt(at) } else { Ttl::None };
                match table.insert_with_ttl(&row, ttl) {
                    Err(TableError::UniqueViolation { .. }) => assert!(taken(rows, &row)),
                    former => {
                        assert!(!taken(rows, &row), "a unique value is there twice");
                        assert_eq!(former.unwrap(), live(rows, &row.id));
                        // One that had the name and has expired goes for good.
                        rows.retain(|id, (r, _)| r.name != row.name || *id == row.id);
                        rows.insert(row.id, (row, timed.then_some(at)));
                    }
                }
            }
            7..9 => {
                let done = table.update(&row.id, |r| (r.age, r.tags) = (row.age, row.tags.clone()));
                let expected = live(rows, &row.id);
                assert_eq!(done.unwrap().is_some(), expected.is_some());
                if expected.is_some() {
                    let stored = &mut rows.get_mut(&row.id).unwrap().0;
                    (stored.age, stored.tags) = (row.age, row.tags);
                }
            }
            9..11 => {
                assert_eq!(table.remove(&row.id).unwrap(), live(rows, &row.id));
                // One that has expired stays until it is swept.
                rows.retain(|id, (_, e)| *id != row.id || !is_live(*e, now));
            }
            11 => {
                let row = |n: u64| Row { id: n + 1000, name: format!("{n}"), ..row.clone() };
                let many: Vec<_> = (0..50).map(row).collect();
                table.insert_many(&many).unwrap();
                rows.extend(many.into_iter().map(|row| (row.id, (row, None))));
            }
            12 => {
                table.retain(|r| r.id % 3 != row.id % 3).unwrap();
                rows.retain(|id, (_, e)| id % 3 != row.id % 3 || !is_live(*e, now));
            }
            _ if timed => {
                table.clear().unwrap();
                rows.clear();
            }
            _ => {
                let failed = self.db().transaction(|tx| {
                    let table = table.with(tx);
                    table.remove(&row.id)?;
                    table.insert(&Row { name: "no other".into(), ..row.clone() })?;
                    Err::<(), TableError>(Error::KeyNotFound.into())
                });
                assert!(failed.is_err());
            }
        }
    }
}
