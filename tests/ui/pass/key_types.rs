use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

macro_rules! with_key {
    ($($name:ident: $key:ty = $value:expr, $lookup:expr;)*) => {
        $(
            #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
            struct $name {
                #[emdb(key)]
                key: $key,
            }
        )*

        fn all(db: &Emdb) -> Result<(), TableError> {
            $({
                let table = Table::<$name>::open(db)?;
                table.insert(&$name { key: $value })?;
                assert_eq!(table.get($lookup)?, Some($name { key: $value }));
            })*
            Ok(())
        }
    };
}

with_key! {
    OfU8: u8 = 1, &1;
    OfU16: u16 = 1, &1;
    OfU32: u32 = 1, &1;
    OfU64: u64 = 1, &1;
    OfU128: u128 = 1, &1;
    OfI8: i8 = -1, &-1;
    OfI16: i16 = -1, &-1;
    OfI32: i32 = -1, &-1;
    OfI64: i64 = -1, &-1;
    OfI128: i128 = -1, &-1;
    OfString: String = "a".to_owned(), "a";
    OfOwnedString: String = "b".to_owned(), &"b".to_owned();
}

fn main() -> Result<(), TableError> {
    all(&Emdb::open_in_memory())
}
