//! Keys of several fields, and key types of your own. Keeps everything in memory.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Key, Record, Table, TableError};
use serde::{Deserialize, Serialize};

/// A newtype costs no byte, and a `UserId` can't be taken for another number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Key)]
struct UserId(u64);

/// Sorts as it is declared: new variants go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Key)]
enum Role {
    Owner,
    Member,
    Guest,
}

/// One row for each pair. Rows sort by the organisation, then by the user.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "members", key(org, user))]
struct Member {
    org: String,
    user: UserId,
    #[emdb(index)]
    role: Role,
}

/// A struct of keys is a key, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Key)]
struct Room {
    building: String,
    floor: i8,
    number: u16,
}

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "desks")]
struct Desk {
    #[emdb(key)]
    room: Room,
    seats: u8,
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();

    let members = Table::<Member>::open(&db)?;
    let all = [("acme", 2, Role::Guest), ("acme", 1, Role::Owner), ("zoo", 1, Role::Member)];
    let member = |(org, id, role): (&str, _, _)| Member { org: org.into(), user: UserId(id), role };
    members.insert_all(all.map(member))?;

    // The key is the tuple of its fields. A `&str` does for a `String`: nothing is allocated.
    let first = members.get(&("acme", UserId(1)))?;
    println!("{first:?}");
    assert_eq!(members.first()?, first);
    members.update(&("acme", UserId(2)), |member| member.role = Role::Member)?;

    // All rows of one organisation lie side by side: a prefix finds them without an index.
    let users: Vec<u64> = members
        .prefix(&("acme",))?
        .map(|row| Ok(row?.user.0))
        .collect::<Result<_, TableError>>()?;
    println!("acme has the users {users:?}");
    assert_eq!(users, [1, 2]);
    // "ac" is no organisation, and `prefix` compares whole fields.
    assert_eq!(members.prefix(&("ac",))?.count(), 0);

    // Ranges and the other calls take the same tuples.
    assert_eq!(members.range(("acme", UserId(1))..("acme", UserId(2)))?.count(), 1);

    // An enum sorts in its order, so ranges of it mean something.
    assert_eq!(members.by(Member::ROLE).range(Role::Member..)?.count(), 2);

    let desks = Table::<Desk>::open(&db)?;
    for (floor, number) in [(-1, 3), (0, 1), (4, 1), (4, 2)] {
        desks.insert(&Desk { room: Room { building: "A".into(), floor, number }, seats: 4 })?;
    }
    println!("{} rooms on the fourth floor", desks.prefix(&("A", 4))?.count());
    // A tuple of its fields stands for a struct of keys.
    let desk = desks.get(&("A", -1, 3))?;
    assert_eq!(desk.map(|desk| desk.seats), Some(4));
    let lowest = desks.first()?.map(|desk| (desk.room.floor, desk.seats));
    assert_eq!(lowest, Some((-1, 4))); // negative numbers sort before positive ones
    Ok(())
}
