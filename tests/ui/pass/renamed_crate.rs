mod deep {
    pub mod inside {
        pub use ::emdb as database;
    }
}

mod emdb {
    // In the way of a path that doesn't begin at the root.
}

use deep::inside::database::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(crate = "crate::deep::inside::database")]
struct Renamed {
    #[emdb(key)]
    id: u64,
}

#[derive(Serialize, Deserialize, Record)]
struct Default {
    #[emdb(key)]
    id: u64,
}

fn main() {
    assert_eq!(Renamed { id: 1 }.key(), 1);
    assert_eq!(Default { id: 2 }.key(), 2);
}
