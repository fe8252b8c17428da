//! Horizontal bars, one per contender, its name and its figure above it: no name is too long for that, on any screen.

use maud::Markup;
use plotters::{
    element::{PathElement, Rectangle},
    style::{Color, ShapeStyle, text_anchor::HPos},
};

use super::{
    axis::Axis,
    canvas::{Area, Chart, Drawn, Margins, TEXT, WIDTH, chart, draw, pixels, text, write},
    figure,
    palette::{Hue, INK},
};

const ROW_HEIGHT: u32 = 38;
const TOP: u32 = 2;
const SIDE: u32 = 18;
const FOOT: u32 = 26;

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    /// What stands above it on the left.
    pub(super) name: String,
    /// Its length.
    pub(super) value_ns: f64,
    /// The ends of its whisker.
    pub(super) whisker_ns: Option<(f64, f64)>,
    /// Its colour.
    pub(super) hue: Hue,
}

/// Draws bars in the order given, and says whether the axis is logarithmic.
pub(super) fn render(label: &str, bars: &[Bar]) -> (Markup, bool) {
    let ends = |bar: &Bar| bar.whisker_ns.map_or([bar.value_ns; 3], |(low, high)| [low, bar.value_ns, high]);
    let values: Vec<f64> = bars.iter().flat_map(ends).collect();
    let x = Axis::fitting(&values, figure::tick_duration);
    let y = Axis::with_ticks(bars.len() as f64..0.0, &[]);
    let height = TOP + ROW_HEIGHT * bars.len() as u32 + FOOT;
    let margins = Margins { top: TOP, right: SIDE + 8, bottom: FOOT, left: SIDE };
    let plot = draw(label, height, |area| {
        let mut chart = chart(area, &x, &y, &margins)?;
        bars.iter().enumerate().try_for_each(|(row, bar)| {
            draw_bar(&mut chart, &x, row, bar)?;
            write_labels(area, row, bar)
        })
    });
    (plot, x.is_log())
}

fn draw_bar(chart: &mut Chart<'_, '_>, x: &Axis, row: usize, bar: &Bar) -> Drawn {
    let Some(end) = x.place(bar.value_ns) else { return Ok(()) };
    let (top, bottom) = (row as f64 + 0.52, row as f64 + 0.88);
    let body = Rectangle::new([(x.start(), top), (end, bottom)], bar.hue.color().filled());
    chart.draw_series([body])?;
    let whisker = bar.whisker_ns.and_then(|(low, high)| x.place(low).zip(x.place(high)));
    let Some((low, high)) = whisker else { return Ok(()) };
    let style = ShapeStyle { color: INK.color().to_rgba(), filled: false, stroke_width: pixels(1) as u32 };
    let (middle, cap) = (row as f64 + 0.7, 0.1);
    let across = |place: f64| PathElement::new([(place, middle - cap), (place, middle + cap)], style);
    let lines = [PathElement::new([(low, middle), (high, middle)], style), across(low), across(high)];
    chart.draw_series(lines).map(drop)
}

fn write_labels(area: &Area<'_>, row: usize, bar: &Bar) -> Drawn {
    let middle = pixels(TOP) + pixels(ROW_HEIGHT) * row as i32 + pixels(ROW_HEIGHT) * 3 / 10;
    write(area, &bar.name, (pixels(SIDE + 1), middle), text(INK, TEXT, HPos::Left))?;
    let figure = figure::duration(bar.value_ns);
    write(area, &figure, (pixels(WIDTH - SIDE - 8), middle), text(INK, TEXT, HPos::Right))
}
