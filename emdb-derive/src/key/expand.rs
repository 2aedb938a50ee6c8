//! Fourth stage: the implementations.
//!
//! A struct has the bytes of the tuple of its fields, which for a newtype are those of what it
//! wraps. An enum has the position of the variant, in as many bytes as all positions need.
//!
//! Invariant: the output names nothing by a path that the surrounding code could shadow.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use syn::{Generics, Ident, Path, Type, WhereClause, parse_quote};

use super::ast::{Field, Input, Shape};
use crate::bounds::parameters;
use crate::types::mentions_parameter;

/// The bodies of the methods. They have `self`, `__out` and `__bytes`.
struct Bodies {
    agrees: TokenStream,
    encode_into: TokenStream,
    encode_part: TokenStream,
    decode: TokenStream,
    decode_part: TokenStream,
}

pub(crate) fn expand(input: &Input<'_>, krate: &Path) -> TokenStream {
    let (bodies, stand_ins) = match &input.shape {
        Shape::Struct(fields) => (of_struct(fields, krate), stand_ins(input, fields, krate)),
        Shape::Enum(variants) => (of_enum(input, variants, krate), TokenStream::new()),
    };
    let Bodies { agrees, encode_into, encode_part, decode, decode_part } = bodies;
    let ident = input.ident;
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let generics = parameters(input.generics);
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

            fn agrees() -> ::core::primitive::bool {
                #agrees
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

        #krate::as_key! { @[] impl[#generics] #ident #ty_generics #where_clause }

        #stand_ins
    }
}

fn of_struct(fields: &[Field<'_>], krate: &Path) -> Bodies {
    let field = quote!(#krate::__private::key_field);
    let phantoms = fields.iter().filter(|field| field.phantom).map(|field| &field.member);
    let phantoms = quote!(#(#phantoms: ::core::marker::PhantomData,)*);
    let stored: Vec<&Field<'_>> = fields.iter().filter(|field| !field.phantom).collect();
    let Some((last, leading)) = stored.split_last() else {
        // One value and no bytes, as the unit has it.
        return Bodies {
            agrees: quote!(true),
            encode_into: quote!(let _ = __out;),
            encode_part: quote!(let _ = __out;),
            decode: quote! {
                (#field::<()>().decode_last)(__bytes)?;
                ::core::result::Result::Ok(Self { #phantoms })
            },
            decode_part: quote!(let _ = __bytes; ::core::result::Result::Ok(Self { #phantoms })),
        };
    };

    let member: Vec<_> = leading.iter().map(|field| &field.member).collect();
    let ty: Vec<_> = leading.iter().map(|field| field.ty).collect();
    let (last_member, last_ty) = (&last.member, last.ty);
    let rest = (!leading.is_empty()).then(|| quote!(let mut __bytes = __bytes;));
    let encode_leading = quote!(#((#field::<#ty>().encode)(&self.#member, __out);)*);
    // A struct expression evaluates its fields in the order in which they are written here.
    Bodies {
        agrees: quote!((#field::<#last_ty>().agrees)() #(&& (#field::<#ty>().agrees)())*),
        encode_into: quote! {
            #encode_leading
            (#field::<#last_ty>().encode_last)(&self.#last_member, __out);
        },
        encode_part: quote! {
            #encode_leading
            (#field::<#last_ty>().encode)(&self.#last_member, __out);
        },
        decode: quote! {
            #rest
            ::core::result::Result::Ok(Self {
                #(#member: (#field::<#ty>().decode)(&mut __bytes)?,)*
                #last_member: (#field::<#last_ty>().decode_last)(__bytes)?,
                #phantoms
            })
        },
        decode_part: quote! {
            ::core::result::Result::Ok(Self {
                #(#member: (#field::<#ty>().decode)(__bytes)?,)*
                #last_member: (#field::<#last_ty>().decode)(__bytes)?,
                #phantoms
            })
        },
    }
}

fn of_enum(input: &Input<'_>, variants: &[&Ident], krate: &Path) -> Bodies {
    let (ident, agrees) = (input.ident, !input.discriminants);
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
        agrees: quote!(#agrees),
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

/// The uses of tuples: one of all fields stands for the key, and those of the first ones, of every
/// length short of all, are prefixes.
fn stand_ins(input: &Input<'_>, fields: &[Field<'_>], krate: &Path) -> TokenStream {
    let types: Vec<&Type> =
        fields.iter().filter(|field| !field.phantom).map(|field| field.ty).collect();
    let prefixes = (1..types.len()).map(|len| Given::new(input, &types[..len], krate).prefix());
    let whole = (!types.is_empty()).then(|| Given::new(input, &types, krate).whole());
    prefixes.chain(whole).collect()
}

/// A tuple of what stands for the first fields.
struct Given<'a> {
    input: &'a Input<'a>,
    private: TokenStream,
    names: Vec<Ident>,
    types: &'a [&'a Type],
}

impl<'a> Given<'a> {
    fn new(input: &'a Input<'a>, types: &'a [&'a Type], krate: &Path) -> Self {
        let names = (0..types.len()).map(|at| format_ident!("__Given{at}")).collect();
        Given { input, private: quote!(#krate::__private), names, types }
    }

    fn prefix(&self) -> TokenStream {
        let private = &self.private;
        let (writes, out) = (self.writes(self.types.len()), self.out());
        let this = self.this();
        self.implement(
            quote!(#private::KeyPrefix<#this>),
            quote! {
                fn encode_prefix(&self, #out) {
                    #writes
                }
            },
        )
    }

    fn whole(&self) -> TokenStream {
        let private = &self.private;
        let last = self.types.len() - 1;
        let (leading, parts, out) = (self.writes(last), self.writes(last + 1), self.out());
        let write_last = self.write(last, &quote!(write_final));
        let this = self.this();
        self.implement(
            quote!(#private::AsKey<#this>),
            quote! {
                fn write_final(&self, #out) {
                    #leading
                    #write_last
                }

                fn write_part(&self, #out) {
                    #parts
                }
            },
        )
    }

    fn implement(&self, of: TokenStream, methods: TokenStream) -> TokenStream {
        let Given { input, private, names, types } = self;
        let mut generics: Generics = input.generics.clone();
        for (name, ty) in names.iter().zip(*types) {
            generics.params.push(parse_quote!(#name: #private::AsKey<#ty>));
        }
        let (impl_generics, _, where_clause) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            #[allow(deprecated)]
            impl #impl_generics #of for (#(#names,)*) #where_clause {
                const SEAL: #private::Seal = #private::Seal;

                #methods
            }
        }
    }

    /// The parts of so many fields.
    fn writes(&self, len: usize) -> TokenStream {
        (0..len).map(|at| self.write(at, &quote!(write_part))).collect()
    }

    fn write(&self, at: usize, form: &TokenStream) -> TokenStream {
        let (name, ty, private) = (&self.names[at], self.types[at], &self.private);
        let at = syn::Index::from(at);
        quote!(<#name as #private::AsKey<#ty>>::#form(&self.#at, __out);)
    }

    fn out(&self) -> TokenStream {
        let private = &self.private;
        quote!(__out: &mut #private::Vec<::core::primitive::u8>)
    }

    fn this(&self) -> TokenStream {
        let (ident, (_, ty_generics, _)) = (self.input.ident, self.input.generics.split_for_impl());
        quote!(#ident #ty_generics)
    }
}
