use emdb::Record;

macro_rules! record {
    ($name:ident, $namespace:literal, $key:ident: $key_ty:ty $(, $field:ident: $ty:ty)*) => {
        #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
        #[emdb(namespace = $namespace)]
        struct $name {
            #[emdb(key)]
            $key: $key_ty,
            $($field: $ty,)*
        }
    };
}

// The names in here are the macro's own.
macro_rules! hygienic {
    ($name:ident) => {
        #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
        struct $name {
            #[emdb(key)]
            key: u64,
            #[emdb(unique)]
            value: Vec<u8>,
        }

        impl $name {
            fn new(key: u64) -> Self {
                $name { key, value: Vec::new() }
            }
        }
    };
}

// Types and functions that come from elsewhere than the struct around them.
macro_rules! mixed {
    ($name:ident, $text:ty, $each:ty, $until:ty, $check:path) => {
        mod inner {
            #[derive(Clone, serde::Serialize, serde::Deserialize, emdb::Key)]
            pub struct Tag(pub u8);
        }

        #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
        #[emdb(key(a, b), validate = $check)]
        #[emdb(index(name = "by_b", fields(b, a), filter = $crate::yes))]
        struct $name {
            a: $text,
            b: $text,
            #[emdb(index(each))]
            each: $each,
            #[emdb(index(each))]
            tags: Vec<$crate::inner::Tag>,
            #[emdb(index(sparse))]
            sparse: Option<$crate::inner::Tag>,
            #[emdb(expires_at)]
            until: $until,
        }
    };
}

mixed!(Mixed, String, Vec<String>, Option<u64>, check);

fn check(_: &Mixed) -> Result<(), &'static str> {
    Ok(())
}

fn yes(row: &Mixed) -> bool {
    row.tags.iter().chain(&row.sparse).all(|tag| tag.0 > 0) && row.each.is_empty()
}

record!(Outside, "outside", id: u64, names: Vec<String>, pair: (u8, Option<i64>));
hygienic!(Hygienic);

fn main() {
    #[derive(serde::Serialize, serde::Deserialize, Record)]
    #[emdb(key(id, name), index(name = "by_name", fields(name)))]
    struct Inside {
        id: i8,
        #[emdb(index(each))]
        name: Option<String>,
    }
    record!(InsideMacro, "inside", name: String);

    assert_eq!(Outside { id: 1, names: vec![], pair: (1, None) }.key(), 1);
    assert_eq!(Inside { id: -1, name: None }.key(), (-1, None));
    let _ = (Mixed::BY_B, Mixed::EACH, Mixed::TAGS, Mixed::SPARSE);
    let _ = (Inside::NAME, Inside::BY_NAME, Hygienic::VALUE);
    assert_eq!(InsideMacro { name: "x".into() }.key(), "x");
    assert_eq!(Hygienic::new(3).key(), 3);
    assert_eq!(InsideMacro::NAMESPACE, "inside");
}
