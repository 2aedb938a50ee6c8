use std::fmt::Debug;

use emdb::{Emdb, Key, Record, Table, TableError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

// The bounds of the type itself are all that a generic record needs to repeat.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "pairs")]
struct Pair<K, V = String> {
    #[emdb(key)]
    key: K,
    value: V,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
struct Bounded<T: Debug + Clone> {
    #[emdb(key)]
    id: u64,
    value: T,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
struct Clause<T>
where
    T: Debug,
    Vec<T>: PartialEq,
{
    #[emdb(key)]
    id: u64,
    values: Vec<T>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
struct Sized<const N: usize> {
    #[emdb(key)]
    id: u8,
    name: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
struct Both<T, const N: usize = 2>(#[emdb(key)] i32, T);

fn round_trip<T: Record + Debug + PartialEq>(db: &Emdb, row: T) -> Result<(), TableError> {
    let table = Table::<T>::open(db)?;
    table.insert(&row)?;
    assert_eq!(table.get(&row.key())?, Some(row));
    Ok(())
}

fn pair<K, V>(db: &Emdb, key: K, value: V) -> Result<(), TableError>
where
    K: Key + Debug + PartialEq + Serialize + DeserializeOwned,
    V: Debug + PartialEq + Serialize + DeserializeOwned + 'static,
{
    round_trip(db, Pair { key, value })
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    pair(&db, "key".to_owned(), 5_u8)?;
    round_trip(&db, Bounded { id: 1, value: 'x' })?;
    round_trip(&db, Clause { id: 1, values: vec![true, false] })?;
    round_trip(&db, Sized::<3> { id: 1, name: "three".into() })?;
    round_trip(&db, Both::<String>(-1, "two".into()))
}
