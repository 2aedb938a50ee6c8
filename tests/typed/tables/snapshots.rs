//! A table on a snapshot is what had the table's name when the snapshot was taken, whichever handle asks and
//! whatever became of the name since.

use emdb_testing::Random;

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "things")]
struct Plain {
    #[emdb(key)]
    id: u8,
    name: String,
}

/// The same rows with an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "things")]
struct Indexed {
    #[emdb(key)]
    id: u8,
    #[emdb(index)]
    name: String,
}

/// Another type with the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "things")]
struct Other {
    #[emdb(key)]
    id: u8,
    parts: (u8, u8, u8),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Indexed,
    Other,
}

/// The table that had the name.
#[derive(Debug, Clone, Default)]
struct Named {
    /// The type that opened it last; none if there is no such table.
    kind: Option<Kind>,
    rows: BTreeMap<u8, String>,
}

struct Run {
    db: Emdb,
    random: Random,
    now: Named,
    /// The table while it has another name.
    renamed: Option<Named>,
    plain: Vec<Table<Plain>>,
    indexed: Vec<Table<Indexed>>,
    snapshots: Vec<(emdb::Snapshot, Named)>,
}

impl Run {
    fn below(&mut self, bound: u64) -> u64 {
        (self.random.next() >> 33) % bound
    }

    fn step(&mut self) {
        match self.below(16) {
            0 | 1 => self.open_plain(),
            2 | 3 => self.open_indexed(),
            4 => self.open_other(),
            5 => {
                self.db.drop_namespace("things").unwrap();
                self.now = Named::default();
            }
            6 => self.rename(),
            7 => self.db.compact().unwrap(),
            8 => {
                if self.now.kind.is_some() {
                    self.db.namespace("things").unwrap().clear().unwrap();
                    self.now.rows.clear();
                }
            }
            9..12 => self.snapshots.push((self.db.snapshot(), self.now.clone())),
            _ => self.write(),
        }
    }

    fn open_plain(&mut self) {
        match (self.now.kind, Table::open(&self.db)) {
            (Some(Kind::Other), opened) => assert!(is_mismatch(opened)),
            (_, opened) => {
                self.plain.push(opened.unwrap());
                self.now.kind = Some(Kind::Plain);
            }
        }
    }

    fn open_indexed(&mut self) {
        match (self.now.kind, Table::open(&self.db)) {
            (Some(Kind::Other), opened) => assert!(is_mismatch(opened)),
            (_, opened) => {
                self.indexed.push(opened.unwrap());
                self.now.kind = Some(Kind::Indexed);
            }
        }
    }

    fn open_other(&mut self) {
        match (self.now.kind, Table::<Other>::open(&self.db)) {
            (Some(Kind::Plain | Kind::Indexed), opened) => assert!(is_mismatch(opened)),
            (_, opened) => {
                opened.unwrap().insert(&Other { id: 1, parts: (1, 2, 3) }).unwrap();
                self.now.kind = Some(Kind::Other);
            }
        }
    }

    /// Gives the table another name, or its own again.
    fn rename(&mut self) {
        match self.renamed.take() {
            None if self.now.kind.is_some() => {
                assert!(self.db.rename_namespace("things", "elsewhere").unwrap());
                self.renamed = Some(std::mem::take(&mut self.now));
            }
            Some(former) if self.now.kind.is_none() => {
                assert!(self.db.rename_namespace("elsewhere", "things").unwrap());
                self.now = former;
            }
            former => self.renamed = former,
        }
    }

    /// By the latest handle of the type that has the table.
    fn write(&mut self) {
        let (id, name) = (self.below(8) as u8, format!("name {}", self.below(3)));
        let row = Plain { id, name: name.clone() };
        let written = match self.now.kind {
            Some(Kind::Plain) => self.plain.last().unwrap().insert(&row).map(drop),
            Some(Kind::Indexed) => {
                self.indexed.last().unwrap().insert(&Indexed { id, name: row.name }).map(drop)
            }
            _ => return,
        };
        match written {
            Ok(()) => drop(self.now.rows.insert(id, name)),
            // The name went and came back; the handle is that of another table.
            Err(error) => assert!(matches!(error, TableError::Core(Error::NamespaceDropped))),
        }
    }

    /// A handle on a snapshot, each of any age.
    fn check(&mut self, context: &str) {
        if self.snapshots.is_empty() {
            return;
        }
        let at = self.below(self.snapshots.len() as u64) as usize;
        if !self.plain.is_empty() {
            let handle = self.below(self.plain.len() as u64) as usize;
            let ((snapshot, then), table) = (&self.snapshots[at], &self.plain[handle]);
            let rows = table.at(snapshot).iter().and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let rows = rows.map(|rows| rows.into_iter().map(|row| (row.id, row.name)).collect());
            self.is_right(rows, then, context, handle + 1 == self.plain.len(), Kind::Plain);
        }
        if !self.indexed.is_empty() {
            let handle = self.below(self.indexed.len() as u64) as usize;
            let ((snapshot, then), table) = (&self.snapshots[at], &self.indexed[handle]);
            let latest = handle + 1 == self.indexed.len();
            let table = table.at(snapshot);
            let rows = table.iter().and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let rows = rows.map(|rows| rows.into_iter().map(|row| (row.id, row.name)).collect());
            self.is_right(rows, then, context, latest, Kind::Indexed);
            let found = table.by(Indexed::NAME).all("name 1");
            let found = found.and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let expected: Vec<_> = then.rows.iter().filter(|(_, name)| *name == "name 1").collect();
            if let Ok(found) = found {
                assert_eq!(then.kind, Some(Kind::Indexed), "{context}: there was no index");
                let found: Vec<_> = found.iter().map(|row| (&row.id, &row.name)).collect();
                assert_eq!(found, expected, "{context}");
            } else {
                let may = latest && self.now.kind == Some(Kind::Indexed);
                assert!(!may || then.kind != Some(Kind::Indexed), "{context}: {found:?}");
            }
        }
    }

    /// A handle whose type has the table must read rows that it can read. Others may be refused; nobody may
    /// get other rows.
    fn is_right(
        &self,
        rows: Result<BTreeMap<u8, String>, TableError>,
        then: &Named,
        context: &str,
        latest: bool,
        kind: Kind,
    ) {
        let readable = then.kind != Some(Kind::Other);
        match rows {
            Ok(rows) => assert!(readable && rows == then.rows, "{context}: {rows:?}, {then:?}"),
            Err(error) => {
                let may = latest && self.now.kind == Some(kind);
                assert!(!may || !readable, "{context}: {error}");
            }
        }
    }
}

fn is_mismatch<T: Record>(opened: Result<Table<T>, TableError>) -> bool {
    matches!(opened, Err(TableError::SchemaMismatch { .. }))
}

#[test]
fn it_is_what_had_the_name_then_whichever_handle_asks() {
    let base = emdb_testing::seed();
    for round in 0..30 {
        let mut run = Run {
            db: Emdb::open_in_memory(),
            random: Random(base ^ round),
            now: Named::default(),
            renamed: None,
            plain: Vec::new(),
            indexed: Vec::new(),
            snapshots: Vec::new(),
        };
        for step in 0..200 {
            run.step();
            run.check(&format!("EMDB_SEED={base}, round {round}, step {step}"));
        }
    }
}

#[test]
fn a_snapshot_of_another_database_is_read_as_it_is() {
    let [db, other] = [(); 2].map(|()| Emdb::open_in_memory());
    let name = || "Ada".to_owned();
    let [here, there] = [&db, &other].map(|db| Table::<Indexed>::open(db).unwrap());
    here.insert(&Indexed { id: 1, name: name() }).unwrap();
    there.insert(&Indexed { id: 2, name: name() }).unwrap();
    there.insert(&Indexed { id: 3, name: name() }).unwrap();
    let ids = |snapshot: emdb::Snapshot| -> Vec<u8> {
        let found = here.at(&snapshot).by(Indexed::NAME).all("Ada").unwrap();
        found.map(|row| row.unwrap().id).collect()
    };
    assert_eq!((ids(db.snapshot()), ids(other.snapshot())), (vec![1], vec![2, 3]));
}

#[test]
fn a_known_type_meets_what_became_of_its_table_between_two_opens() {
    let db = Emdb::open_in_memory();
    for _ in 0..3 {
        let former = Table::<Indexed>::open(&db).unwrap();
        former.insert(&Indexed { id: 1, name: "Ada".into() }).unwrap();
        drop(Table::<Indexed>::open(&db).unwrap());
        db.drop_namespace("things").unwrap();
        // Another type has it.
        let other = Table::<Other>::open(&db).unwrap();
        other.insert(&Other { id: 1, parts: (1, 2, 3) }).unwrap();
        assert!(is_mismatch(Table::<Indexed>::open(&db)));
        db.drop_namespace("things").unwrap();
        // It is made again, empty.
        let again = Table::<Indexed>::open(&db).unwrap();
        assert_eq!(again.by(Indexed::NAME).count("Ada").unwrap(), 0);
        assert_eq!(again.at(&db.snapshot()).len().unwrap(), 0);
        // A type without the index writes rows that it lacks then.
        Table::<Plain>::open(&db).unwrap().insert(&Plain { id: 2, name: "Bob".into() }).unwrap();
        let again = Table::<Indexed>::open(&db).unwrap();
        assert_eq!(again.by(Indexed::NAME).count("Bob").unwrap(), 1);
        assert_eq!(again.at(&db.snapshot()).by(Indexed::NAME).count("Bob").unwrap(), 1);
        db.drop_namespace("things").unwrap();
    }
}
