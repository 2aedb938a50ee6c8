//! Types that are private to a module, in fields of types that are not.

#![deny(warnings)]

use emdb::{Fields, Record};
use serde::{Deserialize, Serialize};

pub mod shops {
    use super::*;

    #[derive(Clone, Serialize, Deserialize, emdb::Key)]
    struct Zip(u32);

    #[derive(Serialize, Deserialize, Fields)]
    pub struct Address {
        pub city: String,
        pub(crate) street: Option<String>,
        zip: Zip,
    }

    #[derive(Serialize, Deserialize, Record)]
    #[emdb(index(name = "by_city", fields(address.city, address.street)))]
    pub struct Shop {
        #[emdb(key)]
        pub id: u64,
        pub address: Address,
        zip: Zip,
    }

    impl Shop {
        pub fn new(id: u64) -> Self {
            let (city, street, zip) = ("Basel".to_owned(), None, Zip(4000));
            Shop { id, address: Address { city, street, zip: zip.clone() }, zip }
        }

        pub fn zips(&self) -> (u32, u32) {
            (self.zip.0, self.address.zip.0)
        }
    }
}

fn main() {
    let shop = shops::Shop::new(1);
    assert_eq!(shop.zips(), (4000, 4000));
    let _ = (shop.id, shop.address, shops::Shop::BY_CITY);
}
