//! Indexes over what a function gives.

use std::sync::atomic::{AtomicBool, Ordering};

use emdb::{Emdb, Fields, Record, Table, TableError};
use serde::{Deserialize, Serialize};

use super::opened;
use crate::verified;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "issues")]
#[emdb(index(name = "title_lower", with = Issue::title_lower, type = String))]
#[emdb(index(name = "author", with = Issue::author, type = String))]
#[emdb(index(name = "slug", with = Issue::slug, type = (String, u32), unique))]
#[emdb(index(name = "closed_by", with = Issue::closed_by, type = String, sparse))]
#[emdb(index(name = "words", with = Issue::words, type = String, each))]
#[emdb(index(name = "urgent", with = Issue::title_lower, type = String, filter = Issue::is_urgent))]
struct Issue {
    #[emdb(key)]
    id: u32,
    title: String,
    author: String,
    closed_by: Option<String>,
    rank: u32,
}

impl Issue {
    fn title_lower(&self) -> String {
        self.title.to_lowercase()
    }

    fn author(&self) -> &str {
        self.author.trim()
    }

    fn slug(&self) -> (String, u32) {
        (self.title.replace(' ', "-"), self.rank)
    }

    fn closed_by(&self) -> Option<&str> {
        self.closed_by.as_deref().filter(|name| !name.is_empty())
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.title.split(' ')
    }

    fn is_urgent(&self) -> bool {
        self.rank > 8
    }
}

fn issue(id: u32, title: &str) -> Issue {
    Issue { id, title: title.into(), author: " ada ".into(), closed_by: None, rank: id }
}

fn ids(rows: impl Iterator<Item = Result<Issue, TableError>>) -> Vec<u32> {
    rows.map(|row| row.unwrap().id).collect()
}

#[test]
fn rows_are_found_by_what_a_function_gives() {
    let db = Emdb::open_in_memory();
    let issues = opened::<Issue>(&db);
    let titles = ["Disk full", "disk FULL", "A disk is a disk", "Index"];
    issues.insert_all((1..).zip(titles).map(|(id, title)| issue(id, title))).unwrap();
    // Title, author, slug, the words; no entry for what is not closed.
    assert_eq!(verified(&issues), (4, 12 + 2 + 2 + 4 + 1));

    assert_eq!(ids(issues.by(Issue::TITLE_LOWER).all("disk full").unwrap()), [1, 2]);
    assert_eq!(ids(issues.by(Issue::TITLE_LOWER).prefix("d").unwrap()), [1, 2]);
    assert_eq!(issues.by(Issue::AUTHOR).count("ada").unwrap(), 4);
    assert_eq!(issues.by(Issue::SLUG).get(("disk-FULL", 2)).unwrap().unwrap().id, 2);
    assert_eq!(ids(issues.by(Issue::WORDS).all("disk").unwrap()), [2, 3]);
    let title = issues.by(Issue::SLUG).get_with(("Index", 4), |row| row.title.len()).unwrap();
    assert_eq!(title, Some(5));

    issues.update(&1, |issue| issue.closed_by = Some("bob".into())).unwrap();
    issues.update(&2, |issue| (issue.closed_by, issue.rank) = (Some(String::new()), 9)).unwrap();
    issues.remove(&3).unwrap();
    assert_eq!(ids(issues.by(Issue::CLOSED_BY).range(..).unwrap()), [1]);
    assert_eq!(ids(issues.by(Issue::URGENT).range(..).unwrap()), [2]);
    assert_eq!(issues.by(Issue::WORDS).count("disk").unwrap(), 1);
    assert_eq!(verified(&issues), (3, 9 + 2 + 2 + 1 + 1 + 1));
}

#[test]
fn a_value_that_a_function_gives_twice_is_refused_by_a_unique_index() {
    let db = Emdb::open_in_memory();
    let issues = opened::<Issue>(&db);
    issues.insert(&issue(1, "a b")).unwrap();
    let refused = issues.insert(&Issue { rank: 1, ..issue(2, "a-b") });
    assert!(
        matches!(refused, Err(TableError::UniqueViolation { ref index, .. }) if index == "slug")
    );
    let kept = db.transaction(|tx| issues.with(tx).insert(&issue(2, "a-b")).map(drop));
    kept.unwrap();
    assert_eq!(verified(&issues).0, 2);
}

#[test]
fn the_schema_says_which_indexes_are_computed() {
    let db = Emdb::open_in_memory();
    let issues = opened::<Issue>(&db);
    let schema = issues.schema();
    assert!(schema.indexes().all(|index| index.computed() && index.fields().len() == 0));
    let text = schema.to_string();
    for line in ["index title_lower (computed)", "unique index slug (computed)"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("index words (each of computed)"), "{text}");
    assert!(text.contains("index urgent (computed), where Issue::is_urgent"), "{text}");
}

#[test]
fn a_computed_index_is_found_again_and_not_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issues.emdb");
    let db = Emdb::open(&path).unwrap();
    opened::<Issue>(&db).insert_all((0..20).map(|id| issue(id, "One two"))).unwrap();
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    let issues = Table::<Issue>::open_with(&db, |_| panic!("it builds again")).unwrap();
    assert_eq!(issues.by(Issue::WORDS).count("two").unwrap(), 20);
    assert_eq!(verified(&issues), (20, 20 * 5 + 11));
}

#[test]
fn a_value_that_is_too_long_is_told_with_the_function() {
    let db = Emdb::open_in_memory();
    let refused = opened::<Issue>(&db).insert(&issue(1, &"x".repeat(70_000)));
    let Err(TableError::TooLarge { item, .. }) = refused else { panic!("{refused:?}") };
    assert!(item.contains("Issue::"), "{item}");
}

/// The same table, with the index by another function, and by one whose meaning can change.
macro_rules! renamed {
    ($module:ident, $function:ident, $ty:ty) => {
        mod $module {
            use super::*;

            #[derive(Debug, Serialize, Deserialize, Record)]
            #[emdb(namespace = "notes")]
            #[emdb(index(name = "first", with = Note::$function, type = $ty))]
            pub(super) struct Note {
                #[emdb(key)]
                pub(super) id: u32,
                pub(super) text: String,
            }
        }
    };
}

renamed!(by_letter, letter, String);
renamed!(by_start, start, String);
renamed!(by_char, letter, char);

static CAPITALS: AtomicBool = AtomicBool::new(false);

impl by_letter::Note {
    fn letter(&self) -> String {
        let letter: String = self.text.chars().take(1).collect();
        if CAPITALS.load(Ordering::Relaxed) { letter.to_uppercase() } else { letter }
    }
}

impl by_start::Note {
    fn start(&self) -> &str {
        &self.text[..2]
    }
}

impl by_char::Note {
    fn letter(&self) -> char {
        self.text.chars().next().unwrap_or_default()
    }
}

#[test]
fn a_function_that_changed_makes_the_index_anew() {
    let db = Emdb::open_in_memory();
    let by_letter = opened::<by_letter::Note>(&db);
    let note = |id: u32| by_letter::Note { id, text: format!("abc {id}") };
    by_letter.insert_all((0..2000).map(note)).unwrap();
    assert_eq!(by_letter.by(by_letter::Note::FIRST).count("a").unwrap(), 2000);

    // Another name, and another type: the catalogue knows.
    let by_start = opened::<by_start::Note>(&db);
    assert_eq!(by_start.by(by_start::Note::FIRST).count("ab").unwrap(), 2000);
    let by_char = opened::<by_char::Note>(&db);
    assert_eq!(by_char.by(by_char::Note::FIRST).count('a').unwrap(), 2000);
    let by_letter = opened::<by_letter::Note>(&db);
    assert_eq!(verified(&by_letter), (2000, 2000));

    // Another meaning: no row is given for an entry that it hasn't, and the error says whose doing it is.
    CAPITALS.store(true, Ordering::Relaxed);
    let mut walk = by_letter.by(by_letter::Note::FIRST).all("a").unwrap();
    let refused = walk.next().unwrap().unwrap_err().to_string();
    assert!(refused.contains("what `Note::letter` gives"), "{refused}");
    assert_eq!(by_letter.rebuild_indexes().unwrap(), 4000);
    assert_eq!(by_letter.by(by_letter::Note::FIRST).count("A").unwrap(), 2000);
    assert_eq!(verified(&by_letter), (2000, 2000));
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[serde(bound = "T: Serialize + serde::de::DeserializeOwned")]
#[emdb(index(name = "twice", with = Pair::twice, type = T), index(name = "ends", with = Pair::ends, type = T, each))]
struct Pair<T: emdb::Key> {
    #[emdb(key)]
    id: u32,
    left: T,
    right: T,
}

impl<T: emdb::Key> Pair<T> {
    fn twice(&self) -> T {
        self.left.clone()
    }

    fn ends(&self) -> [&T; 2] {
        [&self.left, &self.right]
    }
}

#[test]
fn a_generic_type_can_have_computed_indexes() {
    let db = Emdb::open_in_memory();
    let pairs = opened::<Pair<u8>>(&db);
    pairs.insert(&Pair { id: 1, left: 2, right: 3 }).unwrap();
    pairs.insert(&Pair { id: 2, left: 3, right: 3 }).unwrap();
    assert_eq!(pairs.by(Pair::<u8>::TWICE).count(3).unwrap(), 1);
    assert_eq!(pairs.by(Pair::<u8>::ENDS).count(3).unwrap(), 2);
    assert_eq!(verified(&pairs), (2, 5));
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Fields)]
struct Address {
    street: String,
    city: String,
    at: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Fields)]
struct Place(i32, i32);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "shops")]
#[emdb(index(name = "by_city", fields(address.city, name)))]
#[emdb(index(name = "spot", fields(address.at.0, address.at.1), unique))]
#[emdb(index(name = "open_in", fields(address.city), filter = Shop::is_open))]
struct Shop {
    #[emdb(key)]
    id: u32,
    name: String,
    address: Address,
    open: bool,
}

impl Shop {
    fn is_open(&self) -> bool {
        self.open
    }
}

fn shop(id: u32, city: &str) -> Shop {
    let at = Place(id as i32, -7);
    let address = Address { street: "High Street".into(), city: city.into(), at };
    Shop { id, name: format!("shop {id}"), address, open: id.is_multiple_of(2) }
}

#[test]
fn an_index_goes_into_the_values_of_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shops.emdb");
    let db = Emdb::open(&path).unwrap();
    let shops = opened::<Shop>(&db);
    let cities = ["Basel", "Bern", "Basel", "Chur"];
    shops.insert_all((0..).zip(cities).map(|(id, city)| shop(id, city))).unwrap();
    let basel = shops.by(Shop::BY_CITY).prefix(&("Basel",)).unwrap();
    assert_eq!(basel.map(|row| row.unwrap().id).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(shops.by(Shop::BY_CITY).count(("Basel", "shop 2")).unwrap(), 1);
    assert_eq!(shops.by(Shop::SPOT).get((3, -7)).unwrap(), Some(shop(3, "Chur")));
    let street = shops.by(Shop::SPOT).get_with((3, -7), |row| row.address.street.len());
    assert_eq!(street.unwrap(), Some(11));
    let refused = shops.insert(&Shop { id: 9, ..shop(3, "Chur") });
    assert!(matches!(refused, Err(TableError::UniqueViolation { .. })));
    shops.update(&2, |shop| shop.address.city = "Bern".into()).unwrap();
    assert_eq!(shops.by(Shop::OPEN_IN).count("Bern").unwrap(), 1);
    assert_eq!(verified(&shops), (4, 4 + 4 + 2));
    let text = shops.schema().to_string();
    assert!(text.contains("index by_city (address.city, name)"), "{text}");
    drop((shops, db));

    let db = Emdb::open(&path).unwrap();
    let shops = Table::<Shop>::open_with(&db, |_| panic!("it builds again")).unwrap();
    assert_eq!(verified(&shops), (4, 10));
}
