//! A drawing as inline SVG: plotters draws it, the page sizes and colours it.

use std::io;

use maud::{Markup, PreEscaped, html};
use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{Shift, cartesian::Cartesian2d},
    drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea},
    element::Text,
    prelude::SVGBackend,
    style::{
        Color, FontDesc, FontFamily, FontStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    axis::Axis,
    palette::{Hue, MESH, SOFT_INK},
};

/// Plotters places by whole pixels; so many of its pixels make one of the page's.
const PIXELS: u32 = 4;

/// Every plot is this wide: two stand side by side on a desk, and one fits a phone with its text still readable.
pub(super) const WIDTH: u32 = 500;

/// Text sizes in the units of the page.
pub(super) const TEXT: u32 = 14;

/// Where one draws.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Where one draws by the values on two axes.
pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
/// What drawing gives back.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// A length of the page in the pixels of the drawing.
pub(super) fn pixels(length: u32) -> i32 {
    (length * PIXELS) as i32
}

/// Draws something of this height; `label` is for those who cannot see it.
pub(super) fn draw(label: &str, height: u32, paint: impl FnOnce(&Area<'_>) -> Drawn) -> Markup {
    let (width, height) = (WIDTH * PIXELS, height * PIXELS);
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
    paint(&area).and_then(|()| area.present()).expect("a string takes everything");
    drop(area);
    // The drawing's own opening tag has a fixed size, which is not for phones.
    let inside = svg.split_once('>').map_or("", |(_, rest)| rest);
    html! {
        svg.plot viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(label) {
            (PreEscaped(inside.strip_suffix("</svg>\n").unwrap_or(inside)))
        }
    }
}

/// The room that labels take beside a chart, in the units of the page.
pub(super) struct Margins {
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
    pub(super) left: u32,
}

/// Draws axes and mesh; an axis without ticks leaves none.
pub(super) fn chart<'a, 'b>(
    area: &'a Area<'b>,
    x: &Axis,
    y: &Axis,
    margins: &Margins,
) -> Result<Chart<'a, 'b>, DrawingAreaErrorKind<io::Error>> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(pixels(margins.top))
        .margin_right(pixels(margins.right))
        .x_label_area_size(pixels(margins.bottom))
        .y_label_area_size(pixels(margins.left))
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(MESH.color().stroke_width(PIXELS))
        .axis_style(MESH.color().stroke_width(PIXELS))
        .label_style(text(SOFT_INK, TEXT - 1, HPos::Center))
        .set_all_tick_mark_size(pixels(3))
        .draw()?;
    Ok(chart)
}

/// A style of text.
pub(super) fn text(hue: Hue, size: u32, side: HPos) -> TextStyle<'static> {
    // Plotters means the height of a line where browsers mean that of the letters.
    let size = f64::from(size * PIXELS) * 1.24;
    let font = FontDesc::new(FontFamily::SansSerif, size, FontStyle::Normal);
    let color = hue.color().to_backend_color();
    TextStyle { color, ..TextStyle::from(font).pos(Pos::new(side, VPos::Center)) }
}

/// Writes at a point of the page, centred on its height.
pub(super) fn write(area: &Area<'_>, words: &str, at: (i32, i32), style: TextStyle<'static>) -> Drawn {
    area.draw(&Text::new(words.to_owned(), at, style))
}
