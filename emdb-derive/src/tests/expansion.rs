//! Structs without mistakes, and their implementations.

use quote::quote;

use super::*;

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
    // Queries name it all the same: of what a row is made into.
    assert!(text.contains("fields:&[(\"id\",\"u64\"),(\"age\",\"u8\")]"), "{text}");
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
fn an_index_goes_into_the_value_of_a_field_by_the_names_on_the_way() {
    let [city, zero] = ["city", "0"].map(crate::names::hash);
    let named = format!("<Addressas::emdb::__private::Named<{city}u64>>");
    let deep = format!("<{named}::Valueas::emdb::__private::Named<{zero}u64>>");
    let write = |named: &str, way: &str| {
        format!(
            "(::emdb::__private::key_field::<{named}::Value>().encode)({named}::__member({way}),__out);"
        )
    };
    assert_expands(
        quote!(
            #[emdb(index(name = "by_city", fields(address.city, id)))]
            #[emdb(index(name = "deep", fields(address.city.0)))]
            pub struct User {
                #[emdb(key)]
                id: u64,
                address: Address,
            }
        ),
        &[
            "fields:&[\"address.city\",\"id\"]",
            &format!("BY_CITY:::emdb::__private::Index<Self,({named}::Value,u64),"),
            &write(&named, "&__row.address"),
            &format!("DEEP:::emdb::__private::Index<Self,{deep}::Value,"),
            &write(&deep, &format!("{named}::__member(&__row.address)")),
        ],
    );
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
            "(::emdb::__private::key_field::<String>().encode)(&__row.r#type,__out);",
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
            "let__filter:fn(&Self)->::core::primitive::bool=Self::adult;\
             if__filter(__row){__entries.entry(",
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
            "::emdb::__private::upgrade::<Self,old::User<u8,u16>>(__version,__value,\
             <Selfas::emdb::__private::FromVersion<old::User<u8,u16>>>::from_version)",
            "const_:()={let_=<old::User<u8,u16>as::emdb::Record>::VERSION;\
             ::emdb::__private::in_order::<User,old::User<u8,u16>>()};",
            "::emdb::__private::Lifetime::After(7200000u64)",
            "let__validate:fn(&Self)->::core::result::Result<(),_>=check::<u8>;",
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
        &["Lifetime::At(<Option<u64>as::emdb::__private::ExpiryTime>::at(&self.until))"],
    );
}

#[test]
fn a_function_in_place_of_from_needs_none() {
    let text = expanded(quote!(
        #[emdb(version = 2, from = Old<T>, migrate = of)]
        struct New<T> {
            #[emdb(key)]
            id: u64,
            value: T,
        }
    ));
    assert!(text.contains("whereNew<T>:::emdb::__private::Row,Old<T>:::emdb::Record{"), "{text}");
    let function = "Migration<'_>)->::core::result::Result<::core::option::Option<Self>,_,>=of;";
    assert!(text.contains(function), "{text}");
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
