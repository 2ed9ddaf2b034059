//! What a terminal shows: a screen that programs write to, told to the page as the rows that changed.

use std::num::NonZeroU16;

use nimbus_api::TtySize;
use serde::Serialize;
use vt100::{Callbacks, Cell, Color, Parser};

/// Lines that were shown and can be looked at again.
const BACK: usize = 300;

/// The largest that a screen can be.
const MOST: u16 = 300;

/// Bits of a run's look.
const BOLD: u8 = 1;
const DIM: u8 = 2;
const ITALIC: u8 = 4;
const UNDERLINE: u8 = 8;
const INVERSE: u8 = 16;
const WIDE: u8 = 32;

/// A colour as the page knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Shade {
    Usual(()),
    Of(u8),
    Exact(String),
}

impl From<Color> for Shade {
    fn from(colour: Color) -> Self {
        match colour {
            Color::Default => Self::Usual(()),
            Color::Idx(index) => Self::Of(index),
            Color::Rgb(red, green, blue) => Self::Exact(format!("#{red:02x}{green:02x}{blue:02x}")),
        }
    }
}

/// Characters that look alike: text, colour, ground, bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Run(String, Shade, Shade, u8);

/// What changed since the page was told last.
#[derive(Debug, Serialize)]
pub struct Update {
    /// Rows and columns.
    size: (u16, u16),
    /// Rows that differ, by their number.
    rows: Vec<(usize, Vec<Run>)>,
    /// Where the cursor is, unless it is hidden.
    cursor: Option<(u16, u16)>,
    /// Whether arrows are to be sent as a program wants them that draws the whole screen.
    arrows: bool,
    /// Whether the program wants to know where what was pasted begins and ends.
    paste: bool,
    /// Lines that the page has gone back.
    back: usize,
}

/// What a program asks its terminal, and is answered.
#[derive(Default)]
struct Answers(Vec<u8>);

impl Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        letter: char,
    ) {
        let number = params.first().and_then(|all| all.first()).copied().unwrap_or(0);
        match (first, letter, number) {
            // Where is the cursor?
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                self.0.extend_from_slice(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
            }
            // Is all well?
            (None, 'n', 5) => self.0.extend_from_slice(b"\x1b[0n"),
            // What are you? A VT220 with colours.
            (None, 'c', 0) => self.0.extend_from_slice(b"\x1b[?62;22c"),
            _ => {}
        }
    }
}

/// What is told besides rows: size, cursor, arrows, paste, lines gone back.
type State = (TtySize, Option<(u16, u16)>, bool, bool, usize);

/// The screen.
pub struct Screen {
    parser: Parser<Answers>,
    told: Vec<Vec<Run>>,
    last: Option<State>,
}

fn side(wanted: u16) -> NonZeroU16 {
    NonZeroU16::new(wanted.clamp(2, MOST)).unwrap_or(NonZeroU16::MIN)
}

/// A size that a screen can have.
pub fn within(size: TtySize) -> TtySize {
    TtySize { rows: side(size.rows).get(), cols: side(size.cols).get() }
}

impl Screen {
    /// An empty one.
    pub fn new(size: TtySize) -> Self {
        let parser = Parser::new_with_callbacks(side(size.rows), side(size.cols), BACK, Answers::default());
        Self { parser, told: Vec::new(), last: None }
    }

    /// Makes it that large.
    pub fn resize(&mut self, size: TtySize) {
        self.parser.set_size(side(size.rows), side(size.cols));
    }

    /// Shows what a program writes; what it is answered.
    pub fn write(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.parser.process(bytes);
        std::mem::take(&mut self.parser.callbacks_mut().0)
    }

    /// Goes back that many lines, or forward again.
    pub fn scroll(&mut self, lines: i32) {
        let screen = self.parser.screen_mut();
        let now = i64::try_from(screen.scrollback()).unwrap_or(0);
        screen.set_scrollback(usize::try_from(now + i64::from(lines)).unwrap_or(0));
    }

    /// Shows the end again: somebody types.
    pub fn show_end(&mut self) {
        self.parser.screen_mut().set_scrollback(0);
    }

    /// What changed since this was asked last.
    pub fn update(&mut self) -> Option<Update> {
        let screen = self.parser.screen();
        let (rows, cols) = screen.size();
        let size = TtySize { rows: rows.get(), cols: cols.get() };
        let back = screen.scrollback();
        let cursor = (!screen.hide_cursor() && back == 0).then(|| screen.cursor_position());
        let state = (size, cursor, screen.application_cursor(), screen.bracketed_paste(), back);
        let fresh: Vec<Vec<Run>> = (0..size.rows).map(|row| runs(screen, row, size.cols)).collect();
        let again = self.last.is_none_or(|(before, ..)| before != size);
        let changed: Vec<(usize, Vec<Run>)> = fresh
            .iter()
            .enumerate()
            .filter(|(at, row)| again || self.told.get(*at) != Some(row))
            .map(|(at, row)| (at, row.clone()))
            .collect();
        if changed.is_empty() && self.last == Some(state) {
            return None;
        }
        self.told = fresh;
        self.last = Some(state);
        let (arrows, paste) = (state.2, state.3);
        Some(Update { size: (size.rows, size.cols), rows: changed, cursor, arrows, paste, back })
    }
}

fn look(cell: &Cell) -> u8 {
    let bits = [
        (cell.bold(), BOLD),
        (cell.dim(), DIM),
        (cell.italic(), ITALIC),
        (cell.underline(), UNDERLINE),
        (cell.inverse(), INVERSE),
        (cell.is_wide(), WIDE),
    ];
    bits.into_iter().filter(|(is, _)| *is).fold(0, |all, (_, bit)| all | bit)
}

/// A row as few runs; what is empty at its end is left out.
fn runs(screen: &vt100::Screen, row: u16, cols: u16) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    for cell in (0..cols).filter_map(|column| screen.cell(row, column)).filter(|cell| !cell.is_wide_continuation()) {
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let run = Run(text.to_owned(), cell.fgcolor().into(), cell.bgcolor().into(), look(cell));
        match all.last_mut() {
            // Each wide character has a box of its own, so that those after it stand where they belong.
            Some(last) if (&last.1, &last.2, last.3) == (&run.1, &run.2, run.3) && run.3 & WIDE == 0 => {
                last.0.push_str(&run.0);
            }
            _ => all.push(run),
        }
    }
    if let Some(last) = all.last_mut()
        && last.2 == Shade::Usual(())
        && last.3 & (INVERSE | UNDERLINE) == 0
    {
        last.0.truncate(last.0.trim_end().len());
        if last.0.is_empty() {
            all.pop();
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SIZE: TtySize = TtySize { rows: 3, cols: 10 };

    fn told(screen: &mut Screen) -> Value {
        serde_json::to_value(screen.update()).unwrap()
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut screen = Screen::new(SIZE);
        assert_eq!(screen.write(b"one\r\n\x1b[1;31mtwo\x1b[0m"), b"");
        let first = told(&mut screen);
        assert_eq!(first["rows"][0], json!([0, [["one", null, null, 0]]]));
        assert_eq!(first["rows"][1], json!([1, [["two", 1, null, 1]]]));
        assert_eq!((first["rows"].as_array().unwrap().len(), &first["cursor"]), (3, &json!([1, 3])));
        assert_eq!(told(&mut screen), Value::Null);
        screen.write("\r\n\x1b[38;2;1;2;255m日本\x1b[48;5;200mx".as_bytes());
        let second = told(&mut screen);
        let runs = json!([["日", "#0102ff", null, 32], ["本", "#0102ff", null, 32], ["x", "#0102ff", 200, 0]]);
        assert_eq!(second["rows"], json!([[2, runs]]), "what is empty at the end is left out");
        screen.resize(TtySize { rows: 2, cols: 0 });
        assert_eq!(told(&mut screen)["size"], json!([2, 2]));
    }

    #[test]
    fn programs_are_answered() {
        let mut screen = Screen::new(SIZE);
        assert_eq!(screen.write(b"ab\x1b[6n"), b"\x1b[1;3R");
        assert_eq!(screen.write(b"\x1b[c\x1b[5n"), b"\x1b[?62;22c\x1b[0n");
        screen.write(b"\x1b[?1h\x1b[?2004h\x1b[?25l");
        let update = told(&mut screen);
        assert_eq!(
            (&update["arrows"], &update["paste"], &update["cursor"]),
            (&json!(true), &json!(true), &Value::Null)
        );
    }

    #[test]
    fn what_was_shown_can_be_looked_at_again() {
        let mut screen = Screen::new(SIZE);
        screen.write(b"1\r\n2\r\n3\r\n4\r\n5");
        told(&mut screen);
        screen.scroll(2);
        let back = told(&mut screen);
        assert_eq!((&back["back"], &back["rows"][0][1][0][0], &back["cursor"]), (&json!(2), &json!("1"), &Value::Null));
        screen.scroll(-1);
        assert_eq!(told(&mut screen)["back"], 1);
        screen.show_end();
        assert_eq!(told(&mut screen)["rows"][0][1][0][0], "3");
    }
}
