use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = 5)]
struct Number(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = users)]
struct Word(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace)]
struct Nothing(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "")]
struct Empty(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "__emdb_users")]
struct Reserved(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
struct __EmdbDefault(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                    xxxxxxxxxxxxxxxx")]
struct Long(#[emdb(key)] u64);

fn main() {}
