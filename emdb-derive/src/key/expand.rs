//! Fourth stage: the implementations.
//!
//! A struct has the bytes of the tuple of its fields, which for a newtype are those of what it
//! wraps. An enum has the position of the variant, in as many bytes as all positions need.
//!
//! Invariant: the output names nothing by a path that the surrounding code could shadow.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Generics, Ident, Path, WhereClause, parse_quote};

use super::ast::{Field, Input, Shape};
use crate::types::mentions_parameter;

/// The bodies of the four methods. They have `self`, `__out` and `__bytes`.
struct Bodies {
    encode_into: TokenStream,
    encode_part: TokenStream,
    decode: TokenStream,
    decode_part: TokenStream,
}

pub(crate) fn expand(input: &Input<'_>, krate: &Path) -> TokenStream {
    let (bodies, prefixes) = match &input.shape {
        Shape::Struct(fields) => (of_struct(fields, krate), prefixes(input, fields, krate)),
        Shape::Enum(variants) => (of_enum(input.ident, variants, krate), TokenStream::new()),
    };
    let Bodies { encode_into, encode_part, decode, decode_part } = bodies;
    let ident = input.ident;
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let where_clause = where_clause(input, krate);
    let bytes = quote!([::core::primitive::u8]);
    let out = quote!(&mut #krate::__private::Vec<::core::primitive::u8>);
    let result = quote!(::core::result::Result<Self, #krate::__private::KeyError>);

    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::EncodeKey for #ident #ty_generics #where_clause {
            fn encode_into(&self, __out: #out) {
                #encode_into
            }

            fn encode_part(&self, __out: #out) {
                #encode_part
            }
        }

        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::Key for #ident #ty_generics #where_clause {
            fn decode(__bytes: &#bytes) -> #result {
                #decode
            }

            fn decode_part(__bytes: &mut &#bytes) -> #result {
                #decode_part
            }
        }

        #prefixes
    }
}

fn of_struct(fields: &[Field<'_>], krate: &Path) -> Bodies {
    let part = quote!(#krate::__private::part);
    let phantoms = fields.iter().filter(|field| field.phantom).map(|field| &field.member);
    let phantoms = quote!(#(#phantoms: ::core::marker::PhantomData,)*);
    let stored: Vec<&Field<'_>> = fields.iter().filter(|field| !field.phantom).collect();
    let Some((last, leading)) = stored.split_last() else {
        // One value and no bytes, as the unit has it.
        return Bodies {
            encode_into: quote!(let _ = __out;),
            encode_part: quote!(let _ = __out;),
            decode: quote! {
                (#part::<()>().decode_last)(__bytes)?;
                ::core::result::Result::Ok(Self { #phantoms })
            },
            decode_part: quote!(let _ = __bytes; ::core::result::Result::Ok(Self { #phantoms })),
        };
    };

    let member: Vec<_> = leading.iter().map(|field| &field.member).collect();
    let ty: Vec<_> = leading.iter().map(|field| field.ty).collect();
    let (last_member, last_ty) = (&last.member, last.ty);
    let rest = (!leading.is_empty()).then(|| quote!(let mut __bytes = __bytes;));
    let encode_leading = quote!(#((#part::<#ty>().encode)(&self.#member, __out);)*);
    // A struct expression evaluates its fields in the order in which they are written here.
    Bodies {
        encode_into: quote! {
            #encode_leading
            (#part::<#last_ty>().encode_last)(&self.#last_member, __out);
        },
        encode_part: quote! {
            #encode_leading
            (#part::<#last_ty>().encode)(&self.#last_member, __out);
        },
        decode: quote! {
            #rest
            ::core::result::Result::Ok(Self {
                #(#member: (#part::<#ty>().decode)(&mut __bytes)?,)*
                #last_member: (#part::<#last_ty>().decode_last)(__bytes)?,
                #phantoms
            })
        },
        decode_part: quote! {
            ::core::result::Result::Ok(Self {
                #(#member: (#part::<#ty>().decode)(__bytes)?,)*
                #last_member: (#part::<#last_ty>().decode)(__bytes)?,
                #phantoms
            })
        },
    }
}

fn of_enum(ident: &Ident, variants: &[&Ident], krate: &Path) -> Bodies {
    let private = quote!(#krate::__private);
    let width = Literal::usize_unsuffixed(if variants.len() <= 256 { 1 } else { 2 });
    let positions: Vec<_> = (0..variants.len()).map(Literal::usize_unsuffixed).collect();
    let expected = format!("a variant of `{ident}`");
    // `{}` and `{ .. }` are right for `Variant`, `Variant()` and `Variant {}` alike.
    let encode = quote! {
        let __position = match self {
            #(Self::#variants { .. } => #positions,)*
        };
        #private::encode_variant::<#width>(__position, __out);
    };
    let variant_at = |position: TokenStream| {
        quote! {
            match #position {
                #(#positions => ::core::result::Result::Ok(Self::#variants {}),)*
                _ => ::core::result::Result::Err(#private::KeyError::Value {
                    expected: #expected,
                }),
            }
        }
    };
    Bodies {
        encode_into: encode.clone(),
        encode_part: encode,
        decode: variant_at(quote!(#private::decode_variant::<#width>(__bytes)?)),
        decode_part: variant_at(quote!(#private::decode_variant_part::<#width>(__bytes)?)),
    }
}

/// The struct's own where clause, and for a generic one what the traits ask of it and its fields.
///
/// The bounds are on the fields' types rather than on each parameter: `struct Id<T>(u64,
/// PhantomData<T>)` is a key whatever `T` is. A type without parameters gets none: there the
/// compiler checks the traits' demands itself and points at the type.
fn where_clause(input: &Input<'_>, krate: &Path) -> Option<WhereClause> {
    let (ident, generics) = (input.ident, input.generics);
    let mut clause = generics.where_clause.clone();
    if !generics.params.is_empty() {
        let (_, ty_generics, _) = generics.split_for_impl();
        let clause = clause.get_or_insert_with(|| parse_quote!(where));
        clause.predicates.push(parse_quote!(#ident #ty_generics: #krate::__private::Owned));
        if let Shape::Struct(fields) = &input.shape {
            for Field { ty, .. } in fields.iter().filter(|field| !field.phantom) {
                if mentions_parameter(ty, generics) {
                    clause.predicates.push(parse_quote!(#ty: #krate::Key));
                }
            }
        }
    }
    clause
}

/// Tuples of the first fields, of every length short of all, as prefixes.
fn prefixes(input: &Input<'_>, fields: &[Field<'_>], krate: &Path) -> TokenStream {
    let stored: Vec<&Field<'_>> = fields.iter().filter(|field| !field.phantom).collect();
    (1..stored.len()).map(|len| prefix(input, &stored[..len], krate)).collect()
}

fn prefix(input: &Input<'_>, leading: &[&Field<'_>], krate: &Path) -> TokenStream {
    let ident = input.ident;
    let private = quote!(#krate::__private);
    let given: Vec<Ident> = (0..leading.len()).map(|at| format_ident!("__Prefix{at}")).collect();
    let position = (0..leading.len()).map(syn::Index::from);
    let types: Vec<_> = leading.iter().map(|field| field.ty).collect();
    let mut generics: Generics = input.generics.clone();
    for (given, ty) in given.iter().zip(&types) {
        generics.params.push(parse_quote!(#given: #private::AsKey<#ty>));
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let this = quote!(#ident #ty_generics);
    let writes = given.iter().zip(&types).zip(position).map(|((given, ty), position)| {
        quote!(<#given as #private::AsKey<#ty>>::write_part(&self.#position, __out);)
    });
    let writes: TokenStream = writes.map(ToTokens::into_token_stream).collect();

    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #private::KeyPrefix<#this> for (#(#given,)*) #where_clause {
            const SEAL: #private::Seal = #private::Seal;

            fn encode_prefix(&self, __out: &mut #private::Vec<::core::primitive::u8>) {
                #writes
            }
        }
    }
}
