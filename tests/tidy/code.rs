//! The names in a piece of code, read from its tokens: macros' bodies have them, too.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::{ItemUse, UseTree, Visibility};

/// A path of two names or more, like `crate::error::Error` or `Error::config`.
#[derive(Debug, Clone)]
pub(crate) struct PathUse {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// One name of a `use` declaration.
#[derive(Debug)]
pub(crate) struct Import {
    /// How it is called here. A `*` stands for all there is.
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// Visible to others: they find the definition through it.
    pub(crate) is_reexport: bool,
}

/// The names in it, without those of tests.
#[derive(Debug, Default)]
pub(crate) struct Code {
    pub(crate) paths: Vec<PathUse>,
    /// Names that stand alone or begin a path, and the first line of each.
    pub(crate) names: BTreeMap<String, usize>,
    /// Those inside of functions.
    pub(crate) imports: Vec<Import>,
    /// Lines with `.unwrap()`.
    pub(crate) unwraps: Vec<usize>,
}

impl Code {
    pub(crate) fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at] {
                TokenTree::Punct(punct) if punct.as_char() == '#' => self.attribute(&tokens, at),
                TokenTree::Group(group) => {
                    self.read(group.stream());
                    at + 1
                }
                TokenTree::Ident(ident) if ident == "use" && !is_punct(&tokens, at + 1, '<') => {
                    self.declaration(&tokens, at)
                }
                TokenTree::Ident(_) => self.path(&tokens, at),
                _ => at + 1,
            };
        }
    }

    /// Passes over an attribute, and what it is for if that is only there in tests.
    fn attribute(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let Some(TokenTree::Group(group)) = tokens.get(at + 1) else { return at + 1 };
        if group.delimiter() != Delimiter::Bracket {
            return at + 1;
        }
        let mut next = at + 2;
        if !is_test(&group.stream().to_string()) {
            return next;
        }
        while is_punct(tokens, next, '#') {
            next += 2;
        }
        let is_item = matches!(tokens.get(next), Some(TokenTree::Ident(first))
            if ["pub", "fn", "const", "unsafe", "impl", "struct", "enum", "mod", "use", "static", "type", "let"]
                .iter().any(|word| first == word));
        while let Some(token) = tokens.get(next) {
            next += 1;
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
                TokenTree::Punct(punct) if punct.as_char() == ';' => break,
                TokenTree::Punct(punct) if punct.as_char() == ',' && !is_item => break,
                _ => {}
            }
        }
        next
    }

    /// A `use` inside of a function.
    fn declaration(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let len = tokens[at..]
            .iter()
            .position(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ';'));
        let Some(len) = len else { return at + 1 };
        let stream: TokenStream = tokens[at..=at + len].iter().cloned().collect();
        if let Ok(declared) = syn::parse2(stream) {
            imports(&declared, &mut self.imports);
        }
        at + len + 1
    }

    fn path(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let line = tokens[at].span().start().line;
        let mut segments = vec![name(&tokens[at])];
        let mut next = at + 1;
        while is_separator(tokens, next) {
            let Some(TokenTree::Ident(ident)) = tokens.get(next + 2) else { break };
            segments.push(ident.to_string());
            next += 3;
        }
        if at >= 1 && is_punct(tokens, at - 1, '.') && !(at >= 2 && is_punct(tokens, at - 2, '.')) {
            if segments == ["unwrap"] && is_empty_call(tokens, next) {
                self.unwraps.push(line);
            }
            return next;
        }
        // What follows `<T>::` is found through T; what follows `$` is a macro's, but for `$crate`,
        // and `#` puts something in place in `quote!`.
        let is_rest = at >= 2 && is_separator(tokens, at - 2);
        let is_variable = at >= 1
            && segments[0] != "crate"
            && (is_punct(tokens, at - 1, '$') || is_punct(tokens, at - 1, '#'));
        if !is_rest && !is_variable {
            let is_called = matches!(tokens.get(next), Some(TokenTree::Group(group))
                if group.delimiter() == Delimiter::Parenthesis);
            let is_binding = segments[0].starts_with(|c: char| c.is_lowercase());
            if segments.len() > 1 || is_called || !is_binding || is_punct(tokens, next, '!') {
                self.names.entry(segments[0].clone()).or_insert(line);
            }
            if segments.len() > 1 {
                self.paths.push(PathUse { segments, line });
            }
        }
        next
    }
}

fn name(token: &TokenTree) -> String {
    token.to_string()
}

fn is_punct(tokens: &[TokenTree], at: usize, c: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':' && p.spacing() == Spacing::Joint)
        && is_punct(tokens, at + 1, ':')
}

fn is_empty_call(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Group(group))
        if group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty())
}

/// The names of a declaration.
pub(crate) fn imports(declared: &ItemUse, to: &mut Vec<Import>) {
    let is_reexport = !matches!(declared.vis, Visibility::Inherited);
    let line = declared.use_token.span.start().line;
    flatten(&declared.tree, &mut Vec::new(), line, is_reexport, to);
}

fn flatten(
    tree: &UseTree,
    prefix: &mut Vec<String>,
    line: usize,
    is_reexport: bool,
    to: &mut Vec<Import>,
) {
    let mut import = |name: String, last: Option<String>, line: usize| {
        let path = prefix.iter().cloned().chain(last).collect();
        to.push(Import { name, path, line, is_reexport });
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, line, is_reexport, to);
            prefix.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            let module = prefix.last().cloned().unwrap_or_default();
            import(module, None, line);
        }
        UseTree::Name(name) => {
            let line = name.ident.span().start().line;
            import(name.ident.to_string(), Some(name.ident.to_string()), line);
        }
        UseTree::Rename(rename) => {
            let last = (rename.ident != "self").then(|| rename.ident.to_string());
            import(rename.rename.to_string(), last, line);
        }
        UseTree::Glob(_) => import("*".to_owned(), None, line),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, prefix, line, is_reexport, to);
            }
        }
    }
}

/// Whether the attribute of this text leaves its item to tests.
pub(crate) fn is_test(attribute: &str) -> bool {
    let text: String = attribute.chars().filter(|c| !c.is_whitespace()).collect();
    text == "test" || text == "cfg(test)" || text.starts_with("cfg(all(test,")
}
