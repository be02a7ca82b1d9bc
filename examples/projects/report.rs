//! The printing: aligned lines, small bars, and colour where a terminal shows it.

use std::io::{self, Write};
use std::time::Duration;

use crate::db::Usage;

/// The cells of a full bar.
const BAR: u32 = 16;

/// A result, how long it took, and what the database did meanwhile.
pub struct Timed<T> {
    pub value: T,
    pub took: Duration,
    pub database: Usage,
}

/// Writes the program's findings to `out`.
pub struct Report<'a, W> {
    out: &'a mut W,
    colour: bool,
    steps: u32,
    /// The time of a full bar in this step: that of its first call.
    full: Option<Duration>,
}

#[derive(Clone, Copy)]
enum Ink {
    Bold = 1,
    Dim = 2,
    Green = 32,
    Yellow = 33,
    Blue = 34,
}

impl<'a, W: Write> Report<'a, W> {
    pub fn new(out: &'a mut W, colour: bool) -> Self {
        Self { out, colour, steps: 0, full: None }
    }

    /// The first line.
    pub fn title(&mut self, text: &str) -> io::Result<()> {
        let text = self.ink(Ink::Bold, text);
        writeln!(self.out, "\n{text}\n")
    }

    /// A numbered section, and the code that it is about.
    pub fn step(&mut self, text: &str, code: &str) -> io::Result<()> {
        self.steps += 1;
        self.full = None;
        let (head, code) =
            (self.ink(Ink::Bold, &format!("{}  {text}", self.steps)), self.ink(Ink::Dim, code));
        writeln!(self.out, "\n{head}\n   {code}")?;
        self.out.flush()
    }

    /// A read: a hit, where the database was not asked.
    pub fn read<T>(&mut self, label: &str, call: &Timed<T>) -> io::Result<()> {
        match call.database.queries {
            0 => self.call(label, &self.ink(Ink::Green, "hit  "), call),
            _ => self.call(label, &self.ink(Ink::Yellow, "miss "), call),
        }
    }

    /// A write.
    pub fn write<T>(&mut self, label: &str, call: &Timed<T>) -> io::Result<()> {
        self.call(label, &self.ink(Ink::Blue, "write"), call)
    }

    fn call<T>(&mut self, label: &str, kind: &str, call: &Timed<T>) -> io::Result<()> {
        let database = match call.database.queries {
            0 => "database not asked".to_owned(),
            n => format!("database asked {n:>3} × {:>10}", time(call.database.time)),
        };
        let full = *self.full.get_or_insert(call.took);
        let bar = self.bar(call.took.as_secs_f64() / full.as_secs_f64());
        writeln!(self.out, "   {label:<27} {kind}  {database:<30}  in {:>8}  {bar}", time(call.took))?;
        self.out.flush()
    }

    /// A sentence.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "   {text}")?;
        self.out.flush()
    }

    /// A named figure, and what there is to say about it.
    pub fn figure(&mut self, label: &str, figure: &str, remark: &str) -> io::Result<()> {
        let remark = self.ink(Ink::Dim, remark);
        writeln!(self.out, "   {label:<27} {figure:>9}  {remark}")
    }

    /// A share of 1, with its bar.
    pub fn share(&mut self, label: &str, share: f64) -> io::Result<()> {
        let (percent, bar) = (format!("{:.1} %", share * 100.0), self.bar(share));
        writeln!(self.out, "   {label:<27} {percent:>9}  {bar}")
    }

    /// A key, and how long it still lives.
    pub fn key(&mut self, key: &str, left: &str) -> io::Result<()> {
        let line = format!("     {key:<32} {left:>9}");
        writeln!(self.out, "{}", line.trim_end())
    }

    /// A bar of which `share` is filled; never quite empty.
    fn bar(&self, share: f64) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 1 up to 8 a cell"
        )]
        let eighths = (share * f64::from(BAR * 8)).clamp(1.0, f64::from(BAR * 8)) as usize;
        self.ink(Ink::Blue, &format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]))
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", ink as u8) } else { text.to_owned() }
    }
}

/// A length of time in minutes and seconds.
pub fn minutes(length: Duration) -> String {
    let seconds = length.as_secs();
    format!("{}:{:02} min", seconds / 60, seconds % 60)
}

/// A length of time in three digits.
pub fn time(length: Duration) -> String {
    let nanos = length.as_secs_f64() * 1e9;
    let (figure, unit) = match nanos {
        ..999.5 => return format!("{nanos:.0} ns"),
        ..999.5e3 => (nanos / 1e3, "µs"),
        ..999.5e6 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let decimals = if figure < 9.995 { 2 } else { usize::from(figure < 99.95) };
    format!("{figure:.decimals$} {unit}")
}

/// A whole number with its thousands apart.
pub fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_counts_have_commas() {
        let times =
            [12, 1_234, 45_678, 123_456, 999_800, 2_000_000_000].map(|n| time(Duration::from_nanos(n)));
        assert_eq!(times, ["12 ns", "1.23 µs", "45.7 µs", "123 µs", "1.00 ms", "2.00 s"]);
        assert_eq!(
            [7_u64, 999, 1_000, 12_345, 1_234_567].map(count),
            ["7", "999", "1,000", "12,345", "1,234,567"]
        );
    }
}
