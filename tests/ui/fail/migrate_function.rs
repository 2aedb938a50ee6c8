use emdb::{Migration, Record, TableError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct UserV1(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = UserV1, migrate = alone)]
struct NoMigration(#[emdb(key)] u64);

fn alone(old: UserV1) -> Result<Option<NoMigration>, TableError> {
    Ok(Some(NoMigration(old.0)))
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = UserV1, migrate = always)]
struct NoOption(#[emdb(key)] u64);

fn always(old: UserV1, _: &mut Migration<'_>) -> Result<NoOption, TableError> {
    Ok(NoOption(old.0))
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = UserV1, migrate = NotThere::of)]
struct NotThere(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = UserV1, migrate = no_error)]
struct NoError(#[emdb(key)] u64);

struct Vexed;

fn no_error(_: UserV1, _: &mut Migration<'_>) -> Result<Option<NoError>, Vexed> {
    Err(Vexed)
}

fn main() {}
