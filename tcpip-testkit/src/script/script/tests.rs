//! What is a script, and what is wrong with what is none.

mod generated;

use std::fs;

use super::*;

/// The script of the format's description, and one with each construct.
pub(crate) const CORPUS: [&str; 3] = [
    r#"script 1
# A dome greets, then answers each command with lines and a prompt that no line end follows.
< "ACE Main Box" LF ">"
> "?" CR LF
+3ms < "MAIN " {word = "CLOSED"} " " {digits = "000"} LF    # CLOSED, OPEN or AJAR
  "POSN " {number azimuth = "285.00"} LF
  ">"
> "280.00 MV" CR LF  within 2s
< ">"
> fin
< close
"#,
    r#"encoding latin-1
deadline 2s
every 100ms telemetry        # unsolicited
  < "T " {number = "1.5"} LF
end
any time                     # comes or not
  > "heartbeat" CR LF
end
repeat 3                     # so often
  > "STEP" LF
  < "OK" LF
end
any order                    # each branch once
  > "VOLT?" LF
  < "1.5" LF
and
  > "CURR?" LF
  < "0.1" LF
end
stop telemetry
repeat
  one of
    > "*IDN?" CR
    < "ACME,6517,1,1.0" CR LF
  or
    > "MEAS?" CR
    +200ms < "1.5E-9" CR LF
  end
end
@1.5h > connect within 1min
wait 1.25s
silence 20us
< reset
"#,
    r#"> "a\"\\\n\r\t\0\x7fé" 'say "x" # no comment' CR DC1 IAC SP XON x"02 00 0a" x"" x"ff"
  u32le(3) f64be(-0.5) u8(0x1f) i16be(-2) "-"*40 xor("01R" ETX) sum8(STX {2 bytes}) len16be("abc") len8(LF)
  block({8 bytes}) crc("CRC-16/MODBUS" x"01" x"03") $name $a-b_1*2
> {digits} " " {int n} " " {number} ";" {word w = "x"} LF {.. rest = "a" LF*2} CR LF {/[a#\/]+/ x = "a"} "." {1 byte}
  {8 bytes b} {u32le = u32le(7)} {f64be} {json} {block = block("x")}
> json {"id": 7, "az": NaN, "x": [1, -2.5e-3, ..], "é\n": {int id = "7"}, "o": {..}, "_": _, "n": $id, ..}
> json [] json {} json [..] json {..} json {"a": [{}, []]} json -Infinity json "text" json null json {/a/ = "a"} LF
"#,
];

/// Scripts are shown as they were read, and have one canonical form.
#[test]
fn every_construct_is_read_and_kept() {
    for text in CORPUS {
        let script = Script::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(script.to_string(), text);
        let canonical = script.to_canonical();
        let again = Script::parse(&canonical).unwrap_or_else(|error| panic!("{error}\n{canonical}"));
        assert_eq!(again.0.lines, script.0.lines);
        assert_eq!(again.to_canonical(), canonical);
        let without_blanks: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(Script::parse(&without_blanks.join("\r\n")).unwrap().to_canonical(), canonical);
    }
}

#[test]
fn the_canonical_form_has_levels() {
    let text = r#"   repeat 2 # twice
# here
>   "a"   CR
LF   # more
one of
< fin
or
+5ms    < reset   within   1s
end
end"#;
    let canonical = r#"repeat 2  # twice
  # here
  > "a" CR
    LF  # more
  one of
    < fin
  or
    +5ms < reset within 1s
  end
end
"#;
    assert_eq!(Script::parse(text).unwrap().to_canonical(), canonical);
}

/// A byte-order mark, as some editors write it before the first line, is kept, and belongs to no line.
#[test]
fn a_byte_order_mark_is_of_no_line() {
    for text in CORPUS {
        let marked = format!("\u{feff}{text}");
        let script = Script::parse(&marked).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(script.to_string(), marked);
        assert_eq!(script.to_canonical(), Script::parse(text).unwrap().to_canonical());
    }
    assert_eq!(Script::parse("\u{feff}").unwrap().to_string(), "\u{feff}");
    for text in ["> \"a\" CRLF", "CRLF", "> \"a\"\n> CRLF", "repeat 2\n> \"a\"", "script 2", "encoding klingon"] {
        let error = Script::parse(text).unwrap_err().to_string();
        assert_eq!(Script::parse(&format!("\u{feff}{text}")).unwrap_err().to_string(), error);
    }
    // Anywhere else it is not one.
    let error = Script::parse("\u{feff}\u{feff}> \"a\"").unwrap_err().to_string();
    assert!(error.starts_with("script:1:1: expected a step"), "{error}");
    assert!(Script::parse("> \"a\"\n\u{feff}> \"a\"").is_err());
}

/// An error shows its line, and what of it is wrong.
#[test]
fn an_error_points_at_its_place() {
    let error = Script::parse("> \"a\" CR\n\n    > \"abc\" CRLF  # so\n").unwrap_err();
    let expected =
        "script:3:13: expected a control character's name (CR, LF, STX, …)\n  > \"abc\" CRLF  # so\n          ^^^^";
    assert_eq!(error.to_string(), expected);
    let error = Script::parse("> \"é\"\tx\"0\"\r\n").unwrap_err();
    assert_eq!(error.to_string(), "script:1:9: expected two hexadecimal digits\n  > \"é\"\tx\"0\"\n       \t  ^^");
}

/// What is wrong, between `«` and `»`, and what is said of it.
const WRONG: &[(&str, &str)] = &[
    // Lines.
    ("> \"a\"\n«script 1»", "`script` stands before everything else"),
    ("«script 2»", "expected `script 1`, not 2"),
    ("script «x»", "expected a number"),
    ("«hello»", "expected a step"),
    ("«5»", "expected a step"),
    ("«waits» 5s", "expected a step"),
    ("«wait5s»", "expected a step"),
    ("wait «soon»", "expected a time, as 20ms or 1.5s"),
    ("wait 5«»", "expected a unit (us, ms, s, min or h)"),
    ("wait 5«x»", "expected a unit (us, ms, s, min or h)"),
    ("wait 1.«s»", "expected a digit"),
    ("wait «9999999999999h»", "expected a time of at most 1000000 h"),
    ("wait 1s «more»", "expected the end of the line or a comment"),
    ("encoding «klingon»", "expected an encoding"),
    ("encoding«»", "expected an encoding"),
    ("«within» 5s", "`within` stands in the line that begins the step"),
    ("any «where»", "expected `any time` or `any order`"),
    ("one «or»", "expected `of`"),
    ("every 1s «Name»", "expected a name"),
    ("stop «»", "expected a name"),
    ("repeat «x»", "expected a number"),
    ("repeat «99999999999»", "expected a number of at most 4294967295"),
    // Steps.
    (">«»", "expected an item, or one of fin, close, reset and connect"),
    ("> «finish»", "expected an item, or one of fin, close, reset and connect"),
    ("+«x»", "expected a time"),
    ("+5ms «\"a\"»", "expected `>` or `<`"),
    ("> fin «\"a\"»", "expected the end of the line or a comment"),
    ("«< connect»", "only a client connects"),
    ("«\"a\"»", "there is no step of items above"),
    ("> fin\n«\"a\"»", "there is no step of items above"),
    ("> \"a\" within «x»", "expected a time"),
    ("> \"a\" «within5s»", "expected an item"),
    // Items.
    ("> «\"a»", "expected a closing `\"`"),
    ("> \"a«\\q»\"", r#"expected \", \\, \n, \r, \t, \0 or \xNN"#),
    ("> \"\\x«1\"»", "expected two hexadecimal digits"),
    ("> «'a»", "expected a closing `'`"),
    ("> x\"«0g\"»", "expected two hexadecimal digits"),
    ("> x\"00 «»", "expected two hexadecimal digits"),
    ("> «CRLF»", "expected a control character's name"),
    ("> \"a\"«\"b\"»", "expected a blank"),
    ("> \"a\" «*3»", "expected an item"),
    ("> \"a\"*«x»", "expected a number"),
    ("> «\"a\"*99999999»", "a script has at most 67108864 bytes"),
    ("> \"a\" «foo(1»)", "expected one of json, xor,"),
    ("> «u8(256)»", "expected a number in the range of u8"),
    ("> u8(«»)", "expected a number"),
    ("> u8(0x«»)", "expected a hexadecimal digit"),
    ("> u8(1«.5»)", "expected `)`"),
    ("> f32le(1.«»)", "expected a digit"),
    ("> f32le(0«x1»)", "expected `)`"),
    ("> xor(«»)", "expected an item"),
    ("> xor(\"a\"«»", "expected `)`"),
    ("> crc(«x\"00\"»)", "expected the name of a CRC"),
    ("> crc(«\"CRC-5/USB\"» LF)", "expected a name of the CRC catalogue"),
    ("> crc(\"CRC-8/SMBUS\"«»)", "expected a blank"),
    ("> $«Name»", "expected a name"),
    ("encoding ascii\n> «\"é\"»", "'é' at byte 0 does not exist in ascii"),
    // Holes.
    ("> {«hello»} LF", "expected a kind"),
    ("> {.«x»} LF", "expected `.`"),
    ("> {3 «bits»}", "expected `bytes`"),
    ("> {word «Name»} LF", "expected a name, `=` and an example, or `}`"),
    ("> {word = «»} LF", "expected an item"),
    ("> {word = \"a\" LF «", "expected `}`"),
    ("> {«/a} LF»", "expected a closing `/`"),
    ("> «{/(/}» LF", "expected a regex: unclosed group"),
    ("> «{digits}»", "a literal must follow this hole"),
    ("> «{..}»", "a literal must follow this hole"),
    ("> «{..}» \"\"", "a literal must follow this hole"),
    ("> «{/a/}» {8 bytes}", "a literal must follow this hole"),
    ("> «{word}» $name", "a literal must follow this hole"),
    ("> «{word}» xor(LF)", "a literal must follow this hole"),
    ("> xor(«{..}») LF", "a literal must follow this hole"),
    ("> «{word}»*2 LF", "a literal must follow this hole"),
    ("> «{int}» \"5\"", "what follows this hole begins with a byte that the hole would take"),
    ("> «{number}» \"e\"", "what follows this hole begins with a byte that the hole would take"),
    ("> «{word}» \"\" \"a\"", "what follows this hole begins with a byte that the hole would take"),
    ("> {word = «{digits}» LF} LF", "an example is sent, and has nothing in it that is not known"),
    ("> «{digits = \"abc\"}» LF", "this example is not what the hole takes"),
    ("> «{int = \"\"}» LF", "this example is not what the hole takes"),
    ("> «{number = \"1.5\" \"V\"}» LF", "this example is not what the hole takes"),
    ("> «{word = \"two words\"}» LF", "this example is not what the hole takes"),
    ("> «{.. = \"a\" LF \"b\"}» LF", "this example is not what the hole takes"),
    ("> «{/[A-Z]+/ = \"Ok\"}» LF", "this example is not what the hole takes"),
    ("> «{4 bytes = \"12345\"}»", "this example is not what the hole takes"),
    ("> «{u16be = u8(1)}»*2", "this example is not what the hole takes"),
    // JSON.
    ("> json «»", "expected a JSON value"),
    ("> json {«'a'»: 1}", "expected a key"),
    ("> json «nil»", "expected a JSON value"),
    ("> json {«a»: 1}", "expected a kind"),
    ("> json {\"a\" «1»}", "expected `:`"),
    ("> json {\"a\": 1 «\"b\"»: 2}", "expected `,` or `}`"),
    ("> json [1, «]»", "expected a JSON value"),
    ("> json [..«,» 1]", "expected `]`"),
    ("> json [«01»]", "no 0 before other digits"),
    ("> json [1.«]»", "expected a digit"),
    ("> json [«\"\\q\"»]", "expected a JSON string"),
    ("> json [«{8 bytes}»]", "no JSON value is of this kind"),
    ("> «json 5»", "a literal must follow this number"),
    ("> «json {int}» \"5\"", "a literal must follow this number"),
    // Blocks.
    ("«repeat 2»\n> \"a\"", "this block has no `end`"),
    ("> \"a\"\n«end»", "`end` is in no such block"),
    ("repeat 2\n> \"a\"\n«or»\nend", "`or` does not belong to the block around it"),
    ("any order\n> \"a\"\n«or»\n> \"b\"\nend", "`or` does not belong to the block around it"),
    ("«repeat»\nend", "this block has no step"),
    ("«repeat»\nwait 1s\n> \"a\"\nend", "a `repeat` without a number begins with a step"),
    ("one of\n> \"a\"\nor\n«end»", "a branch begins with a step"),
    ("one of\n«wait 1s»\nend", "a branch begins with a step"),
    ("any order\n> \"a\"\nand\n«< \"b\"»\nend", "all branches begin with a step of the same side"),
    ("«every 0s»\n> \"a\"\nend", "expected a time of more than nothing"),
    ("every 1s\n> \"a\"\n«< \"b\"»\nend", "all steps in this block are of one side"),
    ("every 1s\n«+1s > \"a\"»\nend", "a step in this block has no time of its own"),
    ("any time\n«> fin»\nend", "only steps with items may be in this block"),
    ("«any time»\nwait 1s\nend", "only steps with items may be in this block"),
    ("«stop it»", "there is no `every` above of the name `it`"),
    ("repeat 2\nevery 1s it\n> \"a\"\nend\nend\n«stop it»", "there is no `every` above of the name `it`"),
];

/// Each thing that is wrong is told, and pointed at.
#[test]
fn what_is_wrong_is_told() {
    let mut others = Vec::new();
    for (text, message) in WRONG {
        let start = text.find('«').unwrap();
        let plain = text.replace(['«', '»'], "");
        let line_start = plain[..start].rfind('\n').map_or(0, |end| end + 1);
        let Err(ScriptError::Invalid(fault)) = Script::parse(&plain) else { panic!("{text} is a script") };
        let line = 1 + plain[..start].matches('\n').count();
        let column = 1 + plain[line_start..start].chars().count();
        let width = text.find('»').map_or(fault.width, |end| (text[start..end].chars().count() - 1).max(1));
        let is_told = fault.message().contains(message);
        if !is_told || (fault.line(), fault.column(), fault.width) != (line, column, width) {
            others.push(format!("{text}\n{fault}\n"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

/// What is deep within itself is refused, not read until the stack is full.
#[test]
fn depth_has_a_limit() {
    for (open, close) in [("json [", ""), ("xor(", ""), ("{word = ", ""), ("json {\"a\": ", "")] {
        let text = format!("> {}{close}", open.replace("json ", "").repeat(100_000));
        let text = if open.starts_with("json") { text.replacen("> ", "> json ", 1) } else { text };
        let error = Script::parse(&text).unwrap_err();
        assert!(error.to_string().contains("at most 64 can be within each other"), "{open}");
    }
    let error = Script::parse(&"repeat 2\n".repeat(100_000)).unwrap_err();
    assert!(error.to_string().contains("at most 64 blocks can be within each other"), "{error}");
}

/// Files are read, and so are the scripts in Markdown, whose errors have the lines of the file.
#[test]
fn scripts_are_read_from_files() {
    let folder = std::env::temp_dir().join(format!("tcpip-scripts-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("dome.md");
    fs::write(&path, "# Dome\n\n```tcpip late\n> \"a\" CR\n```\n\n```tcpip wrong\n> \"a\"\n> CRLF\n```\n").unwrap();
    assert_eq!(Script::in_markdown(&path, "late").unwrap().to_string(), "> \"a\" CR\n");
    let error = Script::in_markdown(&path, "wrong").unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:9:3: expected", path.display())), "{error}");
    let error = Script::in_markdown(&path, "other").unwrap_err();
    assert!(matches!(&error, ScriptError::NoSuchScript { name, .. } if name == "other"), "{error}");
    fs::write(&path, "```tcpip late\n> \"a\"\n```\n```tcpip late\n> \"b\"\n```\n").unwrap();
    let error = Script::in_markdown(&path, "late").unwrap_err();
    assert!(matches!(&error, ScriptError::SeveralScripts { name, .. } if name == "late"), "{error}");
    let error = Script::read(folder.join("none.tcpip")).unwrap_err();
    assert!(matches!(&error, ScriptError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
    fs::write(&path, "\u{feff}```tcpip first\n> \"a\"\n> CRLF\n```\n").unwrap();
    let error = Script::in_markdown(&path, "first").unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:3:3: expected", path.display())), "{error}");
    let path = folder.join("dome.tcpip");
    for text in [CORPUS[0], "\u{feff}> \"a\"\r\n"] {
        fs::write(&path, text).unwrap();
        assert_eq!(Script::read(&path).unwrap().to_string(), text);
    }
    fs::remove_dir_all(&folder).unwrap();
}
