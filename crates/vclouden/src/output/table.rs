//! Aligned tables and lists of facts.

use super::{Paint, colours, human, line};

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    paint: Paint,
    right: bool,
}

impl Cell {
    /// A number: aligned to the right.
    pub fn number(value: impl ToString) -> Self {
        Cell { text: value.to_string(), paint: Paint::Plain, right: true }
    }

    /// A state in its colour.
    pub fn state(value: impl ToString) -> Self {
        let text = value.to_string();
        Cell { paint: Paint::of(&text), text, right: false }
    }

    /// A text in the colour of a state.
    pub fn state_as(state: &str, text: impl Into<String>) -> Self {
        Cell { paint: Paint::of(state), text: text.into(), right: false }
    }

    /// Less important.
    pub fn dim(value: impl ToString) -> Self {
        Cell { text: value.to_string(), paint: Paint::Dim, right: false }
    }

    /// How long ago.
    pub fn time(at: human::Millis, now: human::Millis) -> Self {
        Cell::dim(human::relative(at, now))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell { text: text.into(), paint: Paint::Plain, right: false }
    }
}

/// A table with a heading for each column.
#[derive(Debug)]
pub struct Table {
    headings: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub fn new(headings: &'static [&'static str]) -> Self {
        Table { headings, rows: Vec::new() }
    }

    /// Adds a row; it has as many cells as the table has headings.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells: Vec<Cell> = cells.into_iter().map(one_line).collect();
        debug_assert_eq!(cells.len(), self.headings.len());
        self.rows.push(cells);
    }

    /// Prints it; `nothing` when there are no rows.
    pub fn print(&self, nothing: &str) {
        if self.rows.is_empty() {
            line(nothing);
        } else {
            line(self.render(colours(&std::io::stdout())));
        }
    }

    /// The table as text, without an end of line at its end.
    pub fn render(&self, colours: bool) -> String {
        let width = |i: usize| self.rows.iter().map(|r| length(&r[i].text)).fold(length(self.headings[i]), usize::max);
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let right = |i: usize| self.rows.first().is_some_and(|row| row[i].right);
        let heading = |(i, text): (usize, &&str)| Cell { text: (*text).into(), paint: Paint::Bold, right: right(i) };
        let mut lines =
            vec![render_row(&self.headings.iter().enumerate().map(heading).collect::<Vec<_>>(), &widths, colours)];
        lines.extend(self.rows.iter().map(|row| render_row(row, &widths, colours)));
        lines.join("\n")
    }
}

fn render_row(cells: &[Cell], widths: &[usize], colours: bool) -> String {
    let mut text = String::new();
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = " ".repeat(width - length(&cell.text));
        let painted = cell.paint.apply(&cell.text, colours && !cell.text.is_empty());
        let last = i + 1 == cells.len();
        match (cell.right, last) {
            (true, _) => text.extend([gap, painted]),
            (false, true) => text.push_str(&painted),
            (false, false) => text.extend([painted, gap]),
        }
        if !last {
            text.push_str("  ");
        }
    }
    text.trim_end().to_owned()
}

/// A cell is one line without control characters, whatever its text was.
fn one_line(mut cell: Cell) -> Cell {
    if cell.text.chars().any(char::is_control) {
        cell.text = cell.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    cell
}

/// Columns of a terminal, for the scripts that take one column for one character.
fn length(text: &str) -> usize {
    text.chars().count()
}

/// Names and values, aligned: what `show` prints.
#[derive(Debug, Default)]
pub struct Facts(Vec<(String, Cell)>);

impl Facts {
    /// No facts yet.
    pub fn new() -> Self {
        Facts::default()
    }

    /// Adds one.
    pub fn fact(&mut self, name: impl Into<String>, value: impl Into<Cell>) -> &mut Self {
        self.0.push((name.into(), one_line(value.into())));
        self
    }

    /// Adds one if it is known.
    pub fn maybe(&mut self, name: &str, value: Option<impl Into<Cell>>) -> &mut Self {
        if let Some(value) = value {
            self.fact(name, value);
        }
        self
    }

    /// Prints them.
    pub fn print(&self) {
        line(self.render(colours(&std::io::stdout())));
    }

    /// The facts as text, without an end of line at its end.
    pub fn render(&self, colours: bool) -> String {
        let width = self.0.iter().map(|(name, _)| length(name)).max().unwrap_or(0);
        let line = |(name, cell): &(String, Cell)| {
            let gap = " ".repeat(width - length(name));
            let name = Paint::Bold.apply(&format!("{name}:"), colours);
            format!("{name}{gap} {}", cell.paint.apply(&cell.text, colours)).trim_end().to_owned()
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "VERSION", "STATE"]);
        table.row(["acme".into(), Cell::number(7), Cell::state("running")]);
        table.row(["peñalara-2".into(), Cell::number(12), Cell::state("failed")]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        let expected = "NAME        VERSION  STATE\n\
                        acme              7  running\n\
                        peñalara-2       12  failed";
        assert_eq!(table().render(false), expected);
    }

    #[test]
    fn colours_do_not_move_columns() {
        let coloured = table().render(true);
        assert!(coloured.contains("\x1b[32mrunning\x1b[0m") && coloured.contains("\x1b[31mfailed\x1b[0m"));
        let plain: String =
            coloured.split('\x1b').map(|part| part.split_once('m').map_or(part, |(_, text)| text)).collect();
        assert_eq!(plain, table().render(false));
    }

    #[test]
    fn facts_are_aligned_and_one_line_each() {
        let mut facts = Facts::new();
        facts.fact("Name", "acme").fact("Address", "198.18.0.16\nx").maybe("None", None::<String>);
        assert_eq!(facts.render(false), "Name:    acme\nAddress: 198.18.0.16 x");
    }
}
