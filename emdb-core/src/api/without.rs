//! The calls that features bring, where those are off: they are there, and no program that uses one compiles.
//!
//! The compiler tells by itself which feature a type or a module is behind, and of a method only that there is
//! none. So each of these has a bound that nothing meets, whose message names the feature.

/// Nothing has it.
#[diagnostic::on_unimplemented(
    message = "encryption needs the feature `encrypt` of emdb",
    label = "needs the feature `encrypt`",
    note = "add it in `Cargo.toml`: `emdb = {{ .., features = [\"encrypt\"] }}`"
)]
pub trait EncryptFeature {
    /// Whatever the call would give.
    fn absent<R>() -> R;
}

/// Nothing has it.
#[diagnostic::on_unimplemented(
    message = "groups of keys need the feature `nested` of emdb",
    label = "needs the feature `nested`",
    note = "add it in `Cargo.toml`: `emdb = {{ .., features = [\"nested\"] }}`"
)]
pub trait NestedFeature {
    /// Whatever the call would give.
    fn absent<R>() -> R;
}

/// Nothing has it.
#[diagnostic::on_unimplemented(
    message = "expiry needs the feature `ttl` of emdb",
    label = "needs the feature `ttl`",
    note = "it is one of the default features; without them, add it in `Cargo.toml`: \
            `emdb = {{ .., features = [\"ttl\"] }}`"
)]
pub trait TtlFeature {
    /// Whatever the call would give.
    fn absent<R>() -> R;
}

#[cfg(not(all(feature = "encrypt", feature = "nested", feature = "ttl")))]
macro_rules! calls {
    ($feature:literal, $bound:ident: $($owner:path {
        $(fn $name:ident($($arguments:tt)*) -> $gives:ty;)*
    })*) => {$(
        impl $owner {$(
            #[doc = concat!("Needs the feature `", $feature, "`: without it no program that calls this compiles.")]
            #[allow(unused_variables)]
            pub fn $name($($arguments)*) -> $gives
            where
                // A bound that is wrong for all types is judged here, but for one with a lifetime.
                for<'later> Self: $bound,
            {
                <Self as $bound>::absent()
            }
        )*}
    )*};
}

#[cfg(not(feature = "encrypt"))]
calls! { "encrypt", EncryptFeature:
    crate::EmdbBuilder {
        fn encryption_key(self, key: impl Sized) -> crate::EmdbBuilder;
        fn encryption_passphrase(self, passphrase: impl Sized) -> crate::EmdbBuilder;
        fn cipher(self, cipher: impl Sized) -> crate::EmdbBuilder;
        fn kdf_params(self, params: impl Sized) -> crate::EmdbBuilder;
    }
    crate::Emdb {
        fn enable_encryption(path: impl Sized, target: impl Sized) -> crate::Result<()>;
        fn enable_encryption_with(path: impl Sized, target: impl Sized, progress: impl Sized) -> crate::Result<()>;
        fn disable_encryption(path: impl Sized, current: impl Sized) -> crate::Result<()>;
        fn disable_encryption_with(path: impl Sized, current: impl Sized, progress: impl Sized) -> crate::Result<()>;
        fn rotate_encryption_key(path: impl Sized, current: impl Sized, new: impl Sized) -> crate::Result<()>;
        fn rotate_encryption_key_with(
            path: impl Sized,
            current: impl Sized,
            new: impl Sized,
            progress: impl Sized
        ) -> crate::Result<()>;
        fn change_passphrase(path: impl Sized, current: impl Sized, new: impl Sized) -> crate::Result<()>;
    }
}

#[cfg(not(feature = "nested"))]
calls! { "nested", NestedFeature:
    crate::Namespace {
        fn focus(&self, prefix: impl Sized) -> crate::Namespace;
        fn group(&self, prefix: impl Sized) -> crate::Result<crate::EmdbIter>;
        fn delete_group(&self, prefix: impl Sized) -> crate::Result<usize>;
    }
}

#[cfg(not(feature = "ttl"))]
calls! { "ttl", TtlFeature:
    crate::EmdbBuilder {
        fn default_ttl(self, ttl: impl Sized) -> crate::EmdbBuilder;
    }
    crate::Emdb {
        fn sweep_expired(&self) -> usize;
        fn try_sweep(&self) -> crate::Result<usize>;
    }
    crate::Namespace {
        fn insert_with_ttl(&self, key: impl Sized, value: impl Sized, ttl: impl Sized) -> crate::Result<()>;
        fn expires_at(&self, key: impl Sized) -> crate::Result<Option<u64>>;
        fn ttl(&self, key: impl Sized) -> crate::Result<Option<std::time::Duration>>;
        fn persist(&self, key: impl Sized) -> crate::Result<bool>;
        fn touch(&self, key: impl Sized, ttl: impl Sized) -> crate::Result<bool>;
        fn sweep_expired(&self) -> usize;
        fn try_sweep(&self) -> crate::Result<usize>;
    }
    crate::TransactionNamespace {
        fn insert_with_ttl(&mut self, key: impl Sized, value: impl Sized, ttl: impl Sized) -> crate::Result<()>;
        fn touch(&mut self, key: impl Sized, ttl: impl Sized) -> crate::Result<bool>;
        fn expires_at(&self, key: impl Sized) -> crate::Result<Option<u64>>;
    }
    crate::SnapshotNamespace {
        fn expires_at(&self, key: impl Sized) -> crate::Result<Option<u64>>;
    }
}

#[cfg(test)]
mod tests {
    const OWNERS: [&str; 5] =
        ["Emdb", "EmdbBuilder", "Namespace", "SnapshotNamespace", "TransactionNamespace"];

    /// The functions of blocks that begin as `block` does, of the types that are there without features.
    fn calls(source: &str, block: &str, function: &str) -> Vec<String> {
        let mut owner = None;
        let mut found = Vec::new();
        for line in source.lines().map(str::trim_start) {
            if let Some(name) = line.strip_prefix(block).and_then(|line| line.strip_suffix(" {")) {
                owner = OWNERS.iter().find(|owner| **owner == name);
            }
            let name = line.strip_prefix(function).and_then(|rest| rest.split('(').next());
            found.extend(owner.zip(name).map(|(owner, name)| format!("{owner}::{name}")));
        }
        found
    }

    #[test]
    fn each_call_of_a_feature_is_there_without_it() {
        let gated =
            [include_str!("encryption.rs"), include_str!("nested.rs"), include_str!("ttl.rs")];
        let gated = gated.iter().flat_map(|source| calls(source, "impl ", "pub fn "));
        // Those of the builder stand among its others.
        let builder =
            include_str!("builder.rs").split("#[cfg(feature = \"encrypt\")]\n    pub fn ");
        let builder = builder.skip(1).filter_map(|rest| rest.split('(').next());
        let builder = builder.map(|name| format!("EmdbBuilder::{name}"));
        let mut gated: Vec<String> = gated.chain(builder).collect();
        let here = include_str!("without.rs").split("mod tests").next().unwrap();
        let mut here = calls(here, "crate::", "fn ");
        gated.sort();
        here.sort();
        assert!(here.len() > 20, "{here:?}");
        assert_eq!(here, gated);
    }
}
