//! Which file imports which: each name leads to the file that defines it, by way of re-exports.

use std::collections::BTreeMap;

use crate::code::Import;
use crate::modules::Modules;

/// The edges of a crate's files, without those of tests.
#[derive(Debug, Default)]
pub(crate) struct Graph(pub(crate) BTreeMap<(String, String), Vec<Named>>);

/// A name by which a file needs another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) path: String,
}

/// Where a path leads.
enum Target<'a> {
    Item(&'a str),
    Module(usize),
}

/// Re-exports of re-exports, at most. Names that lead to themselves end here.
const DEPTH: usize = 16;

impl Graph {
    pub(crate) fn new(modules: &Modules) -> Graph {
        let mut graph = Graph::default();
        for (at, module) in modules.0.iter().enumerate().filter(|(_, module)| !module.is_test) {
            for import in &module.imports {
                if import.name == "*" {
                    graph.glob(modules, at, import);
                    continue;
                }
                // What is passed on is needed here if it is named besides.
                let line = match module.code.names.get(&import.name) {
                    Some(line) if import.is_reexport => *line,
                    None if import.is_reexport => continue,
                    _ => import.line,
                };
                graph.add(modules, at, &import.path, line);
            }
            for path in &module.code.paths {
                // An imported item is counted where it is imported.
                let mut imports = module.imports.iter();
                let import = imports.find(|import| import.name == path.segments[0]);
                if import.is_some_and(|import| modules.is_item(at, &import.path)) {
                    continue;
                }
                graph.add(modules, at, &path.segments, path.line);
            }
        }
        for names in graph.0.values_mut() {
            names.sort();
            names.dedup();
        }
        graph
    }

    /// A module as such is no need; what is named through it is.
    fn add(&mut self, modules: &Modules, at: usize, path: &[String], line: usize) {
        let from = &modules.0[at].file;
        for target in modules.resolve(at, path, DEPTH) {
            if let Target::Item(file) = target
                && file != from
            {
                let named = Named { line, path: path.join("::") };
                self.0.entry((from.clone(), file.to_owned())).or_default().push(named);
            }
        }
    }

    /// The names that are used of all that `use path::*` brings.
    fn glob(&mut self, modules: &Modules, at: usize, import: &Import) {
        let module = &modules.0[at];
        for (name, line) in &module.code.names {
            if !module.items.contains(name) && !module.imports.iter().any(|own| own.name == *name) {
                for target in modules.resolve(at, &import.path, DEPTH) {
                    if let Target::Module(from) = target
                        && !modules.look(from, std::slice::from_ref(name), false, DEPTH).is_empty()
                    {
                        let path: Vec<String> = import.path.iter().chain([name]).cloned().collect();
                        self.add(modules, at, &path, *line);
                    }
                }
            }
        }
    }
}

impl Modules {
    /// Where `path`, as it stands in the module `at`, leads inside of the crate.
    fn resolve(&self, at: usize, path: &[String], depth: usize) -> Vec<Target<'_>> {
        if depth == 0 {
            return Vec::new();
        }
        match path.split_first() {
            Some((first, rest)) if first == "crate" => self.look(0, rest, true, depth),
            Some((first, rest)) if first == "self" => self.look(at, rest, true, depth),
            Some((first, _)) if first == "super" => self.look(at, path, true, depth),
            Some((first, _)) if first == "Self" => Vec::new(),
            _ => self.look(at, path, false, depth),
        }
    }

    /// Where `path` leads from inside of the module `at`. If it `is_known` to lead there, a name that
    /// the module doesn't have is its own, too: something that a macro made.
    fn look(&self, at: usize, path: &[String], is_known: bool, depth: usize) -> Vec<Target<'_>> {
        let module = &self.0[at];
        let Some((name, rest)) = path.split_first() else { return vec![Target::Module(at)] };
        if name == "super" {
            return module
                .parent
                .map_or(Vec::new(), |parent| self.look(parent, rest, is_known, depth));
        }
        let children = || module.children.iter().filter(|child| child.0 == *name);
        if !rest.is_empty() && children().next().is_some() {
            return children().flat_map(|child| self.look(child.1, rest, true, depth)).collect();
        }
        if module.items.contains(name) {
            return vec![Target::Item(&module.file)];
        }
        let imports = module.imports.iter().filter(|import| import.name == *name);
        let imported: Vec<_> = imports.collect();
        if !imported.is_empty() {
            let targets =
                imported.iter().flat_map(|import| self.resolve(at, &import.path, depth - 1));
            return self.go_on(targets.collect(), rest, depth);
        }
        if children().next().is_some() {
            return children().map(|child| Target::Module(child.1)).collect();
        }
        let globs = module.imports.iter().filter(|import| import.name == "*");
        let brought: Vec<_> = globs
            .flat_map(|glob| self.resolve(at, &glob.path, depth - 1))
            .flat_map(|target| match target {
                Target::Module(from) => self.look(from, path, false, depth - 1),
                Target::Item(_) => Vec::new(),
            })
            .collect();
        if brought.is_empty() && is_known { vec![Target::Item(&module.file)] } else { brought }
    }

    fn is_item(&self, at: usize, path: &[String]) -> bool {
        let targets = self.resolve(at, path, DEPTH);
        targets.iter().any(|target| matches!(target, Target::Item(_)))
    }

    fn go_on<'a>(
        &'a self,
        targets: Vec<Target<'a>>,
        rest: &[String],
        depth: usize,
    ) -> Vec<Target<'a>> {
        let step = |target| match target {
            Target::Module(from) if !rest.is_empty() => self.look(from, rest, true, depth - 1),
            target => vec![target],
        };
        targets.into_iter().flat_map(step).collect()
    }
}
