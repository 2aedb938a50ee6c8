//! Conditions, orders and projections, planned over the indexes that there are.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Fields, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, Fields)]
struct Address {
    city: String,
    street: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", index(name = "by_city", fields(address.city, age)))]
struct Person {
    #[emdb(key)]
    id: u32,
    name: String,
    age: u8,
    email: Option<String>,
    tags: Vec<String>,
    address: Address,
}

fn people() -> impl Iterator<Item = Person> {
    ["Ada", "Bob", "Cleo", "Dan", "Eve", "Finn"].into_iter().zip(1..).map(|(name, id)| Person {
        id,
        name: name.into(),
        age: 10 * id as u8,
        email: (id % 2 == 0).then(|| format!("{}@example.org", name.to_lowercase())),
        tags: if id < 4 { vec!["founder".into()] } else { Vec::new() },
        address: Address {
            city: if id == 3 { "Bern" } else { "Basel" }.into(),
            street: "Rheingasse".into(),
        },
    })
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let table = Table::<Person>::open(&db)?;
    table.insert_many(people())?;
    let f = Person::FIELDS;

    // Two fields of one index: an equality and a range.
    let adults = table.query().filter(f.address.city.eq("Basel") & f.age.ge(18));
    println!("{}", adults.explain()?);
    assert_eq!(adults.count()?, 4);

    // Conditions on anything else are asked of each row, where it lies.
    let reachable = f.email.is_some() | f.tags.has("founder") & !f.name.starts_with("A");
    let names = table
        .query()
        .filter(reachable)
        .order_by(f.age.desc())
        .then_by(f.name.asc())
        .limit(3)
        .select(|person| person.name.to_owned())
        .to_vec()?;
    println!("{names:?}");
    assert_eq!(names, ["Finn", "Dan", "Cleo"]);

    // Changes are one commit; the rows that they find are those of the moment before.
    let moved = table
        .query()
        .filter(f.address.city.eq("Bern"))
        .update(|person| person.address.city = "Basel".into())?;
    let left = table.query().filter(f.age.lt(20)).delete()?;
    assert_eq!((moved, left, table.query().count()?), (1, 1, 5));

    match table.query().filter(f.name.eq("Nobody")).one() {
        Err(TableError::NotOne { .. }) => println!("nobody is called so"),
        other => println!("not as it should be: {other:?}"),
    }
    Ok(())
}
