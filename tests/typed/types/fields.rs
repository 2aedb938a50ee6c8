//! Other fields without another version.

use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

use super::{is_mismatch, opened, plain, with_people};

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Person {
    #[emdb(key)]
    id: u64,
    age: u16,
    name: String,
    email: Option<String>,
}

#[test]
fn fields_that_changed_are_told_one_by_one_and_nothing_is_changed() {
    let db = with_people(0..3);
    let refused = Table::<Person>::open(&db).unwrap_err();
    let message = refused.to_string();
    for part in [
        "table `people`",
        "field `age`: stored as `u8`, now `u16`",
        "field `badge`: stored as `Option<u32>`, now gone",
        "field `email`: not stored, now `Option<String>`",
    ] {
        assert!(message.contains(part), "no {part:?} in:\n{message}");
    }
    assert!(!message.contains("field `name`") && !message.contains("field `id`"), "{message}");
    assert_eq!(opened::<plain::Person>(&db).get(&1).unwrap(), Some(plain::person(1)));
}

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", key(id, age))]
struct OtherKey {
    id: u64,
    name: String,
    age: u8,
    badge: Option<u32>,
}

#[test]
fn another_key_of_the_same_fields_is_a_difference() {
    let db = with_people(0..3);
    let refused = Table::<OtherKey>::open(&db).unwrap_err().to_string();
    assert!(refused.contains("key: stored `id`, now `id, age`"), "{refused}");
}

#[test]
fn a_type_that_is_refused_leaves_the_handles_of_others_as_they_are() {
    let db = with_people(0..3);
    let people = opened::<plain::Person>(&db);
    assert!(is_mismatch(Table::<Person>::open(&db)));
    people.insert(&plain::person(5)).unwrap();
    assert_eq!(crate::verified(&people), (4, 0));
}

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Counted {
    #[emdb(key, auto)]
    id: u64,
    name: String,
    age: u8,
    badge: Option<u32>,
}

#[test]
fn a_key_that_becomes_automatic_goes_on_behind_the_highest() {
    let db = with_people(3..70);
    let people = opened::<Counted>(&db);
    let row = || Counted { id: 0, name: "new".into(), age: 0, badge: None };
    assert_eq!(people.insert_new(row()).unwrap().id, 70);
    // And again after rows that the other type brought.
    let plain = opened::<plain::Person>(&db);
    plain.insert(&plain::person(71)).unwrap();
    plain.insert(&plain::person(90)).unwrap();
    assert_eq!(opened::<Counted>(&db).insert_new(row()).unwrap().id, 91);
}

#[test]
fn rows_of_a_plain_namespace_become_a_table_with_indexes() {
    let source = with_people(0..40);
    let source = opened::<plain::Person>(&source);
    let db = Emdb::open_in_memory();
    let raw = db.namespace("people").unwrap();
    for (key, row) in source.raw().iter().unwrap() {
        raw.insert(key, row).unwrap();
    }
    let people = opened::<super::indexed::Person>(&db);
    assert_eq!(crate::verified(&people), (40, 80));
    assert_eq!(people.last().unwrap().unwrap().id, 39);
}

mod lamps {
    /// Takes no text that is made up for it.
    #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(try_from = "String", into = "String")]
    pub(super) struct Sku(pub(super) String);

    impl TryFrom<String> for Sku {
        type Error = &'static str;

        fn try_from(text: String) -> Result<Self, &'static str> {
            if text.starts_with("SKU-") { Ok(Sku(text)) } else { Err("no SKU") }
        }
    }

    impl From<Sku> for String {
        fn from(sku: Sku) -> String {
            sku.0
        }
    }
}

/// A table of lamps whose switch has these positions, in this order.
macro_rules! lamps {
    ($module:ident, $($position:ident),*) => {
        mod $module {
            use serde::{Deserialize, Serialize};

            #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
            pub(super) enum Switch { $($position),* }

            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            pub(super) struct Wiring {
                pub(super) plug: super::lamps::Sku,
                pub(super) switch: Option<Switch>,
            }

            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb::Record)]
            #[emdb(namespace = "lamps")]
            pub(super) struct Lamp {
                #[emdb(key)]
                pub(super) id: u64,
                pub(super) sku: super::lamps::Sku,
                pub(super) switch: Switch,
                pub(super) wirings: Vec<Wiring>,
            }
        }
    };
}

lamps!(lamp, On, Off);
lamps!(turned_lamp, Off, On);
lamps!(later_lamp, On, Off, Dimmed);

#[test]
fn variants_in_another_order_are_told_behind_a_field_that_validates() {
    let db = Emdb::open_in_memory();
    let sku = lamps::Sku("SKU-1".into());
    let wirings = vec![lamp::Wiring { plug: sku.clone(), switch: Some(lamp::Switch::Off) }];
    let lamp = lamp::Lamp { id: 1, sku, switch: lamp::Switch::On, wirings };
    let lamps = opened::<lamp::Lamp>(&db);
    lamps.insert(&lamp).unwrap();
    assert!(lamps.schema().fields().all(|field| !field.is_opaque()), "{}", lamps.schema());

    let refused = Table::<turned_lamp::Lamp>::open(&db).unwrap_err();
    let message = refused.to_string();
    assert!(is_mismatch(Err::<(), _>(refused)), "{message}");
    let order = "order of its variants: stored On, Off; now Off, On";
    assert!(message.contains(&format!("field `switch`: {order}")), "{message}");

    opened::<later_lamp::Lamp>(&db);
    assert_eq!(opened::<lamp::Lamp>(&db).get(&1).unwrap(), Some(lamp));
}

#[test]
fn they_are_told_in_a_nested_struct_behind_one_too() {
    macro_rules! only_nested {
        ($wiring:ty) => {{
            #[derive(Serialize, Deserialize, Record)]
            #[emdb(namespace = "lamps")]
            struct Lamp {
                #[emdb(key)]
                id: u64,
                wiring: $wiring,
            }
            Table::<Lamp>::open
        }};
    }
    let db = Emdb::open_in_memory();
    only_nested!(lamp::Wiring)(&db).unwrap();
    // The field's type is written as it was: what is in it tells.
    let message = only_nested!(turned_lamp::Wiring)(&db).err().unwrap().to_string();
    assert!(message.contains("order of its variants: stored On, Off; now Off, On"), "{message}");
    only_nested!(later_lamp::Wiring)(&db).unwrap();
}
