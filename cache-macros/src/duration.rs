//! Times to live as they are written in an attribute: `300`, `"5m"`, or any expression.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{BinOp, Expr, ExprLit, ExprUnary, Lit, UnOp};

use crate::args::ungroup;
use crate::diag::Diag;
use crate::expand::Runtime;
use crate::key::compact;

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
    pub(crate) fn from_expr(name: &str, expr: Expr, diag: &mut Diag) -> Self {
        let zero = || {
            let (what, seconds) = match name {
                "none_ttl" => ("no `None` would be cached", 5),
                "stale_if_error" | "stale_while_revalidate" => ("nothing would be served stale", 60),
                "timeout" => ("no load would end in time", 2),
                _ => ("nothing would be cached", 300),
            };
            format!(
                "`{name}` is zero: {what}; give seconds, as in `{name} = {seconds}`, or a text, as in `{name} = \"5m\"`"
            )
        };
        let too_long = || match name {
            "ttl" | "none_ttl" => {
                format!("`{name}` is longer than 1,000 years; to cache for ever, write `{name} = Ttl::NEVER`")
            }
            _ => format!("`{name}` is longer than 1,000 years; give a shorter one"),
        };
        let expr = inside(expr);
        let of_seconds = |seconds| match seconds {
            Some(0) => Err(zero()),
            Some(seconds) if seconds <= MAX_SECS => Ok(Duration::from_secs(seconds)),
            _ => Err(too_long()),
        };
        let read = match &expr {
            Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => {
                match (int.base10_parse::<u64>(), int.suffix()) {
                    (Ok(number), unit) if !unit.is_empty() && !unit.starts_with(['u', 'i']) => Err(format!(
                        "`{number}{unit}` is not a number; a time with a unit is a text, as in `{name} = \"{number}{unit}\"`"
                    )),
                    (seconds, _) => of_seconds(seconds.ok()),
                }
            }
            Expr::Path(path) if compact(&path.to_token_stream()).ends_with("Duration::ZERO") => Err(zero()),
            Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) => {
                let millis =
                    float.base10_parse::<f64>().map_or(1500.0, |seconds| (seconds * 1000.0).round().max(1.0));
                Err(if millis % 1000.0 == 0.0 {
                    format!("`{name}` is a whole number of seconds; write `{name} = {}`", millis / 1000.0)
                } else {
                    format!(
                        "`{name}` is a whole number of seconds; for a part of a second write a text, as in `{name} = \"{millis}ms\"`"
                    )
                })
            }
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match parse_text(&text.value()) {
                Ok(duration) if duration.is_zero() => Err(zero()),
                Ok(duration) if duration <= Duration::from_secs(MAX_SECS) => Ok(duration),
                Ok(_) => Err(too_long()),
                Err(reason) => Err(format!(
                    "`{name} = {}` is not a length of time: {reason}; write a number and a unit, as in `\"90s\"`, `\"5m\"`, `\"1h30m\"` (units: ms, s, m, h, d)",
                    text.token()
                )),
            },
            Expr::Lit(_) => {
                Err(format!("`{name}` is a number of seconds, a text such as `\"5m\"`, or a `Duration`"))
            }
            Expr::Unary(ExprUnary { op: UnOp::Neg(_), .. }) => {
                Err(format!("`{name}` is negative; give seconds, as in `{name} = 300`"))
            }
            _ => match computed(&expr) {
                Some(seconds) => of_seconds(Some(seconds)),
                None => return Self::Expression(Box::new(expr)),
            },
        };
        match read {
            Ok(duration) => Self::Literal(duration),
            Err(message) => {
                diag.error_at(&expr, message);
                // It is there, though wrong: that it is missing must not be said as well.
                Self::Expression(Box::new(expr))
            }
        }
    }

    /// Stands where one was meant but could not be read, after its error.
    pub(crate) fn stand_in() -> Self {
        Self::Literal(Duration::from_secs(1))
    }

    /// Whether it is known while compiling.
    pub(crate) fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    /// Whole seconds that are known while compiling.
    pub(crate) fn seconds(&self) -> Option<u64> {
        match self {
            Self::Literal(duration) if duration.subsec_nanos() == 0 => Some(duration.as_secs()),
            _ => None,
        }
    }

    /// An expression of the runtime's `Ttl`.
    pub(crate) fn tokens(&self, private: &Runtime) -> TokenStream {
        match self {
            Self::Literal(duration) if duration.subsec_nanos() == 0 => {
                let seconds = duration.as_secs();
                quote!(#private::Ttl::from_secs(#seconds))
            }
            Self::Literal(duration) => {
                let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                quote!(#private::Ttl::from_duration(::core::time::Duration::from_millis(#millis)))
            }
            Self::Expression(expr) => {
                // All of the path stands there, or the whole attribute would be underlined.
                let span = Span::call_site().located_at(expr.span());
                let private = private.at(span);
                quote_spanned!(span=> #private::Ttl::from(#expr))
            }
        }
    }
}

/// The expression without parentheses round it.
fn inside(expr: Expr) -> Expr {
    match ungroup(expr) {
        Expr::Paren(paren) => inside(*paren.expr),
        other => other,
    }
}

/// What a product or sum of numbers is, as in `5 * 60`; where it is too large, the largest.
fn computed(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => {
            let is_number = int.suffix().is_empty() || int.suffix().starts_with(['u', 'i']);
            is_number.then(|| int.base10_parse().unwrap_or(u64::MAX))
        }
        Expr::Paren(paren) => computed(&paren.expr),
        Expr::Group(group) => computed(&group.expr),
        Expr::Binary(binary) => {
            let operation = match binary.op {
                BinOp::Mul(_) => u64::saturating_mul,
                BinOp::Add(_) => u64::saturating_add,
                _ => return None,
            };
            Some(operation(computed(&binary.left)?, computed(&binary.right)?))
        }
        _ => None,
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
        let tail = tail.trim_start();
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
            other => {
                let known = [("mil", "ms"), ("s", "s"), ("m", "m"), ("h", "h"), ("d", "d")];
                let known = known.iter().find(|(start, _)| other.to_ascii_lowercase().starts_with(start));
                let meant = known.map_or(String::new(), |(_, unit)| format!(", did you mean `{unit}`?"));
                return Err(format!("there is no unit `{other}`{meant}"));
            }
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
    fn products_and_sums_are_known() {
        let of = |text| computed(&syn::parse_str(text).expect("it is an expression"));
        assert_eq!(of("5 * 60"), Some(300));
        assert_eq!(of("(1 + 2) * 60 + 3u64"), Some(183));
        assert_eq!(of("5 * 0"), Some(0));
        assert_eq!(of("18446744073709551615 * 2"), Some(u64::MAX));
        assert_eq!(of("self.ttl * 60"), None);
        assert_eq!(of("7 - 2"), None);
        assert_eq!(of("2 * 1h"), None);
    }

    #[test]
    fn texts_are_numbers_with_units() {
        assert_eq!(parse_text("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse_text(" 250ms "), Ok(Duration::from_millis(250)));
        assert_eq!(parse_text("1d 1s"), Ok(Duration::from_secs(86_401)));
        assert_eq!(parse_text("5 m"), Ok(Duration::from_mins(5)));
        for bad in ["", "5", "m", "5x", "-5m", "5m3", "99999999999999999999s", "18446744073709551615d"] {
            assert!(parse_text(bad).is_err(), "{bad:?}");
        }
    }
}
