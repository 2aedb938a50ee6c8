//! Functions of `migrate`: of the type, of a module, with an error of the program's own, and a key of another type.

use emdb::{Migration, Record, TableError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct UserV1 {
    #[emdb(key)]
    id: u64,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = UserV1, migrate = UserV2::of)]
struct UserV2 {
    #[emdb(key)]
    id: String,
}

impl UserV2 {
    fn of(old: UserV1, _: &mut Migration<'_>) -> Result<Option<UserV2>, TableError> {
        Ok(Some(UserV2 { id: old.id.to_string() }))
    }
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 3, from = UserV2, migrate = steps::third)]
struct UserV3 {
    #[emdb(key)]
    id: u32,
}

mod steps {
    use std::num::ParseIntError;

    use super::{Migration, UserV2, UserV3};

    pub fn third(old: UserV2, _: &mut Migration<'_>) -> Result<Option<UserV3>, ParseIntError> {
        Ok(Some(UserV3 { id: old.id.parse()? }))
    }
}

/// `From` after functions, and the table under another name.
#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "members", was = "users", version = 4, from = UserV3)]
struct Member {
    #[emdb(key)]
    id: u32,
    name: Option<String>,
}

impl From<UserV3> for Member {
    fn from(old: UserV3) -> Member {
        Member { id: old.id, name: None }
    }
}

#[derive(Serialize, Deserialize, Record)]
struct OldOf<T> {
    #[emdb(key)]
    id: u64,
    value: T,
}

/// No `From` is asked of a generic type either.
#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = OldOf<T>, migrate = new_of)]
struct NewOf<T: 'static>
where
    OldOf<T>: Record,
{
    #[emdb(key)]
    id: String,
    value: T,
}

fn new_of<T>(old: OldOf<T>, _: &mut Migration<'_>) -> Result<Option<NewOf<T>>, String>
where
    OldOf<T>: Record,
{
    Ok(Some(NewOf { id: old.id.to_string(), value: old.value }))
}

fn main() {
    assert_eq!(NewOf::<u8>::VERSION, 2);
    assert_eq!(Member::WAS, Some("users"));
    assert_eq!(UserV3::WAS, None);
}
