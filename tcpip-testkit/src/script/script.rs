//! A script.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    iter,
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use tcpip_core::Encoding;

use super::{
    ScriptError, ScriptFault,
    compile::compile,
    markdown, notation,
    place::Place,
    program::Block,
    syntax::{self, Content, Line, Wrong},
};

/// What is to go over a link, step by step: the text of a `.tcpip` file, in the [language of scripts](crate::scripts).
///
/// It is shown as it was read, byte for byte. Dropping it does nothing.
///
/// # Examples
///
/// ```
/// use tcpip_testkit::Script;
///
/// let script = Script::parse("> \"?\"   CR LF\n<  {word = \"CLOSED\"} LF")?;
/// assert_eq!(script.to_string(), "> \"?\"   CR LF\n<  {word = \"CLOSED\"} LF");
/// assert_eq!(script.to_canonical(), "> \"?\" CR LF\n< {word = \"CLOSED\"} LF\n");
///
/// let error = Script::parse("> \"?\" CRLF").unwrap_err();
/// assert!(error.to_string().starts_with("script:1:7: expected a control character's name"), "{error}");
/// # Ok::<(), tcpip_testkit::ScriptError>(())
/// ```
#[derive(Clone)]
pub struct Script(Arc<Read>);

#[derive(Debug)]
struct Read {
    text: String,
    origin: Origin,
    lines: Vec<Line>,
    block: Block,
}

/// Where a script comes from.
#[derive(Clone, Debug)]
enum Origin {
    /// A string of the program.
    Text,
    /// A file, whose first line of it has this number: the block of this name, or the whole of it.
    File { path: PathBuf, name: Option<String>, first_line: usize },
}

impl Script {
    /// Returns a script without a step, for a peer that is told step by step what to do.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Read { text: String::new(), origin: Origin::Text, lines: Vec::new(), block: Arc::default() }))
    }

    /// Reads a script.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Invalid`] with the place where it is no script.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        Self::of(text.to_owned(), Origin::Text)
    }

    /// Reads a script from a file.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Read`] if the file cannot be read; those of [`parse`](Self::parse).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ScriptError> {
        let path = path.as_ref();
        let text = read(path)?;
        Self::of(text, Origin::File { path: path.to_owned(), name: None, first_line: 1 })
    }

    /// Reads the script from a Markdown file that is fenced as `tcpip` with this name: ```` ```tcpip late-reply ````.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Read`] if the file cannot be read, [`ScriptError::NoSuchScript`] if it has no script of this
    /// name, [`ScriptError::SeveralScripts`] if it has several; those of [`parse`](Self::parse), with the lines of
    /// the file.
    pub fn in_markdown(path: impl AsRef<Path>, name: &str) -> Result<Self, ScriptError> {
        let path = path.as_ref();
        let text = read(path)?;
        let (path, name) = (path.to_owned(), name.to_owned());
        match &places_in(&text, Some(&name))[..] {
            [] => Err(ScriptError::NoSuchScript { path, name }),
            [range] => {
                let first_line = 1 + text[..range.start].matches('\n').count();
                let script = text[range.clone()].to_owned();
                Self::of(script, Origin::File { path, name: Some(name), first_line })
            }
            _ => Err(ScriptError::SeveralScripts { path, name }),
        }
    }

    fn of(text: String, origin: Origin) -> Result<Self, ScriptError> {
        let read = syntax::lines(&text).and_then(|lines| Ok((compile(&lines)?, lines)));
        match read {
            Ok((block, lines)) => Ok(Self(Arc::new(Read { text, origin, lines, block }))),
            Err(wrong) => Err(fault(&text, &origin, wrong).into()),
        }
    }

    /// Returns the script in its canonical form: two blanks for each level, one between items. It means the same.
    #[must_use]
    pub fn to_canonical(&self) -> String {
        syntax::canonical(&self.0.lines)
    }

    /// Its canonical form without comments and the times of steps, a line for each line.
    pub(crate) fn without_times(&self) -> String {
        let mut lines = self.0.lines.clone();
        for line in &mut lines {
            line.comment = None;
            if let Some(Content::Step(step)) = &mut line.content {
                step.delay = None;
            }
        }
        syntax::canonical(&lines)
    }

    /// These bytes as items, which mean them wherever they are put into the script.
    pub(crate) fn items_of(&self, bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).replace(char::REPLACEMENT_CHARACTER, "");
        let mut encodings = self.0.lines.iter().filter_map(|line| match &line.content {
            Some(Content::Encoding(label)) => label.parse::<Encoding>().ok(),
            _ => None,
        });
        let means_them = |encoding: Encoding| encoding.encode(&text).is_ok_and(|encoded| *encoded == *text.as_bytes());
        if encodings.all(means_them) { notation::lines(bytes) } else { notation::hexadecimal_lines(bytes) }
    }

    pub(crate) fn block(&self) -> &Block {
        &self.0.block
    }

    /// The text of this place.
    pub(crate) fn text_of(&self, place: Place) -> &str {
        &self.0.text[place.range()]
    }

    /// An error about this place.
    pub(crate) fn fault_at(&self, place: Place, message: impl Into<String>) -> ScriptFault {
        fault(&self.0.text, &self.0.origin, Wrong::at(place.range(), message))
    }

    /// The file that it comes from, and its name there if it is a block of it.
    pub(super) fn file(&self) -> Option<(&Path, Option<&str>)> {
        match &self.0.origin {
            Origin::Text => None,
            Origin::File { path, name, .. } => Some((path, name.as_deref())),
        }
    }

    /// The number of the line of this place, where the script comes from.
    pub(crate) fn line_of(&self, place: Place) -> usize {
        line_of(&self.0.text, &self.0.origin, place.start)
    }

    /// How many lines there are before it where it comes from.
    pub(crate) fn lines_before(&self) -> usize {
        lines_before(&self.0.origin)
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Script {
    type Error = ScriptError;

    fn try_from(text: &str) -> Result<Self, ScriptError> {
        Self::parse(text)
    }
}

impl TryFrom<&String> for Script {
    type Error = ScriptError;

    fn try_from(text: &String) -> Result<Self, ScriptError> {
        Self::parse(text)
    }
}

/// A clone, which shares what has been read.
impl From<&Script> for Script {
    fn from(script: &Script) -> Self {
        script.clone()
    }
}

/// The text as it was read.
impl fmt::Display for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.text)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Script").field(&self.0.text).finish()
    }
}

fn read(path: &Path) -> Result<String, ScriptError> {
    let read = || {
        let mut file = File::open(path)?;
        // Another test may bless what is in it just now. Where nobody can be kept out, it is read all the same.
        let _ = file.lock_shared();
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|source| ScriptError::Read { path: path.to_owned(), source })
}

/// Where blocks of this name are in the text of their file; without one, it is all of that.
pub(super) fn places_in(text: &str, name: Option<&str>) -> Vec<Range<usize>> {
    let Some(name) = name else { return iter::once(0..text.len()).collect() };
    let blocks = markdown::blocks(text).into_iter().filter(|block| block.name == Some(name));
    blocks.map(|block| block.range).collect()
}

fn name(origin: &Origin) -> String {
    match origin {
        Origin::Text => "script".to_owned(),
        Origin::File { path, .. } => path.display().to_string(),
    }
}

fn lines_before(origin: &Origin) -> usize {
    match origin {
        Origin::Text => 0,
        Origin::File { first_line, .. } => first_line - 1,
    }
}

fn line_of(text: &str, origin: &Origin, at: usize) -> usize {
    1 + text[..at].matches('\n').count() + lines_before(origin)
}

fn fault(text: &str, origin: &Origin, wrong: Wrong) -> ScriptFault {
    let Wrong { at, length, message } = wrong;
    let at = at.max(syntax::mark_length(text));
    let start = text[..at].rfind('\n').map_or(syntax::mark_length(text), |end| end + 1);
    let line = text[start..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let behind = line.get(at - start..).unwrap_or_default();
    let is_end = |character: char| character.is_whitespace() || matches!(character, ')' | '}' | ']' | ':' | ',');
    let width = match length {
        None => behind.find(is_end).unwrap_or(behind.len()),
        Some(length) => length.min(behind.len()),
    };
    let width = behind.get(..width).unwrap_or(behind).chars().count().max(1);
    ScriptFault {
        name: name(origin),
        line: line_of(text, origin, at),
        column: 1 + text[start..at].chars().count(),
        message,
        text: line.to_owned(),
        width,
    }
}

#[cfg(test)]
pub(crate) mod tests;
