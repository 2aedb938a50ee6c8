//! The row that is measured.

use emdb::Record;
use serde::{Deserialize, Serialize};

use crate::workload::Random;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "rows")]
pub struct Row {
    #[emdb(key)]
    pub id: u64,
    #[emdb(unique)]
    pub email: String,
    #[emdb(index)]
    pub age: u8,
    pub name: String,
    pub tags: Vec<String>,
    pub text: String,
    pub score: f64,
}

impl Row {
    /// The row of this number; ids are scattered.
    pub fn new(number: u64) -> Row {
        let mut random = Random(number);
        let id = random.next() >> 16;
        let tag = |random: &mut Random| format!("tag-{}", random.next() % 1000);
        Row {
            id,
            email: format!("user{id:x}@example.org"),
            age: (random.next() % 100) as u8,
            name: format!("Name Of {:016x}", random.next()),
            tags: vec![tag(&mut random), tag(&mut random), tag(&mut random)],
            text: format!("{:016x}", random.next()).repeat(6),
            score: random.next() as f64,
        }
    }
}
