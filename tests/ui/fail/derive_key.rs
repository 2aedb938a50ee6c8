use emdb::{Key, Record, Table};

#[derive(Clone, Key)]
enum Shape {
    Point,
    Circle { radius: f64 },
    Square(f64),
}

#[derive(Clone, Key)]
enum Never {}

#[derive(Clone, Copy, Key)]
union Bits {
    number: u64,
    bytes: [u8; 8],
}

#[derive(Clone, Key)]
struct Borrowed<'a>(&'a str);

#[derive(Clone, Key)]
#[emdb(crat = "emdb", namespace = "shapes", colour = "red")]
#[emdb(crate = "::emdb", crate = "::emdb")]
struct Words {
    #[emdb(key)]
    a: u8,
    #[emdb(crate = "::emdb", sort)]
    b: u8,
}

#[derive(Clone, Key)]
enum Variants {
    #[emdb(skip)]
    A,
}

// What uses a key with a mistake is quiet.
#[derive(serde::Serialize, serde::Deserialize, Record)]
struct Row {
    #[emdb(key)]
    id: Wrong,
}

#[derive(Clone, serde::Serialize, serde::Deserialize, Key)]
#[emdb(nope)]
struct Wrong(u64);

fn main() {
    let table = Table::<Row>::open(&emdb::Emdb::open_in_memory()).unwrap();
    let _ = table.get(&Wrong(1));
}
