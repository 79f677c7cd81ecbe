//! A deserializer for the texts of which `serde_json` does not make what they say.

use std::borrow::Cow;

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::{CowStrDeserializer, MapDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Result};

use super::{
    JsonMode,
    number::{self, Wanted, number_len},
    parser::Parser,
};

/// The name by which `serde_json::value::RawValue` asks for the text of a value.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Reads what `serde_json` reads, into the same, with the same limit of depth; and NaN and the infinities where the
/// mode allows them, and integers as integers, whatever their size.
pub(super) struct Reader<'de> {
    parser: Parser<'de>,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str, mode: JsonMode) -> Self {
        Self { parser: Parser::new(text, mode) }
    }

    /// Reads the whole text.
    pub(super) fn read<T: Deserialize<'de>>(&mut self) -> Result<T> {
        self.parser.begin()?;
        let value = T::deserialize(&mut *self).map_err(|error| self.parser.placed(error))?;
        self.parser.end()?;
        Ok(value)
    }

    /// Whether there was something that `serde_json` does not know as what it is.
    pub(super) fn met_what_is_beyond_json(&self) -> bool {
        self.parser.is_beyond_json
    }

    fn value<V: Visitor<'de>>(&mut self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        match self.parser.peek() {
            Some(b'"') => self.string(visitor),
            Some(b'[') => self.compound(b']', |elements| visitor.visit_seq(elements)),
            Some(b'{') => self.compound(b'}', |elements| visitor.visit_map(elements)),
            None => Err(self.parser.error("EOF while parsing a value")),
            _ if self.parser.take_literal("null") => visitor.visit_unit(),
            _ if self.parser.take_literal("true") => visitor.visit_bool(true),
            _ if self.parser.take_literal("false") => visitor.visit_bool(false),
            _ => match self.parser.take_word() {
                Some(word) => visitor.visit_f64(word),
                None => number::visit(self.parser.number()?, wanted, visitor),
            },
        }
    }

    fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        match self.parser.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    /// Reads an array or object, whose begin is next.
    fn compound<T>(&mut self, end: u8, visit: impl FnOnce(Elements<'_, 'de>) -> Result<T>) -> Result<T> {
        self.parser.enter()?;
        let visited = visit(Elements { reader: self, end, is_first: true });
        self.parser.leave(end, visited)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.value(Wanted::Any, visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.value(Wanted::F32, visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.value(Wanted::F64, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.parser.peek() == Some(b'n') && self.parser.take_literal("null") {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name != RAW_VALUE {
            return visitor.visit_newtype_struct(self);
        }
        visitor.visit_map(MapDeserializer::new(std::iter::once((name, self.parser.skip()?))))
    }

    /// A string of bytes may have half a surrogate pair, of which `serde_json` knows what to make.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.parser.peek() != Some(b'"') {
            return self.deserialize_any(visitor);
        }
        serde_json::Deserializer::from_str(self.parser.skip()?).deserialize_bytes(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    /// A variant is its name alone, or an object of the name and what it has.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.parser.peek() {
            Some(b'"') => visitor.visit_enum(CowStrDeserializer::new(self.parser.string()?)),
            Some(b'{') => self.compound(b'}', |elements| visitor.visit_enum(Variant { reader: elements.reader })),
            _ => Err(self.parser.error("expected value")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.parser.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string unit unit_struct seq tuple tuple_struct map struct
        identifier
    }
}

/// What is within an array or object.
struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    end: u8,
    is_first: bool,
}

impl Elements<'_, '_> {
    /// Whether another one comes, whose comma is then taken.
    fn has_next(&mut self) -> Result<bool> {
        let parser = &mut self.reader.parser;
        let is_first = std::mem::replace(&mut self.is_first, false);
        match parser.peek() {
            Some(byte) if byte == self.end => Ok(false),
            _ if is_first => Ok(true),
            _ if !parser.take(b',') => Err(parser.error(format_args!("expected `,` or `{}`", char::from(self.end)))),
            _ if parser.peek() == Some(self.end) => Err(parser.error("trailing comma")),
            _ => Ok(true),
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.has_next()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if !self.has_next()? {
            return Ok(None);
        }
        self.reader.parser.begin_key()?;
        seed.deserialize(Key { reader: self.reader }).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        self.reader.parser.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant that has more than its name.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self)> {
        self.reader.parser.begin_key()?;
        let name = seed.deserialize(Key { reader: self.reader })?;
        self.reader.parser.expect(b':')?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        Deserialize::deserialize(self.reader)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.reader.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.reader.deserialize_any(visitor)
    }
}

/// A key: a string, in which numbers and booleans may be.
struct Key<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

impl Key<'_, '_> {
    fn number<'de, V: Visitor<'de>>(self, wanted: Wanted, visitor: V) -> Result<V::Value> {
        let key = self.reader.parser.string()?;
        if number_len(key.as_bytes()) == Ok(key.len()) {
            number::visit(&key, wanted, visitor)
        } else {
            Err(Error::custom("invalid value: expected key to be a number in quotes"))
        }
    }
}

macro_rules! numeric_keys {
    ($($method:ident: $wanted:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.number(Wanted::$wanted, visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.reader.string(visitor)
    }

    numeric_keys! {
        deserialize_i8: Any;
        deserialize_i16: Any;
        deserialize_i32: Any;
        deserialize_i64: Any;
        deserialize_i128: Any;
        deserialize_u8: Any;
        deserialize_u16: Any;
        deserialize_u32: Any;
        deserialize_u64: Any;
        deserialize_u128: Any;
        deserialize_f32: F32;
        deserialize_f64: F64;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match &*self.reader.parser.string()? {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => visitor.visit_str(other),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name == RAW_VALUE {
            self.reader.deserialize_newtype_struct(name, visitor)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.reader.deserialize_bytes(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.reader.deserialize_bytes(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.reader.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
