//! Rows that are read without copying.

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[serde(rename_all = "camelCase")]
struct User {
    #[emdb(key)]
    id: u64,
    name: String,
    r#type: Option<String>,
    #[serde(default)]
    photo: Vec<u8>,
    lines: Vec<Option<std::string::String>>,
    scores: Vec<u64>,
}

#[derive(Serialize, Deserialize, Record)]
struct Tuple(#[emdb(key)] u8, String, i32);

// Something of that name is there already.
#[derive(Serialize, Deserialize)]
struct TakenRef(u8);

#[derive(Serialize, Deserialize, Record)]
struct Taken {
    #[emdb(key)]
    id: String,
    other: TakenRef,
}

// What is stored isn't what the fields say.
#[derive(Serialize, Deserialize, Record)]
struct Odd {
    #[emdb(key)]
    id: u8,
    #[serde(with = "reversed")]
    text: String,
}

#[derive(Serialize, Deserialize, Record)]
struct Generic<T> {
    #[emdb(key)]
    id: u8,
    text: String,
    value: T,
}

#[derive(Serialize, Deserialize, Record)]
struct Tree {
    #[emdb(key)]
    id: String,
    children: Vec<Self>,
}

mod reversed {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&text.chars().rev().collect::<String>())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        String::deserialize(from).map(|text| text.chars().rev().collect())
    }
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    let users = Table::<User>::open(&db)?;
    users.insert(&User {
        id: 1,
        name: "Ada".into(),
        r#type: Some("x".into()),
        photo: vec![1, 2],
        lines: vec![None, Some("y".into())],
        scores: vec![3],
    })?;
    let found = users.get_with(&1, |user| {
        let (name, kind): (&str, Option<&str>) = (user.name, user.r#type);
        let (photo, lines): (&[u8], Vec<Option<&str>>) = (user.photo, user.lines);
        assert_eq!((user.id, name, kind, photo), (1, "Ada", Some("x"), &[1, 2][..]));
        assert_eq!((lines, user.scores), (vec![None, Some("y")], vec![3]));
    })?;
    assert!(found.is_some());

    let tuples = Table::<Tuple>::open(&db)?;
    tuples.insert(&Tuple(1, "a".into(), -1))?;
    assert_eq!(tuples.get_with(&1, |row| (row.0, row.1.len(), row.2))?, Some((1, 1, -1)));

    let taken = Table::<Taken>::open(&db)?;
    taken.insert(&Taken { id: "a".into(), other: TakenRef(7) })?;
    assert_eq!(taken.get_with("a", |row| row.other.0 + row.id.len() as u8)?, Some(8));

    let odd = Table::<Odd>::open(&db)?;
    odd.insert(&Odd { id: 1, text: "abc".into() })?;
    assert_eq!(odd.get_with(&1, |row: Odd| row.text)?, Some("abc".to_owned()));

    let generic = Table::<Generic<u8>>::open(&db)?;
    generic.insert(&Generic { id: 1, text: "abc".into(), value: 2 })?;
    assert_eq!(generic.get_with(&1, |row: Generic<u8>| row.text)?, Some("abc".to_owned()));

    let leaf = Tree { id: "leaf".into(), children: vec![] };
    let _ = Tree { id: "root".into(), children: vec![leaf] }.key();
    Ok(())
}
