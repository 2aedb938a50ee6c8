//! What calls take in place of a key, and what a literal in it is inferred to be.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::ops::Bound;
use std::rc::Rc;
use std::sync::Arc;

use emdb::{AsKey, Emdb, EncodeKey, Key, KeyError, Record, Table, TableError, as_key};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "by_both", unique, fields(key, tag)))]
struct Row<K: Key + Serialize + DeserializeOwned> {
    #[emdb(key)]
    #[serde(bound = "")]
    key: K,
    #[emdb(unique)]
    #[serde(bound = "")]
    tag: Option<K>,
}

/// Every call that takes a key.
fn calls<K, Q>(key: &Q) -> Result<(), TableError>
where
    K: Key + Serialize + DeserializeOwned,
    Q: AsKey<K> + ?Sized,
{
    let rows = table::<K>();
    assert!(rows.get(key)?.is_none());
    assert!(rows.get_with(key, |_| ())?.is_none());
    assert!(!rows.contains_key(key)?);
    assert!(rows.expires_at(key)?.is_none());
    assert!(rows.update(key, |_| ())?.is_none());
    assert!(rows.remove(key)?.is_none());
    Ok(())
}

fn table<K: Key + Serialize + DeserializeOwned>() -> Table<Row<K>> {
    Table::open(&Emdb::open_in_memory()).unwrap()
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Key)]
struct Id(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Key)]
struct Place {
    country: String,
    zip: u16,
    city: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Key)]
struct Pair<A, const N: usize>(A, Code<N>);

#[derive(Debug, Clone, PartialEq)]
struct Code<const N: usize>([u8; N]);

as_key!(impl[const N: usize] Code<N>);

impl<const N: usize> EncodeKey for Code<N> {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.0.encode_into(out);
    }
}

impl<const N: usize> Key for Code<N> {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        Key::decode(bytes).map(Code)
    }
}

impl<const N: usize> Serialize for Code<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_vec().serialize(serializer)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Code<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::deserialize(deserializer)?;
        bytes.try_into().map(Code).map_err(|_| serde::de::Error::custom("another length"))
    }
}

/// A derived key with a borrowed form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Key)]
struct Name(String);

as_key!(str as Name);

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn numbers() -> Result<(), TableError> {
    let (rows, ids) = (table::<u64>(), [1, 2]);
    rows.get(&7)?;
    rows.get(&(3 + 4))?;
    for id in &ids {
        rows.get(id)?;
        rows.get(&id)?;
    }
    assert_eq!(ids.iter().filter(|id| rows.get(id).is_ok()).count(), 2);
    let mut id = 7;
    let lent = &mut id;
    rows.get(&lent)?;
    rows.get(lent)?;
    rows.get(&Box::new(7))?;
    rows.get(&Rc::new(7))?;
    rows.get(&Arc::new(7))?;
    rows.get(&"7".parse::<u64>().unwrap())?;
    rows.get_many([7, 8])?;
    rows.get_many(&ids)?;
    rows.by(Row::<u64>::TAG).get(7)?;
    rows.by(Row::<u64>::TAG).get(&7)?;
    rows.by(Row::<u64>::TAG).get(Some(7))?;
    rows.by(Row::<u64>::TAG).get(None)?;
    rows.by(Row::<u64>::TAG).range(7..)?;
    rows.by(Row::<u64>::TAG).range(None..)?;
    rows.by(Row::<u64>::BY_BOTH).get((7, 8))?;
    rows.by(Row::<u64>::BY_BOTH).get(&(7, None))?;
    rows.by(Row::<u64>::BY_BOTH).range((7, 8)..=(7, 9))?;
    table::<i64>().get(&-7)?;
    table::<f64>().range(-1.5..)?;
    table::<Reverse<u8>>().get(&Reverse(7))?;
    table::<(u8, i16, f32)>().get(&(1, -2, 3.5))?;
    table::<Option<u64>>().get(&7)?;
    table::<Option<u64>>().get(&Some(7))?;
    table::<Option<u64>>().get(&None)?;
    Ok(())
}

fn texts() -> Result<(), TableError> {
    let owned = "a".to_owned();
    calls::<String, _>("a")?;
    calls::<String, _>(&"a")?;
    calls::<String, _>(&owned)?;
    calls::<Box<str>, _>("a")?;
    calls::<Option<String>, _>("a")?;
    calls::<Vec<u8>, _>(b"a")?;
    calls::<Vec<u8>, _>(&[1, 2])?;
    calls::<Vec<u8>, _>(&vec![1, 2])?;
    calls::<Vec<u8>, _>(&[1, 2][..])?;
    calls::<[u8; 2], _>(b"ab")?;
    calls::<[u8; 2], _>(&[1, 2])?;
    calls::<[u8; 2], _>(&[1, 2][..])?;
    calls::<[String; 2], _>(&["a", "b"])?;
    calls::<Name, _>("a")?;
    calls::<Name, _>(&("a",))?;
    calls::<Name, _>(&Name(owned.clone()))?;
    table::<Name>().by(Row::<Name>::TAG).get("a")?;
    table::<String>().get_many(["a", "b"])?;
    table::<String>().get_many(&[owned.clone()])?;
    table::<String>().by(Row::<String>::TAG).get("a")?;
    table::<String>().by(Row::<String>::TAG).get(&owned)?;
    table::<String>().by(Row::<String>::TAG).get(owned)?;
    table::<Vec<u8>>().by(Row::<Vec<u8>>::TAG).get(b"a")?;
    table::<Vec<u8>>().range([1, 2]..)?;
    Ok(())
}

fn composites() -> Result<(), TableError> {
    let (rows, org) = (table::<(String, u64)>(), "acme".to_owned());
    calls::<(String, u64), _>(&("acme", 7))?;
    rows.get(&("acme", 7))?;
    rows.get(&(&org, 7))?;
    rows.get(&(org.as_str(), &7))?;
    rows.get(&("acme".to_owned(), 7))?;
    rows.update(&("acme", 7), |_| ())?;
    rows.remove(&("acme", 7))?;
    rows.get_many([("acme", 7), ("acme", 8)])?;
    rows.range(("a", 0)..("a", 9))?;
    rows.range(("a", 0)..)?;
    rows.range((Bound::Excluded(("a", 0)), Bound::Unbounded))?;
    rows.by(Row::<(String, u64)>::TAG).get(("acme", 7))?;
    rows.by(Row::<(String, u64)>::BY_BOTH).get((("acme", 7), ("acme", 8)))?;
    rows.by(Row::<(String, u64)>::BY_BOTH).prefix(&(("acme", 7),))?;
    let key = (org.clone(), 7);
    rows.get(&key)?;
    rows.range(&key..)?;

    table::<((String, u64), u8, Vec<u8>)>().get(&(("a", 1), 2, b"x"))?;
    table::<((String, u64), u8, Vec<u8>)>().get(&(&key, 2, vec![]))?;
    table::<(Option<String>, Option<u8>)>().get(&("a", 1))?;
    table::<(Option<String>, Option<u8>)>().get(&(None, Some(1)))?;
    table::<(Name, Id, u8)>().get(&("a", Id(1), 2))?;
    table::<(Name, Id, u8)>().get(&(Name(org), (1,), 2))?;
    Ok(())
}

fn derived() -> Result<(), TableError> {
    calls::<Id, _>(&Id(7))?;
    table::<Id>().get(&(7,))?;
    table::<Id>().range(Id(1)..=Id(2))?;
    table::<Id>().range(&Id(1)..&Id(2))?;
    table::<Id>().by(Row::<Id>::TAG).get(Id(7))?;

    let rows = table::<Place>();
    rows.get(&("ch", 4000, "Basel"))?;
    rows.get(&("ch", 4000, None))?;
    rows.range(("ch", 4000, None)..)?;
    rows.by(Row::<Place>::TAG).get(("ch", 4000, "Basel"))?;
    let place = Place { country: "ch".into(), zip: 4000, city: None };
    rows.get(&place)?;
    rows.range(&place..)?;
    table::<Pair<String, 2>>().get(&("a", Code([1, 2])))?;
    Ok(())
}

/// Code that knows no more than that it is a key.
fn generic<T: Record, A: Key, B: Key + From<u8>>(
    rows: &Table<T>,
    (a, b): (A, B),
) -> Result<(), TableError>
where
    T: Record<Key = (A, B)> + emdb::OrderedRecord,
{
    let key = (a.clone(), b);
    rows.get(&key)?;
    rows.get_many([&key])?;
    rows.get(&(&key.0, &key.1))?;
    rows.get(&(&a, B::from(7)))?;
    rows.range(&key..)?;
    rows.range((&a, B::from(7))..(&a, B::from(8)))?;
    rows.page(Some(&key), 7)?;
    Ok(())
}

fn generic_key<T: Record>(rows: &Table<T>, row: &T) -> Result<Option<T>, TableError> {
    rows.update(&row.key(), |_| ())?;
    rows.get(&row.key())
}

fn main() -> Result<(), TableError> {
    numbers()?;
    texts()?;
    composites()?;
    derived()?;
    generic(&table::<(String, u64)>(), ("a".to_owned(), 7))?;
    assert!(generic_key(&table(), &Row { key: 7_u8, tag: None })?.is_none());
    Ok(())
}
