//! Dotted groups of keys: settings of several users. Needs the feature `nested`.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Result};

fn main() -> Result<()> {
    let db = Emdb::open_in_memory();

    // A focus puts its prefix and a dot before each key.
    let users = db.focus("users");
    for name in ["alice", "alicette", "bob"] {
        let user = users.focus(name);
        user.set("theme", "dark")?;
        user.focus("window").set("width", "800")?;
        user.focus("window").set("height", "600")?;
    }
    println!("users.bob.theme is {}", text(&db.get("users.bob.theme")?.unwrap_or_default()));

    // A group is all that lies below, under its whole keys. `alicette` is somebody else.
    let mut keys: Vec<_> = db.group("users.alice")?.map(|(key, _)| text(&key)).collect();
    // Only an ordered namespace gives them in order.
    keys.sort();
    println!("alice has {}", keys.join(", "));

    // It goes in one commit: no reader sees half of it.
    println!("{} of bob's window removed", db.delete_group("users.bob.window")?);
    println!("{} of alice removed", users.focus("alice").delete_all()?);
    println!("{} left, alicette's among them", users.iter()?.count());

    // A namespace has groups of its own.
    let cache = db.namespace("cache")?;
    cache.focus("pages").set("home", "<html>")?;
    println!("{} page in the cache", cache.group("pages")?.count());
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
