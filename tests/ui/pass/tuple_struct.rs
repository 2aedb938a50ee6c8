use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "points")]
struct Point(f64, #[emdb(key)] u32, f64);

fn main() {
    assert_eq!(Point(0.5, 7, 1.5).key(), 7);
    assert_eq!(Point::NAMESPACE, "points");
}
