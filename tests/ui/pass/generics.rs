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

// Bounds come from what the attributes ask of the fields.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(key(org, id), index(name = "by_value", fields(value, org)))]
struct Indexed<O, I: Ord, V, const N: usize> {
    org: O,
    id: I,
    #[emdb(unique)]
    value: V,
    #[emdb(index(each))]
    values: Vec<V>,
    #[emdb(index(sparse))]
    maybe: Option<I>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(unordered)]
struct Auto<K> {
    #[emdb(key, auto)]
    id: K,
    #[emdb(expires_at)]
    until: u64,
}

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
    let _ = (Indexed::<u8, u16, String, 3>::VALUE, Indexed::<u8, u16, String, 3>::VALUES);
    let _ = (Indexed::<u8, u16, String, 3>::MAYBE, Indexed::<u8, u16, String, 3>::BY_VALUE);
    round_trip(
        &db,
        Indexed::<u8, u16, String, 3> {
            org: 1,
            id: 2,
            value: "a".into(),
            values: vec!["b".into()],
            maybe: None,
        },
    )?;
    round_trip(&db, Auto { id: 1_u32, until: 99_999_999_999_999 })?;
    let auto = Table::<Auto<u32>>::open(&db)?;
    assert_eq!(auto.insert_new(Auto { id: 0, until: 99_999_999_999_999 })?.id, 2);
    round_trip(&db, Sized::<3> { id: 1, name: "three".into() })?;
    round_trip(&db, Both::<String>(-1, "two".into()))
}
