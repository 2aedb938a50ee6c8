//! The macro over token streams: what it accepts, and each mistake it reports. Where on the line
//! a message lands is what the compile tests of the workspace look at.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error};

use crate::ast::Input;
use crate::errors::Errors;
use crate::expand;
use crate::valid;

fn mistakes(item: TokenStream) -> Vec<String> {
    let input: DeriveInput = syn::parse2(item).unwrap();
    let errors = Errors::new();
    let read = Input::read(&input, &errors);
    match valid::check(&read, errors) {
        Ok(_) => Vec::new(),
        Err((_, error)) => {
            error.into_iter().flatten().map(|error: Error| error.to_string()).collect()
        }
    }
}

#[track_caller]
fn assert_mistakes(item: TokenStream, expected: &[&str]) {
    let found = mistakes(item);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found:?} doesn't mention {expected:?}");
    }
}

fn expanded(item: TokenStream) -> String {
    let input: DeriveInput = syn::parse2(item).unwrap();
    let tokens = expand::derive(&input);
    let file: syn::File = syn::parse2(tokens.clone()).unwrap();
    assert_eq!(file.items.len(), 1, "{tokens}");
    tokens.to_string().replace(' ', "")
}

#[test]
fn a_plain_struct_expands_to_one_impl() {
    let text = expanded(quote! {
        struct OrderLine { #[emdb(key)] id: u64, r#type: Option<String> }
    });
    assert!(text.contains("impl::emdb::RecordforOrderLine{"), "{text}");
    assert!(text.contains("typeKey=u64;"), "{text}");
    assert!(text.contains("=\"order_line\""), "{text}");
    assert!(text.contains("&self.id"), "{text}");
    assert!(text.contains("&[\"id\"]"), "{text}");
    assert!(text.contains("(\"type\",\"Option<String>\")"), "{text}");
}

#[test]
fn namespace_and_crate_are_taken_from_the_attribute() {
    let text = expanded(quote! {
        #[emdb(namespace = "lines", crate = "crate::db")]
        struct OrderLine(#[emdb(key)] u64);
    });
    assert!(text.contains("implcrate::db::RecordforOrderLine"), "{text}");
    assert!(text.contains("=\"lines\""), "{text}");
    assert!(text.contains("&self.0"), "{text}");
}

#[test]
fn a_generic_struct_keeps_its_bounds_and_gets_those_of_the_trait() {
    let text = expanded(quote! {
        struct Pair<K: Ord, V = u8, const N: usize = 3> where V: Copy {
            #[emdb(key)] key: K, values: [V; N],
        }
    });
    assert!(text.contains("impl<K:Ord,V,constN:usize>::emdb::RecordforPair<K,V,N>"), "{text}");
    assert!(text.contains("V:Copy,Pair<K,V,N>:::emdb::__private::Row,K:::emdb::Key"), "{text}");
}

#[test]
fn a_field_skipped_by_serde_is_not_in_the_schema() {
    let text = expanded(quote! {
        struct User { #[emdb(key)] id: u64, #[serde(skip)] cache: u8, #[serde(default)] age: u8 }
    });
    assert!(!text.contains("\"cache\""), "{text}");
    assert!(text.contains("\"age\""), "{text}");
}

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
        &["unknown attribute `colour`: the struct takes `namespace`, `crate`"],
    );
}

#[test]
fn words_of_later_releases_are_refused_by_name() {
    for item in [
        quote!(version = 2),
        quote!(from = Old<u8, u16>),
        quote!(index(name = "x", fields(a, b))),
        quote!(ttl = "30d"),
        quote!(validate = check::user),
        quote!(unordered),
        quote!(key(a, b)),
    ] {
        assert_mistakes(
            quote!(
                #[emdb(#item)]
                struct User {
                    #[emdb(key)]
                    id: u64,
                }
            ),
            &["isn't supported yet in this release"],
        );
    }
    for item in [quote!(unique), quote!(index(each)), quote!(auto), quote!(expires_at)] {
        assert_mistakes(
            quote!(
                struct User {
                    #[emdb(key, #item)]
                    id: u64,
                }
            ),
            &["isn't supported yet in this release"],
        );
    }
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
