//! The lines of source by which a type comes to its next version.

use super::description::{Form, Schema};
use super::text;

/// The former struct, as the stored schema tells it, and what makes the struct `name` of it.
pub(crate) fn next_version(table: &str, name: &str, stored: &Schema, version: u32) -> String {
    let former = format!("{name}V{}", stored.version());
    let own = if stored.version() > 1 {
        format!(", version = {}", stored.version())
    } else {
        String::new()
    };
    format!(
        "if the change is meant, keep the former struct beside the new one:\n\
         \n    #[derive(Serialize, Deserialize, Record)]\
         \n    #[emdb(namespace = \"{table}\"{own})]\
         \n    struct {former}{}\
         \n\
         \n    #[derive(Serialize, Deserialize, Record)]\
         \n    #[emdb(namespace = \"{table}\", version = {version}, from = {former})]\
         \n    struct {name} ...\
         \n\
         \n    impl From<{former}> for {name} ...",
        body(stored)
    )
}

/// The fields, with the key marked.
fn body(stored: &Schema) -> String {
    let named = stored.form == Form::Struct;
    let fields = stored.fields.iter().map(|field| {
        let key = if stored.key.contains(&field.name) { "#[emdb(key)] " } else { "" };
        let ty = match &*field.written {
            "" => text::shape(&stored.types, &field.shape),
            written => written.to_owned(),
        };
        if named { format!("{key}{}: {ty}", field.name) } else { format!("{key}{ty}") }
    });
    let fields: Vec<String> = fields.collect();
    let fields = fields.join(", ");
    if named { format!(" {{ {fields} }}") } else { format!("({fields});") }
}
