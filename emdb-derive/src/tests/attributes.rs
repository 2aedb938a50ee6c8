//! Mistakes in the wording of attributes, ours and serde's.

use quote::quote;

use super::*;

#[test]
fn unknown_words_get_a_suggestion() {
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key)]
                id: u64,
                #[emdb(uniqe)]
                email: String,
            }
        ),
        &["unknown attribute `uniqe`: did you mean `unique`?"],
    );
    assert_mistakes(
        quote!(
            #[emdb(name_space = "x")]
            struct User {
                #[emdb(key)]
                id: u64,
            }
        ),
        &["did you mean `namespace`?"],
    );
    assert_mistakes(
        quote!(
            #[emdb(colour)]
            struct User {
                #[emdb(key)]
                id: u64,
            }
        ),
        &["unknown attribute `colour`: the struct takes `namespace`, `was`, `version`"],
    );
}

#[test]
fn a_word_in_the_wrong_place_is_told_where_it_belongs() {
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key, namespace = "x")]
                id: u64,
            }
        ),
        &["belongs on the struct"],
    );
    assert_mistakes(
        quote!(
            #[emdb(auto)]
            struct User {
                #[emdb(key)]
                id: u64,
            }
        ),
        &["belongs on a field"],
    );
}

#[test]
fn duplicates_are_refused() {
    assert_mistakes(
        quote!(
            #[emdb(namespace = "a")]
            #[emdb(namespace = "b", crate = "x", crate = "y")]
            struct User {
                #[emdb(key, key)]
                id: u64,
            }
        ),
        &["duplicate attribute `namespace`", "duplicate attribute `crate`", "attribute `key`"],
    );
}

#[test]
fn malformed_lists_are_refused() {
    assert_mistakes(
        quote!(
            #[emdb]
            struct User {
                #[emdb(key)]
                id: u64,
            }
        ),
        &["#[emdb(...)]"],
    );
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key)]
                #[emdb = 5]
                id: u64,
            }
        ),
        &["#[emdb(...)]"],
    );
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key = "id")]
                id: u64,
            }
        ),
        &["takes no value"],
    );
    assert_mistakes(
        quote!(
            struct User {
                #[emdb(key, 5)]
                id: u64,
            }
        ),
        &["expected"],
    );
    for item in [quote!(namespace), quote!(namespace =), quote!(namespace("x"))] {
        assert_mistakes(
            quote!(
                #[emdb(#item)]
                struct User {
                    #[emdb(key)]
                    id: u64,
                }
            ),
            &["string literal"],
        );
    }
    assert_mistakes(
        quote!(
            #[emdb(crate = "not a path")]
            struct User {
                #[emdb(key)]
                id: u64,
            }
        ),
        &["path of a module"],
    );
}

#[test]
fn serde_attributes_that_a_row_cannot_carry_are_refused() {
    assert_mistakes(
        quote!(
            #[serde(tag = "kind")]
            struct User {
                #[emdb(key)]
                id: u64,
                #[serde(flatten)]
                more: More,
                #[serde(default, skip_serializing_if = "Option::is_none")]
                age: Option<u8>,
                #[serde(skip_serializing)]
                secret: u8,
                #[serde(skip_serializing, skip_deserializing)]
                fine: u8,
                #[serde(rename(serialize = "a", deserialize = "b"), with = "other")]
                renamed: u8,
            }
        ),
        &["`tag`", "`flatten`", "`skip_serializing_if`", "one side only"],
    );
}

#[test]
fn every_mistake_of_one_struct_is_reported_at_once() {
    assert_mistakes(
        quote!(
            #[emdb(namespace = "", vesion = 2)]
            struct User {
                #[emdb(uniq)]
                email: String,
            }
        ),
        &["did you mean `version`", "can't be empty", "did you mean `unique`", "no key"],
    );
}

#[test]
fn functions_and_flags_are_checked() {
    assert_struct_mistakes(quote!(validate = "check"), &["the path of a function"]);
    assert_struct_mistakes(quote!(validate = |user| Ok(())), &["the path of a function"]);
    assert_struct_mistakes(quote!(validate), &["the path of a function"]);
    assert_struct_mistakes(quote!(unordered = true), &["`unordered` takes no value"]);
    assert_struct_mistakes(quote!(unordered, unordered), &["duplicate attribute `unordered`"]);
    assert_field_mistakes(quote!(expires_at = "x"), &["`expires_at` takes no value"]);
}
