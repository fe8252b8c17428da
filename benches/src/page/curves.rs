//! Lines in a frame: quantiles of latencies, and costs against a parameter.

use maud::Markup;
use plotters::{
    element::{Circle, PathElement},
    style::{Color, ShapeStyle},
};

use super::{
    axis::Axis,
    canvas::{Chart, Drawn, Margins, chart, draw, pixels},
    palette::Hue,
};

const HEIGHT: u32 = 330;
const MARGINS: Margins = Margins { top: 12, right: 16, bottom: 28, left: 64 };

/// One line.
#[derive(Debug)]
pub(super) struct Curve {
    /// Whose it is.
    pub(super) name: String,
    /// Its colour.
    pub(super) hue: Hue,
    /// True for a thick line.
    pub(super) is_ours: bool,
    /// Its points, as values of the axes.
    pub(super) points: Vec<(f64, f64)>,
}

/// Draws curves, ours on top; `has_marks` puts a dot at each point.
pub(super) fn render(label: &str, curves: &[Curve], x: &Axis, y: &Axis, has_marks: bool) -> Markup {
    draw(label, HEIGHT, |area| {
        let mut chart = chart(area, x, y, &MARGINS)?;
        let (ours, others): (Vec<&Curve>, Vec<&Curve>) = curves.iter().partition(|curve| curve.is_ours);
        others.into_iter().chain(ours).try_for_each(|curve| draw_curve(&mut chart, curve, x, y, has_marks))
    })
}

fn draw_curve(chart: &mut Chart<'_, '_>, curve: &Curve, x: &Axis, y: &Axis, has_marks: bool) -> Drawn {
    let places: Vec<(f64, f64)> =
        curve.points.iter().filter_map(|&(along, up)| x.place(along).zip(y.place(up))).collect();
    let width = if curve.is_ours { pixels(5) / 2 } else { pixels(3) / 2 };
    let style = ShapeStyle { color: curve.hue.color().to_rgba(), filled: false, stroke_width: width as u32 };
    if has_marks {
        let dot = |&place: &(f64, f64)| Circle::new(place, pixels(3), curve.hue.color().filled());
        chart.draw_series(places.iter().map(dot))?;
    }
    chart.draw_series([PathElement::new(places, style)]).map(drop)
}
