//! The plots of the page, as SVG text.
//!
//! Colours are names in disguise: the style sheet of the page replaces each of these exact values by
//! the one that suits the reader's light or dark theme.

use std::fmt::Display;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::report::Report;
use super::spread::Spread;
use super::timeline::Pace;
use crate::duration::human_ns;

const INK: RGBColor = RGBColor(1, 1, 1);
const FAINT: RGBColor = RGBColor(2, 2, 2);
const NAIVE: RGBColor = RGBColor(3, 3, 3);
const BATCHED: RGBColor = RGBColor(4, 4, 4);

const SIZE: (u32, u32) = (760, 300);
const FONT: &str = "sans-serif";
const STRETCHES: usize = 60;
const SIZE_BINS: u64 = 40;
const WAIT_BINS_PER_DECADE: i32 = 24;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A bar from one place on the axis to another, and its height.
type Bar = (f64, f64, f64);

/// A chart in the look of the page. A macro, because each pair of axes is a type of its own.
macro_rules! chart {
    ($area:expr, $x:expr => $x_words:literal $x_label:expr, $y:expr => $y_words:literal $y_label:expr) => {{
        let mut builder = ChartBuilder::on($area);
        builder.margin(12).x_label_area_size(40).y_label_area_size(64);
        let mut chart = builder.build_cartesian_2d($x, $y)?;
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh().light_line_style(TRANSPARENT).bold_line_style(FAINT).axis_style(FAINT);
        mesh.label_style(label()).axis_desc_style(label()).x_desc($x_words).y_desc($y_words);
        mesh.x_label_formatter(&$x_label).y_label_formatter(&$y_label).draw()?;
        chart
    }};
}

/// Rows per second over time, both sides on one logarithmic axis.
pub(crate) fn throughput(report: &Report) -> Result<String> {
    let naive = report.naive.timeline.paces(STRETCHES);
    let batched = report.batched.seen.timeline.paces(STRETCHES);
    let all = || naive.iter().chain(&batched);
    let end_s = all().map(|pace| pace.at_s).fold(0.001, f64::max) * 1.02;
    let rates = || all().map(|pace| pace.rows_per_s).filter(|rate| *rate > 0.0);
    let (low, high) = (rates().fold(1e9, f64::min), rates().fold(10.0, f64::max));
    drawn(|area| {
        let mut chart = chart!(
            area,
            0.0..end_s => "seconds since the side began" |at: &f64| format!("{at:.*}", decimals(end_s)),
            (low.min(high) / 2.0..high * 2.0).log_scale() => "rows per second" |rate: &f64| short(*rate)
        );
        for (paces, colour) in [(&naive, NAIVE), (&batched, BATCHED)] {
            chart.draw_series(LineSeries::new(points(paces), colour.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// How many batches had how many rows.
pub(crate) fn batch_sizes(report: &Report) -> Result<String> {
    let sizes = &report.batched.seen.sizes;
    let most = sizes.keys().next_back().copied().unwrap_or(1);
    let width = most.div_ceil(SIZE_BINS).max(1);
    let bin = |low: u64| sizes.range(low..low + width).map(|(_, count)| *count).sum::<u64>();
    let lows = (0..=most / width).map(|place| place * width);
    let bars: Vec<Bar> = lows.map(|low| (low as f64, (low + width) as f64, bin(low) as f64)).collect();
    let high = bars.iter().map(|bar| bar.2).fold(10.0, f64::max) * 1.6;
    drawn(|area| {
        let mut chart = chart!(
            area,
            0.0..(most + width) as f64 => "rows in the batch" |rows: &f64| short(*rows),
            (FLOOR..high).log_scale() => "batches" |count: &f64| short(*count)
        );
        chart.draw_series(bars.iter().filter(|bar| bar.2 > 0.0).map(|bar| filled(bar, FLOOR)))?;
        Ok(())
    })
}

/// How long rows waited from put to disk, on a logarithmic axis of time.
pub(crate) fn waits(report: &Report) -> Result<String> {
    let waits = &report.batched.seen.waits_ns;
    let bars = wait_bars(waits);
    let high = bars.iter().map(|bar| bar.2).fold(1.0, f64::max) * 1.25;
    let (first, last) = (bars.first().map_or(1e3, |bar| bar.0), bars.last().map_or(1e6, |bar| bar.1));
    drawn(|area| {
        let mut chart = chart!(
            area,
            (first..last).log_scale() => "wait from put to disk" |wait: &f64| tick_ns(*wait),
            0.0..high => "share of rows" |share: &f64| format!("{share:.0} %")
        );
        chart.draw_series(bars.iter().map(|bar| filled(bar, 0.0)))?;
        for (name, share, height) in [("median", 0.5, 0.97), ("99 %", 0.99, 0.88)] {
            let words = format!("{name} {}", human_ns(waits.quantile(share)));
            let at = (waits.quantile(share) as f64).clamp(first, last);
            // The text stands on the side that has room.
            let left = at * at > first * last;
            let (side, gap) = if left { (HPos::Right, -6) } else { (HPos::Left, 6) };
            let style = label().pos(Pos::new(side, VPos::Center));
            chart.draw_series(LineSeries::new([(at, 0.0), (at, high * height)], INK.stroke_width(1)))?;
            chart.draw_series([EmptyElement::at((at, high * height)) + Text::new(words, (gap, 0), style)])?;
        }
        Ok(())
    })
}

/// Where the bars of a logarithmic axis stand: a single batch must still be seen.
const FLOOR: f64 = 0.5;

fn drawn(paint: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn std::error::Error>>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        paint(&area).map_err(told)?;
        area.present().map_err(told)?;
    }
    Ok(svg)
}

fn told(error: impl Display) -> anyhow::Error {
    anyhow!("cannot draw a plot: {error}")
}

fn label() -> TextStyle<'static> {
    (FONT, 13).into_font().color(&INK)
}

fn points(paces: &[Pace]) -> impl Iterator<Item = (f64, f64)> + '_ {
    // A stretch in which nothing was finished has no place on a logarithmic axis.
    paces.iter().filter(|pace| pace.rows_per_s > 0.0).map(|pace| (pace.at_s, pace.rows_per_s))
}

fn filled(&(left, right, height): &Bar, floor: f64) -> Rectangle<(f64, f64)> {
    Rectangle::new([(left, floor), (right, height)], BATCHED.filled())
}

fn wait_bars(waits: &Spread) -> Vec<Bar> {
    let step = 10f64.powf(1.0 / f64::from(WAIT_BINS_PER_DECADE));
    let place = |ns: u64| (ns.max(1) as f64).log(step).floor() as i32;
    let (first, last) = (place(waits.min()) - 2, place(waits.max()) + 3);
    let bounds = (first..last).map(|bin| (step.powi(bin), step.powi(bin + 1)));
    let share = |low: f64, high: f64| {
        waits.between(low.ceil() as u64, high.ceil() as u64) as f64 * 100.0 / waits.count().max(1) as f64
    };
    bounds.map(|(low, high)| (low, high, share(low, high))).collect()
}

/// Decimals that tell the ticks of an axis up to `end` apart.
fn decimals(end: f64) -> usize {
    (1.0 - end.log10()).ceil().clamp(0.0, 6.0) as usize
}

/// A round time on a logarithmic axis; the crowded ones between 1, 2, 5 and 10 go without words.
fn tick_ns(wait: f64) -> String {
    let leading = wait / 10f64.powf((wait.log10() + 1e-9).floor());
    let round = [1.0, 2.0, 5.0].iter().any(|mark| (leading - mark).abs() < 0.01);
    let text = human_ns(wait.round() as u64).replace(".00 ", " ").replace(".0 ", " ");
    if round { text } else { String::new() }
}

/// `1500` as `1.5k`, `2000000` as `2M`.
fn short(figure: f64) -> String {
    let (size, unit) = match figure {
        f if f >= 1e6 => (1e6, "M"),
        f if f >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let text = format!("{:.1}", figure / size);
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (figure, text) in [(7.0, "7"), (1500.0, "1.5k"), (2e6, "2M"), (0.5, "0.5")] {
            assert_eq!(short(figure), text);
        }
    }

    #[test]
    fn ticks_are_round_and_apart() {
        assert_eq!(tick_ns(1e6), "1 ms");
        assert_eq!(tick_ns(2e7), "20 ms");
        assert_eq!(tick_ns(7e6), "");
        assert_eq!([decimals(4.1), decimals(0.02), decimals(300.0)], [1, 3, 0]);
    }

    #[test]
    fn the_bars_hold_every_wait() {
        let mut waits = Spread::default();
        (1..2_000u64).for_each(|step| waits.record(step * step * 100));
        let sum: f64 = wait_bars(&waits).iter().map(|bar| bar.2).sum();
        assert!((sum - 100.0).abs() < 1e-6, "{sum}");
    }
}
