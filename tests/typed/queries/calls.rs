//! Single calls of queries, and what they say of themselves.

use emdb::{Emdb, Expr, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users", index(name = "by_city_age", fields(city, age)))]
#[emdb(index(name = "adults", fields(age), filter = User::is_adult))]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
    city: String,
    age: u8,
    #[emdb(index(each))]
    tags: Vec<String>,
}

impl User {
    fn is_adult(&self) -> bool {
        self.age >= 18
    }
}

fn users() -> (Emdb, Table<User>) {
    let db = Emdb::open_in_memory();
    let users = Table::open(&db).unwrap();
    let rows = (0..100_u64).map(|id| User {
        id,
        email: format!("{id}@example.org"),
        city: ["Basel", "Bern"][id as usize % 2].into(),
        age: (id % 40) as u8,
        tags: vec![format!("t{}", id % 5), "all".into()],
    });
    users.insert_all(rows).unwrap();
    (db, users)
}

fn plan(condition: Expr<User>) -> String {
    let (_db, users) = users();
    users.query().filter(condition).explain().unwrap().to_string()
}

#[test]
fn a_plan_says_which_index_is_walked_and_what_is_left_to_filter() {
    let f = User::FIELDS;
    assert_eq!(
        plan(f.email.eq("7@example.org")),
        "the index `email`, 1 field bound; 1 row looked at"
    );
    let basel = f.city.eq("Basel") & f.age.within(10..20);
    assert_eq!(
        plan(basel),
        "the index `by_city_age`, 2 fields bound; sorted in memory; 15 rows looked at"
    );
    assert_eq!(
        plan(f.city.starts_with("B") & f.age.eq(3)),
        "the index `by_city_age`, 1 field bound; filtered by age =; sorted in memory; \
         100 rows looked at"
    );
    assert_eq!(
        plan(f.tags.has("t3")),
        "the index `tags`, 1 field bound; sorted in memory; 20 rows looked at"
    );
    assert_eq!(plan(f.id.within(3..5)), "the primary key, 1 field bound; 2 rows looked at");
    assert_eq!(
        plan(f.id.eq(3) | f.email.eq("7@example.org")),
        "the primary key, 1 field bound, then the index `email`, 1 field bound; \
         sorted in memory; 2 rows looked at"
    );
    assert_eq!(plan(f.age.ge(30)), "the table, all of it; filtered by age >=; 100 rows looked at");
}

#[test]
fn an_index_gives_the_order_from_both_ends_and_nothing_is_sorted() {
    let (_db, users) = users();
    let f = User::FIELDS;
    let basel = users.query().filter(f.city.eq("Basel")).limit(3);
    let oldest = basel.clone().order_by(f.age.desc());
    assert!(!oldest.explain().unwrap().sorted && oldest.explain().unwrap().descending);
    // Rows of one age come by their keys all the same.
    assert_eq!(oldest.keys().unwrap().to_vec().unwrap(), [38, 78, 36]);
    assert_eq!(basel.order_by(f.age).keys().unwrap().to_vec().unwrap(), [0, 40, 80]);
}

#[test]
fn a_partial_index_is_asked_by_its_name_alone_and_has_its_own_rows() {
    let (_db, users) = users();
    let f = User::FIELDS;
    assert!(plan(f.age.ge(18)).starts_with("the table"));
    let adults = users.query().via(User::ADULTS).filter(f.age.lt(20));
    assert_eq!(adults.count().unwrap(), 6);
    assert_eq!(adults.to_vec().unwrap().len(), 6);
    assert_eq!(adults.explain().unwrap().walks[0].index.as_deref(), Some("adults"));
}

#[test]
fn an_index_of_elements_that_is_forced_gives_each_row_once() {
    let (_db, users) = users();
    assert_eq!(users.query().via(User::TAGS).count().unwrap(), 100);
    let ids = users.query().via(User::TAGS).limit(3).keys().unwrap().to_vec().unwrap();
    assert_eq!(ids, [0, 1, 2]);
}

#[test]
fn one_wants_exactly_one_row_and_says_which_it_is_not() {
    let (_db, users) = users();
    let f = User::FIELDS;
    assert_eq!(users.query().filter(f.id.eq(5)).one().unwrap().id, 5);
    let none = users.query().filter(f.id.eq(500)).one().unwrap_err();
    assert!(matches!(none, TableError::NotOne { several: false, .. }), "{none}");
    assert!(none.to_string().contains("no row"), "{none}");
    let several = users.query().filter(f.id.lt(5)).one().unwrap_err();
    assert!(matches!(several, TableError::NotOne { several: true, .. }), "{several}");
}

#[test]
fn rows_of_an_older_version_are_asked_as_they_are_read() {
    #[derive(Serialize, Deserialize, Record)]
    #[emdb(namespace = "items")]
    struct Old {
        #[emdb(key)]
        id: u32,
        cents: u32,
    }

    #[derive(Serialize, Deserialize, Record)]
    #[emdb(namespace = "items", version = 2, from = Old)]
    struct Item {
        #[emdb(key)]
        id: u32,
        name: String,
        cents: u64,
    }

    impl From<Old> for Item {
        fn from(old: Old) -> Self {
            Item { id: old.id, name: format!("item {}", old.id), cents: old.cents.into() }
        }
    }

    let db = Emdb::open_in_memory();
    Table::<Old>::open(&db).unwrap().insert(&Old { id: 1, cents: 700 }).unwrap();
    let items = Table::<Item>::open(&db).unwrap();
    items.insert(&Item { id: 2, name: "new".into(), cents: 700 }).unwrap();
    let f = Item::FIELDS;
    assert_eq!(items.query().filter(f.cents.eq(700)).count().unwrap(), 2);
    let old = items.query().filter(f.name.starts_with("item")).order_by(f.cents.desc());
    assert_eq!(old.one().unwrap().id, 1);
}

#[test]
fn a_query_sees_one_state_whatever_is_written_meanwhile() {
    let (_db, users) = users();
    let f = User::FIELDS;
    let mut rows = users.query().filter(f.city.eq("Bern")).order_by(f.email.desc()).rows().unwrap();
    rows.next().unwrap().unwrap();
    users.clear().unwrap();
    assert_eq!(rows.map(Result::unwrap).count(), 49);
}

#[test]
fn an_entry_that_the_row_has_not_is_an_error_and_no_answer() {
    let (_db, users) = users();
    let f = User::FIELDS;
    let basel = users.query().filter(f.city.eq("Basel"));
    users.raw().remove(0_u64.to_be_bytes()).unwrap();
    assert!(matches!(basel.to_vec(), Err(TableError::StaleIndex { .. })));
    assert!(matches!(basel.filter(f.tags.len().eq(2)).count(), Err(TableError::StaleIndex { .. })));
}
