// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line as small as a word: where a figure went, without axes. Its values stand beside it.

use maud::{Markup, html};

use super::frame::svg;
use super::{About, Frame, Shape, Stroke};

const FRAME: Frame = Frame {
    width: 120.0,
    height: 28.0,
    class: "spark",
};

/// The room that a mark takes at the edge of the drawing.
const MARGIN: f64 = 5.0;

/// Draws one place across for each value, from the least at the bottom to the largest at the top. Where there is no
/// value the line is broken. What a mark says appears under a pointer.
pub fn sparkline(about: &About, stroke: Stroke, values: &[Option<(f64, String)>]) -> Markup {
    let (low, high) = extent(values);
    let step = (FRAME.width - 2.0 * MARGIN) / (values.len().max(2) - 1) as f64;
    let up = |value: f64| {
        // What never changes is a line in the middle.
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        };
        FRAME.height - MARGIN - share * (FRAME.height - 2.0 * MARGIN)
    };
    let mut path = String::new();
    let mut marks = Vec::new();
    let mut broken = true;
    for (n, value) in values.iter().enumerate() {
        let Some((value, says)) = value else {
            broken = true;
            continue;
        };
        let (x, y) = (MARGIN + n as f64 * step, up(*value));
        let command = if broken { 'M' } else { 'L' };
        path.push_str(&format!("{command}{x:.1} {y:.1}"));
        marks.push((x, y, says));
        broken = false;
    }
    let class = stroke.class();
    svg(
        FRAME,
        about,
        html! {
            @if path.contains('L') { path class=(format!("line {class}")) d=(path) {} }
            @for (x, y, says) in marks { (Shape::Circle.draw(stroke, x, y, says)) }
        },
    )
}

fn extent(values: &[Option<(f64, String)>]) -> (f64, f64) {
    let values = values.iter().flatten().map(|(value, _)| *value);
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[Option<f64>]) -> String {
        let about = About {
            id: "x".into(),
            title: "a".into(),
            description: "b".into(),
        };
        let says = |value: &Option<f64>| value.map(|value| (value, value.to_string()));
        let values: Vec<_> = values.iter().map(says).collect();
        sparkline(&about, Stroke(0), &values).into_string()
    }

    #[test]
    fn the_line_goes_from_the_least_to_the_largest() {
        let drawing = drawn(&[Some(1.0), Some(3.0), Some(2.0)]);
        assert!(
            drawing.contains("M5.0 23.0L60.0 5.0L115.0 14.0"),
            "{drawing}"
        );
    }

    #[test]
    fn it_is_broken_where_there_is_no_value_and_one_value_is_a_mark() {
        let drawing = drawn(&[Some(1.0), Some(1.0), None, Some(1.0)]);
        let line = "M5.0 14.0L41.7 14.0M115.0 14.0";
        assert!(drawing.contains(line), "{drawing}");
        let drawing = drawn(&[None, Some(7.0)]);
        assert!(!drawing.contains("class=\"line"), "{drawing}");
        assert_eq!(drawing.matches("class=\"mark").count(), 1);
        assert!(!drawn(&[]).contains("NaN"));
    }
}
