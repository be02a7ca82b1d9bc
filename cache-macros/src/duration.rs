//! Times to live as they are written in an attribute: `300`, `"5m"`, or any expression.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

use crate::diag::Diag;

/// The longest that the runtime accepts, 1,000 years.
const MAX_SECS: u64 = 1_000 * 365 * 24 * 60 * 60;

/// A time to live in an attribute.
#[derive(Clone)]
pub(crate) enum Ttl {
    /// Known while compiling.
    Literal(Duration),
    /// Evaluated at run time; anything that is `Into<Ttl>`.
    Expression(Box<Expr>),
}

impl Ttl {
    /// Reads the value of the argument `name`.
    pub(crate) fn from_expr(name: &str, expr: Expr, diag: &mut Diag) -> Option<Self> {
        let span = expr.span();
        let mut fail = |message: String| {
            diag.error(span, message);
            None
        };
        let zero = || {
            format!(
                "`{name}` is zero: nothing would be cached; give seconds, as in `{name} = 300`, or a text, as in `{name} = \"5m\"`"
            )
        };
        match &expr {
            Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => match int.base10_parse::<u64>() {
                Ok(0) => fail(zero()),
                Ok(seconds) if seconds <= MAX_SECS => Some(Self::Literal(Duration::from_secs(seconds))),
                _ => fail(format!(
                    "`{name}` is longer than 1,000 years; to cache for ever, write `{name} = Ttl::NEVER`"
                )),
            },
            Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) => fail(format!(
                "`{name}` is a whole number of seconds; for a part of a second write a text, as in `{name} = \"{}ms\"`",
                float.base10_parse::<f64>().map_or(1500.0, |seconds| (seconds * 1000.0).round().max(1.0))
            )),
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match parse_text(&text.value()) {
                Ok(duration) if duration.is_zero() => fail(zero()),
                Ok(duration) if duration <= Duration::from_secs(MAX_SECS) => Some(Self::Literal(duration)),
                Ok(_) => fail(format!(
                    "`{name}` is longer than 1,000 years; to cache for ever, write `{name} = Ttl::NEVER`"
                )),
                Err(reason) => fail(format!(
                    "`{name} = {}` is not a length of time: {reason}; write a number and a unit, as in `\"90s\"`, `\"5m\"`, `\"1h30m\"` (units: ms, s, m, h, d)",
                    text.token()
                )),
            },
            Expr::Lit(_) => {
                fail(format!("`{name}` is a number of seconds, a text such as `\"5m\"`, or a `Duration`"))
            }
            Expr::Unary(ExprUnary { op: UnOp::Neg(_), .. }) => {
                fail(format!("`{name}` is negative; give seconds, as in `{name} = 300`"))
            }
            _ => Some(Self::Expression(Box::new(expr))),
        }
    }

    /// Whether it is known while compiling.
    pub(crate) fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    /// An expression of the runtime's `Ttl`.
    pub(crate) fn tokens(&self, private: &TokenStream) -> TokenStream {
        match self {
            Self::Literal(duration) if duration.subsec_nanos() == 0 => {
                let seconds = duration.as_secs();
                quote!(#private::Ttl::from_secs(#seconds))
            }
            Self::Literal(duration) => {
                let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                quote!(#private::Ttl::from_duration(::core::time::Duration::from_millis(#millis)))
            }
            Self::Expression(expr) => quote!(#private::Ttl::from(#expr)),
        }
    }
}

fn parse_text(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("it is empty".into());
    }
    if rest.starts_with('-') {
        return Err("it is negative".into());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        if number.is_empty() {
            return Err(format!("a number is missing at `{rest}`"));
        }
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => return Err(format!("`{number}` has no unit")),
            other => return Err(format!("there is no unit `{other}`")),
        };
        let number: u64 = number.parse().map_err(|_| "it is too long".to_owned())?;
        total = number
            .checked_mul(millis)
            .and_then(|millis| total.checked_add(millis))
            .ok_or_else(|| "it is too long".to_owned())?;
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_numbers_with_units() {
        assert_eq!(parse_text("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_text(" 250ms "), Ok(Duration::from_millis(250)));
        assert_eq!(parse_text("1d 1s"), Ok(Duration::from_secs(86_401)));
        for bad in ["", "5", "m", "5x", "-5m", "5m3", "99999999999999999999s", "18446744073709551615d"] {
            assert!(parse_text(bad).is_err(), "{bad:?}");
        }
    }
}
