//! Types whose rows have the same bytes, and whose keys need not.

use std::cmp::Reverse;
use std::net::Ipv4Addr;

use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

use crate::verified;

/// A key and an indexed field that were of one type and are of another now: that is refused, or
/// rows are found by what they have.
macro_rules! becomes {
    ($(#[$attribute:meta])* $test:ident, $before:ty => $after:ty, [$($old:expr => $new:expr,)+]) => {
        $(#[$attribute])*
        #[test]
        fn $test() {
            #[derive(Debug, Serialize, Deserialize, Record)]
            #[emdb(namespace = "rows")]
            struct Before {
                #[emdb(key)]
                id: $before,
                #[emdb(index)]
                field: $before,
            }

            #[derive(Debug, Serialize, Deserialize, Record)]
            #[emdb(namespace = "rows")]
            struct After {
                #[emdb(key)]
                id: $after,
                #[emdb(index)]
                field: $after,
            }

            let db = Emdb::open_in_memory();
            let rows = Table::<Before>::open(&db).unwrap();
            $(rows.insert(&Before { id: $old, field: $old }).unwrap();)+
            let Ok(rows) = Table::<After>::open(&db) else { return };
            verified(&rows);
            $(
                assert!(rows.contains_key(&$new).unwrap(), "{:?} is there", $new);
                assert_eq!(rows.by(After::FIELD).count(&$new).unwrap(), 1);
            )+
        }
    };
}

becomes!(
    numbers_that_are_turned_round_are_noticed,
    u32 => Reverse<u32>,
    [1 => Reverse(1), 2 => Reverse(2),]
);

becomes!(
    arrays_that_become_tuples_are_noticed_or_found,
    [u8; 2] => (u8, u8),
    [[1, 0] => (1, 0), [255, 2] => (255, 2),]
);

becomes!(
    arrays_of_text_that_become_tuples_are_noticed_or_found,
    [String; 2] => (String, String),
    [[String::from("a"), "b".into()] => (String::from("a"), String::from("b")),]
);

becomes!(
    addresses_that_become_bytes_are_noticed_or_found,
    Ipv4Addr => [u8; 4],
    [Ipv4Addr::LOCALHOST => [127, 0, 0, 1],]
);

becomes!(
    text_that_becomes_boxed_is_found,
    String => Box<str>,
    [String::from("a\0b") => Box::<str>::from("a\0b"),]
);
