//! Every kind of index.

use emdb_typed::TableError;
use serde::{Deserialize, Serialize};

use crate::harness::{Harness, verified};
use crate::over_both;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
#[emdb(index(name = "by_city_age", fields(city, age)))]
#[emdb(index(name = "adults", fields(city), filter = Person::is_adult))]
#[emdb(index(name = "place", fields(city, seat), unique))]
struct Person {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    email: String,
    #[emdb(unique(sparse))]
    badge: Option<u32>,
    #[emdb(index)]
    age: u8,
    #[emdb(index(sparse))]
    boss: Option<u32>,
    #[emdb(index(each))]
    tags: Vec<String>,
    #[emdb(unique(each))]
    keys: Vec<u8>,
    city: String,
    seat: u32,
}

impl Person {
    fn is_adult(&self) -> bool {
        self.age >= 18
    }
}

fn person(id: u32) -> Person {
    Person {
        id,
        email: format!("{id}@example.org"),
        badge: id.is_multiple_of(2).then_some(id),
        age: 10 + (id % 3) as u8 * 10,
        boss: (id > 4).then_some(id % 2),
        tags: vec![format!("t{}", id % 2), "all".into(), "all".into()],
        keys: vec![id as u8],
        city: if id < 4 { "Basel" } else { "Bern" }.into(),
        seat: id,
    }
}

over_both! {
    each_kind_finds_its_rows
    lookups_go_both_ways
    a_walk_over_an_index_goes_from_both_ends_in_any_order
    entries_follow_their_rows
    unique_values_are_taken_once
    unique_values_go_round_among_rows_that_come_together
    keys_of_rows_are_found_without_the_rows
}

fn each_kind_finds_its_rows<H: Harness>() {
    let db = H::new();
    let people = db.open::<Person>();
    people.insert_many((1..=8).map(person)).unwrap();
    // 8 of five kinds, 4 badges, 4 bosses, 16 tags, and those who are adults.
    let adults = (1..=8).map(person).filter(Person::is_adult).count() as u64;
    assert_eq!(verified(&people), (8, 8 * 5 + 4 + 4 + 16 + adults));

    assert_eq!(people.by(Person::EMAIL).get("3@example.org").unwrap(), Some(person(3)));
    assert_eq!(people.by(Person::EMAIL).get("9@example.org").unwrap(), None);
    assert_eq!(people.by(Person::BADGE).get(4).unwrap(), Some(person(4)));
    assert_eq!(people.by(Person::BADGE).count(None).unwrap(), 0);
    assert_eq!(people.by(Person::BOSS).count(1).unwrap(), 2);
    assert_eq!(people.by(Person::TAGS).count("all").unwrap(), 8);
    assert_eq!(people.by(Person::TAGS).count("t1").unwrap(), 4);
    assert_eq!(people.by(Person::KEYS).get(7).unwrap(), Some(person(7)));
    assert_eq!(people.by(Person::PLACE).get(("Bern".to_owned(), 5)).unwrap(), Some(person(5)));
    assert_eq!(people.by(Person::BY_CITY_AGE).count(("Basel".to_owned(), 20)).unwrap(), 1);
    let adults = people.by(Person::ADULTS).all("Basel").unwrap();
    assert!(adults.map(Result::unwrap).all(|row| row.is_adult()));
    let length = people.by(Person::EMAIL).get_with("3@example.org", |row| row.tags.len());
    assert_eq!(length.unwrap(), Some(3));
}

fn lookups_go_both_ways<H: Harness>() {
    let db = H::new();
    let people = db.open::<Person>();
    people.insert_many((1..=9).map(person)).unwrap();
    let by_age = people.by(Person::AGE);
    let ids = |rows: Vec<Person>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let all = |range| by_age.range(range).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(ids(all(20..)), [1, 4, 7, 2, 5, 8]);
    let back = by_age.range(20..).unwrap().rev().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(ids(back), [8, 5, 2, 7, 4, 1]);
    let prefix = people.by(Person::BY_CITY_AGE).prefix(&("Bern",)).unwrap();
    let prefix = prefix.rev().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(ids(prefix), [8, 5, 7, 4, 9, 6]);
    let texts = people.by(Person::EMAIL).prefix("7@").unwrap();
    assert_eq!(ids(texts.collect::<Result<_, _>>().unwrap()), [7]);
}

/// Entries are taken some ahead of their rows, from each end its own.
fn a_walk_over_an_index_goes_from_both_ends_in_any_order<H: Harness>() {
    let db = H::new();
    let people = db.open::<Person>();
    let mut pattern = 0x9E37_79B9_u32;
    for rows in 0..60 {
        let expected: Vec<u32> = (1..=rows).collect();
        for _ in 0..4 {
            let mut walk = people.by(Person::TAGS).all("all").unwrap();
            let (mut front, mut back) = (Vec::new(), Vec::new());
            loop {
                pattern = pattern.rotate_left(5).wrapping_mul(0x85EB_CA6B);
                // In stretches, so that each end gets ahead of the other.
                let is_back = pattern >> 28 > 9;
                let step = if is_back { walk.next_back() } else { walk.next() };
                match step {
                    Some(row) if is_back => back.push(row.unwrap().id),
                    Some(row) => front.push(row.unwrap().id),
                    None => break,
                }
            }
            assert!(walk.next().is_none() && walk.next_back().is_none());
            front.extend(back.iter().rev());
            assert_eq!(front, expected, "{} from the back", back.len());
        }
        people.insert(&person(rows + 1)).unwrap();
    }
}

fn entries_follow_their_rows<H: Harness>() {
    let db = H::new();
    let people = db.open::<Person>();
    people.insert_many((1..=6).map(person)).unwrap();
    people.update(&1, |person| person.age = 99).unwrap();
    assert_eq!(people.by(Person::AGE).all(99).unwrap().next().unwrap().unwrap().id, 1);
    people.update(&2, |person| person.badge = None).unwrap();
    assert_eq!(people.by(Person::BADGE).get(2).unwrap(), None);
    people.update(&3, |person| person.tags = vec!["new".into()]).unwrap();
    assert_eq!(people.by(Person::TAGS).count("all").unwrap(), 5);
    people.remove(&4).unwrap();
    people.retain(|person| person.id != 5).unwrap();
    people.insert(&Person { seat: 77, ..person(6) }).unwrap();
    assert_eq!(people.by(Person::PLACE).get(("Bern".to_owned(), 6)).unwrap(), None);
    assert_eq!(people.by(Person::PLACE).get(("Bern".to_owned(), 77)).unwrap().unwrap().id, 6);
    assert_eq!(verified(&people).0, 4);
    people.clear().unwrap();
    assert_eq!(verified(&people), (0, 0));
    people.insert(&person(1)).unwrap();
    assert_eq!(people.by(Person::AGE).count(99).unwrap(), 0);
}

fn unique_values_are_taken_once<H: Harness>() {
    let db = H::new();
    let people = db.open::<Person>();
    people.insert_many([person(1), person(2)]).unwrap();
    let taken = |row: Person, taken: &str| match people.insert(&row).unwrap_err() {
        TableError::UniqueViolation { index, other, .. } => {
            assert_eq!((&*index, other), (taken, vec![0, 0, 0, 1]));
        }
        other => panic!("{other}"),
    };
    taken(Person { email: person(1).email, ..person(3) }, "email");
    taken(Person { keys: vec![9, 1], ..person(3) }, "keys");
    taken(Person { seat: 1, ..person(3) }, "place");
    assert_eq!(verified(&people).0, 2);
    // Its own value is no other's; a row that goes gives its values free, in one call too.
    people.insert(&person(1)).unwrap();
    people.remove(&2).unwrap();
    people.insert(&Person { email: person(2).email, ..person(3) }).unwrap();
    verified(&people);
}

fn unique_values_go_round_among_rows_that_come_together<H: Harness>() {
    let db = H::new();
    let people = db.open::<Person>();
    people.insert_many((1..=4).map(person)).unwrap();
    let with_email_of = |id: u32, of: u32| Person { email: person(of).email, ..person(id) };
    let id_of = |of: u32| people.by(Person::EMAIL).get(&*person(of).email).unwrap().map(|p| p.id);
    people.insert_all([with_email_of(1, 2), with_email_of(2, 1)]).unwrap();
    assert_eq!((id_of(1), id_of(2)), (Some(2), Some(1)));
    people.insert_all((1..=4).map(|id| with_email_of(id, id % 4 + 1))).unwrap();
    assert_eq!((1..=4).map(id_of).collect::<Vec<_>>(), [4, 1, 2, 3].map(Some));
    // A row may hand its value to a new one; the last row of a key is the one that stays.
    let free = Person { email: "free".into(), ..person(4) };
    let round = [with_email_of(4, 2), free, with_email_of(5, 1)];
    assert_eq!(people.insert_all(round).unwrap(), 3);
    assert_eq!((id_of(1), id_of(2)), (Some(5), Some(1)));
    assert_eq!(verified(&people).0, 5);
    // Two rows of the call with one value, and one that a row outside of it has: nothing is written.
    for refused in [[with_email_of(1, 9), with_email_of(2, 9)], [person(8), with_email_of(4, 2)]] {
        let refused = people.insert_all(refused);
        assert!(
            matches!(refused, Err(TableError::UniqueViolation { ref index, .. }) if index == "email")
        );
    }
    assert_eq!((id_of(9), id_of(8), id_of(2)), (None, None, Some(1)));
    db.transaction(|tx| {
        let people = H::with(&people, tx);
        people.insert_all([with_email_of(1, 1), with_email_of(5, 2)]).map(drop)
    })
    .unwrap();
    assert_eq!((id_of(1), id_of(2)), (Some(1), Some(5)));
    assert_eq!(verified(&people).0, 5);
}

fn keys_of_rows_are_found_without_the_rows<H: Harness>() {
    let db = H::new();
    let people = db.open::<Person>();
    people.insert_many((1..=9).map(person)).unwrap();
    let keys = people.by(Person::AGE).keys(20).unwrap();
    assert_eq!(keys.collect::<Result<Vec<_>, _>>().unwrap(), [1, 4, 7]);
    let keys = people.by(Person::EMAIL).keys("7@example.org").unwrap().rev();
    assert_eq!(keys.collect::<Result<Vec<_>, _>>().unwrap(), [7]);
}
