use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
enum Shape {
    Point,
    Circle { radius: f64 },
}

#[derive(Record)]
union Bits {
    number: u64,
    bytes: [u8; 8],
}

#[derive(Serialize, Deserialize, Record)]
struct Unit;

#[derive(Serialize, Deserialize, Record)]
struct Empty {}

fn main() {
    let db = Emdb::open_in_memory();
    let _ = Table::<Shape>::open(&db);
    let _ = Table::<Unit>::open(&db);
}
