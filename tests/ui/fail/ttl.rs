use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(ttl = "30")]
struct NoUnit(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(ttl = "1 day")]
struct Words(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(ttl = "0s")]
struct Nothing(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(ttl = "213503982335d")]
struct TooLong(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(ttl = 30)]
struct Number(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(ttl = "1h")]
struct Both(#[emdb(key)] u64, #[emdb(expires_at)] u64);

fn main() {}
