//! The frames of devices: whatever pieces they come in, what is damaged between them, and how they are written.

use proptest::prelude::*;
use tcpip_core::{BytesMut, Checksum, Damage, Decoder, Encoder, Escape, FrameCodec, Framing, LengthField, Unframable};

type Item = Result<Vec<u8>, Damage>;

fn bytes(item: Result<bytes::Bytes, Damage>) -> Item {
    item.map(|content| content.to_vec())
}

/// All that a codec makes of what there is.
fn drain(codec: &mut FrameCodec, buffer: &mut BytesMut) -> Vec<Item> {
    std::iter::from_fn(|| codec.decode(buffer).expect("a codec never fails")).map(bytes).collect()
}

/// What is made of a stream that comes in pieces.
fn decode<'a>(framing: &Framing, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Item> {
    let (mut codec, mut buffer, mut items) = (framing.codec(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        items.extend(drain(&mut codec, &mut buffer));
    }
    items.extend(std::iter::from_fn(|| codec.decode_eof(&mut buffer).expect("a codec never fails")).map(bytes));
    assert_eq!(buffer, b""[..], "{framing:?} leaves nothing");
    items
}

/// What is made of a stream that comes whole.
fn items(framing: &Framing, stream: &[u8]) -> Vec<Item> {
    decode(framing, [stream])
}

/// One of each kind, with each checksum and escape somewhere.
fn framings() -> Vec<Framing> {
    let crc16 = Checksum::crc16(&crc::CRC_16_MODBUS).little_endian();
    let crc32 = Checksum::crc32(&crc::CRC_32_ISO_HDLC);
    vec![
        Framing::ended_by(b"\r\n"),
        Framing::ended_by(b";").checksum(Checksum::sum().in_hex()),
        Framing::ended_by(b"\r\n\x03").written_with(b"\r\n\x03"),
        Framing::any_line_end(),
        Framing::between(b"\x02", b"\x03"),
        Framing::between(b"\x02", b"\x03").checksum(Checksum::xor().behind_the_end()),
        Framing::between(b"$", b"\r\n").checksum(Checksum::xor().in_hex().separated_by(b"*")),
        Framing::between(b"<<", b">>").checksum(Checksum::lrc().of_the_whole_frame()),
        Framing::between(b"\x02", b"\x03").escaped(Escape::with(0x1B)),
        Framing::dle().checksum(Checksum::sum()),
        Framing::between(b"\x7e", b"\x7f").escaped(Escape::xor(0x7D, 0x20)).checksum(crc16.clone()),
        Framing::slip().checksum(crc32),
        Framing::cobs().checksum(Checksum::crc8(&crc::CRC_8_SMBUS)),
        Framing::fixed(4),
        Framing::length_prefixed(LengthField::of_bytes(1)),
        Framing::length_prefixed(LengthField::of_bytes(2).at(1).little_endian().adjusted_by(-3)).checksum(crc16),
        Framing::length_prefixed(LengthField::of_bytes(1).kept()).checksum(Checksum::xor().behind_the_end()),
        Framing::scpi_blocks(),
        Framing::json_values(),
    ]
}

/// Bytes that mean something to some framing, and others.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let alphabet = b"\r\n\x02\x03\x00\x01\x04;$*<>#0123{}[]\"\\ ab\x10\x1b\x7d\x7e\x7f\x5e\xc0\xdb\xdc\xdd\xff";
    let random = prop::collection::vec(prop::sample::select(&alphabet[..]), 0..12);
    prop::collection::vec(random, 0..12).prop_map(|pieces| pieces.concat())
}

/// A stream of frames, with what is none between some.
fn frames(framing: &Framing, contents: &[Vec<u8>], noise: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (index, content) in contents.iter().enumerate() {
        if let Ok(frame) = framing.frame(content) {
            stream.extend(frame);
        }
        if index % 3 == 1 {
            stream.extend(noise);
        }
    }
    stream
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whole, byte by byte and cut anywhere, the same frames and the same damage are found.
    #[test]
    fn pieces_do_not_matter(
        contents in prop::collection::vec(stream(), 0..5),
        noise in stream(),
        limit in 1_usize..40,
        cut in 2_usize..9,
    ) {
        for framing in framings() {
            for framing in [framing.clone().limit(limit), framing] {
                let stream = frames(&framing, &contents, &noise);
                let whole = decode(&framing, [&stream[..]]);
                prop_assert_eq!(&decode(&framing, stream.chunks(1)), &whole, "{:?}", framing);
                prop_assert_eq!(&decode(&framing, stream.chunks(cut)), &whole, "{:?}", framing);
            }
        }
    }

    /// What is written is read again, or is refused.
    #[test]
    fn what_is_written_is_read(contents in prop::collection::vec(stream(), 0..8)) {
        for framing in framings() {
            let mut buffer = BytesMut::new();
            let mut codec = framing.codec();
            let is_written = |content: &&Vec<u8>| codec.encode(content, &mut buffer).is_ok();
            let written: Vec<_> = contents.iter().filter(is_written).cloned().map(Ok).collect();
            let skips_empty = matches!(framing.frame(b""), Ok(frame) if items(&framing, &frame).is_empty());
            let expected: Vec<Item> = written
                .into_iter()
                .filter(|content| !skips_empty || content.as_ref().is_ok_and(|content| !content.is_empty()))
                .collect();
            let found = items(&framing, &buffer);
            if format!("{framing:?}").contains("Lengths") && format!("{framing:?}").contains("is_kept: true") {
                // The length is put in.
                let ends = |items: &[Item]| -> Vec<_> {
                    items.iter().map(|item| item.as_ref().map(|content| content[1..].to_vec()).unwrap()).collect()
                };
                prop_assert_eq!(ends(&found), ends(&expected));
            } else {
                prop_assert_eq!(found, expected, "{:?}", framing);
            }
        }
    }

    /// Lines are those that a search for line ends finds in the whole text.
    #[test]
    fn lines_are_what_is_between_line_ends(text in "[ab\r\n]{0,40}") {
        let text_with_one_end = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut expected: Vec<_> = text_with_one_end.split('\n').map(str::to_owned).collect();
        let rest = expected.pop().unwrap();
        let mut expected: Vec<Item> = expected.into_iter().map(|line| Ok(line.into_bytes())).collect();
        if !rest.is_empty() {
            expected.push(Err(Damage::Unended(rest.into())));
        }
        prop_assert_eq!(decode(&Framing::any_line_end(), text.as_bytes().chunks(1)), expected);
    }

    /// Between two marks of a byte, what is no frame is told of whole, and in order.
    #[test]
    fn nothing_is_lost_between_marks(stream in prop::collection::vec(prop::sample::select(&b"<>a"[..]), 0..40)) {
        let all: Vec<u8> = decode(&Framing::between(b"<", b">"), stream.chunks(1))
            .into_iter()
            .flat_map(|item| match item {
                Ok(content) => [b"<", &content[..], b">"].concat(),
                Err(Damage::Noise(bytes)) => {
                    assert!(!bytes.contains(&b'<'), "noise has no begin mark");
                    bytes.to_vec()
                }
                Err(Damage::Unended(bytes)) => {
                    assert!(bytes.starts_with(b"<") && !bytes.contains(&b'>'), "it has not ended");
                    bytes.to_vec()
                }
                Err(damage) => panic!("{damage}"),
            })
            .collect();
        prop_assert_eq!(all, stream);
    }
}

/// Frames as others write them.
#[test]
fn frames_are_those_of_their_sources() {
    let modbus_rtu = Checksum::crc16(&crc::CRC_16_MODBUS).little_endian();
    let known: [(Framing, &[u8], &[u8]); 10] = [
        (Framing::dle(), b"a\x10b", b"\x10\x02a\x10\x10b\x10\x03"),
        (Framing::slip(), b"\xc0a\xdb", b"\xc0\xdb\xdca\xdb\xdd\xc0"),
        (Framing::cobs(), b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33\x00"),
        (Framing::scpi_blocks(), b"0123456789", b"#2100123456789"),
        (Framing::fixed(8).checksum(modbus_rtu), b"\x01\x03\x00\x00\x00\x0a", b"\x01\x03\x00\x00\x00\x0a\xc5\xcd"),
        (
            Framing::between(b"\x7e", b"\x7f").escaped(Escape::xor(0x7D, 0x20)),
            b"\x7e\x7da",
            b"\x7e\x7d\x5e\x7d\x5da\x7f",
        ),
        (Framing::between(b":", b"\r\n").checksum(Checksum::lrc().in_hex()), b"A", b":ABF\r\n"),
        (Framing::length_prefixed(LengthField::of_bytes(4)), b"ab", b"\0\0\0\x02ab"),
        (Framing::length_prefixed(LengthField::of_bytes(2).little_endian().adjusted_by(-2)), b"ab", b"\x04\0ab"),
        (Framing::any_line_end().written_with(b"\r"), b"*IDN?", b"*IDN?\r"),
    ];
    for (framing, content, frame) in known {
        assert_eq!(framing.frame(content).unwrap(), frame, "{framing:?}");
        assert_eq!(items(&framing, frame), [Ok(content.to_vec())], "{framing:?}");
    }
    assert_eq!(items(&Framing::scpi_blocks(), b"#0ab#\n\r\n#13cde"), [Ok(b"ab#".to_vec()), Ok(b"cde".to_vec())]);
    let json = br#" {"a":"}\"{"}[1,{"b":[]}]"#;
    assert_eq!(
        items(&Framing::json_values(), json),
        [Ok(br#"{"a":"}\"{"}"#.to_vec()), Ok(br#"[1,{"b":[]}]"#.to_vec())]
    );
}

/// Behind each damage the next frame is found.
#[test]
fn the_next_frame_is_found_behind_damage() {
    let noise = |bytes: &'static [u8]| Damage::Noise(bytes.into());
    let too_long = Damage::TooLong { limit: 4 };
    let stx = Framing::between(b"\x02", b"\x03").limit(4);
    let bcc = stx.clone().checksum(Checksum::xor().behind_the_end());
    let damaged: [(Framing, &[u8], Vec<Damage>); 12] = [
        (Framing::ended_by(b"\r\n").limit(4), b"12345\r\nok\r\n", vec![too_long.clone()]),
        (Framing::any_line_end().limit(4), b"1234567\r\nok\n", vec![too_long.clone()]),
        (stx.clone(), b"ab\x02ok\x03", vec![noise(b"ab")]),
        (stx.clone(), b"abcdef\x02ok\x03", vec![noise(b"abcd"), noise(b"ef")]),
        (stx.clone(), b"\x02a\x02ok\x03", vec![Damage::Unended(b"\x02a"[..].into())]),
        (stx.clone(), b"\x0212345\x03\x02ok\x03", vec![too_long.clone()]),
        (stx, b"\x0212345\x02ok\x03", vec![too_long.clone()]),
        (
            bcc,
            b"\x02no\x03?\x02ok\x03\x07",
            vec![Damage::BadChecksum { content: b"no"[..].into(), expected: b"\x02"[..].into() }],
        ),
        (Framing::dle(), b"\x10\x02a\x10b\x10\x03\x10\x02ok\x10\x03", vec![Damage::BadEscape(b"a\x10b"[..].into())]),
        (Framing::length_prefixed(LengthField::of_bytes(1)).limit(4), b"\x05abcde\x02ok", vec![too_long.clone()]),
        (
            Framing::length_prefixed(LengthField::of_bytes(1).adjusted_by(-1)),
            b"\x00\x03ok",
            vec![Damage::BadLength(b"\0"[..].into())],
        ),
        (Framing::scpi_blocks().limit(4), b"?#x#15abcde#12ok", vec![noise(b"?"), noise(b"#x"), too_long]),
    ];
    for (framing, stream, damage) in damaged {
        let expected: Vec<Item> = damage.into_iter().map(Err).chain([Ok(b"ok".to_vec())]).collect();
        assert_eq!(items(&framing, stream), expected, "{framing:?}");
    }
    let json = Framing::json_values().limit(4);
    let expected: [Item; 3] = [Err(noise(b"x,")), Err(Damage::TooLong { limit: 4 }), Ok(b"[1]".to_vec())];
    assert_eq!(items(&json, b"x,{\"a\":\"}\"} [1]"), expected);
}

/// What is left at the end of the stream is told, unless it belongs to what has been.
#[test]
fn what_is_left_at_the_end_is_told() {
    let unended = |bytes: &'static [u8]| Err(Damage::Unended(bytes.into()));
    let too_long = Err(Damage::TooLong { limit: 4 });
    let stx = Framing::between(b"\x02", b"\x03").limit(4);
    let left: [(Framing, &[u8], Vec<Item>); 9] = [
        (Framing::ended_by(b"\n"), b"ok\nab", vec![Ok(b"ok".to_vec()), unended(b"ab")]),
        (Framing::ended_by(b"\n").limit(4), b"123456", vec![too_long.clone()]),
        (stx.clone(), b"\x02ok\x03?", vec![Ok(b"ok".to_vec()), Err(Damage::Noise(b"?"[..].into()))]),
        (stx.clone(), b"\x02ab", vec![unended(b"\x02ab")]),
        (stx.clone(), b"\x02123456", vec![too_long]),
        (stx.checksum(Checksum::xor().behind_the_end()), b"\x02ab\x03", vec![unended(b"\x02ab\x03")]),
        (Framing::fixed(3), b"ab", vec![unended(b"ab")]),
        (Framing::scpi_blocks(), b"#15ab", vec![unended(b"#15ab")]),
        (Framing::json_values(), b"{} [1", vec![Ok(b"{}".to_vec()), unended(b"[1")]),
    ];
    for (framing, stream, expected) in left {
        assert_eq!(items(&framing, stream), expected, "{framing:?}");
        assert_eq!(decode(&framing, stream.chunks(1)), expected, "{framing:?}");
    }
}

/// What would be read as something else is not written.
#[test]
fn what_cannot_be_a_frame_is_refused() {
    let refused: [(Framing, &[u8], Unframable); 9] = [
        (Framing::ended_by(b"\r\n"), b"a\r\nb", Unframable::ContainsMark),
        (Framing::ended_by(b"abab"), b"ab", Unframable::ContainsMark),
        (Framing::any_line_end(), b"a\n", Unframable::ContainsMark),
        (Framing::between(b"\x02", b"\x03"), b"a\x02", Unframable::ContainsMark),
        (Framing::json_values(), b"{} {}", Unframable::ContainsMark),
        (Framing::fixed(3), b"ab", Unframable::WrongSize),
        (Framing::length_prefixed(LengthField::of_bytes(1)), &[0; 256], Unframable::TooLong),
        (Framing::length_prefixed(LengthField::of_bytes(2).kept()), b"a", Unframable::WrongSize),
        (Framing::slip().limit(3), b"\xc0\xc0", Unframable::TooLong),
    ];
    for (framing, content, error) in refused {
        assert_eq!(framing.frame(content), Err(error), "{framing:?}");
        let failed = framing.codec().encode(content, &mut BytesMut::new()).unwrap_err();
        assert_eq!(failed.get_ref().and_then(|inner| inner.downcast_ref()), Some(&error));
    }
}

/// What has been searched is not searched again: an end that appears there afterwards is not found.
#[test]
fn no_byte_is_searched_twice() {
    for framing in [
        Framing::ended_by(b"\n"),
        Framing::any_line_end(),
        Framing::between(b"#0", b"\n"),
        Framing::scpi_blocks(),
        Framing::json_values(),
    ] {
        let (mut codec, mut buffer) = (framing.codec(), BytesMut::from(&b"#0{xxxxxxxx"[..]));
        if format!("{framing:?}").contains("Values") {
            buffer[..2].copy_from_slice(b"{\"");
        }
        assert_eq!(codec.decode(&mut buffer).unwrap(), None);
        let end = if format!("{framing:?}").contains("Values") { b'"' } else { b'\n' };
        let length = buffer.len();
        buffer[5..length].fill(end);
        assert_eq!(codec.decode(&mut buffer).unwrap(), None, "{framing:?}");
    }
}
