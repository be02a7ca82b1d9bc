//! Tells, of a value whose type is generic, whether it is an `Err` or a `None`: by asking it to serialize itself
//! and listening to no more than the first word. Runs on a miss only, and builds nothing.

use std::fmt;

use serde_core::ser::{Impossible, Serialize, Serializer};

/// What a value of a generic type turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A value.
    Value,
    /// `Option::None`.
    None,
    /// `Result::Err`.
    Err,
}

pub(crate) fn classify(value: &(impl Serialize + ?Sized)) -> Class {
    match value.serialize(FirstWord) {
        Err(Heard(class)) => class,
        Ok(never) => match never {},
    }
}

struct FirstWord;

/// What the first word was; an error, so that serialization stops there.
#[derive(Debug)]
struct Heard(Class);

enum Never {}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Heard {}

impl serde_core::ser::Error for Heard {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(Class::Value)
    }
}

macro_rules! values {
    ($($method:ident($($argument:ty),*)),* $(,)?) => {$(
        fn $method(self, $(_: $argument),*) -> Result<Never, Heard> {
            Err(Heard(Class::Value))
        }
    )*};
}

macro_rules! compounds {
    ($($method:ident($($argument:ty),*) -> $kind:ident),* $(,)?) => {$(
        fn $method(self, $(_: $argument),*) -> Result<Self::$kind, Heard> {
            Err(Heard(Class::Value))
        }
    )*};
}

impl Serializer for FirstWord {
    type Ok = Never;
    type Error = Heard;
    type SerializeSeq = Impossible<Never, Heard>;
    type SerializeTuple = Impossible<Never, Heard>;
    type SerializeTupleStruct = Impossible<Never, Heard>;
    type SerializeTupleVariant = Impossible<Never, Heard>;
    type SerializeMap = Impossible<Never, Heard>;
    type SerializeStruct = Impossible<Never, Heard>;
    type SerializeStructVariant = Impossible<Never, Heard>;

    values! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_i128(i128), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_u128(u128), serialize_f32(f32), serialize_f64(f64), serialize_char(char), serialize_str(&str),
        serialize_bytes(&[u8]), serialize_unit(), serialize_unit_struct(&'static str),
        serialize_unit_variant(&'static str, u32, &'static str),
    }

    compounds! {
        serialize_seq(Option<usize>) -> SerializeSeq,
        serialize_tuple(usize) -> SerializeTuple,
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant,
        serialize_map(Option<usize>) -> SerializeMap,
        serialize_struct(&'static str, usize) -> SerializeStruct,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant,
    }

    fn serialize_none(self) -> Result<Never, Heard> {
        Err(Heard(Class::None))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Never, Heard> {
        Err(Heard(Class::Value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<Never, Heard> {
        Err(Heard(Class::Value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        inner: &T,
    ) -> Result<Never, Heard> {
        Err(Heard(match (name, variant) {
            ("Result", "Err") => Class::Err,
            // `Ok(None)`
            ("Result", "Ok") => classify(inner),
            _ => Class::Value,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn err_and_none_are_told_from_values() {
        assert_eq!(classify(&Err::<u8, _>("no")), Class::Err);
        assert_eq!(classify(&Ok::<_, u8>(3)), Class::Value);
        assert_eq!(classify(&Ok::<_, u8>(None::<u8>)), Class::None);
        assert_eq!(classify(&None::<u8>), Class::None);
        assert_eq!(classify(&Some(Err::<u8, _>(1))), Class::Value);
        assert_eq!(classify(&vec![1]), Class::Value);
        assert_eq!(classify(&()), Class::Value);
    }
}
