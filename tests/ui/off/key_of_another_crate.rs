use emdb::{EncodeKey, Key, Record};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize, Record)]
struct Order {
    #[emdb(key)]
    id: Uuid,
    #[emdb(index)]
    customer: Uuid,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(at, id))]
struct Measured {
    at: jiff::Timestamp,
    id: u64,
}

#[derive(Clone, Key)]
struct Day(chrono::NaiveDate);

fn bytes_of(key: impl EncodeKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode_into(&mut bytes);
    bytes
}

fn main() {
    bytes_of(Uuid::nil());
}
