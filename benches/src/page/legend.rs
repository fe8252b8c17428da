//! The legend under a plot of lines, in HTML, so that it breaks into as many lines as the screen needs.

use maud::{Markup, html};

use super::curves::Curve;

/// Renders it.
pub(super) fn render(curves: &[Curve]) -> Markup {
    html! {
        ul.legend {
            @for curve in curves {
                li {
                    svg viewBox="0 0 112 32" aria-hidden="true" {
                        polyline fill="none" stroke=(curve.hue.name())
                            stroke-width=(if curve.is_ours { 12 } else { 7 }) points="0,16 112,16" {}
                    }
                    (curve.name)
                }
            }
        }
    }
}
