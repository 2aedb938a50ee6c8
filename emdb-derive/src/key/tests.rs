//! The macro over token streams: what it accepts, and each mistake it reports. Where on the line
//! a message lands is what the compile tests of the workspace look at.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Item};

use super::derive;

fn items(item: TokenStream) -> Vec<String> {
    let input: DeriveInput = syn::parse2(item).unwrap();
    let file: syn::File = syn::parse2(derive(&input)).unwrap();
    let text = |item: &Item| quote!(#item).to_string().replace(' ', "");
    file.items.iter().map(text).collect()
}

#[track_caller]
fn assert_items(item: TokenStream, expected: &[&str]) {
    let found = items(item);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found} doesn't mention {expected}");
    }
}

const ENCODE: &str = "impl::emdb::EncodeKeyforX";
const KEY: &str = "impl::emdb::KeyforX";
const AS_KEY: &str = "::emdb::as_key!{@[]impl[]X";
const ONE: &str =
    "impl<__Given0:::emdb::__private::AsKey<String>>::emdb::__private::AsKey<X>for(__Given0,)";

#[test]
fn a_key_stands_for_itself_and_a_tuple_of_its_fields_for_it() {
    assert_items(
        quote!(
            struct X(String);
        ),
        &[ENCODE, KEY, AS_KEY, ONE],
    );
    assert_items(
        quote!(
            struct X {
                name: String,
            }
        ),
        &[ENCODE, KEY, AS_KEY, ONE],
    );
    assert_items(
        quote!(
            struct X;
        ),
        &[ENCODE, KEY, AS_KEY],
    );
    assert_items(
        quote!(
            enum X {
                A,
                B,
            }
        ),
        &[ENCODE, KEY, AS_KEY],
    );
}

#[test]
fn a_struct_brings_the_prefixes_of_its_leading_fields() {
    let item = quote!(
        struct X {
            a: u8,
            phantom: PhantomData<u8>,
            b: String,
            c: u8,
        }
    );
    let tuples = [
        "impl<__Given0:::emdb::__private::AsKey<u8>>::emdb::__private::KeyPrefix<X>for(__Given0,)",
        "__Given1:::emdb::__private::AsKey<String>>::emdb::__private::KeyPrefix<X>",
        "::emdb::__private::AsKey<X>for(__Given0,__Given1,__Given2,)",
    ];
    assert_items(item, &[ENCODE, KEY, AS_KEY, tuples[0], tuples[1], tuples[2]]);
}

#[test]
fn a_phantom_is_no_part_of_the_key() {
    let text = items(quote!(
        struct Id<T>(u64, ::std::marker::PhantomData<T>);
    ))
    .concat();
    assert!(text.contains("Self{0:(::emdb::__private::key_field::<u64>().decode_last)"), "{text}");
    assert!(text.contains("1:::core::marker::PhantomData"), "{text}");
    assert!(text.contains("whereId<T>:::emdb::__private::Owned{"), "{text}");
}

#[test]
fn a_generic_type_gets_bounds_on_the_fields_that_depend_on_it() {
    let item = quote!(
        struct X<A: Ord, const N: usize>(u8, [A; N])
        where
            A: Copy;
    );
    let text = items(item).concat();
    let bounds = "whereA:Copy,X<A,N>:::emdb::__private::Owned,[A;N]:::emdb::Key{";
    assert!(text.contains(bounds), "{text}");
}

#[test]
fn the_crate_is_taken_from_the_attribute() {
    assert_items(
        quote!(
            #[emdb(crate = "a::b")]
            struct X(u8);
        ),
        &[
            "impla::b::EncodeKeyforX",
            "impla::b::KeyforX",
            "a::b::as_key!",
            "a::b::__private::AsKey<X>",
        ],
    );
}

#[test]
fn more_than_256_variants_take_two_bytes() {
    let variants = |count: usize| {
        let names = (0..count).map(|at| quote::format_ident!("V{at}"));
        items(quote!(enum X { #(#names),* })).concat()
    };
    assert!(variants(256).contains("encode_variant::<1>"));
    assert!(variants(257).contains("encode_variant::<2>"));
}

#[test]
fn mistakes_are_all_reported_and_leave_a_fallback() {
    assert_items(
        quote!(
            enum X {}
        ),
        &["withoutvariants", ENCODE, KEY, AS_KEY],
    );
    assert_items(
        quote!(
            enum X {
                A(u8),
                B { b: u8 },
            }
        ),
        &["leave`A`without", "leave`B`without", ENCODE, KEY, AS_KEY],
    );
    assert_items(quote!(union X { a: u8 }), &["aunion", ENCODE, KEY, AS_KEY]);
    assert_items(
        quote!(
            struct X<'a>(&'a str);
        ),
        &["lifetimeparameters"],
    );
    assert_items(
        quote!(
            #[emdb(crate = 7, index)]
            struct X(#[emdb(kye)] u8);
        ),
        &["expectedastringliteral", "`index`belongsonarecord", "`kye`", ENCODE, KEY, AS_KEY],
    );
}
