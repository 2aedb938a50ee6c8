use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(validate = "check", unordered = true)]
struct Text(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(validate = |row| Ok(()))]
struct Closure(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(validate = wrong_row, index(name = "a", fields(0), filter = wrong_answer))]
struct Signature(#[emdb(key)] u64);

fn wrong_row(_: &u64) -> Result<(), String> {
    Ok(())
}

fn wrong_answer(_: &Signature) -> Option<bool> {
    None
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(validate = no_reason)]
struct Reason(#[emdb(key)] u64);

struct NoDisplay;

fn no_reason(_: &Reason) -> Result<(), NoDisplay> {
    Ok(())
}

fn main() {}
