//! `Uuid`: its 16 bytes. Version 7 so sorts by the time it was made.

use ::uuid::Uuid;

fixed_width! {
    Uuid: 16, |key| key.into_bytes(), |bytes| Ok(Uuid::from_bytes(bytes));
}
