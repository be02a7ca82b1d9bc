//! The values of arguments, and what is there in the place of one.

use proc_macro2::{Delimiter, Span, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Token};

use super::{Allowed, When};
use crate::diag::{Diag, suggest};
use crate::duration::Ttl;

/// When an invalidation takes effect.
pub(super) fn when(input: ParseStream<'_>, diag: &mut Diag) -> syn::Result<Option<(Span, When)>> {
    let shape = "`when` is \"ok\" (the default: only when the method succeeds) or \"always\"";
    let word: LitStr = input.parse().map_err(|error| syn::Error::new(error.span(), shape))?;
    Ok(match word.value().as_str() {
        "ok" => Some((word.span(), When::Ok)),
        "always" => Some((word.span(), When::Always)),
        _ => {
            diag.error(word.span(), shape);
            None
        }
    })
}

/// A function of the value, which a literal is not.
pub(super) fn function(input: ParseStream<'_>, example: &str, diag: &mut Diag) -> syn::Result<Option<Expr>> {
    let function: Expr = input.parse()?;
    if let Expr::Lit(_) = ungroup_ref(&function) {
        diag.error_at(function, example);
        return Ok(None);
    }
    Ok(Some(function))
}

/// A length of time that belongs to a load.
pub(super) fn length(name: &Ident, input: ParseStream<'_>, diag: &mut Diag) -> syn::Result<(Span, Ttl)> {
    Ok((name.span(), Ttl::from_expr(&name.to_string(), input.parse()?, diag)))
}

/// A part of a time to live.
pub(super) fn percentage(expr: Expr, diag: &mut Diag) -> Option<u8> {
    let expr = ungroup(expr);
    let text = match &expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
        _ => String::new(),
    };
    let number = text.strip_suffix('%').filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let percent = number.and_then(|number| number.parse().ok()).filter(|percent| (1..=100).contains(percent));
    if percent.is_none() {
        diag.error_at(
            &expr,
            "`ttl_jitter` is the largest part by which a ttl is shortened, \"1%\" to \"100%\", as in `ttl_jitter = \"10%\"`",
        );
    }
    percent
}

/// The expression inside the invisible groups that macro variables leave.
pub(crate) fn ungroup(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungroup(*group.expr),
        other => other,
    }
}

/// Whether `(id in ids)` is next.
pub(super) fn is_each(input: ParseStream<'_>) -> bool {
    match input.fork().parse() {
        Ok(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            group.stream().into_iter().nth(1).is_some_and(|word| word.to_string() == "in")
        }
        _ => false,
    }
}

pub(super) fn ungroup_ref(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungroup_ref(&group.expr),
        Expr::Paren(paren) => ungroup_ref(&paren.expr),
        other => other,
    }
}

/// `skp(page)`, where `skip(page)` was meant.
pub(super) fn misspelt_list(key: &Expr, allowed: &Allowed) -> Option<(Ident, &'static str)> {
    let Expr::Call(call) = key else { return None };
    let Expr::Path(path) = &*call.func else { return None };
    let name = path.path.get_ident()?;
    let lists = ["skip", "each"].into_iter().filter(|list| allowed.named.contains(list));
    Some((name.clone(), suggest(&name.to_string(), lists)?))
}

/// The names that a call is given.
pub(super) fn names_in(call: &Expr) -> Vec<Ident> {
    let Expr::Call(call) = call else { return Vec::new() };
    let name = |argument: &Expr| match argument {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    };
    call.args.iter().filter_map(name).collect()
}

/// Whether a macro makes a text; another may be a call of a key function.
pub(super) fn makes_text(call: &syn::ExprMacro) -> bool {
    const TEXTS: [&str; 8] =
        ["format", "concat", "stringify", "format_args", "env", "include_str", "formatcp", "concatcp"];
    call.mac.path.segments.last().is_some_and(|last| TEXTS.iter().any(|text| last.ident == text))
}

pub(super) fn made_by_macro(call: &syn::ExprMacro) -> String {
    let name = call.mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    format!(
        "a key made by `{name}!` is not checked and not escaped; write a template, as in \"project:<id>\""
    )
}

pub(super) fn ends_in_a_constant(path: &syn::ExprPath) -> bool {
    path.path.segments.last().is_some_and(|last| is_constant_name(&last.ident.to_string()))
}

/// Whether it is written as the names of constants are.
pub(crate) fn is_constant_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && !name.contains(|other: char| other.is_ascii_lowercase())
}

/// Whether `name = …` is next.
pub(super) fn is_named(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==])
}

pub(super) fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // Not at the end, so there is a token.
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}
