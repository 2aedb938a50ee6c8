use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "a", with = Self::f), index(name = "b", type = String))]
#[emdb(index(name = "c", with = Self::f, type = String, fields(0)))]
#[emdb(index(name = "d", with = Self::f, type = String, sparse, each))]
#[emdb(index(name = "e", fields(0), each), index(name = "f", with = "f", type = "String"))]
struct Words(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "number", with = Types::number, type = String))]
#[emdb(index(name = "no_key", with = Types::number, type = NotKey))]
#[emdb(index(name = "no_option", with = Types::number, type = u64, sparse))]
#[emdb(index(name = "no_list", with = Types::number, type = u64, each))]
#[emdb(index(name = "absent", with = Types::nowhere, type = u64))]
#[emdb(index(name = "takes_two", with = Types::takes_two, type = u64))]
struct Types(#[emdb(key)] u64);

struct NotKey;

impl Types {
    fn number(&self) -> u64 {
        self.0
    }

    fn takes_two(&self, _: u8) -> u64 {
        self.0
    }
}

fn main() {}
