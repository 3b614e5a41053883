// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lengths side by side, from zero, each with its name and its figure in words.

use maud::{Markup, html};

use super::frame::{CHARACTER, svg, width_of};
use super::{About, Frame, NARROW, Stroke};

pub struct Group {
    pub name: String,
    pub bars: Vec<Bar>,
}

pub struct Bar {
    pub name: String,
    pub stroke: Stroke,
    /// The length of the bar, or why there is none.
    pub value: Result<Value, String>,
}

pub struct Value {
    pub length: f64,
    /// Where it lies with 95 % confidence, if that is known.
    pub interval: Option<(f64, f64)>,
    pub text: String,
}

const ROW: f64 = 15.0;
const GROUP: f64 = 19.0;

/// Draws the bars of all groups; their lengths are in `unit`.
pub fn chart(about: &About, unit: &str, groups: &[Group]) -> Markup {
    let rows: usize = groups.iter().map(|group| group.bars.len()).sum();
    let height = rows as f64 * ROW + groups.len() as f64 * GROUP + 18.0;
    let frame = Frame { height, ..NARROW };
    let all = || groups.iter().flat_map(|group| &group.bars);
    let values = || all().filter_map(|bar| bar.value.as_ref().ok());
    let longest = |texts: &mut dyn Iterator<Item = &str>| texts.map(width_of).fold(0.0, f64::max);
    let left = longest(&mut all().map(|bar| bar.name.as_str())) + 8.0;
    let right = frame.width - longest(&mut values().map(|value| value.text.as_str())) - 8.0;
    let ends = values().map(|value| value.interval.map_or(value.length, |(_, high)| high));
    let scale = (right - left) / ends.fold(f64::MIN_POSITIVE, f64::max);

    let mut y = 0.0;
    let mut next = |height: f64| {
        y += height;
        y
    };
    svg(
        frame,
        about,
        html! {
            text class="title" x="2" y=(format!("{:.1}", next(11.0))) { (unit) }
            @for group in groups {
                text class="group" x="2" y=(format!("{:.1}", next(GROUP))) { (group.name) }
                @for bar in &group.bars { (draw(bar, frame, left, scale, next(ROW))) }
            }
        },
    )
}

/// Draws a bar with its texts on the line `y`.
fn draw(bar: &Bar, frame: Frame, left: f64, scale: f64, y: f64) -> Markup {
    let number = |value: f64| format!("{value:.1}");
    html! {
        text class="end" x=(number(left - 6.0)) y=(number(y)) { (bar.name) }
        @match &bar.value {
            Ok(value) => { (length(value, bar.stroke, left, scale, y)) }
            Err(reason) => {
                text class="missing" x=(number(left)) y=(number(y)) { (shortened(reason, frame.width - left)) }
            }
        }
    }
}

fn length(value: &Value, stroke: Stroke, left: f64, scale: f64, y: f64) -> Markup {
    let number = |value: f64| format!("{value:.1}");
    let at = |value: f64| left + value * scale;
    let interval = value.interval.map(|(low, high)| (at(low), at(high)));
    let end = interval.map_or(at(value.length), |(_, high)| high.max(at(value.length)));
    let width = (value.length * scale).max(0.5);
    html! {
        rect class=(format!("bar {}", stroke.class())) x=(number(left)) y=(number(y - 9.5)) width=(number(width)) height="11" {}
        @if let Some((low, high)) = interval {
            path class="whisker ink" d=(format!("M{low:.1} {:.1}H{high:.1}", y - 4.0)) {}
        }
        text x=(number(end + 5.0)) y=(number(y)) { (value.text) }
    }
}

/// As much of a text as there is room for; the table below the chart has all of it.
fn shortened(text: &str, room: f64) -> String {
    let most = (room / CHARACTER) as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}
