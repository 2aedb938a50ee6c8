//! Savepoints over tables.

use emdb::Transact;
use emdb_testing::Random;

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "members")]
struct Member {
    #[emdb(key, auto)]
    id: u32,
    #[emdb(unique)]
    email: String,
    #[emdb(index)]
    age: u8,
    #[emdb(expires_at)]
    until: Option<u64>,
}

type Model = BTreeMap<u32, Member>;

struct Run {
    random: Random,
    members: Table<Member>,
    model: Model,
}

impl Run {
    fn below(&mut self, bound: u64) -> u64 {
        (self.random.next() >> 33) % bound
    }

    fn steps(&mut self, tx: &mut emdb::Transaction<'_>, depth: u32) -> Result<(), TableError> {
        for _ in 0..self.below(12) {
            if depth < 3 && self.below(5) == 0 {
                let (before, fails) = (self.model.clone(), self.below(2) == 0);
                let done = tx.savepoint(|tx| {
                    self.steps(tx, depth + 1)?;
                    if fails { Err(Error::KeyNotFound.into()) } else { Ok::<_, TableError>(()) }
                });
                assert_eq!(done.is_err(), fails, "{done:?}");
                if fails {
                    self.model = before;
                }
                self.check(&self.members.with(tx));
            } else {
                self.write(tx)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, tx: &emdb::Transaction<'_>) -> Result<(), TableError> {
        let id = self.below(24) as u32 + 1;
        let email = format!("{}@example.org", self.below(40));
        let until = (self.below(2) == 0).then(|| 4_102_444_800_000 + self.below(1_000));
        let member = Member { id, email, age: self.below(5) as u8, until };
        let table = self.members.with(tx);
        let taken = self.model.values().any(|m| m.email == member.email && m.id != id);
        match self.below(16) {
            0 => {
                table.clear()?;
                self.model.clear();
            }
            1..5 => assert_eq!(table.remove(&id)?, self.model.remove(&id)),
            5..8 if !self.model.values().any(|m| m.email == member.email) => {
                let member = table.insert_new(Member { id: 0, ..member })?;
                assert!(self.model.insert(member.id, member).is_none());
            }
            _ if taken => {
                let refused = table.insert(&member);
                assert!(matches!(refused, Err(TableError::UniqueViolation { .. })));
            }
            _ => assert_eq!(table.insert(&member)?, self.model.insert(id, member)),
        }
        Ok(())
    }

    fn check<S: emdb::Store>(&self, table: &Table<Member, S>) {
        assert_eq!(table.len().unwrap(), self.model.len());
        let rows = table.iter().unwrap().to_vec().unwrap();
        assert!(rows.iter().eq(self.model.values()));
        assert!(table.keys().unwrap().to_vec().unwrap().iter().eq(self.model.keys()));
        for row in &rows {
            let found = table.by(Member::EMAIL).get(&*row.email).unwrap();
            assert_eq!(found.as_ref(), Some(row));
            assert_eq!(table.expires_at(&row.id).unwrap(), row.until);
        }
        for age in 0..5 {
            let expected = rows.iter().filter(|row| row.age == age).count();
            assert_eq!(table.by(Member::AGE).count(age).unwrap(), expected);
        }
    }
}

#[test]
fn random_ones_do_as_copies_of_maps_do() {
    let seed = emdb_testing::seed();
    println!("EMDB_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Emdb::open(&path).unwrap();
    let members = Table::open(&db).unwrap();
    let mut run = Run { random: Random(seed), members, model: Model::new() };
    for round in 0..60 {
        db.transact(|tx| run.steps(tx, 0)).unwrap();
        run.check(&run.members);
        if round % 20 == 19 {
            // The file as a kill of the process would leave it.
            let copy = folder.path().join(format!("copy-{round}"));
            std::fs::copy(&path, &copy).unwrap();
            let copy = Table::open(&Emdb::open(&copy).unwrap()).unwrap();
            run.check(&copy);
            assert_eq!(copy.verify().unwrap().problems, []);
        }
    }
}
