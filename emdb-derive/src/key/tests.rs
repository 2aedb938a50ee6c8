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

#[test]
fn a_newtype_and_an_enum_expand_to_two_impls() {
    assert_items(
        quote!(
            struct X(String);
        ),
        &[ENCODE, KEY],
    );
    assert_items(
        quote!(
            struct X {
                name: String,
            }
        ),
        &[ENCODE, KEY],
    );
    assert_items(
        quote!(
            struct X;
        ),
        &[ENCODE, KEY],
    );
    assert_items(
        quote!(
            enum X {
                A,
                B,
            }
        ),
        &[ENCODE, KEY],
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
    let prefixes = [
        "impl<__Prefix0:::emdb::__private::AsKey<u8>>::emdb::__private::KeyPrefix<X>for(__Prefix0,)",
        "__Prefix1:::emdb::__private::AsKey<String>>::emdb::__private::KeyPrefix<X>",
    ];
    assert_items(item, &[ENCODE, KEY, prefixes[0], prefixes[1]]);
}

#[test]
fn a_phantom_is_no_part_of_the_key() {
    let text = items(quote!(
        struct Id<T>(u64, ::std::marker::PhantomData<T>);
    ))
    .concat();
    assert!(text.contains("Self{0:(::emdb::__private::part::<u64>().decode_last)"), "{text}");
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
        &["impla::b::EncodeKeyforX", "impla::b::KeyforX"],
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
        &["withoutvariants", ENCODE, KEY],
    );
    assert_items(
        quote!(
            enum X {
                A(u8),
                B { b: u8 },
            }
        ),
        &["leave`A`without", "leave`B`without", ENCODE, KEY],
    );
    assert_items(quote!(union X { a: u8 }), &["aunion", ENCODE, KEY]);
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
        &["expectedastringliteral", "`index`belongsonarecord", "`kye`", ENCODE, KEY],
    );
}
