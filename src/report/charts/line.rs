// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines through points.

use maud::{Markup, html};

use super::axis::Axis;
use super::frame::{Plane, svg};
use super::{About, Frame, Shape, Stroke};

pub struct Line {
    pub stroke: Stroke,
    /// The shape of the marks; none where there are too many points for marks.
    pub shape: Option<Shape>,
    pub points: Vec<Point>,
}

pub struct Point {
    pub x: f64,
    pub y: f64,
    /// Where `y` lies with 95 % confidence, if that is known.
    pub interval: Option<(f64, f64)>,
    /// What a reader may want to know of this point.
    pub says: String,
}

pub fn chart(frame: Frame, about: &About, x: &Axis, y: &Axis, lines: &[Line]) -> Markup {
    let plane = Plane::new(frame, x, y);
    svg(
        frame,
        about,
        html! {
            (plane.axes())
            @for line in lines { (draw(&plane, line)) }
        },
    )
}

fn draw(plane: &Plane, line: &Line) -> Markup {
    let class = line.stroke.class();
    let mut path = String::new();
    let placed: Vec<_> = line
        .points
        .iter()
        .filter_map(|point| Some((point, plane.point(point.x, point.y)?)))
        .collect();
    for (_, (x, y)) in &placed {
        let command = if path.is_empty() { 'M' } else { 'L' };
        path.push_str(&format!("{command}{x:.1} {y:.1}"));
    }
    html! {
        @if placed.len() > 1 { path class=(format!("line {class}")) d=(path) {} }
        @for (point, (x, y)) in &placed {
            @if let Some(whisker) = whisker(plane, point) {
                path class=(format!("whisker {class}")) d=(whisker) {}
            }
            @if let Some(shape) = line.shape { (shape.draw(line.stroke, *x, *y, &point.says)) }
        }
    }
}

fn whisker(plane: &Plane, point: &Point) -> Option<String> {
    let (low, high) = point.interval?;
    let (x, bottom) = plane.point(point.x, low)?;
    let (_, top) = plane.point(point.x, high)?;
    // Shorter than a mark it shows nothing.
    (bottom - top > 6.0).then(|| format!("M{x:.1} {bottom:.1}V{top:.1}"))
}
