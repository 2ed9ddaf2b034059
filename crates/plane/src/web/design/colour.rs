//! Colours: which can be read on which, and what a publisher's colour becomes in light and dark.

use std::fmt;
use std::str::FromStr;

use super::DesignError;
use crate::wire::Contrast;

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
    /// Of buttons and links on light pages.
    pub primary: Colour,
    /// The same on dark pages.
    pub dark: Colour,
}

impl Brand {
    /// Both the same.
    pub fn of(primary: Colour) -> Self {
        Self { primary, dark: primary }
    }

    /// Each colour where it meets another: as it was wished, and as it is shown so that it can be read.
    pub fn contrasts(&self) -> Vec<Contrast> {
        let mut all = Vec::new();
        let schemes = [("light", self.primary, LIGHT, Colour::BLACK), ("dark", self.dark, DARK, Colour::WHITE)];
        for (scheme, colour, surfaces, end) in schemes {
            let of = |what: &str, text: Colour, on: Colour, contrast: f64, shown: Colour| Contrast {
                what: what.into(),
                scheme: scheme.into(),
                text: text.to_string(),
                on: on.to_string(),
                contrast: (contrast * 100.0).round() / 100.0,
                enough: contrast >= TEXT,
                shown: shown.to_string(),
            };
            // The worse of the surfaces decides.
            let least = surfaces.into_iter().min_by(|a, b| colour.contrast(*a).total_cmp(&colour.contrast(*b)));
            let least = least.unwrap_or(surfaces[0]);
            all.push(of(
                "link",
                colour,
                least,
                colour.contrast(least),
                link(colour, surfaces, soft(colour, scheme), end),
            ));
            all.push(of("button", colour.text(), colour, colour.text().contrast(colour), colour.text()));
        }
        all
    }

    /// The style sheet that makes a page the publisher's: to be served with type `text/css` and named in
    /// [`super::View::brand`]. Whatever the colours, every pair in it can be read.
    pub fn css(&self) -> String {
        self.css_of(":root")
    }

    /// The same for what is inside elements of that selector alone.
    pub fn css_of(&self, selector: &str) -> String {
        let (light, dark) = (self.primary, self.dark);
        let soft = (soft(light, "light"), soft(dark, "dark"));
        let text = (link(light, LIGHT, soft.0, Colour::BLACK), link(dark, DARK, soft.1, Colour::WHITE));
        let tokens = [
            ("primary", (light, dark)),
            ("primary-hover", (fill_hover(light), fill_hover(dark))),
            ("on-primary", (light.text(), dark.text())),
            ("primary-text", text),
            ("primary-soft", soft),
        ];
        let mut css = format!("{selector} {{\n");
        for (name, (light, dark)) in tokens {
            css.push_str(&format!("  --{name}: light-dark({light}, {dark});\n"));
        }
        css.push_str("}\n");
        css
    }
}

/// A breath of a colour on the surface.
fn soft(colour: Colour, scheme: &str) -> Colour {
    if scheme == "dark" { DARK[0].mixed(colour, 0.22) } else { LIGHT[0].mixed(colour, 0.1) }
}

/// The colour of links: the nearest that can be read wherever they stand.
fn link(colour: Colour, surfaces: [Colour; 2], soft: Colour, end: Colour) -> Colour {
    colour.readable_on(&[surfaces[0], surfaces[1], soft], end)
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
            let brand = Brand::of(colour(text));
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
    }

    #[test]
    fn what_cannot_be_read_is_named_and_shown_otherwise() {
        let brand = Brand { primary: colour("#ffcc00"), dark: colour("#ffcc00") };
        let all = brand.contrasts();
        let of = |what: &str, scheme: &str| all.iter().find(|one| one.what == what && one.scheme == scheme).unwrap();
        let link = of("link", "light");
        assert!(!link.enough && link.contrast < 2.0 && link.shown != link.text, "{link:?}");
        assert!(colour(&link.shown).contrast(LIGHT[1]) >= TEXT);
        assert!(of("link", "dark").enough && of("button", "light").enough && of("button", "dark").enough);
        assert_eq!(of("link", "dark").shown, "#ffcc00");
        assert!(Brand::of(colour("#800000")).contrasts()[0].enough);
        let css = Brand { primary: colour("#800000"), dark: colour("#7fffd4") }.css_of(".x");
        assert!(css.starts_with(".x {\n  --primary: light-dark(#800000, #7fffd4);"), "{css}");
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
