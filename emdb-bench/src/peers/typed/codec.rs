//! Rows as bytes, for engines that know bytes alone: by bincode.

use serde::Deserialize;

use super::Outcome;
use crate::row::Row;

const CONFIG: bincode::config::Configuration = bincode::config::standard();

/// The row with its strings borrowed.
#[derive(Deserialize)]
#[allow(dead_code)]
struct RowRef<'a> {
    id: u64,
    email: &'a str,
    age: u8,
    name: &'a str,
    #[serde(borrow)]
    tags: Vec<&'a str>,
    text: &'a str,
    score: f64,
}

/// The row, owned.
pub fn decode(bytes: &[u8]) -> Outcome<Row> {
    Ok(bincode::serde::decode_from_slice(bytes, CONFIG)?.0)
}

/// The length of the name, with nothing copied.
pub fn borrowed(bytes: &[u8]) -> Outcome<usize> {
    let row: RowRef<'_> = bincode::serde::borrow_decode_from_slice(bytes, CONFIG)?.0;
    Ok(row.name.len())
}

pub fn encode(row: &Row) -> Outcome<Vec<u8>> {
    Ok(bincode::serde::encode_to_vec(row, CONFIG)?)
}
