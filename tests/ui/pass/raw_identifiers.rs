use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct Entry {
    #[emdb(key)]
    r#type: String,
    #[emdb(unique)]
    r#fn: u8,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(r#type, fn), index(name = "by_match", fields(match, r#type), filter = Self::r#loop))]
struct Everything {
    r#type: String,
    r#fn: u8,
    #[emdb(index(each))]
    r#match: Option<u64>,
    #[emdb(expires_at)]
    r#while: u64,
}

impl Everything {
    fn r#loop(&self) -> bool {
        true
    }
}

#[allow(non_camel_case_types)]
#[derive(Serialize, Deserialize, Record)]
struct r#struct {
    #[emdb(key)]
    r#match: u8,
    r#ref: String,
}

fn main() {
    let _ = (Entry::FN, Everything::MATCH, Everything::BY_MATCH);
    assert_eq!(Entry { r#type: "a".into(), r#fn: 1 }.key(), "a");
    assert_eq!(r#struct { r#match: 1, r#ref: String::new() }.key(), 1);
    assert_eq!(<r#struct as Record>::NAMESPACE, "struct");
}
