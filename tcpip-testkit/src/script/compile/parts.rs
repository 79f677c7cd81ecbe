//! Items.

use regex::bytes::Regex;

use super::{Compiler, MOST_BYTES};
use crate::script::{
    kinds,
    place::Place,
    program::{Hole, HoleKind, Json, JsonKind, JsonPattern, NumberEnd, Part, PartKind},
    syntax::{self, Item, ItemKind, Kind, TextPart, Wrong},
};

impl Compiler<'_> {
    pub(super) fn parts(&mut self, items: &[&Item]) -> Result<Vec<Part>, Wrong> {
        let mut parts = Vec::with_capacity(items.len());
        // From the end, since a hole needs to know what follows it.
        for item in items.iter().rev() {
            let follows = match &item.kind {
                ItemKind::Hole(_) | ItemKind::Json(_) => literal_behind(&parts),
                _ => Vec::new(),
            };
            parts.push(self.part(item, &follows)?);
        }
        parts.reverse();
        Ok(parts)
    }

    /// An item, behind which this literal follows.
    fn part(&mut self, item: &Item, follows: &[u8]) -> Result<Part, Wrong> {
        let place = item.place;
        let kind = match &item.kind {
            ItemKind::Text(text) => PartKind::Literal(self.text(text, place)?),
            ItemKind::Raw(text) => PartKind::Literal(self.encoded(text, place)?),
            ItemKind::Hex(bytes) => PartKind::Literal(bytes.clone()),
            ItemKind::Control(_, byte) => PartKind::Literal(vec![*byte]),
            ItemKind::Number(number) => PartKind::Literal(number.bytes.clone()),
            ItemKind::Json(json) => PartKind::Json(self.json(json, place, follows)?),
            ItemKind::Wrapper(wrapper, items) => {
                let items: Vec<&Item> = items.iter().collect();
                PartKind::Wrapped(wrapper.clone(), self.parts(&items)?)
            }
            ItemKind::Name(name) => PartKind::Captured(name.clone()),
            ItemKind::Hole(hole) => {
                // Repeated, a hole is followed by itself.
                let follows = if item.times.is_some_and(|times| times > 1) { &[] } else { follows };
                PartKind::Hole(self.hole(hole, follows)?)
            }
        };
        self.repeated(Part { kind, place }, item.times)
    }

    fn repeated(&mut self, part: Part, times: Option<u32>) -> Result<Part, Wrong> {
        let place = part.place;
        let kind = match (part.kind, times) {
            (PartKind::Literal(bytes), times) => {
                let times = usize::try_from(times.unwrap_or(1)).unwrap_or(usize::MAX);
                self.literal_bytes = self.literal_bytes.saturating_add(bytes.len().saturating_mul(times));
                if self.literal_bytes > MOST_BYTES {
                    return Err(Wrong::at(place.range(), format!("a script has at most {MOST_BYTES} bytes")));
                }
                PartKind::Literal(bytes.repeat(if bytes.is_empty() { 0 } else { times }))
            }
            (kind, None) => kind,
            (kind, Some(times)) => PartKind::Repeated(times, Box::new(Part { kind, place })),
        };
        Ok(Part { kind, place })
    }

    fn text(&self, parts: &[TextPart], place: Place) -> Result<Vec<u8>, Wrong> {
        let mut bytes = Vec::new();
        for part in parts {
            match part {
                TextPart::Byte(byte) => bytes.push(*byte),
                TextPart::Text(text) => bytes.extend(self.encoded(text, place)?),
            }
        }
        Ok(bytes)
    }

    fn encoded(&self, text: &str, place: Place) -> Result<Vec<u8>, Wrong> {
        match self.encoding.encode(text) {
            Ok(bytes) => Ok(bytes.into_owned()),
            Err(error) => Err(Wrong::at(place.range(), error.to_string())),
        }
    }

    fn hole(&mut self, hole: &syntax::Hole, follows: &[u8]) -> Result<Hole<HoleKind>, Wrong> {
        let kind = match &hole.kind {
            Kind::Anything => HoleKind::UpTo(follows.to_vec(), None),
            Kind::Regex(regex) => HoleKind::UpTo(follows.to_vec(), Some(whole(regex, hole.place)?)),
            Kind::Bytes(count) => HoleKind::Exactly(usize::try_from(*count).unwrap_or(usize::MAX)),
            Kind::Binary(number_type) => HoleKind::Exactly(number_type.size()),
            Kind::Digits => HoleKind::Digits,
            Kind::Int => HoleKind::Int,
            Kind::Number => HoleKind::Number,
            Kind::Word => HoleKind::Word,
            Kind::Json => HoleKind::Json(number_end(follows)),
            Kind::Block => HoleKind::Block,
        };
        if let Some(goes_on) = kinds::goes_on(&kind) {
            let message = match follows.first() {
                None => "a literal must follow this hole, which does not know its end",
                Some(byte) if goes_on(*byte) => "what follows this hole begins with a byte that the hole would take",
                Some(_) => "",
            };
            if !message.is_empty() {
                return Err(Wrong::at(hole.place.range(), message));
            }
        }
        let example = self.example(hole)?;
        if let Some(parts) = &example
            && let Some(bytes) = known(parts)
            && !kinds::takes_all(&kind, &bytes)
        {
            return Err(Wrong::at(hole.place.range(), "this example is not what the hole takes"));
        }
        Ok(Hole { kind, name: hole.name.clone(), example })
    }

    fn example(&mut self, hole: &syntax::Hole) -> Result<Option<Vec<Part>>, Wrong> {
        let Some(items) = &hole.example else { return Ok(None) };
        let items: Vec<&Item> = items.iter().collect();
        let parts = self.parts(&items)?;
        if let Some(place) = parts.iter().find_map(unknown) {
            return Err(Wrong::at(place.range(), "an example is sent, and has nothing in it that is not known"));
        }
        Ok(Some(parts))
    }

    fn json(&mut self, json: &syntax::JsonPattern<syntax::Hole>, place: Place, follows: &[u8]) -> Result<Json, Wrong> {
        let number_end = number_end(follows);
        let is_number = match json {
            syntax::JsonPattern::Number(_) => true,
            syntax::JsonPattern::Hole(hole) => matches!(hole.kind, Kind::Digits | Kind::Int | Kind::Number),
            _ => false,
        };
        if is_number && number_end == NumberEnd::Unknown {
            let message = "a literal must follow this number, which does not know its end, and not begin as it goes on";
            return Err(Wrong::at(place.range(), message));
        }
        Ok(Json { pattern: json.try_map(&mut |hole| self.json_hole(hole))?, number_end })
    }

    fn json_hole(&mut self, hole: &syntax::Hole) -> Result<Hole<JsonKind>, Wrong> {
        let kind = match &hole.kind {
            Kind::Json => JsonKind::Any,
            Kind::Digits => JsonKind::Digits,
            Kind::Int => JsonKind::Int,
            Kind::Number => JsonKind::Number,
            Kind::Word => JsonKind::Word,
            Kind::Regex(regex) => JsonKind::Regex(whole(regex, hole.place)?),
            Kind::Anything | Kind::Bytes(_) | Kind::Block | Kind::Binary(_) => {
                let message = "no JSON value is of this kind (digits, int, number, word, /regex/ and json are)";
                return Err(Wrong::at(hole.place.range(), message));
            }
        };
        Ok(Hole { kind, name: hole.name.clone(), example: self.example(hole)? })
    }
}

/// The literals of these items, of which the last comes first, up to one that is none.
fn literal_behind(parts: &[Part]) -> Vec<u8> {
    let literals = parts.iter().rev().map_while(|part| match &part.kind {
        PartKind::Literal(bytes) => Some(&bytes[..]),
        _ => None,
    });
    literals.collect::<Vec<_>>().concat()
}

/// The bytes of these items, if they are literals alone.
fn known(parts: &[Part]) -> Option<Vec<u8>> {
    let literals = parts.iter().map(|part| match &part.kind {
        PartKind::Literal(bytes) => Some(&bytes[..]),
        _ => None,
    });
    Some(literals.collect::<Option<Vec<_>>>()?.concat())
}

/// Whether a JSON number ends where this literal follows.
fn number_end(follows: &[u8]) -> NumberEnd {
    match follows.first() {
        Some(byte) if !kinds::is_of_json_number(*byte) => NumberEnd::Known,
        _ => NumberEnd::Unknown,
    }
}

/// Where something is that cannot be sent: a hole without an example of its own, or `_`.
pub(crate) fn unknown(part: &Part) -> Option<Place> {
    match &part.kind {
        PartKind::Literal(_) | PartKind::Captured(_) => None,
        PartKind::Hole(hole) => hole.example.is_none().then_some(part.place),
        PartKind::Json(json) => json_is_unknown(&json.pattern).then_some(part.place),
        PartKind::Wrapped(_, parts) => parts.iter().find_map(unknown),
        PartKind::Repeated(_, part) => unknown(part),
    }
}

fn json_is_unknown(pattern: &JsonPattern) -> bool {
    match pattern {
        JsonPattern::Any => true,
        JsonPattern::Hole(hole) => hole.example.is_none(),
        JsonPattern::Array { elements, .. } => elements.iter().any(json_is_unknown),
        JsonPattern::Object { members, .. } => members.iter().any(|(_, value)| json_is_unknown(value)),
        _ => false,
    }
}

/// A regex that something fits as a whole.
fn whole(regex: &str, place: Place) -> Result<Regex, Wrong> {
    Regex::new(regex).and_then(|_| Regex::new(&format!(r"\A(?:{regex})\z"))).map_err(|error| {
        // The error shows the regex in several lines; its last says what is wrong.
        let error = error.to_string();
        let last = error.lines().last().unwrap_or_default();
        Wrong::at(place.range(), format!("expected a regex: {}", last.trim_start_matches("error: ")))
    })
}
