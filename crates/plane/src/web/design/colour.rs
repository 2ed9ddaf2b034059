//! Colours: which can be read on which, and what a publisher's colour becomes in light and dark.

use std::fmt;
use std::str::FromStr;

use super::DesignError;

/// The contrast that text needs (WCAG 2.2, AA).
pub const TEXT: f64 = 4.5;

/// The surfaces that text in a publisher's colour stands on: `--surface` and `--page` in light and dark. A test holds them
/// equal to the style sheet.
pub const LIGHT: [Colour; 2] = [Colour::WHITE, Colour { red: 0xf6, green: 0xf7, blue: 0xf9 }];
/// The same in the dark.
pub const DARK: [Colour; 2] =
    [Colour { red: 0x17, green: 0x1a, blue: 0x22 }, Colour { red: 0x0f, green: 0x11, blue: 0x17 }];

/// What is written on a light colour.
const INK: Colour = Colour { red: 0x12, green: 0x16, blue: 0x20 };

/// An opaque colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// 0 to 255.
    pub red: u8,
    /// 0 to 255.
    pub green: u8,
    /// 0 to 255.
    pub blue: u8,
}

impl Colour {
    /// White.
    pub const WHITE: Self = Self { red: 255, green: 255, blue: 255 };
    /// Black.
    pub const BLACK: Self = Self { red: 0, green: 0, blue: 0 };

    /// Relative luminance as WCAG defines it, 0 to 1.
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// Contrast between two colours as WCAG defines it, 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// This colour with a part (0 to 1) of another.
    pub fn mixed(self, other: Self, part: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
        let (red, green) = (mix(self.red, other.red), mix(self.green, other.green));
        Self { red, green, blue: mix(self.blue, other.blue) }
    }

    /// The text colour for this one: white, else ink, else black. One of them always has enough contrast.
    pub fn text(self) -> Self {
        [Self::WHITE, INK].into_iter().find(|text| self.contrast(*text) >= TEXT).unwrap_or(Self::BLACK)
    }

    /// The nearest colour towards `end` that can be read on all of `surfaces`.
    pub fn readable_on(self, surfaces: &[Self], end: Self) -> Self {
        let steps = (0..=50).map(|step| self.mixed(end, f64::from(step) / 50.0));
        let mut readable = steps.filter(|colour| surfaces.iter().all(|surface| colour.contrast(*surface) >= TEXT));
        readable.next().unwrap_or(end)
    }
}

impl FromStr for Colour {
    type Err = DesignError;
    fn from_str(text: &str) -> Result<Self, DesignError> {
        let wrong = || DesignError::Colour(text.chars().take(20).collect());
        let digits = text.strip_prefix('#').filter(|rest| rest.bytes().all(|c| c.is_ascii_hexdigit()));
        let digits = match digits.ok_or_else(wrong)? {
            three if three.len() == 3 => three.chars().flat_map(|c| [c, c]).collect(),
            other => other.to_owned(),
        };
        if digits.len() != 6 {
            return Err(wrong());
        }
        let number = u32::from_str_radix(&digits, 16).map_err(|_| wrong())?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// A publisher's own colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brand {
    /// Of buttons and links.
    pub primary: Colour,
}

impl Brand {
    /// Whether the colour as it is can be read as text on a light page; if not, links get a darker one.
    pub fn is_readable(&self) -> bool {
        LIGHT.iter().all(|surface| self.primary.contrast(*surface) >= TEXT)
    }

    /// The style sheet that makes a page the publisher's: to be served with type `text/css` and named in
    /// [`super::View::brand`]. Whatever the colour, every pair in it can be read.
    pub fn css(&self) -> String {
        let primary = self.primary;
        let soft = (LIGHT[0].mixed(primary, 0.1), DARK[0].mixed(primary, 0.22));
        let text = (
            primary.readable_on(&[LIGHT[0], LIGHT[1], soft.0], Colour::BLACK),
            primary.readable_on(&[DARK[0], DARK[1], soft.1], Colour::WHITE),
        );
        let fill = (primary, primary);
        let hover = fill_hover(primary);
        let on = primary.text();
        let mut css = String::from(":root {\n");
        let tokens =
            [("primary", fill), ("primary-hover", (hover, hover)), ("on-primary", (on, on)), ("primary-text", text)];
        for (name, (light, dark)) in tokens.into_iter().chain([("primary-soft", soft)]) {
            css.push_str(&format!("  --{name}: light-dark({light}, {dark});\n"));
        }
        css.push_str("}\n");
        css
    }
}

/// The fill under the pointer: a little away from what is written on it, so that it is read better, not worse.
fn fill_hover(primary: Colour) -> Colour {
    let away = if primary.text() == Colour::WHITE { Colour::BLACK } else { Colour::WHITE };
    primary.mixed(away, 0.14)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        assert!((colour("#767676").contrast(Colour::WHITE) - 4.54).abs() < 0.01);
        assert_eq!(colour("#fc0"), colour("#ffcc00"));
        for wrong in ["", "red", "#12345", "#12345g", "#ñññ", "#1234567", "123456", "#+12345"] {
            assert!(wrong.parse::<Colour>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_colour_of_a_publisher_can_be_read() {
        for text in ["#ffffff", "#000000", "#ffcc00", "#00ff00", "#e63946", "#777777", "#0f62fe", "#7fffd4", "#800000"]
        {
            let brand = Brand { primary: colour(text) };
            let css = brand.css();
            let pair = |name: &str| {
                let from = css.split(&format!("--{name}: light-dark(")).nth(1).unwrap();
                let (light, rest) = from.split_once(", ").unwrap();
                [colour(light), colour(rest.split(')').next().unwrap())]
            };
            for (scheme, surfaces) in [LIGHT, DARK].into_iter().enumerate() {
                let (primary, on) = (pair("primary")[scheme], pair("on-primary")[scheme]);
                assert!(primary.contrast(on) >= TEXT, "{text}: {css}");
                assert!(pair("primary-hover")[scheme].contrast(on) >= TEXT, "{text}: {css}");
                let read = pair("primary-text")[scheme];
                for surface in surfaces.into_iter().chain([pair("primary-soft")[scheme]]) {
                    assert!(read.contrast(surface) >= TEXT, "{text} on {surface}: {css}");
                }
            }
        }
        assert!(!Brand { primary: colour("#ffcc00") }.is_readable());
        assert!(Brand { primary: colour("#800000") }.is_readable());
    }

    #[test]
    fn the_surfaces_are_those_of_the_style_sheet() {
        let css = include_str!("styles/tokens.css");
        for (name, light, dark) in [("surface", LIGHT[0], DARK[0]), ("page", LIGHT[1], DARK[1])] {
            let line = format!("--{name}: light-dark({light}, {dark});");
            assert!(css.contains(&line), "{line}");
        }
    }
}
