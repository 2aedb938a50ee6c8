use std::cell::Cell;
use std::rc::Rc;

use emdb::{Record, Table};
use serde::{Deserialize, Serialize};

// Neither `Send` nor `Sync`.
#[derive(Serialize, Deserialize, Record)]
struct Local {
    #[emdb(key)]
    id: u64,
    #[serde(skip)]
    shared: Rc<Cell<u8>>,
}

fn needs<T: Clone + Send + Sync + 'static>() {}

fn main() {
    needs::<Table<Local>>();
}
