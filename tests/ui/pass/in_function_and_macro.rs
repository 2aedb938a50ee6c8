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
            value: Vec<u8>,
        }

        impl $name {
            fn new(key: u64) -> Self {
                $name { key, value: Vec::new() }
            }
        }
    };
}

record!(Outside, "outside", id: u64, names: Vec<String>, pair: (u8, Option<i64>));
hygienic!(Hygienic);

fn main() {
    #[derive(serde::Serialize, serde::Deserialize, Record)]
    struct Inside {
        #[emdb(key)]
        id: i8,
    }
    record!(InsideMacro, "inside", name: String);

    assert_eq!(Outside { id: 1, names: vec![], pair: (1, None) }.key(), 1);
    assert_eq!(Inside { id: -1 }.key(), -1);
    assert_eq!(InsideMacro { name: "x".into() }.key(), "x");
    assert_eq!(Hygienic::new(3).key(), 3);
    assert_eq!(InsideMacro::NAMESPACE, "inside");
}
