//! Every kind of index, and what can be asked of one. Keeps everything in memory.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
#[emdb(index(name = "by_city_age", fields(city, age)))] // composite: sorted by both
#[emdb(index(name = "waiting", fields(age), filter = Person::is_waiting))] // partial: some rows
struct Person {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)] // one row a value
    email: String,
    #[emdb(index)] // any number of rows a value
    age: u8,
    city: String,
    #[emdb(index(each))] // one entry an element
    tags: Vec<String>,
    #[emdb(unique(sparse))] // `None` is left out, so any number of rows may have it
    badge: Option<u32>,
}

impl Person {
    fn is_waiting(&self) -> bool {
        self.badge.is_none()
    }
}

fn person(id: u32, name: &str, age: u8, city: &str, tags: &[&str], badge: Option<u32>) -> Person {
    let tags = tags.iter().map(|tag| (*tag).into()).collect();
    Person { id, email: format!("{name}@example.org"), age, city: city.into(), tags, badge }
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let people = Table::<Person>::open(&db)?;
    people.insert_all([
        person(1, "ada", 36, "London", &["maths", "poetry"], Some(7)),
        person(2, "bea", 36, "Basel", &["maths"], None),
        person(3, "cyd", 71, "Basel", &[], None),
        person(4, "dan", 19, "Bern", &["poetry"], Some(8)),
    ])?;

    // Each index is a constant of the record, so a query that makes no sense doesn't compile.
    let ada = people.by(Person::EMAIL).get("ada@example.org")?.expect("she was inserted");
    println!("by email: {}", ada.id);
    assert_eq!(people.by(Person::BADGE).get(8)?.map(|dan| dan.id), Some(4));

    // Rows come in the order of what is indexed, then of their keys. From both ends, lazily.
    println!("36 years: {:?}", ids(people.by(Person::AGE).all(36)?)?);
    assert_eq!(ids(people.by(Person::AGE).range(..)?.rev().take(1))?, [3]);

    // `count` and `keys` read no row.
    println!("{} know maths", people.by(Person::TAGS).count("maths")?);
    assert_eq!(people.by(Person::TAGS).keys("poetry")?.collect::<Result<Vec<_>, _>>()?, [1, 4]);

    // A prefix: the first fields of a composite index, or the beginning of a text.
    println!("Basel, by age: {:?}", ids(people.by(Person::BY_CITY_AGE).prefix(&("Basel",))?)?);
    assert_eq!(people.by(Person::BY_CITY_AGE).count(("London", 36))?, 1);
    assert_eq!(ids(people.by(Person::EMAIL).prefix("b")?)?, [2]);

    // A partial index has the rows that its function takes, as they are now.
    assert_eq!(ids(people.by(Person::WAITING).range(..)?)?, [2, 3]);
    people.update(&3, |cyd| cyd.badge = Some(9))?;
    println!("waiting: {:?}", ids(people.by(Person::WAITING).range(..)?)?);

    // A unique value is taken once. A write that is refused changes nothing.
    let refused = people.insert(&person(5, "ada", 20, "Rome", &[], None));
    let Err(error @ TableError::UniqueViolation { .. }) = refused else { panic!("{refused:?}") };
    println!("{error}");
    assert!(!people.contains_key(&5)?);
    Ok(())
}

fn ids(rows: impl Iterator<Item = Result<Person, TableError>>) -> Result<Vec<u32>, TableError> {
    rows.map(|row| Ok(row?.id)).collect()
}
