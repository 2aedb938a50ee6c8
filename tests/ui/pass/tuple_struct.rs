use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "points")]
struct Point(f64, #[emdb(key)] u32, f64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(2, 0), index(name = "by_text", fields(1)), index(name = "both", fields(2, 1)))]
struct Many(#[emdb(unique)] u8, String, u32, #[emdb(expires_at)] Option<u64>);

fn main() {
    assert_eq!(Point(0.5, 7, 1.5).key(), 7);
    assert_eq!(Many(1, "a".into(), 2, None).key(), (2, 1));
    let _ = (Many::FIELD_0, Many::BY_TEXT, Many::BOTH);
    assert_eq!(Point::NAMESPACE, "points");
}
