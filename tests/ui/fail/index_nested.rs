use emdb::{Fields, Record};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Fields)]
struct Address {
    city: String,
    #[serde(skip)]
    cache: u8,
    plain: Plain,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    zip: u32,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "a", fields(address.ctiy)))]
#[emdb(index(name = "b", fields(address.cache)))]
#[emdb(index(name = "c", fields(address.plain.zip)))]
#[emdb(index(name = "d", fields(address.plain)))]
struct Shop {
    #[emdb(key)]
    id: u64,
    address: Address,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "a", fields(addres.city)), index(name = "b", fields(address.)))]
#[emdb(index(name = "c", fields(address.city, address.city)), key(address.city))]
struct Words {
    id: u64,
    address: Address,
}

fn main() {}
