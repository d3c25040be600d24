//! Charts, drawn here. Each says in words what it shows, for those who do not see it.

use jiff::Timestamp;
use maud::{Markup, html};

/// One line of a chart: what it is called, its class, its values.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) class: &'a str,
    pub(super) values: Vec<f64>,
}

/// Lines over time, with the area under each.
pub(super) fn lines(title: &str, times: &[Timestamp], series: &[Series<'_>]) -> Markup {
    let top = nice(series.iter().flat_map(|one| one.values.iter().copied()).fold(0.0, f64::max));
    let place = |index: usize, value: f64| {
        let across = if times.len() > 1 { index as f64 / (times.len() - 1) as f64 } else { 1.0 };
        (LEFT + across * (WIDTH - LEFT - RIGHT), BOTTOM - value / top * (BOTTOM - TOP))
    };
    let path = |one: &Series<'_>| {
        let points = one.values.iter().enumerate().map(|(index, value)| place(index, *value));
        points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
    };
    html! {
        figure.chart {
            figcaption {
                strong { (title) }
                @for one in series { span class={ "key " (one.class) } { (one.name) } }
            }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(told(title, series)) {
                @for step in 0..=2 {
                    @let value = top * f64::from(step) / 2.0;
                    @let (_, y) = place(0, value);
                    line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
                    text.tick x=(LEFT - 8.0) y=(y + 4.0) text-anchor="end" { (short(value)) }
                }
                @for one in series {
                    @let line = path(one);
                    @if let Some(last) = one.values.len().checked_sub(1) {
                        polygon class={ "area " (one.class) } points={
                            (place(0, 0.0).0) "," (BOTTOM) " " (line) " " (place(last, 0.0).0) "," (BOTTOM)
                        } {}
                        polyline class={ "line " (one.class) } points=(line) {}
                    }
                }
                @if let (Some(first), Some(last)) = (times.first(), times.last()) {
                    text.tick x=(LEFT) y=(HEIGHT - 4.0) { (first.strftime("%H:%M").to_string()) }
                    text.tick x=(WIDTH - RIGHT) y=(HEIGHT - 4.0) text-anchor="end" { (last.strftime("%H:%M").to_string()) }
                }
            }
        }
    }
}

/// A bar of parts, each with its share.
pub(super) fn parts(title: &str, parts: &[(&str, &str, usize)]) -> Markup {
    let total: usize = parts.iter().map(|(_, _, count)| count).sum();
    let words: Vec<String> = parts.iter().map(|(name, _, count)| format!("{count} {name}")).collect();
    let mut from = 0.0;
    let mut placed = Vec::new();
    for (_, class, count) in parts {
        let wide = if total == 0 { 0.0 } else { *count as f64 / total as f64 * WIDTH };
        placed.push((*class, from, wide));
        from += wide;
    }
    html! {
        figure.chart {
            figcaption {
                strong { (title) }
                @for (name, class, count) in parts { span class={ "key " (class) } { (count) " " (name) } }
            }
            svg.bar viewBox={ "0 0 " (WIDTH) " 16" } role="img" aria-label={ (title) ": " (words.join(", ")) }
                preserveAspectRatio="none" {
                rect.empty x="0" y="0" width=(WIDTH) height="16" {}
                @for (class, from, wide) in placed { rect class=(class) x=(from) y="0" width=(wide) height="16" {} }
            }
        }
    }
}

fn told(title: &str, series: &[Series<'_>]) -> String {
    let of = |one: &Series<'_>| {
        let most = one.values.iter().copied().fold(0.0, f64::max);
        format!("{}: {} now, {} at most", one.name, short(one.values.last().copied().unwrap_or_default()), short(most))
    };
    format!("{title}. {}", series.iter().map(of).collect::<Vec<_>>().join("; "))
}

/// The next number above that reads well; halves of it are whole.
fn nice(most: f64) -> f64 {
    let mut step = 2.0;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if step * factor >= most {
                return step * factor;
            }
        }
        step *= 10.0;
    }
}

fn short(value: f64) -> String {
    match value {
        value if value >= 10_000.0 => format!("{:.0}k", value / 1000.0),
        value => format!("{value:.0}"),
    }
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 146.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_read_well() {
        for (most, wanted) in [(0.0, 2.0), (3.0, 4.0), (5.0, 10.0), (11.0, 20.0), (190.0, 200.0), (201.0, 400.0)] {
            assert_eq!(nice(most), wanted, "{most}");
        }
    }

    #[test]
    fn charts_say_what_they_show_and_stay_within() {
        let times = [Timestamp::from_second(0).unwrap(), Timestamp::from_second(60).unwrap()];
        let series = [Series { name: "fine", class: "one", values: vec![0.0, 7.0] }];
        let svg = lines("Calls", &times, &series).into_string();
        assert!(svg.contains("Calls. fine: 7 now, 7 at most") && !svg.contains("NaN"), "{svg}");
        let one =
            lines("Calls", &times[..1], &[Series { name: "fine", class: "one", values: vec![0.0] }]).into_string();
        assert!(!one.contains("NaN") && !lines("Calls", &[], &[]).into_string().contains("NaN"));
        assert!(!parts("Mailboxes", &[("away", "bad", 0)]).into_string().contains("NaN"));
    }
}
