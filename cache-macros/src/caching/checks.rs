//! What is checked of a block as a whole, and of each of its methods by what the block says.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, GenericParam, ImplItem, Type};

use super::{Block, Item, ours};
use crate::args::{Args, CACHED, INVALIDATES, UPDATES};
use crate::diag::{Diag, list, suggest};
use crate::item::{Function, generic_name, mentions};
use crate::key::{Key, compact};

/// A parameter of the value's type must be in the key, or two types would share an entry.
pub(crate) fn check_type_parameters(
    block: &Block,
    key: &Key,
    function: &Function,
    value: &Type,
    diag: &mut Diag,
) {
    let Some(of_impl) = &block.generics else { return };
    for param in of_impl.params.iter().chain(&function.sig.generics.params) {
        let Some(name) = generic_name(param).map(ToString::to_string) else { continue };
        if mentions(value.to_token_stream(), &name) && !key.names_generic(&name) {
            let (what, fix) = match (param, key) {
                (GenericParam::Const(_), Key::Template(_)) => {
                    ("constant", format!("add it to the key, as `<{name}>`"))
                }
                (GenericParam::Const(_), Key::Expression(_)) => {
                    ("constant", format!("give it to the key function, as in `key::<{name}>(…)`"))
                }
                (_, Key::Template(_)) => {
                    ("type", format!("add a constant of it to the key, as in `<{name}::KIND>`"))
                }
                (_, Key::Expression(_)) => {
                    ("type", format!("give it to the key function, as in `key::<{name}>(…)`"))
                }
            };
            diag.error(
                key.span(),
                format!(
                    "the value's type has the {what} parameter `{name}`, and the key has not: values of two types would share one entry; {fix}"
                ),
            );
        }
    }
}

/// With `tenant = …`, a key without the tenant could be another tenant's.
pub(crate) fn check_tenant(block: &Block, key: &Key, diag: &mut Diag) {
    let Some(tenant) = &block.tenant else { return };
    let carries = match key {
        Key::Template(key) => key.parts.iter().any(|part| compact(&part.value) == *tenant),
        Key::Expression(expr) => is_given(expr, tenant) || is_own(expr, block),
    };
    if !carries {
        let fix = match key {
            Key::Template(_) => format!("add `<{tenant}>` to the template"),
            Key::Expression(_) => format!("give `{tenant}` to the key function"),
        };
        diag.error(
            key.span(),
            format!(
                "this key does not carry its tenant, {}, as every key of the block must; {fix}",
                list([tenant.as_str()])
            ),
        );
    }
}

/// Whether it is a key function of the block, of the same `self`: its template carries the tenant.
pub(super) fn is_own(call: &Expr, block: &Block) -> bool {
    match ungroup_expr(call) {
        Expr::MethodCall(call) => {
            let is_self = matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident("self"));
            is_self && block.key_fns.contains(&call.method.to_string())
        }
        _ => false,
    }
}

/// Whether a call is given this value: itself, a reference to it, or a copy.
pub(super) fn is_given(call: &Expr, value: &str) -> bool {
    let arguments = match ungroup_expr(call) {
        Expr::Call(call) => &call.args,
        Expr::MethodCall(call) => &call.args,
        _ => return false,
    };
    arguments.iter().any(|argument| is_value(argument, value))
}

pub(super) fn is_value(expr: &Expr, value: &str) -> bool {
    const COPIES: [&str; 8] =
        ["clone", "as_str", "as_ref", "as_deref", "to_owned", "to_string", "into", "borrow"];
    let expr = ungroup_expr(expr);
    compact(&expr.to_token_stream()) == value
        || match expr {
            Expr::Reference(reference) => is_value(&reference.expr, value),
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Deref(_)) => is_value(&unary.expr, value),
            Expr::MethodCall(call) if call.args.is_empty() => {
                COPIES.iter().any(|copy| call.method == copy) && is_value(&call.receiver, value)
            }
            _ => false,
        }
}

pub(super) fn ungroup_expr(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungroup_expr(&group.expr),
        Expr::Paren(paren) => ungroup_expr(&paren.expr),
        other => other,
    }
}

/// What the block cannot see it cannot check, nor give its defaults to.
pub(super) fn check_unseen(items: &[Item], block: &Block, diag: &mut Diag) {
    for item in items {
        match item {
            Item::Other(item) => {
                if let (ImplItem::Macro(call), Some(tenant)) = (&**item, &block.tenant) {
                    diag.error(
                        call.mac.path.span(),
                        format!(
                            "the block cannot see the methods that a macro writes, nor whether their keys carry {}; write them out, or move them to another impl block",
                            list([tenant.as_str()])
                        ),
                    );
                }
            }
            Item::Function(function) => {
                for attribute in &function.attrs {
                    check_seen(attribute, block, diag);
                }
            }
        }
    }
}

/// Which of our attributes is in this `#[cfg_attr]`.
pub(super) fn in_cfg_attr(attribute: &Attribute) -> Option<&'static str> {
    let syn::Meta::List(meta) = &attribute.meta else { return None };
    let names = [&CACHED, &INVALIDATES, &UPDATES].map(|allowed| allowed.attribute);
    let is_there = |name: &&str| mentions(meta.tokens.clone(), name);
    if attribute.path().is_ident("cfg_attr") { names.into_iter().find(is_there) } else { None }
}

/// One of our attributes in a form in which the block does not know it.
pub(super) fn check_seen(attribute: &Attribute, block: &Block, diag: &mut Diag) {
    if let Some(name) = in_cfg_attr(attribute) {
        diag.error(
            attribute.path().span(),
            format!(
                "`#[caching]` cannot see a `#[{name}]` in a `#[cfg_attr]`; write the method twice, each under a `#[cfg]`"
            ),
        );
        return;
    }
    let syn::Meta::List(meta) = &attribute.meta else { return };
    let Some(tenant) = block.tenant.as_ref().filter(|_| ours(attribute).is_none()) else { return };
    let tokens: Vec<TokenTree> = meta.tokens.clone().into_iter().take(3).collect();
    let template = match tokens.as_slice() {
        [TokenTree::Ident(key), TokenTree::Punct(_), template @ TokenTree::Literal(_)] if key == "key" => {
            template
        }
        [template @ TokenTree::Literal(_), ..] => template,
        _ => return,
    };
    if template.to_string().contains('<') {
        diag.error(
            attribute.path().span(),
            format!(
                "if this is an attribute of `cache_runtime` by another name, the block cannot see whether its key carries {}; use it by its own",
                list([tenant.as_str()])
            ),
        );
    }
}

/// A default that no method can take up is a mistake in its name.
pub(super) fn check_skip(defaults: &Args, items: &[Item], diag: &mut Diag) {
    let params: BTreeSet<String> = items
        .iter()
        .filter_map(|item| if let Item::Function(function) = item { Some(function) } else { None })
        .flat_map(|function| function.skippable())
        .collect();
    for skipped in &defaults.skip {
        let text = skipped.to_string();
        if params.contains(&text) {
            continue;
        }
        let fix = match suggest(&text, params.iter().map(String::as_str)) {
            Some(similar) => format!("; did you mean `{similar}`?"),
            None => String::new(),
        };
        diag.error(
            skipped.span(),
            format!("`skip` names `{text}`, but no method of the block has a parameter `{text}`{fix}"),
        );
    }
}
