use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(validate = nowhere, index(name = "a", fields(0), filter = Self::nowhere))]
struct Row(#[emdb(key)] u64);

fn main() {}
