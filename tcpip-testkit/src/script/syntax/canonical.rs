//! Writes lines in their canonical form.

use std::fmt::{self, Display, Formatter, Write as _};

use super::tree::{
    Action, Branching, Check, Content, Delay, Hole, Item, ItemKind, JsonPattern, Kind, Line, Step, TextPart, Wrapper,
};

/// The lines with two blanks for each level and one between items, and with their comments.
pub(crate) fn canonical(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut level = 0_usize;
    for line in lines {
        let shift = match &line.content {
            Some(Content::End | Content::Next(_)) => {
                level = level.saturating_sub(1);
                0
            }
            Some(Content::Items(_)) => 1,
            _ => 0,
        };
        if let Some(content) = &line.content {
            text.extend(std::iter::repeat_n("  ", level + shift));
            let _ = write!(text, "{content}");
        }
        if let Some(comment) = &line.comment {
            if line.content.is_some() {
                text.push_str("  ");
            } else {
                text.extend(std::iter::repeat_n("  ", level));
            }
            text.push('#');
            text.push_str(comment);
        }
        text.push('\n');
        if matches!(
            line.content,
            Some(Content::Every(..) | Content::AnyTime | Content::Repeat(_) | Content::Branching(_) | Content::Next(_))
        ) {
            level += 1;
        }
    }
    text
}

impl Display for Content {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(version) => write!(formatter, "script {version}"),
            Self::Encoding(label) => write!(formatter, "encoding {label}"),
            Self::Deadline(time) => write!(formatter, "deadline {}", time.written),
            Self::Wait(time) => write!(formatter, "wait {}", time.written),
            Self::Silence(time) => write!(formatter, "silence {}", time.written),
            Self::Step(step) => write!(formatter, "{step}"),
            Self::Items(items) => all(formatter, items),
            Self::Every(time, None) => write!(formatter, "every {}", time.written),
            Self::Every(time, Some(name)) => write!(formatter, "every {} {name}", time.written),
            Self::Stop(name) => write!(formatter, "stop {name}"),
            Self::AnyTime => formatter.write_str("any time"),
            Self::Repeat(None) => formatter.write_str("repeat"),
            Self::Repeat(Some(times)) => write!(formatter, "repeat {times}"),
            Self::Branching(Branching::AnyOrder) => formatter.write_str("any order"),
            Self::Branching(Branching::OneOf) => formatter.write_str("one of"),
            Self::Next(Branching::AnyOrder) => formatter.write_str("and"),
            Self::Next(Branching::OneOf) => formatter.write_str("or"),
            Self::End => formatter.write_str("end"),
        }
    }
}

impl Display for Step {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match &self.delay {
            None => {}
            Some(Delay::After(time)) => write!(formatter, "+{} ", time.written)?,
            Some(Delay::At(time)) => write!(formatter, "@{} ", time.written)?,
        }
        write!(formatter, "{} ", self.side.sign())?;
        match &self.action {
            Action::Items(items) => all(formatter, items)?,
            Action::Fin => formatter.write_str("fin")?,
            Action::Close => formatter.write_str("close")?,
            Action::Reset => formatter.write_str("reset")?,
            Action::Connect => formatter.write_str("connect")?,
        }
        match &self.within {
            None => Ok(()),
            Some(time) => write!(formatter, " within {}", time.written),
        }
    }
}

fn all(formatter: &mut Formatter<'_>, items: &[Item]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            formatter.write_char(' ')?;
        }
        write!(formatter, "{item}")?;
    }
    Ok(())
}

impl Display for Item {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ItemKind::Text(parts) => text(formatter, parts)?,
            ItemKind::Raw(text) => write!(formatter, "'{text}'")?,
            ItemKind::Hex(bytes) => {
                let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                write!(formatter, "x\"{}\"", bytes.join(" "))?;
            }
            ItemKind::Control(name, _) => formatter.write_str(name)?,
            ItemKind::Number(number) => write!(formatter, "{}({})", number.kind, number.written)?,
            ItemKind::Json(json) => write!(formatter, "json {json}")?,
            ItemKind::Wrapper(wrapper, items) => {
                match wrapper {
                    Wrapper::Check(Check::Xor) => formatter.write_str("xor(")?,
                    Wrapper::Check(Check::Sum8) => formatter.write_str("sum8(")?,
                    Wrapper::Check(Check::Crc(name)) => write!(formatter, "crc(\"{name}\" ")?,
                    Wrapper::Length(number_type) => write!(formatter, "len{}(", &number_type.to_string()[1..])?,
                    Wrapper::Block => formatter.write_str("block(")?,
                }
                all(formatter, items)?;
                formatter.write_char(')')?;
            }
            ItemKind::Name(name) => write!(formatter, "${name}")?,
            ItemKind::Hole(hole) => write!(formatter, "{hole}")?,
        }
        match self.times {
            None => Ok(()),
            Some(times) => write!(formatter, "*{times}"),
        }
    }
}

fn text(formatter: &mut Formatter<'_>, parts: &[TextPart]) -> fmt::Result {
    formatter.write_char('"')?;
    for part in parts {
        match part {
            TextPart::Byte(byte) => write!(formatter, "\\x{byte:02x}")?,
            TextPart::Text(text) => {
                for character in text.chars() {
                    match character {
                        '"' | '\\' => write!(formatter, "\\{character}")?,
                        '\n' => formatter.write_str("\\n")?,
                        '\r' => formatter.write_str("\\r")?,
                        '\t' => formatter.write_str("\\t")?,
                        '\0' => formatter.write_str("\\0")?,
                        _ => formatter.write_char(character)?,
                    }
                }
            }
        }
    }
    formatter.write_char('"')
}

impl Display for Hole {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{{{}", self.kind)?;
        if let Some(name) = &self.name {
            write!(formatter, " {name}")?;
        }
        if let Some(example) = &self.example {
            formatter.write_str(" = ")?;
            all(formatter, example)?;
        }
        formatter.write_char('}')
    }
}

impl Display for Kind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => formatter.write_str(".."),
            Self::Regex(regex) => write!(formatter, "/{regex}/"),
            Self::Bytes(1) => formatter.write_str("1 byte"),
            Self::Bytes(count) => write!(formatter, "{count} bytes"),
            Self::Digits => formatter.write_str("digits"),
            Self::Int => formatter.write_str("int"),
            Self::Number => formatter.write_str("number"),
            Self::Word => formatter.write_str("word"),
            Self::Json => formatter.write_str("json"),
            Self::Block => formatter.write_str("block"),
            Self::Binary(number_type) => write!(formatter, "{number_type}"),
        }
    }
}

impl Display for JsonPattern<Hole> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_char('_'),
            Self::Captured(name) => write!(formatter, "${name}"),
            Self::Hole(hole) => write!(formatter, "{hole}"),
            Self::String(string) => formatter.write_str(&quoted(string)),
            Self::Number(number) => formatter.write_str(number),
            Self::Constant(constant) => formatter.write_str(constant),
            Self::Array { elements, open } => {
                let elements = elements.iter().map(ToString::to_string);
                write!(formatter, "[{}]", separated(elements, *open))
            }
            Self::Object { members, open } => {
                let members = members.iter().map(|(key, value)| format!("{}: {value}", quoted(key)));
                write!(formatter, "{{{}}}", separated(members, *open))
            }
        }
    }
}

fn separated(parts: impl Iterator<Item = String>, open: bool) -> String {
    parts.chain(open.then(|| "..".to_owned())).collect::<Vec<_>>().join(", ")
}

/// A JSON string, with characters beyond ASCII as they are.
fn quoted(string: &str) -> String {
    serde_json::Value::from(string).to_string()
}
