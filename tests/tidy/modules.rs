//! The modules of a crate: their files, what they define and what they import.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::{Attribute, Item, ItemMod};

use crate::code::{Code, Import, imports, is_test};
use crate::tree::Tree;

#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) parent: Option<usize>,
    /// By name; a name can stand for several, of which the features choose one.
    pub(crate) children: Vec<(String, usize)>,
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    pub(crate) code: Code,
    /// Only there in tests.
    pub(crate) is_test: bool,
}

/// The modules, the root first.
#[derive(Debug)]
pub(crate) struct Modules(pub(crate) Vec<Module>);

impl Modules {
    /// The modules of the crate that begins in the file `root`.
    pub(crate) fn load(tree: &Tree, root: &str) -> Modules {
        let mut modules = Modules(Vec::new());
        modules.file(tree, root, None, false);
        modules
    }

    fn file(&mut self, tree: &Tree, path: &str, parent: Option<usize>, is_test: bool) -> usize {
        let parsed = syn::parse_file(&tree.0[path]);
        let parsed = parsed.unwrap_or_else(|e| panic!("{path}: {e}"));
        let is_test = is_test || parsed.attrs.iter().any(is_for_tests);
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_folder = parent.is_none() || name == "mod.rs";
        let below = if is_folder { folder } else { path.trim_end_matches(".rs") };
        self.module(tree, path, below, parent, is_test, parsed.items)
    }

    /// A module with these items. The files of its children are in the folder `below`.
    fn module(
        &mut self,
        tree: &Tree,
        file: &str,
        below: &str,
        parent: Option<usize>,
        is_test: bool,
        items: Vec<Item>,
    ) -> usize {
        let this = self.0.len();
        self.0.push(Module { file: file.to_owned(), parent, is_test, ..Module::default() });
        for item in items {
            match item {
                Item::Mod(item) => self.child(tree, file, below, this, item),
                item => self.0[this].add(item),
            }
        }
        let module = &mut self.0[this];
        module.imports.append(&mut module.code.imports);
        this
    }

    fn child(&mut self, tree: &Tree, file: &str, below: &str, parent: usize, item: ItemMod) {
        let name = item.ident.to_string();
        let is_test = self.0[parent].is_test || item.attrs.iter().any(is_for_tests);
        let below = format!("{below}/{name}");
        if let Some((_, items)) = item.content {
            let child = self.module(tree, file, &below, Some(parent), is_test, items);
            self.0[parent].children.push((name, child));
            return;
        }
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut files: Vec<String> = item
            .attrs
            .iter()
            .filter_map(path_attribute)
            .map(|path| format!("{folder}/{path}"))
            .collect();
        files.extend([format!("{below}.rs"), format!("{below}/mod.rs")]);
        files.retain(|file| tree.0.contains_key(file));
        for file in files {
            let child = self.file(tree, &file, Some(parent), is_test);
            self.0[parent].children.push((name.clone(), child));
        }
    }
}

impl Module {
    fn add(&mut self, item: Item) {
        if attributes(&item).iter().any(is_for_tests) {
            return;
        }
        if let Item::Use(item) = item {
            imports(&item, &mut self.imports);
            return;
        }
        self.items.extend(defined(&item));
        self.code.read(item.into_token_stream());
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    is_test(&attribute.meta.to_token_stream().to_string())
}

/// The file that `#[path = "..."]` names, inside of a `cfg_attr` too.
fn path_attribute(attribute: &Attribute) -> Option<String> {
    let text = attribute.meta.to_token_stream().to_string();
    let rest = &text[text.find("path = \"")? + "path = \"".len()..];
    rest.split('"').next().map(str::to_owned)
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
