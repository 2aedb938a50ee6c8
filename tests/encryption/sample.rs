//! A small encrypted database with every sort of record, of two sessions.

use emdb::{Emdb, NamespaceOptions};

use crate::common::state::{State, read_state};
use crate::files::Place;

/// In the year 2100.
#[cfg(feature = "ttl")]
pub(crate) const LATER: u64 = 4_102_444_800_123;

/// Namespaces that the sample has; the default one has no name.
pub(crate) const NAMES: [&str; 3] = ["", "log", "sorted"];

/// Keys that were there once, or never, by namespace.
pub(crate) const ABSENT: [(&str, &str); 5] =
    [("", "banana"), ("", "never"), ("log", "old"), ("log", "left"), ("sorted", "k9")];

/// How far the database is when its files are looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// Closed properly.
    Closed,
    /// As a kill leaves it, after a flush.
    Killed,
}

pub(crate) struct Sample {
    pub(crate) place: Place,
    pub(crate) bytes: Vec<u8>,
    /// Its checkpoint, if it was closed.
    pub(crate) image: Option<Vec<u8>>,
    /// Committed states, oldest first.
    pub(crate) states: Vec<State>,
}

impl Sample {
    pub(crate) fn new(form: Form) -> Sample {
        let place = Place::new();
        let mut states = vec![State::new()];
        fill(&place.open(), FIRST, &mut states);
        Sample::finish(form, place, states)
    }

    /// A twin: the same file until the last session, which writes `values` of its own.
    pub(crate) fn fork(former: &Place, form: Form) -> Sample {
        Sample::finish(form, former.copy(), Vec::new())
    }

    fn finish(form: Form, place: Place, mut states: Vec<State>) -> Sample {
        let db = place.open();
        fill(&db, SECOND, &mut states);
        if form == Form::Closed {
            db.checkpoint().unwrap();
            db.close().unwrap();
            let bytes = place.bytes();
            let image = Some(std::fs::read(place.beside(".meta")).unwrap());
            return Sample { place, bytes, image, states };
        }
        db.flush().unwrap();
        let copy = place.copy();
        let bytes = copy.bytes();
        Sample { place: copy, bytes, image: None, states }
    }

    pub(crate) fn expected(&self) -> &State {
        self.states.last().unwrap()
    }
}

/// The database after the first of its two sessions.
pub(crate) fn first_session() -> Place {
    let place = Place::new();
    fill(&place.open(), FIRST, &mut Vec::new());
    place
}

type Call = fn(&Emdb);

const FIRST: &[Call] = &[
    |db| db.insert("apple", "red..").unwrap(),
    |db| db.insert("banana", "yellow").unwrap(),
    |db| db.flush().unwrap(),
    |db| drop(db.namespace("log").unwrap()),
    |db| db.namespace("log").unwrap().insert("old", "entry").unwrap(),
    |db| drop(db.namespace("gone").unwrap()),
    |db| db.namespace("gone").unwrap().insert("with", "it").unwrap(),
    |db| db.insert("cherry", "dark").unwrap(),
];

const SECOND: &[Call] = &[
    |db| db.insert("apple", "green").unwrap(),
    |db| drop(db.remove("banana").unwrap()),
    |db| db.namespace("log").unwrap().clear().unwrap(),
    |db| assert!(db.drop_namespace("gone").unwrap()),
    |db| {
        let log = db.namespace("log").unwrap();
        let moved: Result<(), emdb::Error> = db.transaction(|tx| {
            tx.insert("left", "7")?;
            tx.namespace(&log).insert("right", "3")?;
            tx.insert("total", "10")
        });
        moved.unwrap();
    },
    |db| {
        drop(db.namespace_with("sorted", NamespaceOptions::new().ordered(true)).unwrap());
    },
    |db| db.flush().unwrap(),
    |db| db.namespace("sorted").unwrap().insert("k2", "v2").unwrap(),
    |db| db.namespace("sorted").unwrap().insert("k1", "v1").unwrap(),
    |db| db.namespace("sorted").unwrap().insert("k3", "v3").unwrap(),
    |db| insert_timed(db, "lease"),
    |db| insert_timed(db, "token"),
    |db| db.insert("apple", "brown").unwrap(),
    |db| db.insert("", "").unwrap(),
    |db| db.flush().unwrap(),
];

#[cfg(feature = "ttl")]
fn insert_timed(db: &Emdb, key: &str) {
    db.insert_with_ttl(key, "timed", emdb::Ttl::ExpiresAt(LATER)).unwrap();
}

#[cfg(not(feature = "ttl"))]
fn insert_timed(db: &Emdb, key: &str) {
    db.insert(key, "timed").unwrap();
}

fn fill(db: &Emdb, calls: &[Call], states: &mut Vec<State>) {
    for call in calls {
        call(db);
        states.push(read_state(db).unwrap());
    }
}
