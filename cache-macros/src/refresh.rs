//! The checks of `stale_while_revalidate`: what a refresh in the background can take along.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Receiver, ReceiverKind, Type};

use crate::diag::Diag;
use crate::item::{Function, Output, mentions, ungroup};
use crate::valid::borrows;

/// How a refresh hands a parameter on.
pub(crate) enum Given {
    /// By reference to what it owns.
    Borrowed,
    /// As it is.
    Owned,
}

pub(crate) fn given(ty: &Type) -> Given {
    match ungroup(ty) {
        Type::Reference(reference) if !is_static(reference) => Given::Borrowed,
        _ => Given::Owned,
    }
}

fn is_static(reference: &syn::TypeReference) -> bool {
    reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

/// Whether a receiver is a reference.
pub(crate) fn is_reference(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(..) => true,
        ReceiverKind::Typed(_, ty) => matches!(ungroup(ty), Type::Reference(_)),
        _ => false,
    }
}

fn is_exclusive(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, exclusive) => exclusive.is_some(),
        ReceiverKind::Typed(_, ty) => is_exclusive_type(ty),
        _ => false,
    }
}

fn is_exclusive_type(ty: &Type) -> bool {
    matches!(ungroup(ty), Type::Reference(reference) if reference.mutability.is_some())
}

/// Reports what cannot be given to a refresh.
pub(crate) fn check(span: Span, function: &Function, diag: &mut Diag) {
    if function.siblings_of.is_some() || matches!(function.output, Output::Boxed(_)) {
        diag.error(
            span,
            "`stale_while_revalidate` needs the body in a function of its own, which a method of a trait cannot have; put it on a method of the type, and call that here",
        );
    }
    if let Some(receiver) = function.receiver()
        && is_exclusive(receiver)
    {
        diag.error(
            receiver.span(),
            "`stale_while_revalidate` runs the body in the background too, where there is no `&mut self`; take `&self`",
        );
    }
    for param in function.params() {
        let ty = ungroup(param.ty);
        let inner = match ty {
            Type::Reference(reference) => &*reference.elem,
            other => other,
        };
        let text = param.name.map_or_else(|| param.pat.to_token_stream().to_string(), ToString::to_string);
        let message = if is_exclusive_type(ty) {
            format!(
                "`{text}` is borrowed exclusively, and `stale_while_revalidate` runs the body in the background too; take it by `&` or by value"
            )
        } else if mentions(ty.to_token_stream(), "impl") {
            format!(
                "the type of `{text}` has no name, and `stale_while_revalidate` needs one for its refresh; write a generic parameter, as in `<T: Trait>`"
            )
        } else if mentions(ty.to_token_stream(), "Cow") || borrows(inner.to_token_stream()) {
            format!(
                "`{text}` holds a borrow that a refresh in the background cannot keep, as `stale_while_revalidate` would have to; take it owned, or as a plain `&`"
            )
        } else {
            continue;
        };
        diag.error_at(param.ty, message);
    }
}
