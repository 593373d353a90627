//! How the losses went: as numbers, and drawn.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::engine::Losses;

/// What was measured at a step. Nothing here depends on the time that it took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// Which step, counted from 0.
    pub step: usize,
    /// The losses before it.
    #[serde(flatten)]
    pub losses: Losses,
    /// Norm of all gradients together, before clipping.
    pub norm: f32,
    /// Learning rate.
    pub rate: f32,
    /// Tokens that went through, each sequence's counted.
    pub tokens: usize,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 40.0;
/// Losses below are drawn at the lower edge.
const LEAST: f64 = 1e-3;

/// The curve as an SVG: steps to the right, losses on a logarithmic scale upwards.
pub fn svg(curve: &[Point]) -> String {
    type Loss = fn(&Point) -> f32;
    let series: [(&str, &str, Loss); 3] = [
        ("what is to be said", "#1f5fbf", |point| point.losses.say),
        ("other names: KL to the base", "#c2452d", |point| point.losses.keep),
        ("unrelated turns: KL to the base", "#3b8a3e", |point| point.losses.replay),
    ];
    let steps = curve.last().map_or(1, |point| point.step.max(1)) as f64;
    let top = curve.iter().flat_map(|point| series.iter().map(|(.., of)| f64::from(of(point)))).fold(1.0f64, f64::max);
    let decades = (top / LEAST).log10().ceil().max(1.0);
    let x = |step: usize| LEFT + (WIDTH - LEFT - 10.0) * step as f64 / steps;
    let y = |loss: f64| 10.0 + (HEIGHT - BOTTOM - 10.0) * (1.0 - (loss.max(LEAST) / LEAST).log10() / decades);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    // Writing to a string cannot fail.
    for decade in 0..=decades as i32 {
        let loss = LEAST * 10f64.powi(decade);
        let at = y(loss);
        let _ = writeln!(svg, "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>", WIDTH - 10.0);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{loss}</text>", LEFT - 6.0, at + 4.0);
    }
    for quarter in 0..=4 {
        let step = (steps * f64::from(quarter) / 4.0).round() as usize;
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{step}</text>", x(step), HEIGHT - 20.0);
    }
    let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">step</text>", WIDTH / 2.0, HEIGHT - 4.0);
    for (n, (name, colour, of)) in series.into_iter().enumerate() {
        let points: Vec<String> =
            curve.iter().map(|point| format!("{:.1},{:.1}", x(point.step), y(f64::from(of(point))))).collect();
        let _ = writeln!(svg, "<polyline fill=\"none\" stroke=\"{colour}\" points=\"{}\"/>", points.join(" "));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>",
            WIDTH - 14.0,
            24 + 16 * n
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_drawn_within_its_frame() {
        let point = |step: usize| Point {
            step,
            losses: Losses { say: 3.0 / (step + 1) as f32, keep: 0.0, replay: 0.5 },
            ..Point::default()
        };
        for curve in [vec![], vec![point(0)], (0..240).map(point).collect::<Vec<_>>()] {
            let drawn = svg(&curve);
            assert_eq!(drawn.matches("<polyline").count(), 3);
            for pair in drawn.split("points=\"").skip(1).flat_map(|rest| rest.split('"').next().unwrap().split(' ')) {
                let Some((x, y)) = pair.split_once(',') else { continue };
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                assert!((LEFT..=WIDTH).contains(&x) && (0.0..=HEIGHT - BOTTOM + 0.1).contains(&y), "{pair}");
            }
        }
    }
}
