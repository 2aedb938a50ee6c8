use emdb::{Migration, Record, TableError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, migrate = of)]
struct NoFrom(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "persons", was = "persons")]
struct SameName(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "persons", was = "")]
struct FormerNameEmpty(#[emdb(key)] u64);

fn of(row: NoFrom, _: &mut Migration<'_>) -> Result<Option<NoFrom>, TableError> {
    Ok(Some(row))
}

fn main() {}
