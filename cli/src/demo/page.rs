//! The page of a demo: one HTML file with its plots and its style inside, for offline reading.

use std::fmt::Write;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;

use super::plots;
use super::producers::WAITS_SAMPLED;
use super::report::Report;
use crate::count::{grouped, rounded};
use crate::duration::human;

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(crate) fn render(report: &Report) -> Result<String> {
    let title = escaped(&report.title());
    let (tiles, verdict) = (tiles(report), verdict(report));
    let (throughput, sizes, waits) = figures(report)?;
    let tables = format!("<div class=\"pair\">{}{}</div>{}", ledger(report), checks(report), facts(report));
    let made = humantime::format_rfc3339_seconds(SystemTime::now());
    let data = data(report);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Batchline demo: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header><h1>{title}</h1><p>Batchline demo: the same rows, the same settings, the same statement; \
         one transaction per row against one per batch.</p></header>\n\
         {tiles}{verdict}{throughput}{sizes}{waits}{tables}\
         <footer>Made {made} by batchline demo. The figures are also in this page as JSON, \
         in the element <code>#data</code>.</footer>\n</main>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n</body>\n</html>\n"
    ))
}

fn tiles(report: &Report) -> String {
    let tiles = [
        (rounded(report.batched.rows_per_s()), "rows/s in batches"),
        (rounded(report.naive.rows_per_s()), "rows/s one by one"),
        (format!("{} ×", rounded(report.ratio())), "as many rows per second"),
        (human(report.fsync), "for one wait for the disk (fsync)"),
    ];
    let tile = |(figure, words): &(String, &str)| {
        format!("<div class=\"tile\"><b>{figure}</b><span>{words}</span></div>")
    };
    format!("<div class=\"tiles\">{}</div>\n", tiles.iter().map(tile).collect::<String>())
}

fn verdict(report: &Report) -> String {
    let class = if report.adds_up() { "verdict" } else { "verdict wrong" };
    format!("<section class=\"{class}\">{}</section>\n", escaped(&report.verdict()))
}

fn figures(report: &Report) -> Result<(String, String, String)> {
    let keys = "<span class=\"key naive\"></span>one by one<span class=\"key batched\"></span>in batches";
    let speed = format!("{keys}<br>{}.", escaped(&report.comparison()));
    let sizes = report.sizes();
    let packed = format!("{} batches, {} rows on average.", grouped(sizes.count), rounded(sizes.mean));
    let sampled = format!(
        "Sampled on 1 row in {WAITS_SAMPLED}: {} rows. The producers put as fast as they can, \
         so that the time a put waits for room is in it as well.",
        grouped(report.batched.seen.waits_ns.count())
    );
    Ok((
        figure("Throughput over time", &speed, &plots::throughput(report)?),
        figure("Batch sizes", &packed, &plots::batch_sizes(report)?),
        figure("Wait of a row, from put to disk", &sampled, &plots::waits(report)?),
    ))
}

/// One plot in its frame. `words` is HTML already.
fn figure(title: &str, words: &str, svg: &str) -> String {
    format!("<section><h2>{title}</h2><p>{words}</p><div class=\"plot\">{svg}</div></section>\n")
}

fn ledger(report: &Report) -> String {
    let ledger = &report.batched.ledger;
    let mut rows = format!("<tr class=\"sum\"><td>accepted</td><td>{}</td></tr>", grouped(ledger.accepted));
    for (place, (name, count)) in ledger.lines().into_iter().enumerate() {
        let sign = if place == 0 { "=" } else { "+" };
        row(&mut rows, "", &format!("{sign} {name}"), &grouped(count));
    }
    let class = if ledger.balanced { "sum" } else { "wrong" };
    row(&mut rows, class, "balanced", if ledger.balanced { "yes" } else { "NO" });
    for (name, count) in report.batched.by_reason.iter().filter(|(_, count)| *count > 0) {
        row(&mut rows, "", &format!("batches sealed by {name}"), &grouped(*count));
    }
    format!("<section><h2>Ledger</h2><p>What became of the accepted rows.</p><table>{rows}</table></section>")
}

fn checks(report: &Report) -> String {
    let mut rows = String::new();
    for check in &report.checks {
        let wrong = || format!("{} ≠ {}", check.found, check.expected);
        let told = if check.ok { "ok".into() } else { wrong() };
        row(&mut rows, if check.ok { "" } else { "wrong" }, check.name, &told);
    }
    let words = "Asked of the batcher, and with SQL of the tables.";
    format!("<section><h2>Checks</h2><p>{words}</p><table>{rows}</table></section>")
}

fn facts(report: &Report) -> String {
    let mut rows = String::new();
    for (name, text) in report.facts() {
        row(&mut rows, "", name, &text);
    }
    format!("<section class=\"facts\"><h2>Measured on</h2><table>{rows}</table></section>\n")
}

fn row(rows: &mut String, class: &str, name: &str, text: &str) {
    let (name, text) = (escaped(name), escaped(text));
    // Writing to a String can not fail.
    let _ = write!(rows, "<tr class=\"{class}\"><td>{name}</td><td>{text}</td></tr>");
}

/// The JSON of the report. `<` is escaped so that no value can end the element.
fn data(report: &Report) -> String {
    report.json(Path::new("demo.html")).to_string().replace('<', "\\u003c")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_not_become_markup() {
        assert_eq!(escaped("<b a=\"1\"> & "), "&lt;b a=&quot;1&quot;&gt; &amp; ");
    }
}
