//! Draws the hits as bars, in an SVG that is readable on white and on black.

use std::fmt::Write as _;
use std::path::Path;

use crate::case::{Gives, KeyOf, Side};
use crate::tables::hits::Hit;

const LEFT: f64 = 330.0;
const WIDTH: f64 = 860.0;
const BAR: f64 = 16.0;
const STEP: f64 = 24.0;

/// Writes `hits.svg` beside this crate's manifest.
pub fn write(hits: &[Hit<'_>]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("hits.svg");
    if let Err(error) = std::fs::write(&file, draw(hits)) {
        eprintln!("hits.svg is not written: {error}");
    }
}

fn draw(hits: &[Hit<'_>]) -> String {
    let mut body = String::new();
    let mut y = 24.0;
    for (gives, title) in [
        (Gives::Arc, "One hit that gives Arc&lt;Project&gt; (nanoseconds, minimum)"),
        (Gives::Clone, "One hit that gives a clone of Project (nanoseconds, minimum)"),
    ] {
        let chosen = |hit: &&Hit<'_>| hit.case.gives == gives && hit.case.key != KeyOf::ThreeParts;
        let mut bars: Vec<_> = hits.iter().filter(chosen).collect();
        bars.sort_by(|a, b| a.nanos.minimum.total_cmp(&b.nanos.minimum));
        let _ = writeln!(body, r#"<text x="16" y="{y}" class="title">{title}</text>"#);
        y += 14.0;
        // The slowest would squeeze all others: bars end at this, and say their figure.
        let longest = bars.iter().map(|hit| hit.nanos.minimum).fold(0.0, f64::max).min(400.0);
        for hit in bars {
            bar(&mut body, hit, y, longest);
            y += STEP;
        }
        y += 30.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" height=\"{y}\" \
         role=\"img\" aria-label=\"Nanoseconds per hit, ours beside the peers'\">\n{STYLE}{body}</svg>\n"
    )
}

fn bar(body: &mut String, hit: &Hit<'_>, y: f64, longest: f64) {
    let nanos = hit.nanos.minimum;
    let room = WIDTH - LEFT - 80.0;
    let length = (nanos / longest).min(1.0) * room;
    let class = match hit.case.side {
        Side::Ours => "ours",
        Side::Peer => "peer",
        Side::Floor => "floor",
    };
    let cut = if nanos > longest { " →" } else { "" };
    let name = format!("{}, {}", hit.case.name, hit.case.key_text());
    let name = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (text_x, text_y, end) = (LEFT - 8.0, y + BAR - 3.5, LEFT + length + 6.0);
    let _ = writeln!(
        body,
        r#"<text x="{text_x}" y="{text_y}" class="name">{name}</text><rect x="{LEFT}" y="{y}" width="{length:.1}" height="{BAR}" rx="2" class="{class}"/><text x="{end:.1}" y="{text_y}">{nanos:.0}{cut}</text>"#
    );
}

/// Colours that stand out on both grounds, and texts that follow the reader's.
const STYLE: &str = "<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.name { text-anchor: end }
.ours { fill: #d9480f }
.peer { fill: #748ffc }
.floor { fill: #868e96 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>
";
