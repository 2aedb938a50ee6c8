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
    assert!(!file.items.is_empty(), "{tokens}");
    tokens.to_string().replace(' ', "")
}

#[track_caller]
fn assert_expands(item: TokenStream, expected: &[&str]) {
    let text = expanded(item);
    for expected in expected {
        assert!(text.contains(expected), "no {expected} in {text}");
    }
}

/// A struct with a key, with this in front of it, and this in front of its other field.
fn user(on_struct: &TokenStream, on_field: &TokenStream) -> TokenStream {
    quote!(
        #on_struct
        struct User {
            #[emdb(key)]
            id: u64,
            #on_field
            email: String,
        }
    )
}

#[track_caller]
fn assert_struct_mistakes(attribute: TokenStream, expected: &[&str]) {
    assert_mistakes(user(&quote!(#[emdb(#attribute)]), &quote!()), expected);
}

#[track_caller]
fn assert_field_mistakes(attribute: TokenStream, expected: &[&str]) {
    assert_mistakes(user(&quote!(), &quote!(#[emdb(#attribute)])), expected);
}

#[test]
fn a_plain_struct_expands_to_a_record_and_its_order() {
    assert_expands(
        quote!(
            struct OrderLine {
                #[emdb(key)]
                id: u64,
                r#type: Option<u8>,
            }
        ),
        &[
            "impl::emdb::RecordforOrderLine{",
            "impl::emdb::__private::OrderedRecordforOrderLine",
            "typeKey=u64;",
            "typeRef<'row>=Self;",
            "NAMESPACE:&'static::core::primitive::str=\"order_line\"",
            "VERSION:::core::primitive::u32=1u32",
            "&self.id",
            "key:&[\"id\"]",
            "(\"type\",\"Option<u8>\")",
            "ordered:true",
        ],
    );
}

#[test]
fn namespace_and_crate_are_taken_from_the_attribute() {
    assert_expands(
        quote!(
            #[emdb(namespace = "lines", crate = "crate::db")]
            struct OrderLine(#[emdb(key)] u64);
        ),
        &["implcrate::db::RecordforOrderLine", "=\"lines\"", "&self.0"],
    );
}

#[test]
fn a_generic_struct_keeps_its_bounds_and_gets_those_of_the_trait() {
    let item = quote!(
        struct Pair<K: Ord, V = u8, const N: usize = 3>
        where
            V: Copy,
        {
            #[emdb(key)]
            key: K,
            #[emdb(index(each))]
            values: [V; N],
            #[emdb(expires_at)]
            until: u64,
        }
    );
    assert_expands(
        item,
        &[
            "impl<K:Ord,V,constN:usize>::emdb::RecordforPair<K,V,N>",
            "V:Copy,Pair<K,V,N>:::emdb::__private::Row,K:::emdb::Key,\
             [V;N]:::emdb::__private::Each{",
            "impl<K:Ord,V,constN:usize>Pair<K,V,N>whereV:Copy,[V;N]:::emdb::__private::Each{",
            "typeRef<'row>=Self;",
        ],
    );
}

#[test]
fn a_field_skipped_by_serde_is_not_in_the_schema() {
    let text = expanded(quote!(
        struct User {
            #[emdb(key)]
            id: u64,
            #[serde(skip)]
            cache: u8,
            #[serde(default)]
            age: u8,
        }
    ));
    assert!(!text.contains("\"cache\""), "{text}");
    assert!(text.contains("\"age\""), "{text}");
}

#[test]
fn a_composite_key_is_the_tuple_of_its_fields_in_the_order_of_the_list() {
    let item = |key: TokenStream| {
        quote!(
            #[emdb(#key)]
            struct User {
                id: String,
                r#type: u64,
            }
        )
    };
    assert_expands(
        item(quote!(key(type, id))),
        &[
            "typeKey=(u64,String);",
            "(::core::clone::Clone::clone(&self.r#type),::core::clone::Clone::clone(&self.id))",
            "key:&[\"type\",\"id\"]",
        ],
    );
    assert_expands(item(quote!(key(id))), &["typeKey=String;", "clone_key::<Self>(&self.id)"]);
    assert_expands(
        quote!(
            #[emdb(key(1, 0))]
            struct User(u8, u16);
        ),
        &["typeKey=(u16,u8);", "key:&[\"1\",\"0\"]"],
    );
}

#[test]
fn an_automatic_key_is_set_and_an_unordered_table_has_no_order() {
    let item = quote!(
        #[emdb(unordered)]
        struct User {
            #[emdb(key, auto)]
            id: u64,
        }
    );
    assert_expands(
        item.clone(),
        &[
            "impl::emdb::__private::AutoRecordforUser",
            "fnset_key(&mutself,__key:u64){self.id=__key;}",
            "constAUTO:::core::primitive::bool=true;",
            "ordered:false",
        ],
    );
    assert!(!expanded(item).contains("OrderedRecord"));
}

#[test]
fn every_index_of_a_field_has_a_constant_and_entries() {
    assert_expands(
        quote!(
            pub struct User {
                #[emdb(key)]
                id: u64,
                #[emdb(unique)]
                r#type: String,
                #[emdb(index(sparse))]
                homeTown: Option<u8>,
                #[emdb(index(each))]
                tags: Vec<String>,
            }
        ),
        &[
            "pubconstTYPE:::emdb::__private::Index<Self,String,::emdb::__private::Unique>=\
             ::emdb::__private::Index::at(0u16);",
            "\"Theuniqueindex`type`,overthefield`type`.\"",
            "name:\"type\",fields:&[\"type\"],kind:::emdb::__private::IndexKind::Unique,\
             filter:::core::option::Option::None",
            "(::emdb::__private::part::<String>().encode)(&__row.r#type,__out);",
            "pubconstHOME_TOWN:::emdb::__private::Index<Self,Option<u8>,::emdb::__private::Multi>\
             =::emdb::__private::Index::at(1u16);",
            "<Option<u8>as::emdb::__private::Sparse>::write(&__row.homeTown,__entries);",
            "pubconstTAGS:::emdb::__private::Index<Self,<Vec<String>as::emdb::__private::Each>::\
             Item,::emdb::__private::Multi>=::emdb::__private::Index::at(2u16);",
            "<Vec<String>as::emdb::__private::Each>::write(&__row.tags,__entries);",
        ],
    );
    assert_expands(
        quote!(
            struct User(#[emdb(key)] u8, #[emdb(index)] u16);
        ),
        &["constFIELD_1:", "name:\"1\",fields:&[\"1\"]"],
    );
}

#[test]
fn an_index_of_the_struct_is_over_the_tuple_of_its_fields() {
    assert_expands(
        quote!(
            #[emdb(index(name = "by_org_age", fields(org, age), unique, filter = Self :: adult))]
            #[emdb(index(name = "byAge", fields(age)))]
            struct User {
                #[emdb(key)]
                id: u64,
                org: String,
                age: u8,
            }
        ),
        &[
            "constBY_ORG_AGE:::emdb::__private::Index<Self,(String,u8),::emdb::__private::Unique>",
            "\"Theuniqueindex`by_org_age`,overthefields`org`,`age`.\"",
            "filter:::core::option::Option::Some(\"Self::adult\")",
            "if::emdb::__private::passes(__row,Self::adult){__entries.entry(",
            "constBY_AGE:::emdb::__private::Index<Self,u8,::emdb::__private::Multi>",
        ],
    );
}

#[test]
fn versions_validation_and_expiry_become_methods() {
    assert_expands(
        quote!(
            #[emdb(version = 3, from = old::User<u8, u16>, ttl = "2h", validate = check::<u8>)]
            struct User {
                #[emdb(key)]
                id: u64,
            }
        ),
        &[
            "VERSION:::core::primitive::u32=3u32",
            "(::emdb::__private::older::<Self,old::User<u8,u16>>().upgrade)(__version,__value)",
            "const_:()={let_=::emdb::__private::older::<User,old::User<u8,u16>>();};",
            "::emdb::__private::Lifetime::After(7200000u64)",
            "::emdb::__private::validate(self,check::<u8>)",
        ],
    );
    assert_expands(
        quote!(
            struct User {
                #[emdb(key)]
                id: u64,
                #[emdb(expires_at)]
                until: Option<u64>,
            }
        ),
        &["Lifetime::At(<Option<u64>as::emdb::__private::Expiry>::at(&self.until))"],
    );
}

#[test]
fn strings_and_bytes_are_lent_wherever_they_are_known_by_name() {
    assert_expands(
        quote!(
            pub(crate) struct User {
                #[emdb(key)]
                pub id: ::std::string::String,
                #[serde(rename = "b")]
                bytes: Vec<u8>,
                nested: Option<Vec<Option<String>>>,
                r#type: Box<str>,
            }
        ),
        &[
            "const_:()={",
            "pub(crate)structUserRef<'row>{",
            "pubid:&'row::core::primitive::str,",
            "bytes:&'row[::core::primitive::u8],",
            "nested:::core::option::Option<::emdb::__private::Vec<::core::option::Option<\
             &'row::core::primitive::str>>>,",
            "r#type:Box<str>}",
            "typeRef<'row>=UserRef<'row>;",
            "UserRef{id:__fields.lent::<::std::string::String,&'row::core::primitive::str>()?,",
            "r#type:__fields.owned::<Box<str>>()?})",
        ],
    );
    assert_expands(
        quote!(
            struct User(#[emdb(key)] u8, pub Option<UserRef>, String);
        ),
        &["structUserRef_<'row>(", "pubOption<UserRef>", "UserRef_{0:", "2:__fields.lent::<"],
    );
}

#[test]
fn a_record_lends_itself_where_its_fields_do_not_tell_how_it_is_stored() {
    for item in [
        quote!(
            struct User {
                #[emdb(key)]
                id: u64,
            }
        ),
        quote!(
            struct User<T> {
                #[emdb(key)]
                id: u64,
                name: String,
                value: T,
            }
        ),
        quote!(
            struct User<const N: usize> {
                #[emdb(key)]
                id: u64,
                name: String,
            }
        ),
        quote!(
            #[serde(transparent)]
            struct User {
                #[emdb(key)]
                id: String,
            }
        ),
        quote!(
            struct User {
                #[emdb(key)]
                id: u64,
                #[serde(with = "hex")]
                name: String,
            }
        ),
        quote!(
            struct User {
                #[emdb(key)]
                id: u64,
                #[serde(skip)]
                name: String,
                text: String,
            }
        ),
        quote!(
            struct User {
                #[emdb(key)]
                id: String,
                children: Vec<Self>,
            }
        ),
    ] {
        assert_expands(item, &["typeRef<'row>=Self;", "lend_whole::<Self>(__fields)"]);
    }
}

#[test]
fn the_fallback_has_all_that_the_rest_of_a_program_may_name() {
    assert_expands(
        quote!(
            #[emdb(vesion = 2, index(name = "by_email", fields(email)))]
            struct User {
                #[emdb(key, auto)]
                id: u64,
                #[emdb(unique)]
                email: String,
            }
        ),
        &[
            "didyoumean`version`",
            "impl::emdb::RecordforUser",
            "impl::emdb::__private::OrderedRecordforUser",
            "impl::emdb::__private::AutoRecordforUser",
            "constEMAIL:",
            "constBY_EMAIL:",
        ],
    );
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
        &["unknown attribute `colour`: the struct takes `namespace`, `version`, `from`"],
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
fn functions_and_flags_are_checked() {
    assert_struct_mistakes(quote!(validate = "check"), &["the path of a function"]);
    assert_struct_mistakes(quote!(validate = |user| Ok(())), &["the path of a function"]);
    assert_struct_mistakes(quote!(validate), &["the path of a function"]);
    assert_struct_mistakes(quote!(unordered = true), &["`unordered` takes no value"]);
    assert_struct_mistakes(quote!(unordered, unordered), &["duplicate attribute `unordered`"]);
    assert_field_mistakes(quote!(expires_at = "x"), &["`expires_at` takes no value"]);
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
    assert_field_mistakes(quote!(index = "x"), &["nothing more was expected"]);
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
        (quote!(name = "x", fields(email), filter = "f"), "the path of a function"),
        (quote!(name = "x", fields(email), uniqe), "did you mean `unique`?"),
        (quote!(name = "x", fields(email), sparse), "inside of `index(...)` or `unique(...)` on"),
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
