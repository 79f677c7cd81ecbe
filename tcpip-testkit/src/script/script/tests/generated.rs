//! Scripts that are made up.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    script::{
        control,
        number_type::NumberType,
        syntax::tree::{
            Action, Branching, Check, Content, Delay, Hole, Item, ItemKind, JSON_CONSTANTS, JsonPattern, Kind, Number,
            Step, TextPart, Time, Wrapper,
        },
    },
    side::Side,
};

fn item(kind: ItemKind, times: Option<u32>) -> Item {
    Item { kind, times, place: Place::default() }
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_-]{0,6}"
}

fn time() -> impl Strategy<Value = Time> {
    (0..5000_u64, option::of(0..1000_u64), select(vec![("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000)]))
        .prop_map(|(whole, fraction, (unit, nanoseconds))| {
            let point = fraction.map_or_else(String::new, |fraction| format!(".{fraction:03}"));
            let nanoseconds = whole * nanoseconds + fraction.unwrap_or(0) * nanoseconds / 1000;
            Time { written: format!("{whole}{point}{unit}"), duration: std::time::Duration::from_nanos(nanoseconds) }
        })
}

fn number() -> impl Strategy<Value = Number> {
    let names = vec!["u8", "i8", "u16le", "i16be", "u32be", "i32le", "u64be", "i64le", "f32le", "f64be"];
    (select(names), 0..=127_u8).prop_map(|(name, value)| {
        let kind = NumberType::from_name(name).unwrap();
        let written = match name.chars().next() {
            Some('u') => format!("0x{value:x}"),
            Some('i') => format!("-{value}"),
            _ => format!("{value}.5"),
        };
        let bytes = kind.encode(&written).unwrap();
        Number { kind, written, bytes }
    })
}

/// Text without a line end, as it is written in a line.
fn line_text() -> impl Strategy<Value = String> {
    prop_oneof![3 => r#"[ -~é€\t\\"'#{}]{0,8}"#, 1 => any::<String>()].prop_map(|text| text.replace('\n', ""))
}

/// Two parts of text side by side would be one.
fn text() -> impl Strategy<Value = Vec<TextPart>> {
    vec(prop_oneof![any::<u8>().prop_map(TextPart::Byte), any::<String>().prop_map(TextPart::Text)], 0..4).prop_map(
        |mut parts| {
            parts.retain(|part| !matches!(part, TextPart::Text(text) if text.is_empty()));
            parts.dedup_by(|next, before| matches!((next, before), (TextPart::Text(_), TextPart::Text(_))));
            parts
        },
    )
}

fn literal() -> impl Strategy<Value = Item> {
    let controls = vec!["CR", "LF", "NUL", "US", "SP", "DEL", "XON", "IAC", "DONT", "GA", "DC4"];
    let kind = prop_oneof![
        text().prop_map(ItemKind::Text),
        line_text().prop_map(|text| ItemKind::Raw(text.replace('\'', ""))),
        vec(any::<u8>(), 0..5).prop_map(ItemKind::Hex),
        select(controls)
            .prop_map(|name| control::byte(name).map(|(name, byte)| ItemKind::Control(name, byte)).unwrap()),
        number().prop_map(ItemKind::Number),
    ];
    (kind, option::weighted(0.1, 0..4_u32)).prop_map(|(kind, times)| item(kind, times))
}

fn hole(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Hole> {
    let of_kind = |kind: Kind| (option::of(name()), option::of(example(&kind)), Just(kind));
    kind.prop_flat_map(of_kind).prop_map(|(name, example, kind)| Hole { kind, name, example, place: Place::default() })
}

/// What a hole of this kind takes, before a line feed.
fn example(kind: &Kind) -> BoxedStrategy<Vec<Item>> {
    let raw = |text: &'static str| text.prop_map(|text| vec![item(ItemKind::Raw(text), None)]).boxed();
    let hex = |count| vec(any::<u8>(), count).prop_map(|bytes| vec![item(ItemKind::Hex(bytes), None)]).boxed();
    match kind {
        Kind::Anything => raw("[ -&(-~é€]{0,8}"),
        Kind::Regex(_) => raw("a[#/]"),
        Kind::Bytes(count) => hex(*count as usize),
        Kind::Binary(number) => hex(number.size()),
        Kind::Digits => raw("[0-9]{1,3}"),
        Kind::Int => raw("[-+]?[0-9]{1,3}"),
        Kind::Number => raw(r"-?[0-9]{1,2}(\.[0-9]{1,2})?(e-?[0-9])?"),
        Kind::Word => raw("[!-&(-~]{1,4}"),
        Kind::Json | Kind::Block => vec(literal(), 1..3).boxed(),
    }
}

/// A hole that knows its end.
fn fixed_hole() -> impl Strategy<Value = Item> {
    let kind = prop_oneof![
        (0..9_u32).prop_map(Kind::Bytes),
        Just(Kind::Block),
        Just(Kind::Json),
        number().prop_map(|number| Kind::Binary(number.kind)),
    ];
    (hole(kind), option::weighted(0.1, 0..4_u32)).prop_map(|(hole, times)| item(ItemKind::Hole(hole), times))
}

/// A hole with what follows it: nothing of what it takes begins with a line feed.
fn open_hole() -> impl Strategy<Value = Vec<Item>> {
    let kind = select(vec![
        Kind::Anything,
        Kind::Regex(r"a+[#\/]".to_owned()),
        Kind::Digits,
        Kind::Int,
        Kind::Number,
        Kind::Word,
    ]);
    hole(kind).prop_map(|hole| vec![item(ItemKind::Hole(hole), None), item(ItemKind::Control("LF", b'\n'), None)])
}

fn json() -> impl Strategy<Value = JsonPattern<Hole>> {
    let kinds = vec![Kind::Json, Kind::Int, Kind::Number, Kind::Digits, Kind::Word, Kind::Regex("a.".to_owned())];
    let leaf = prop_oneof![
        Just(JsonPattern::Any),
        name().prop_map(JsonPattern::Captured),
        hole(select(kinds)).prop_map(JsonPattern::Hole),
        any::<String>().prop_map(JsonPattern::String),
        any::<f64>()
            .prop_filter("JSON", |value| value.is_finite())
            .prop_map(|value| JsonPattern::Number(format!("{value:e}"))),
        any::<i64>().prop_map(|value| JsonPattern::Number(value.to_string())),
        select(JSON_CONSTANTS.to_vec()).prop_map(JsonPattern::Constant),
    ];
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..4), any::<bool>())
                .prop_map(|(elements, open)| JsonPattern::Array { elements, open }),
            (vec((any::<String>(), inner), 0..4), any::<bool>())
                .prop_map(|(members, open)| JsonPattern::Object { members, open }),
        ]
    });
    // By itself, a number does not know its end.
    (vec(nested, 0..4), any::<bool>()).prop_map(|(elements, open)| JsonPattern::Array { elements, open })
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let one = |item: Item| vec![item];
    let flat = prop_oneof![
        4 => literal().prop_map(one),
        1 => fixed_hole().prop_map(one),
        2 => open_hole(),
        1 => json().prop_map(move |json| one(item(ItemKind::Json(json), None))),
        1 => name().prop_map(move |name| one(item(ItemKind::Name(name), None))),
    ];
    let wrappers = vec![
        Wrapper::Check(Check::Xor),
        Wrapper::Check(Check::Sum8),
        Wrapper::Check(Check::Crc("CRC-16/MODBUS".to_owned())),
        Wrapper::Length(NumberType::of_length("8").unwrap()),
        Wrapper::Length(NumberType::of_length("32le").unwrap()),
        Wrapper::Block,
    ];
    let nested = flat.prop_recursive(2, 8, 3, move |inner| {
        (select(wrappers.clone()), vec(inner, 1..3))
            .prop_map(move |(wrapper, items)| vec![item(ItemKind::Wrapper(wrapper, items.concat()), None)])
    });
    vec(nested, 1..4).prop_map(|items| items.concat())
}

fn side() -> impl Strategy<Value = Side> {
    select(vec![Side::Client, Side::Server])
}

fn step() -> impl Strategy<Value = Step> {
    let delay = prop_oneof![time().prop_map(Delay::After), time().prop_map(Delay::At)];
    let bare = select(vec![Action::Fin, Action::Close, Action::Reset, Action::Connect]);
    let action = prop_oneof![2 => items().prop_map(Action::Items), 1 => bare];
    (option::of(delay), side(), action, option::of(time())).prop_map(|(delay, side, action, within)| Step {
        delay,
        side: if action == Action::Connect { Side::Client } else { side },
        action,
        within,
    })
}

/// A step with items, and some that continue it.
fn long_step() -> impl Strategy<Value = Vec<Content>> {
    (side(), items(), vec(items(), 0..3)).prop_map(|(side, first, more)| {
        let step = Step { delay: None, side, action: Action::Items(first), within: None };
        let more = more.into_iter().map(Content::Items);
        std::iter::once(Content::Step(step)).chain(more).collect()
    })
}

fn of_side(lines: Vec<Content>, side: Side) -> Vec<Content> {
    lines
        .into_iter()
        .map(|content| match content {
            Content::Step(step) => Content::Step(Step { side, ..step }),
            content => content,
        })
        .collect()
}

fn contents() -> impl Strategy<Value = Vec<Content>> {
    let one = |content: Content| vec![content];
    let flat = prop_oneof![
        3 => long_step(),
        3 => step().prop_map(move |step| one(Content::Step(step))),
        1 => time().prop_map(move |time| one(Content::Wait(time))),
        1 => time().prop_map(move |time| one(Content::Silence(time))),
        1 => time().prop_map(move |time| one(Content::Deadline(time))),
        1 => Just(one(Content::Encoding("UTF_8".to_owned()))),
        1 => (option::of(name()), long_step()).prop_map(|(name, body)| {
            let time = Time { written: "1.5ms".to_owned(), duration: std::time::Duration::from_micros(1500) };
            let stop = name.clone().map(Content::Stop);
            [vec![Content::Every(time, name)], body, vec![Content::End], stop.into_iter().collect()].concat()
        }),
        1 => long_step().prop_map(|body| [vec![Content::AnyTime], body, vec![Content::End]].concat()),
    ];
    let block = flat.prop_recursive(3, 12, 3, |inner| {
        let branching = select(vec![Branching::AnyOrder, Branching::OneOf]);
        prop_oneof![
            (0..9_u32, long_step(), vec(inner.clone(), 0..3)).prop_map(|(times, first, body)| {
                [vec![Content::Repeat(Some(times))], first, body.concat(), vec![Content::End]].concat()
            }),
            (long_step(), vec(inner.clone(), 0..3)).prop_map(|(first, body)| {
                [vec![Content::Repeat(None)], first, body.concat(), vec![Content::End]].concat()
            }),
            (branching, side(), vec((long_step(), inner), 1..3)).prop_map(|(branching, side, branches)| {
                let branches = branches.into_iter().map(|(first, body)| [of_side(first, side), body].concat());
                let branches: Vec<_> = branches.collect();
                let all = branches.join(&Content::Next(branching));
                [vec![Content::Branching(branching)], all, vec![Content::End]].concat()
            }),
        ]
    });
    vec(block, 0..4).prop_map(|blocks| blocks.concat())
}

/// The lines of a script, with comments.
fn script_lines() -> impl Strategy<Value = Vec<Line>> {
    let comment = || option::weighted(0.2, line_text().prop_map(|text| text.trim_end().to_owned()));
    (contents(), any::<prop::sample::Index>(), comment()).prop_map(|(contents, index, comment)| {
        let line = |content| Line { content: Some(content), comment: None, place: Place::default() };
        let mut lines: Vec<Line> = contents.into_iter().map(line).collect();
        if let Some(comment) = comment {
            let at = index.index(lines.len() + 1);
            match lines.get_mut(at) {
                Some(line) => line.comment = Some(comment),
                None => lines.push(Line { content: None, comment: Some(comment), place: Place::default() }),
            }
        }
        lines
    })
}

fn config() -> ProptestConfig {
    let cases = std::env::var("TCPIP_SCRIPTS").map_or(32, |count| count.parse().expect("TCPIP_SCRIPTS is a number"));
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// The canonical form of any script is read as the same script.
    #[test]
    fn a_canonical_form_means_the_same(lines in script_lines()) {
        let canonical = syntax::canonical(&lines);
        let read = Script::parse(&canonical).map_err(|error| TestCaseError::fail(format!("{error}\n{canonical}")))?;
        prop_assert_eq!(&read.0.lines, &lines, "{}", canonical);
        prop_assert_eq!(read.to_string(), canonical);
    }

    /// What is no script is refused, whatever it is, and shown.
    #[test]
    fn no_text_is_too_much(text in any::<String>()) {
        if let Err(error) = Script::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// The same, with what scripts consist of.
    #[test]
    fn no_text_of_tokens_is_too_much(
        tokens in vec(select(vec![
            ">", "<", "+5ms", "@1s", "\"", "'", "\\", "x\"", "0d", "CR", "LF", "{", "}", "(", ")", "[", "]", "=", "..",
            "/", "*", "$a", "json", "word", "digits", "8 bytes", "u32le", "xor(", "crc(", "len8(", "block(", "fin",
            "connect", "within", "repeat", "any order", "any time", "and", "one of", "or", "end", "every 1s", "stop a",
            "wait 1s", "encoding", "script 1", "#", ",", ":", "_", "é", "1", "-", "\n", "\r", " ", "\t", "\0",
        ]), 0..40),
        blanks in any::<bool>(),
    ) {
        let text = tokens.join(if blanks { " " } else { "" });
        if let Err(error) = Script::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

/// What is read up to anywhere is a script or none, and damage does not go unseen as a panic.
#[test]
fn every_beginning_is_read_or_refused() {
    for text in CORPUS {
        for (at, character) in text.char_indices() {
            for changed in [text[..at].to_owned(), format!("{}{}", &text[..at], &text[at + character.len_utf8()..])] {
                match Script::parse(&changed) {
                    Ok(script) => assert_eq!(script.to_string(), changed),
                    Err(error) => assert!(error.to_string().contains('^'), "{error}"),
                }
            }
        }
    }
}
