//! Mistakes in the record as a whole: its shape, name, keys, versions, expiry and indexes.

use quote::quote;

use super::*;

#[test]
fn keys_are_counted() {
    assert_mistakes(
        quote!(
            struct User {
                id: u64,
            }
        ),
        &["no key"],
    );
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key)]
                id: u64,
                #[emdb(key)]
                name: String,
            }
        ),
        &["the field `id` is the key already"],
    );
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key)]
                #[serde(skip)]
                id: u64,
            }
        ),
        &["can't be skipped"],
    );
}

#[test]
fn what_is_no_struct_with_fields_is_refused_once() {
    assert_mistakes(
        quote!(
            enum User {
                A {
                    #[emdb(key)]
                    id: u64,
                },
            }
        ),
        &["an enum"],
    );
    assert_mistakes(quote!(union User { id: u64 }), &["a union"]);
    assert_mistakes(
        quote!(
            struct User;
        ),
        &["at least one field"],
    );
    assert_mistakes(
        quote!(
            struct User {}
        ),
        &["at least one field"],
    );
    assert_mistakes(
        quote!(
            struct User();
        ),
        &["at least one field"],
    );
    assert_mistakes(
        quote!(
            struct User<'a> {
                #[emdb(key)]
                id: &'a str,
            }
        ),
        &["lifetime"],
    );
}

#[test]
fn the_namespace_must_be_a_legal_name() {
    let long = "x".repeat(256);
    for (value, expected) in [
        (quote!(5), "string literal"),
        (quote!(b"users"), "string literal"),
        (quote!(users), "string literal"),
        (quote!(""), "can't be empty"),
        (quote!(#long), "at most 255 bytes"),
        (quote!("__emdb_users"), "reserved"),
    ] {
        assert_mistakes(
            quote!(
                #[emdb(namespace = #value)]
                struct User {
                    #[emdb(key)]
                    id: u64,
                }
            ),
            &[expected],
        );
    }
    assert_mistakes(
        quote!(
            struct __EmdbUser {
                #[emdb(key)]
                id: u64,
            }
        ),
        &["default namespace"],
    );
}

#[test]
fn a_composite_key_is_checked() {
    let mistakes = |key: TokenStream, expected: &[&str]| {
        assert_mistakes(
            quote!(
                #[emdb(#key)]
                struct User {
                    org: u64,
                    id: u64,
                    #[serde(skip)]
                    cache: u8,
                    a: u8,
                    b: u8,
                    c: u8,
                    d: u8,
                    e: u8,
                    f: u8,
                    g: u8,
                }
            ),
            expected,
        );
    };
    mistakes(quote!(key), &["`key(org, id)`"]);
    mistakes(quote!(key()), &["`key(org, id)`"]);
    mistakes(quote!(key = "id"), &["`key(org, id)`"]);
    mistakes(quote!(key(org id)), &["`key(org, id)`"]);
    mistakes(quote!(key(orgg, id)), &["`orgg`: did you mean `org`?"]);
    mistakes(quote!(key(org, 1)), &["no field is called `1`: there are `org`, `id`"]);
    mistakes(quote!(key(org, org)), &["`org` is there twice"]);
    mistakes(quote!(key(org, cache)), &["serde skips"]);
    mistakes(quote!(key(org, id, a, b, c, d, e, f, g)), &["at most 8 fields"]);
    mistakes(quote!(key(org), key(id)), &["duplicate attribute `key`"]);
    assert_struct_mistakes(quote!(key(id, email)), &["the struct says `key(...)` already"]);
}

#[test]
fn an_automatic_key_is_checked() {
    assert_field_mistakes(quote!(auto), &["`auto` needs `key` next to it"]);
    for ty in [quote!(String), quote!(&'static str), quote!(i64), quote!(Vec<u8>)] {
        let item = quote!(struct User { #[emdb(key, auto)] id: #ty });
        assert_mistakes(item, &["has to be a `u8`"]);
    }
    assert_mistakes(
        quote!(
            #[emdb(key(org, id))]
            struct User {
                org: u64,
                #[emdb(auto)]
                id: u64,
            }
        ),
        &["a key of one field"],
    );
}

#[test]
fn versions_are_checked() {
    assert_struct_mistakes(quote!(version = 0), &["count from 1"]);
    assert_struct_mistakes(quote!(version = 4294967296), &["count from 1"]);
    assert_struct_mistakes(quote!(version = "2"), &["an integer literal"]);
    assert_struct_mistakes(quote!(version = -2), &["an integer literal"]);
    assert_struct_mistakes(quote!(version = "2", from = UserV1), &["an integer literal"]);
    assert_struct_mistakes(quote!(version = 3), &["`version = 3, from = UserV2`"]);
    assert_struct_mistakes(quote!(version = 3, migrate = of), &["name the type that they had"]);
    assert_struct_mistakes(quote!(from = UserV1), &["add `version = 2`"]);
    assert_struct_mistakes(quote!(version = 1, from = UserV1), &["add `version = 2`"]);
    assert_struct_mistakes(quote!(version = 2, from = "UserV1"), &["expected a type"]);
    assert_struct_mistakes(quote!(version = 2, from), &["expected a type"]);
    assert_struct_mistakes(
        quote!(version = 2, from = A, version = 2, from = A),
        &["duplicate attribute `version`", "duplicate attribute `from`"],
    );
}

#[test]
fn expiry_is_checked() {
    assert_struct_mistakes(quote!(ttl = 30), &["expected a string literal: `ttl = \"30d\"`"]);
    assert_struct_mistakes(quote!(ttl = "30"), &["one of the units"]);
    assert_struct_mistakes(quote!(ttl = "0d"), &["at once"]);
    assert_struct_mistakes(quote!(ttl = "99999999999999d"), &["too long"]);
    assert_mistakes(
        quote!(
            #[emdb(ttl = 5)]
            struct User {
                #[emdb(key)]
                id: u64,
                #[emdb(expires_at)]
                #[serde(skip)]
                until: u64,
                #[emdb(expires_at)]
                until_then: u64,
            }
        ),
        &[
            "string literal",
            "the field `until` says already",
            "in one way only",
            "the expiry can't have `until`",
        ],
    );
}

#[test]
fn a_revision_is_checked() {
    assert_field_mistakes(quote!(revision = 1), &["`revision` takes no value"]);
    assert_field_mistakes(quote!(revison), &["did you mean `revision`?"]);
    assert_struct_mistakes(quote!(revision), &["`revision` belongs on a field"]);
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key, revision)]
                id: u64,
                #[emdb(revision)]
                rev: u64,
            }
        ),
        &["the field `id` is the revision already", "the key can't be the revision"],
    );
    assert_mistakes(
        quote!(
            #[emdb(key(org, rev))]
            struct User {
                org: u64,
                #[emdb(revision, expires_at)]
                #[serde(skip)]
                rev: u64,
            }
        ),
        &[
            "the key can't have",
            "the expiry can't have",
            "the key can't be",
            "on one field",
            "the revision can't have",
        ],
    );
}

#[test]
fn indexes_of_fields_are_checked() {
    assert_field_mistakes(quote!(index, unique), &["`index` and `unique` on one field"]);
    assert_field_mistakes(quote!(index, index), &["duplicate attribute `index`"]);
    assert_field_mistakes(quote!(index(sparse, each)), &["`sparse` and `each`"]);
    assert_field_mistakes(quote!(index(each, each)), &["duplicate attribute `each`"]);
    assert_field_mistakes(quote!(index()), &["write `index` alone"]);
    assert_field_mistakes(quote!(index(spares)), &["did you mean `sparse`?"]);
    assert_field_mistakes(quote!(unique(each = 5)), &["`each` takes no value"]);
    assert_field_mistakes(quote!(each), &["write `index(each)`"]);
    assert_field_mistakes(quote!(index = "x"), &["`index` takes no value here"]);
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key, unique)]
                id: u64,
                #[emdb(index)]
                #[serde(skip)]
                cache: u8,
                #[emdb(index)]
                version: u8,
                #[emdb(index)]
                auto_: u8,
                #[emdb(index)]
                home_town: u8,
                #[emdb(index)]
                homeTown: u8,
            }
        ),
        &[
            "the key is unique already",
            "an index can't have `cache`",
            "would be `VERSION`",
            "would both be the constant `HOME_TOWN`",
        ],
    );
}

#[test]
fn computed_indexes_are_checked() {
    for (items, expected) in [
        (quote!(with = f), "`with` needs the type of what the function gives"),
        (quote!(with = "f", type = String), "the path of a function"),
        (quote!(with = |row| 1, type = u8), "the path of a function"),
        (quote!(with, type = u8), "the path of a function"),
        (quote!(type = String), "add `with = path::to_fn`"),
        (quote!(with = f, type), "expected a type: `type = String`"),
        (quote!(with = f, type = "String"), "expected a type: `type = String`"),
        (quote!(with = f, type = String, fields(email)), "`fields` and `with` on one index"),
        (quote!(fields(email), type = String), "`type` is that of what a function gives"),
        (quote!(fields(email), each), "write `index(each)` on the field"),
        (quote!(with = f, type = String, sparse, each), "`sparse` and `each` on one index"),
        (quote!(with = f, type = String, with = g), "duplicate attribute `with`"),
        (quote!(with = f, type = String, wiht = g), "did you mean `with`?"),
    ] {
        assert_struct_mistakes(quote!(index(name = "x", #items)), &[expected]);
    }
    assert_struct_mistakes(quote!(index(with = f, type = u8)), &["needs a name"]);
    assert_struct_mistakes(quote!(with = f), &["inside of `index(...)` on the struct"]);
}

#[test]
fn indexes_of_the_struct_are_checked() {
    assert_struct_mistakes(quote!(index), &["an index has a name and fields"]);
    assert_struct_mistakes(quote!(index()), &["needs a name", "needs fields"]);
    assert_struct_mistakes(quote!(unique), &["`unique` belongs on a field"]);
    assert_struct_mistakes(quote!(index(fields(email))), &["needs a name"]);
    assert_struct_mistakes(quote!(index(name = "x")), &["needs fields"]);
    for (items, expected) in [
        (quote!(name = x, fields(email)), "a string literal"),
        (quote!(name = "", fields(email)), "can't be empty"),
        (quote!(name = "by email", fields(email)), "becomes a constant"),
        (quote!(name = "namespace", fields(email)), "`NAMESPACE`"),
        (quote!(name = "x", fields), "`fields(org, id)`"),
        (quote!(name = "x", fields()), "`fields(org, id)`"),
        (quote!(name = "x", fields("email")), "`fields(org, id)`"),
        (quote!(name = "x", fields(emial)), "did you mean `email`?"),
        (quote!(name = "x", fields(email, email)), "twice"),
        (quote!(name = "x", fields(email.a, email.a)), "`email.a` is there twice"),
        (quote!(name = "x", fields(emial.a)), "did you mean `email`?"),
        (quote!(name = "x", fields(email.)), "or `fields(address.city)`"),
        (quote!(name = "x", fields(.email)), "or `fields(address.city)`"),
        (quote!(name = "x", fields(email), filter = "f"), "the path of a function"),
        (quote!(name = "x", fields(email), uniqe), "did you mean `unique`?"),
        (quote!(name = "x", fields(email), sparse), "write `index(sparse)` on the field"),
        (quote!(name = "x", fields(email), unique = true), "`unique` takes no value"),
        (quote!(name = "x", name = "y", fields(email)), "duplicate attribute `name`"),
    ] {
        assert_struct_mistakes(quote!(index(#items)), &[expected]);
    }
    assert_struct_mistakes(
        quote!(index(name = "x", fields(id)), index(name = "x", fields(email))),
        &["a second index with the name `x`"],
    );
    assert_mistakes(
        user(
            &quote!(#[emdb(index(name = "email", fields(id)), index(name = "EMAIL", fields(id)))]),
            &quote!(#[emdb(unique)]),
        ),
        &["a second index with the name `email`", "both be the constant `EMAIL`"],
    );
}
