// SPDX-License-Identifier: MIT OR Apache-2.0
//! How samples are distributed: for each value, the share of samples that do not exceed it.

use std::fmt::Write;

use maud::{Markup, html};

use super::axis::Axis;
use super::frame::{Plane, svg};
use super::{About, Frame, Stroke};

pub struct Distribution {
    pub stroke: Stroke,
    /// The samples, in ascending order.
    pub sorted: Vec<f64>,
}

pub fn chart(frame: Frame, about: &About, x: &Axis, distributions: &[Distribution]) -> Markup {
    let y = Axis::between("share of searches", 0.0, 1.0);
    let plane = Plane::new(frame, x, &y);
    svg(
        frame,
        about,
        html! {
            (plane.axes())
            @for distribution in distributions {
                path class=(format!("line {}", distribution.stroke.class())) d=(steps(&plane, &distribution.sorted)) {}
            }
        },
    )
}

/// The path of a curve: a step at each sample. Steps too small to be seen are drawn together with the next one.
fn steps(plane: &Plane, sorted: &[f64]) -> String {
    let mut path = String::new();
    let mut drawn: Option<(f64, f64)> = None;
    for (n, &value) in sorted.iter().enumerate() {
        let share = |n: usize| n as f64 / sorted.len() as f64;
        let Some((x, y)) = plane.point(value, share(n + 1)) else {
            continue;
        };
        let visible = drawn.is_none_or(|(at, height)| x - at >= 0.5 || height - y >= 0.5);
        if !visible && n + 1 < sorted.len() {
            continue;
        }
        match drawn {
            None => write!(path, "M{x:.1} {:.1}V{y:.1}", plane.area.bottom),
            Some(_) => write!(path, "H{x:.1}V{y:.1}"),
        }
        .expect("a String takes everything");
        drawn = Some((x, y));
    }
    path
}
