use emdb::Key;

// Each field that is no key, once.
#[derive(Clone, Key)]
struct Fields {
    a: usize,
    b: u8,
    c: Vec<String>,
    d: Option<(u8, Last)>,
    e: Option<NotKey>,
}

#[derive(Clone)]
struct NotKey(u64);

#[derive(Clone, Key)]
struct Last(isize);

#[derive(Key)]
struct NotClone(u64);

#[derive(Clone, Key)]
struct Generic<T>(T);

fn key<K: Key>() {}

fn main() {
    key::<Generic<u8>>();
    key::<Generic<usize>>();
}
