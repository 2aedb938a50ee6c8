use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(index)]
struct NoList(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(index())]
struct Nothing(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(fields(0)))]
struct NoName(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "by_email", fields))]
struct NoFields(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(unique)]
struct Unique(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "a", fields(emial)), index(name = "b", fields(id, id)))]
#[emdb(index(name = "c", fields(nonsense, cache)))]
struct Fields {
    #[emdb(key)]
    id: u64,
    email: String,
    #[serde(skip)]
    cache: u8,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "by_email", fields(email)))]
#[emdb(index(name = "by_email", fields(id)))]
#[emdb(index(name = "id", fields(email)))]
#[emdb(index(name = "byEmail", fields(email)))]
struct Names {
    #[emdb(key, index)]
    id: u64,
    email: String,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "version", fields(id)), index(name = "by id", fields(id)))]
#[emdb(index(name = 5, fields(id)), index(name = "", fields(id)))]
struct Constants {
    #[emdb(key)]
    id: u64,
    #[emdb(index)]
    namespace: String,
    #[emdb(unique)]
    auto: String,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "a", fields(0), uniqe, filter = "f", sparse))]
#[emdb(index(name = "b", fields(0), unique, unique = true, colour = 1))]
struct Words(#[emdb(key)] u64);

fn main() {}
