use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct Entry {
    #[emdb(key)]
    r#type: String,
    r#fn: u8,
}

#[allow(non_camel_case_types)]
#[derive(Serialize, Deserialize, Record)]
struct r#struct {
    #[emdb(key)]
    r#match: u8,
}

fn main() {
    assert_eq!(Entry { r#type: "a".into(), r#fn: 1 }.key(), "a");
    assert_eq!(r#struct { r#match: 1 }.key(), 1);
    assert_eq!(<r#struct as Record>::NAMESPACE, "struct");
}
