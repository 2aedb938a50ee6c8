//! The rules, as data. Whoever moves a file or opens a room changes them here.

/// A crate of the workspace, and what holds inside of it.
pub(crate) struct Crate {
    /// Its first file.
    pub(crate) root: &'static str,
    /// Its folders and its files beside the root, the lowest first. Each may import what is in a
    /// line before it; what shares a line does not import each other. Empty: any order.
    pub(crate) order: &'static [&'static [&'static str]],
}

pub(crate) const CRATES: &[Crate] = &[
    Crate {
        root: "emdb-core/src/lib.rs",
        order: &[
            &["error"],
            &["progress"],
            &["format"],
            &["os"],
            &["crypto", "storage"],
            &["journal", "index"],
            &["mvcc"],
            &["engine"],
            &["checkpoint", "cursor"],
            &["maintenance"],
            &["api"],
            &["lib"],
        ],
    },
    Crate {
        root: "emdb-typed/src/lib.rs",
        order: &[
            &["vocabulary", "seal", "hex", "stored"],
            &["codec", "key"],
            &["index"],
            &["schema"],
            &["error"],
            &["backend"],
            &["lent", "lifetime", "migration"],
            &["record"],
            &["revision"],
            &["describe"],
            &["row", "stale", "predecessor"],
            &["expr"],
            &["embedded", "write"],
            &["catalogue"],
            &["table"],
            &["query", "upkeep"],
            &["json", "without"],
            &["entry"],
            &["dynamic", "private"],
            &["lib"],
        ],
    },
    Crate { root: "emdb-derive/src/lib.rs", order: &[] },
    Crate { root: "src/lib.rs", order: &[] },
];

/// A crate that only some files of a folder may name.
pub(crate) struct Seam {
    pub(crate) folder: &'static str,
    pub(crate) name: &'static str,
    /// Files, and folders that end with a slash.
    pub(crate) only_in: &'static [&'static str],
}

const CRYPTO: &[&str] = &["emdb-core/src/crypto/primitive/"];

const fn crypto(name: &'static str) -> Seam {
    Seam { folder: "emdb-core/src/", name, only_in: CRYPTO }
}

pub(crate) const SEAMS: &[Seam] = &[
    Seam {
        folder: "emdb-typed/src/",
        name: "emdb_core",
        only_in: &[
            "emdb-typed/src/embedded/",
            "emdb-typed/src/entry/",
            "emdb-typed/src/vocabulary.rs",
        ],
    },
    Seam {
        folder: "emdb-typed/src/",
        name: "bincode",
        only_in: &["emdb-typed/src/codec/", "emdb-typed/src/codec.rs"],
    },
    crypto("aes_gcm"),
    crypto("chacha20poly1305"),
    crypto("argon2"),
    crypto("hkdf"),
    crypto("hmac"),
    crypto("sha2"),
];

/// Folders whose Rust sources are looked at.
pub(crate) const SOURCES: &[&str] = &[
    "emdb-bench/src",
    "emdb-core/src",
    "emdb-derive/src",
    "emdb-typed/src",
    "emdb-typed/tests",
    "examples",
    "src",
    "tests",
];

/// Folders below them that are not, as what is in them is wrong on purpose.
pub(crate) const WRONG_ON_PURPOSE: &[&str] = &["tests/ui/"];

pub(crate) const FILE_LINES: usize = 500;
pub(crate) const FUNCTION_LINES: usize = 70;

/// Files that may be longer, and why.
pub(crate) const LONG_FILES: &[(&str, &str)] =
    &[("src/lib.rs", "the tutorial, with hardly any code")];

/// The files that may say `allow(unsafe_code)`. Each has to need it.
pub(crate) const UNSAFE_LEAVES: &[&str] = &[
    "emdb-core/src/crypto/tests.rs",
    "emdb-core/src/cursor/hashed.rs",
    "emdb-core/src/cursor/batch.rs",
    "emdb-core/src/cursor/pinned.rs",
    "emdb-core/src/engine/value_ref.rs",
    "emdb-core/src/format/checksum.rs",
    "emdb-core/src/format/record.rs",
    "emdb-core/src/index/hash/buckets.rs",
    "emdb-core/src/index/hash/table.rs",
    "emdb-core/src/index/ordered/words.rs",
    "emdb-core/src/journal/writer.rs",
    "emdb-core/src/mvcc/namespace.rs",
    "emdb-core/src/os/fork.rs",
    "emdb-core/src/os/heap.rs",
    "emdb-core/src/storage/file.rs",
    "emdb-core/src/storage/medium.rs",
    "emdb-core/src/storage/memory.rs",
    "emdb-core/src/storage/ram.rs",
    "emdb-core/src/storage/sim.rs",
    "emdb-core/src/storage/uring/enabled.rs",
    "emdb-core/src/tests/hostile.rs",
    "emdb-core/src/tests/worker.rs",
    "emdb-typed/src/codec/text.rs",
    "tests/encryption/replays.rs",
    "tests/opening/fork.rs",
    "tests/opening/locking/a_forked_child.rs",
    "tests/opening/uring.rs",
];
