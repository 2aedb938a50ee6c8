//! `Fields`: the members of a type as queries name them, of a record and by `#[derive(Fields)]`.
//!
//! A struct gets a sibling with the same members, each of them a `Field` at its path; an enum gets one with `is`,
//! and an enum of its variants' names.

use proc_macro2::{Group, Literal, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{
    Data, DataEnum, DeriveInput, GenericParam, Ident, Member, Path, Visibility, WhereClause,
    parse_quote,
};

use crate::ast::{Field, read_fields};
use crate::errors::Errors;
use crate::names;
use crate::serde;
use crate::syntax::{crate_path, for_each_item};
use crate::tokens::self_type;
use crate::types::{is_everybodys, mentions};

/// A type whose members are to be named.
struct Owner<'a> {
    input: &'a DeriveInput,
    krate: &'a Path,
    /// `User<T>`.
    this: TokenStream,
    /// The sibling, `UserFields`.
    name: Ident,
    /// The demands of the trait on the type, and of the sibling.
    clause: WhereClause,
    sibling_clause: WhereClause,
    /// Whether it gets `FIELDS`.
    is_record: bool,
}

/// The members of the sibling, and as an expression has them.
enum Body {
    Named {
        declared: TokenStream,
        value: TokenStream,
    },
    Tuple {
        declared: TokenStream,
        value: TokenStream,
    },
    /// None that could be named.
    Empty,
}

/// `#[derive(Fields)]`.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let errors = Errors::new();
    let krate = read_crate(input, &errors);
    if let Data::Union(data) = &input.data {
        errors
            .at(data.union_token, "the members of a union can't be named: use a struct or an enum");
    }
    for lifetime in input.generics.lifetimes() {
        errors.at(
            &lifetime.lifetime,
            "a type in a record owns its data, so it can't have lifetime parameters",
        );
    }
    match errors.verdict() {
        Ok(()) => expand(input, &krate, None, false),
        Err(error) => error.into_compile_error(),
    }
}

/// The implementations for a record, of which the trait asks this.
pub(crate) fn of_record(
    input: &DeriveInput,
    krate: &Path,
    clause: Option<WhereClause>,
) -> TokenStream {
    expand(input, krate, clause, true)
}

fn expand(
    input: &DeriveInput,
    krate: &Path,
    clause: Option<WhereClause>,
    is_record: bool,
) -> TokenStream {
    let owner = Owner {
        input,
        krate,
        this: self_type(input),
        name: sibling(input),
        clause: owned_clause(input, clause),
        sibling_clause: owned_clause(input, None),
        is_record,
    };
    match &input.data {
        Data::Struct(data) => owner.of_struct(&read_fields(&data.fields)),
        Data::Enum(data) => owner.of_enum(data),
        Data::Union(_) => TokenStream::new(),
    }
}

impl Owner<'_> {
    fn of_struct(&self, fields: &[Field<'_>]) -> TokenStream {
        if fields.is_empty() {
            return self.implement(Body::Empty);
        }
        let plain = serde::is_plain_struct(&self.input.attrs);
        let stored: Vec<Option<bool>> = fields.iter().map(|field| stored(field)).collect();
        let members = stored.iter().flatten().count();
        let mut position = 0;
        let mut impls = Vec::new();
        let mut declared = Vec::new();
        for (at, (field, stored)) in fields.iter().zip(&stored).enumerate() {
            let place = (plain && *stored == Some(true)).then_some((position, members));
            position += usize::from(stored.is_some());
            impls.push(self.member(at, field, place));
            // What serde skips is no part of a stored row, and so of no index.
            impls.extend(stored.is_some().then(|| self.named(field)).flatten());
            declared.push(self.declared(at, field));
        }
        let names = fields.iter().map(|field| &field.member);
        let named = fields.iter().any(|field| matches!(field.member, Member::Named(_)));
        let private = self.private();
        let value = quote!({ #(#names: #private::Field::AT),* });
        let declared = quote!(#(#declared),*);
        let constant = self.is_record.then(|| self.constant(&value));
        let sibling = match named {
            true => self.implement(Body::Named { declared, value }),
            false => self.implement(Body::Tuple { declared, value }),
        };
        quote!(const _: () = { #sibling #(#impls)* #constant };)
    }

    /// The type that has the member, as visible as the member is: so that the type of a private one stays private.
    fn marker(&self, name: &Ident, field: &Field<'_>) -> TokenStream {
        let generics = crate::bounds::parameters(&self.input.generics);
        let types = self.input.generics.type_params().map(|own| &own.ident);
        let (clause, of_type) = (&self.sibling_clause, &self.input.vis);
        let vis = match (field.vis, of_type) {
            (Visibility::Public(_), of_type) => of_type,
            (_, Visibility::Inherited) => of_type,
            (of_field, _) => of_field,
        };
        quote! {
            #[doc(hidden)]
            #[allow(dead_code, missing_debug_implementations, unreachable_pub)]
            #vis struct #name<#generics>(::core::marker::PhantomData<fn() -> (#(#types,)*)>) #clause;
        }
    }

    /// A type of the struct as it is written elsewhere, where `Self` would be another one.
    fn respelt(&self, ty: TokenStream) -> TokenStream {
        let respell = |token| match token {
            TokenTree::Ident(ident) if ident == "Self" => self.this.clone(),
            TokenTree::Group(group) => {
                let mut respelt = Group::new(group.delimiter(), self.respelt(group.stream()));
                respelt.set_span(group.span());
                TokenTree::Group(respelt).into()
            }
            other => other.into(),
        };
        ty.into_iter().flat_map(|token| -> TokenStream { respell(token) }).collect()
    }

    /// `User::FIELDS`.
    fn constant(&self, value: &TokenStream) -> TokenStream {
        let (vis, this, clause, name) = (&self.input.vis, &self.this, &self.clause, &self.name);
        let (impl_generics, _, _) = self.input.generics.split_for_impl();
        let (own, private) = (self.arguments(), self.private());
        let doc = format!("The fields of a `{}`, by which queries name them.", self.input.ident);
        quote! {
            #[automatically_derived]
            #[allow(dead_code, deprecated, private_interfaces, unreachable_pub)]
            impl #impl_generics #this #clause {
                #[doc = #doc]
                #vis const FIELDS: #name<#own Self, #private::Root> = #name #value;
            }
        }
    }

    /// The arguments that the type has, each with a comma behind it.
    fn arguments(&self) -> TokenStream {
        let own = self.input.generics.params.iter().filter_map(|own| match own {
            GenericParam::Type(own) => Some(&own.ident),
            GenericParam::Const(own) => Some(&own.ident),
            GenericParam::Lifetime(_) => None,
        });
        quote!(#(#own,)*)
    }

    /// The member of the sibling.
    fn declared(&self, at: usize, field: &Field<'_>) -> TokenStream {
        let (vis, ty, private) = (field.vis, field.ty, self.private());
        let doc = format!("The field `{}`.", field.name);
        let ty = self.respelt(ty.to_token_stream());
        let (own, marker) = (self.arguments(), format_ident!("__Member{at}"));
        let at = Literal::usize_unsuffixed(at);
        let ty = quote!(#private::MemberField<__R, #ty, __P, #marker<#own>, #at>);
        match &field.member {
            Member::Named(ident) => quote!(#[doc = #doc] #vis #ident: #ty),
            Member::Unnamed(_) => quote!(#[doc = #doc] #vis #ty),
        }
    }

    /// Implements the trait for one member, which is stored at this position if its type tells how.
    fn member(&self, at: usize, field: &Field<'_>, place: Option<(usize, usize)>) -> TokenStream {
        let (this, clause, private) = (&self.this, &self.clause, self.private());
        let (impl_generics, _, _) = self.input.generics.split_for_impl();
        let (member, name, own) = (&field.member, &field.name, self.arguments());
        let marker = format_ident!("__Member{at}");
        let item = self.marker(&marker, field);
        let ty = self.respelt(field.ty.to_token_stream());
        let at = Literal::usize_unsuffixed(at);
        let probe = quote!((&<#private::Probe<#ty>>::new()));
        let stored = match place {
            Some((position, members)) => quote! {
                use #private::{IsNotStored as _, IsStored as _};
                #probe.stored(#position, #members)
            },
            None => quote!(::core::option::Option::None),
        };
        quote! {
            #item

            #[automatically_derived]
            #[allow(deprecated, unused_imports)]
            impl #impl_generics #private::Member<#at> for #marker<#own> #clause {
                type Of = #this;
                type Value = #ty;
                const NAME: &'static ::core::primitive::str = #name;

                fn stored() -> ::core::option::Option<#private::Stored<#ty>> {
                    #stored
                }

                fn get(__of: &#this) -> &#ty {
                    &__of.#member
                }

                fn key_form() -> ::core::option::Option<#private::KeyForm<#ty>> {
                    use #private::{IsKey as _, IsNoKey as _};
                    #probe.key_form()
                }

                fn element_form() -> ::core::option::Option<#private::ElementForm> {
                    use #private::{HasKeys as _, HasNoKeys as _};
                    #probe.element_form()
                }
            }
        }
    }

    /// Tells indexes the member by its name, where its type can be told to all who see the struct: one that is private
    /// to some module couldn't be, and a macro doesn't see which are.
    fn named(&self, field: &Field<'_>) -> Option<TokenStream> {
        let vis = &self.input.vis;
        let as_visible = !self.is_record
            && field.vis.to_token_stream().to_string() == vis.to_token_stream().to_string();
        if !(matches!(vis, Visibility::Inherited) || is_everybodys(field.ty) || as_visible) {
            return None;
        }
        let (this, clause, private) = (&self.this, &self.clause, self.private());
        let (impl_generics, _, _) = self.input.generics.split_for_impl();
        let (ty, member, name) = (field.ty, &field.member, names::hash(&field.name));
        Some(quote! {
            #[automatically_derived]
            #[allow(deprecated)]
            impl #impl_generics #private::Named<#name> for #this #clause {
                type Value = #ty;

                fn __member(&self) -> &#ty {
                    &self.#member
                }
            }
        })
    }

    fn of_enum(&self, data: &DataEnum) -> TokenStream {
        let (vis, this, private, krate) = (&self.input.vis, &self.this, self.private(), self.krate);
        let (own, ident) = (&self.input.ident, self.input.ident.unraw());
        let (name, clause) = (&self.name, &self.sibling_clause);
        let kind = format_ident!("{ident}Kind");
        let variants: Vec<&Ident> = data.variants.iter().map(|variant| &variant.ident).collect();
        let docs = variants.iter().map(|variant| format!("`{ident}::{}`.", variant.unraw()));
        let doc = format!("The variants of `{ident}`, by their names.");
        let sibling = self.implement(Body::Empty);
        let (impl_generics, ty_generics) = self.sibling_generics();
        // An enum without variants has no value that could be asked.
        let ask = match variants.is_empty() {
            true => quote!(match kind {}),
            false => quote! {
                let __test: fn(&#this) -> ::core::primitive::bool = match kind {
                    #(#kind::#variants => |__value| ::core::matches!(__value, #own::#variants { .. }),)*
                };
                #private::Field::<__R, #this, __P>::AT.is_kind(kind as ::core::primitive::usize, __test)
            },
        };
        quote! {
            #[doc = #doc]
            #[allow(dead_code, deprecated, unreachable_pub)]
            #[derive(
                ::core::fmt::Debug, ::core::clone::Clone, ::core::marker::Copy,
                ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash
            )]
            #vis enum #kind {
                #(#[doc = #docs] #variants,)*
            }

            const _: () = {
                #sibling

                #[automatically_derived]
                #[allow(dead_code, deprecated, unreachable_pub)]
                impl #impl_generics #name #ty_generics #clause {
                    /// The rows with this variant.
                    #vis fn is(self, kind: #kind) -> #private::Expr<__R>
                    where
                        __R: #krate::Record,
                        __P: #private::Path<__R, Value = #this>,
                    {
                        #ask
                    }
                }
            };
        }
    }

    /// The sibling of this body, and the trait.
    fn implement(&self, body: Body) -> TokenStream {
        let (vis, this, private, krate) = (&self.input.vis, &self.this, self.private(), self.krate);
        let (name, clause) = (&self.name, &self.sibling_clause);
        let (impl_generics, ty_generics) = self.sibling_generics();
        let (own_generics, _, _) = self.input.generics.split_for_impl();
        let (own, trait_clause) = (self.arguments(), &self.clause);
        let doc = format!("The members of a `{}`, in a row.", self.input.ident.unraw());
        let (item, value) = match body {
            Body::Named { declared, value } => {
                (quote!(#vis struct #name #impl_generics #clause { #declared }), value)
            }
            Body::Tuple { declared, value } => {
                (quote!(#vis struct #name #impl_generics (#declared) #clause;), value)
            }
            Body::Empty => {
                let phantom = quote!(::core::marker::PhantomData);
                let types = self.input.generics.type_params().map(|own| &own.ident);
                let declared = quote!(#phantom<fn() -> (__R, __P, #(#types,)*)>);
                let item = quote!(#vis struct #name #impl_generics (#declared) #clause;);
                (item, quote!((#phantom)))
            }
        };
        quote! {
            #[doc = #doc]
            #[allow(
                dead_code,
                deprecated,
                missing_debug_implementations,
                non_camel_case_types,
                non_snake_case,
                private_interfaces,
                unreachable_pub
            )]
            #item

            #[automatically_derived]
            impl #impl_generics ::core::clone::Clone for #name #ty_generics #clause {
                fn clone(&self) -> Self {
                    *self
                }
            }

            #[automatically_derived]
            impl #impl_generics ::core::marker::Copy for #name #ty_generics #clause {}

            #[automatically_derived]
            #[allow(deprecated, private_interfaces)]
            impl #own_generics #krate::Fields for #this #trait_clause {
                type Members<__R: 'static, __P: #private::Path<__R, Value = Self>> =
                    #name<#own __R, __P>;

                fn members<__R: 'static, __P: #private::Path<__R, Value = Self>>()
                -> &'static Self::Members<__R, __P> {
                    const { &#name #value }
                }
            }
        }
    }

    /// The parameters of the type, and those of the row and the path, as an `impl` declares them and as a type
    /// takes them.
    fn sibling_generics(&self) -> (TokenStream, TokenStream) {
        let generics = &self.input.generics;
        let declared = crate::bounds::parameters(generics);
        let declared = (!generics.params.is_empty()).then(|| quote!(#declared,));
        let own = self.arguments();
        (quote!(<#declared __R, __P>), quote!(<#own __R, __P>))
    }

    fn private(&self) -> TokenStream {
        let krate = self.krate;
        quote!(#krate::__private)
    }
}

/// `Some` if serde stores the field, and whether as its type says.
fn stored(field: &Field<'_>) -> Option<bool> {
    let ignored = Errors::new();
    let serde = serde::check_field(field.attrs, &ignored);
    let _ = ignored.verdict();
    serde.skip.is_none().then_some(serde.plain)
}

/// The type's own clause, or one that says more; and its parameters are owned.
fn owned_clause(input: &DeriveInput, clause: Option<WhereClause>) -> WhereClause {
    let clause = clause.or_else(|| input.generics.where_clause.clone());
    let mut clause = clause.unwrap_or_else(|| parse_quote!(where));
    for parameter in input.generics.type_params() {
        let parameter = &parameter.ident;
        clause.predicates.push(parse_quote!(#parameter: 'static));
    }
    clause
}

/// `UserFields`, or the like if the type mentions one of that name.
fn sibling(input: &DeriveInput) -> Ident {
    let mut name = format_ident!("{}Fields", input.ident.unraw());
    while mentions(input.to_token_stream(), &|ident| *ident == name) {
        name = format_ident!("{name}_");
    }
    name
}

/// Where the library is. Other words are those of a record, which has `Fields` already.
fn read_crate(input: &DeriveInput, errors: &Errors) -> Path {
    let mut found = None;
    let refusal = format!(
        "this is a word of `Record`, which implements `Fields` as well: derive one of the two for `{}`",
        input.ident
    );
    for_each_item(&input.attrs, "emdb", errors, |word, input| {
        if word != "crate" {
            return Err(syn::Error::new_spanned(word, &refusal));
        }
        found.get_or_insert(crate_path(word, input)?);
        Ok(())
    });
    let fields = match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let mut told = false;
    for field in fields {
        for_each_item(&field.attrs, "emdb", errors, |word, input| {
            let rest: TokenStream = input.parse()?;
            drop(rest);
            match std::mem::replace(&mut told, true) {
                true => Ok(()),
                false => Err(syn::Error::new_spanned(word, &refusal)),
            }
        });
    }
    found.unwrap_or_else(|| parse_quote!(::emdb))
}
