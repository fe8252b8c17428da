//! Colours. A plot is drawn in the light ones; the style sheet finds them again by their value and, in the dark,
//! puts others in their place, so that one drawing serves both.

use std::{collections::HashMap, fmt::Write};

use plotters::style::RGBColor;

use super::{groups::Group, saved::Role};

/// A colour in the light and in the dark, and the dashes of its lines, in units of the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hue {
    light: u32,
    dark: u32,
    dashes: &'static str,
}

const fn hue(light: u32, dark: u32, dashes: &'static str) -> Hue {
    Hue { light, dark, dashes }
}

/// Text and whiskers.
pub(super) const INK: Hue = hue(0x1C2430, 0xE6EAF0, "");
/// Text that matters less.
pub(super) const SOFT_INK: Hue = hue(0x5B6573, 0x9AA5B4, "");
/// Axes and mesh.
pub(super) const MESH: Hue = hue(0xD9DEE5, 0x333C49, "");
/// The bars of peers.
pub(super) const PEER: Hue = hue(0x8F98A5, 0x7C8796, "");

const NAIVE: Hue = hue(0xD8650B, 0xF0913F, "");
const FLOOR: Hue = hue(0xC3CAD3, 0x4A5565, "8 10");

const OURS: [Hue; 8] = [
    hue(0x0B5FCC, 0x5AA2FF, ""),
    hue(0x0A8FA6, 0x3CC4DB, ""),
    hue(0x5B50D6, 0x9A91FF, ""),
    hue(0x0E8A62, 0x3CC795, ""),
    hue(0x3C9BE8, 0x8CC8FF, "32 12"),
    hue(0x16B1B8, 0x6FE0E4, "32 12"),
    hue(0x8A80EA, 0xBDB6FF, "32 12"),
    hue(0x4BB58C, 0x7FE0B8, "32 12"),
];

const RIVALS: [Hue; 10] = [
    hue(0x6E7683, 0xA8B2C0, "20 12"),
    hue(0x9C4668, 0xE08BAE, "20 12"),
    hue(0x84672F, 0xD0AE66, "20 12"),
    hue(0x5F7F22, 0xA5C860, "20 12"),
    hue(0x7F549C, 0xC697E2, "20 12"),
    hue(0xB24A4A, 0xF08A8A, "6 10"),
    hue(0x4D7C7C, 0x8CC0C0, "6 10"),
    hue(0xA98A1B, 0xE2C24C, "6 10"),
    hue(0x9A6A52, 0xD9A78C, "6 10"),
    hue(0x5A6FA0, 0x98ADE0, "6 10"),
];

impl Hue {
    /// For the drawing.
    pub(super) fn color(self) -> RGBColor {
        let [_, red, green, blue] = self.light.to_be_bytes();
        RGBColor(red, green, blue)
    }

    /// As the drawing writes it.
    pub(super) fn name(self) -> String {
        format!("#{:06X}", self.light)
    }
}

/// The colour of a bar, which has its name beside it.
pub(super) fn bar(role: Role) -> Hue {
    match role {
        Role::Floor => FLOOR,
        Role::Rival => PEER,
        Role::Naive => NAIVE,
        Role::Ours => OURS[0],
    }
}

/// The colours of lines: one per contender, the same in all plots of a group.
#[derive(Debug)]
pub(super) struct Palette {
    hues: HashMap<String, Hue>,
}

impl Palette {
    /// Gives colours to the contenders in order of appearance.
    pub(super) fn new(group: &Group<'_>) -> Self {
        let mut hues = HashMap::new();
        let mut given = [0, 0];
        let tables = group.scenarios.iter().flat_map(|scenario| &scenario.tables);
        for row in tables.flat_map(|table| &table.rows) {
            hues.entry(row.contender.clone()).or_insert_with(|| line(row.role, &mut given));
        }
        Self { hues }
    }

    /// The colour of a contender.
    pub(super) fn hue(&self, contender: &str) -> Hue {
        self.hues.get(contender).copied().unwrap_or(INK)
    }
}

fn line(role: Role, [ours, rivals]: &mut [usize; 2]) -> Hue {
    let next = |count: &mut usize, hues: &[Hue]| {
        *count += 1;
        hues[(*count - 1) % hues.len()]
    };
    match role {
        Role::Ours => next(ours, &OURS),
        Role::Rival => next(rivals, &RIVALS),
        Role::Naive | Role::Floor => bar(role),
    }
}

fn all() -> impl Iterator<Item = Hue> {
    [INK, SOFT_INK, MESH, PEER, NAIVE, FLOOR].into_iter().chain(OURS).chain(RIVALS)
}

/// The style sheet's part about colours.
pub(super) fn style() -> String {
    let mut dashes = String::new();
    let mut dark = String::new();
    for hue in all() {
        let name = hue.name();
        if !hue.dashes.is_empty() {
            let _ = writeln!(dashes, "polyline[stroke=\"{name}\"] {{ stroke-dasharray: {}; }}", hue.dashes);
        }
        let _ = writeln!(dark, "svg [fill=\"{name}\"] {{ fill: #{:06X}; }}", hue.dark);
        let _ = writeln!(dark, "svg [stroke=\"{name}\"] {{ stroke: #{:06X}; }}", hue.dark);
    }
    format!("{dashes}@media (prefers-color-scheme: dark) {{\n{dark}}}\n")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_hues_share_a_light_colour() {
        let mut seen = HashSet::new();
        assert!(all().all(|hue| seen.insert(hue.light)), "the dark would mix them up");
    }

    #[test]
    fn the_style_names_colours_as_the_drawing_does() {
        let RGBColor(red, green, blue) = INK.color();
        assert_eq!(INK.name(), format!("#{red:02X}{green:02X}{blue:02X}"));
        assert!(style().contains(&INK.name()));
    }
}
