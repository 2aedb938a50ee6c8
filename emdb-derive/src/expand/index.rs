//! Indexes: the constants that the program names, and what the table does with them.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Generics, Ident, Path, Type, Visibility, parse_quote};

use crate::ast::Field;
use crate::bounds;
use crate::lent::{Lent, LentField};
use crate::text;
use crate::tokens::{private, spanned};
use crate::valid::{Computed, Entries, Index, Part, Record};

/// The struct that gets the constants.
pub(crate) struct Owner<'a> {
    pub(crate) krate: &'a Path,
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) generics: &'a Generics,
}

impl<'a> Owner<'a> {
    pub(super) fn of(record: &'a Record<'_>) -> Self {
        let Record { krate, ident, vis, generics, .. } = record;
        Owner { krate, ident, vis, generics }
    }
}

/// `impl User { pub const EMAIL: Index<User, String, Unique> = ...; }`
pub(crate) fn constants(owner: &Owner<'_>, indexes: &[Index<'_>]) -> Option<TokenStream> {
    if indexes.is_empty() {
        return None;
    }
    let Owner { krate, ident, generics, .. } = owner;
    let (impl_generics, ty_generics, _) = generics.split_for_impl();
    let mut clause = generics.where_clause.clone().unwrap_or_else(|| parse_quote!(where));
    let each = indexes.iter().filter(|index| index.entries == Entries::Each);
    clause.predicates.extend(each.flat_map(|index| bounds::of_index(krate, generics, index)));
    let constants = (0_u16..).zip(indexes).map(|(at, index)| constant(owner, at, index));
    Some(quote! {
        #[automatically_derived]
        #[allow(
            clippy::type_complexity,
            dead_code,
            deprecated,
            non_upper_case_globals,
            private_bounds,
            private_interfaces,
            unreachable_pub
        )]
        impl #impl_generics #ident #ty_generics #clause {
            #(#constants)*
        }
    })
}

fn constant(owner: &Owner<'_>, position: u16, index: &Index<'_>) -> TokenStream {
    let Owner { krate, vis, .. } = owner;
    let Index { constant, fields, .. } = index;
    let ty = index.ty(krate);
    let unique = if index.unique { quote!(Unique) } else { quote!(Multi) };
    let kind = if index.unique { "unique index" } else { "index" };
    let doc = format!("The {kind} `{}`, over {}.", index.name, over(index));
    let ty = quote!(#krate::__private::Index<Self, #ty, #krate::__private::#unique>);
    let value = quote!(#krate::__private::Index::at(#position));
    // Where the type has to be a collection, or have a member, the compiler says so in both.
    let span = match (index.entries, fields.as_slice()) {
        (Entries::Each, [part]) => Some(part.field.ty.span()),
        _ => fields.iter().find_map(Part::span),
    };
    let (ty, value) = match span {
        Some(span) => (spanned(span, ty), spanned(span, value)),
        None => (ty, value),
    };
    quote! {
        #[doc = #doc]
        #vis const #constant: #ty = #value;
    }
}

/// The indexed things, in words.
fn over(index: &Index<'_>) -> String {
    if let Some(computed) = &index.computed {
        return format!("what `{}` gives", text::of_tokens(&computed.function));
    }
    let names: Vec<String> = index.fields.iter().map(|part| format!("`{}`", part.name())).collect();
    let over = if names.len() == 1 { "the field" } else { "the fields" };
    format!("{over} {}", names.join(", "))
}

/// The index in the description of the record.
pub(super) fn spec(index: &Index<'_>, private: &TokenStream) -> TokenStream {
    let name = &index.name;
    let fields = index.fields.iter().map(Part::name);
    let kind = match (index.unique, index.entries) {
        (false, Entries::One) => quote!(Multi),
        (false, Entries::Each) => quote!(MultiEach),
        (false, Entries::Sparse) => quote!(MultiSparse),
        (true, Entries::One) => quote!(Unique),
        (true, Entries::Each) => quote!(UniqueEach),
        (true, Entries::Sparse) => quote!(UniqueSparse),
    };
    let filter = index.filter.as_ref().map(text::of_tokens);
    let with = index.computed.as_ref().map(|Computed { function, ty }| {
        let (function, ty) = (text::of_tokens(function), text::of_type(ty));
        quote!((#function, #ty))
    });
    let (filter, with) = (option(filter), option(with));
    let entries = entries(index, private);
    quote! {
        #private::IndexSpec {
            name: #name,
            fields: &[#(#fields),*],
            kind: #private::IndexKind::#kind,
            filter: #filter,
            with: #with,
            entries: |__row: &Self, __entries: &mut #private::EntryWriter| { #entries },
        }
    }
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// The entries of a lent row, in the indexes whose fields are lent in a form that has the bytes of
/// the key. A filter asks for the row itself.
pub(super) fn lent_entries(record: &Record<'_>) -> Option<TokenStream> {
    let (krate, private) = (&record.krate, private(record));
    let arms = record.indexes.iter().enumerate().filter_map(|(at, index)| {
        let at = Literal::usize_unsuffixed(at);
        let writes = match &record.lent {
            // The record stands for itself.
            None => entries(index, &private),
            Some(fields) => entries_of_lent(index, fields, &private)?,
        };
        Some(quote!(#at => { #writes }))
    });
    let arms: Vec<TokenStream> = arms.collect();
    if arms.is_empty() {
        return None;
    }
    Some(quote! {
        fn lent_entries(
            __row: &<Self as #krate::Record>::Ref<'_>,
            __index: ::core::primitive::usize,
            __entries: &mut #private::EntryWriter,
        ) -> ::core::primitive::bool {
            match __index {
                #(#arms)*
                _ => return false,
            }
            true
        }
    })
}

fn entries_of_lent(
    index: &Index<'_>,
    fields: &[LentField<'_>],
    private: &TokenStream,
) -> Option<TokenStream> {
    if index.filter.is_some() || index.computed.is_some() {
        return None;
    }
    let lent_as = |field: &Field<'_>| {
        let lent = fields.iter().find(|lent| lent.field.member == field.member)?;
        Some(lent.lent.as_ref())
    };
    if index.entries != Entries::One {
        let [part] = index.fields.as_slice() else { return None };
        let member = &part.field.member;
        return match (lent_as(part.field)?, index.entries) {
            (None, _) => Some(entries(index, private)),
            (Some(Lent::Vec(element)), Entries::Each) if element.is_slice() => Some(quote! {
                for __element in &__row.#member {
                    __entries.entry(|__out| #private::encode_lent(*__element, __out));
                }
            }),
            _ => None,
        };
    }
    let writes = index.fields.iter().map(|part| match lent_as(part.field)? {
        None => Some(write_part(part, private)),
        Some(lent) if lent.is_slice() => {
            let member = &part.field.member;
            Some(quote!(#private::encode_lent(__row.#member, __out);))
        }
        Some(_) => None,
    });
    let writes = writes.collect::<Option<Vec<_>>>()?;
    Some(quote!(__entries.entry(|__out| { #(#writes)* });))
}

/// Writes the bytes of a part that `__row` has as the record has it.
fn write_part(part: &Part<'_>, private: &TokenStream) -> TokenStream {
    let (ty, reference) = (part.ty(private), part.reference(private));
    let write = quote!((#private::key_field::<#ty>().encode)(#reference, __out););
    match part.span() {
        Some(span) => spanned(span, write),
        None => write,
    }
}

fn entries(index: &Index<'_>, private: &TokenStream) -> TokenStream {
    let writes = match (&index.computed, index.entries) {
        (Some(computed), entries) => of_computed(computed, entries, private),
        (None, Entries::One) => {
            let writes = index.fields.iter().map(|part| write_part(part, private));
            quote!(__entries.entry(|__out| { #(#writes)* });)
        }
        // With the span of the type: there the compiler says that it is no collection, or no
        // `Option`. Of a collection the constant says so, too, and the same is reported once.
        (None, Entries::Each) => of_field(index, |ty| quote!(<#ty as #private::Each>::write)),
        (None, Entries::Sparse) => of_field(index, |ty| quote!(<#ty as #private::Sparse>::write)),
    };
    let Some(path) = &index.filter else { return writes };
    // The function that is wanted, as one type: what is wrong with the one that is there is told beside it.
    let filter = quote!(let __filter: fn(&Self) -> ::core::primitive::bool = #path;);
    let filter = spanned(path.span(), filter);
    quote! {
        #filter
        if __filter(__row) { #writes }
    }
}

/// With the span of the path, where the compiler says that what the function gives isn't the type.
fn of_computed(computed: &Computed, entries: Entries, private: &TokenStream) -> TokenStream {
    let Computed { function, ty } = computed;
    let kind = match entries {
        Entries::One => quote!(Computed),
        Entries::Each => quote!(ComputedEach),
        Entries::Sparse => quote!(ComputedSparse),
    };
    let write = quote!(#private::#kind::<#ty>::write(#function(__row), __entries););
    spanned(function.span(), write)
}

fn of_field(index: &Index<'_>, function: impl Fn(&Type) -> TokenStream) -> TokenStream {
    // One field of the struct: what goes into a value says neither word.
    let calls = index.fields.iter().map(|Part { field, .. }| {
        let member = &field.member;
        let function = spanned(field.ty.span(), function(field.ty));
        quote!(#function(&__row.#member, __entries);)
    });
    quote!(#(#calls)*)
}
