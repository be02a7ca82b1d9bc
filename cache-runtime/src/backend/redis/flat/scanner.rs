//! Finds the lists of strings among the answers, wherever what comes is cut.

use std::ops::Range;

/// The longest list that is held back, in bytes. A longer one goes as it came, like everything that is none.
const MOST: usize = 16 * 1024 * 1024;

/// The end of a line.
pub(super) const END: &[u8] = b"\r\n";

/// Follows the answers of RESP3, no byte twice. It stops only at what it can do something about; what it does not
/// understand is for the client to refuse.
pub(super) struct Scanner {
    state: State,
    /// Values of the answer that are still to come.
    open: u64,
    /// How much it has seen of what it is given, which begins with the list that is held back, if there is one.
    seen: usize,
    is_held: bool,
    /// Where the elements of that list begin.
    elements: usize,
}

#[derive(Clone, Copy)]
enum State {
    /// Before a value, whose first byte tells its kind.
    Kind,
    /// In the number that follows the kinds which have a length.
    Length { kind: u8, is_negative: bool, number: Option<u64> },
    /// Between the two bytes that end it.
    LengthEnd { kind: u8, is_negative: bool, number: u64 },
    /// In a value that ends with its line.
    Line { after_return: bool },
    /// In so many bytes.
    Bytes(u64),
    /// In the line's end after them.
    BytesEnd { after_return: bool },
    /// In what is no RESP, for ever.
    Foreign,
}

/// What to do with what was scanned.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// So many bytes go as they are.
    Other(usize),
    /// A list, whose elements are in this range.
    List(Range<usize>),
    /// Nothing, before more has come.
    Part,
}

impl Scanner {
    pub(super) const fn new() -> Self {
        Self { state: State::Kind, open: 0, seen: 0, is_held: false, elements: 0 }
    }

    /// Looks at what is there, which begins where the last one found ended.
    pub(super) fn scan(&mut self, raw: &[u8]) -> Found {
        while let Some(rest) = raw.get(self.seen..)
            && let Some(byte) = rest.first()
        {
            if matches!(self.state, State::Kind) && self.open == 0 && *byte == b'*' {
                if self.seen > 0 {
                    break;
                }
                self.is_held = true;
            }
            let is_element = self.is_held && self.open > 0 && matches!(self.state, State::Kind);
            // A step each is too much for the strings that are whole, as most are.
            if is_element
                && let Some(Range { end, .. }) = string(rest)
                && rest.get(end..end + END.len()) == Some(END)
            {
                self.seen += end + END.len();
                self.open -= 1;
            } else {
                self.seen += self.step(*byte, rest);
            }
            if self.is_held && self.open == 0 && matches!(self.state, State::Kind) {
                self.is_held = false;
                let end = std::mem::take(&mut self.seen);
                return Found::List(self.elements..end);
            }
        }
        if self.seen > MOST {
            self.is_held = false;
        }
        if self.is_held || self.seen == 0 {
            Found::Part
        } else {
            Found::Other(std::mem::take(&mut self.seen))
        }
    }

    /// Nothing more comes: what is there goes as it is.
    pub(super) fn end(&mut self) {
        *self = Self { state: State::Foreign, ..Self::new() };
    }

    /// Takes one byte, or some of those whose kind and number are known.
    fn step(&mut self, byte: u8, rest: &[u8]) -> usize {
        let (state, length) = match self.state {
            State::Kind => (self.begin(byte), 1),
            State::Length { kind, is_negative, number } => {
                (length(byte, kind, is_negative, number).unwrap_or(State::Foreign), 1)
            }
            State::LengthEnd { kind, is_negative, number } if byte == b'\n' => {
                (self.sized(kind, is_negative, number).unwrap_or(State::Foreign), 1)
            }
            State::Line { after_return: true } | State::BytesEnd { after_return: true } if byte == b'\n' => {
                (self.ended(), 1)
            }
            State::Line { after_return } => {
                let until = rest.iter().position(|byte| *byte == b'\r');
                // In a list that is held back it is that of a `_`, which should have none.
                self.is_held &= until == Some(0) && !after_return;
                (State::Line { after_return: until.is_some() }, until.map_or(rest.len(), |at| at + 1))
            }
            State::Bytes(left) => {
                let here = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                let left = left.saturating_sub(u64::try_from(here).unwrap_or(left));
                let end = State::BytesEnd { after_return: false };
                (if left == 0 { end } else { State::Bytes(left) }, here)
            }
            State::BytesEnd { after_return: false } if byte == b'\r' => {
                (State::BytesEnd { after_return: true }, 1)
            }
            State::LengthEnd { .. } | State::BytesEnd { .. } | State::Foreign => (State::Foreign, rest.len()),
        };
        self.state = state;
        if matches!(state, State::Foreign) {
            self.is_held = false;
        }
        length
    }

    fn begin(&mut self, kind: u8) -> State {
        let is_first = self.open == 0;
        if is_first {
            self.open = 1;
        } else if !matches!(kind, b'$' | b'_') {
            self.is_held = false;
        }
        match kind {
            b'$' | b'=' | b'!' | b'*' | b'~' | b'%' | b'|' | b'>' => {
                State::Length { kind, is_negative: false, number: None }
            }
            b'+' | b'-' | b':' | b',' | b'#' | b'(' | b'_' => State::Line { after_return: false },
            _ => State::Foreign,
        }
    }

    /// What a number begins; nothing where the kind has none such.
    fn sized(&mut self, kind: u8, is_negative: bool, number: u64) -> Option<State> {
        let values = match kind {
            b'$' | b'*' | b'~' | b'>' if is_negative => 0,
            b'$' | b'=' | b'!' if !is_negative => {
                return Some(if number == 0 {
                    State::BytesEnd { after_return: false }
                } else {
                    State::Bytes(number)
                });
            }
            b'*' | b'~' | b'>' => number,
            b'%' if !is_negative => number.checked_mul(2)?,
            b'|' if !is_negative => number.checked_mul(2)?.checked_add(1)?,
            _ => return None,
        };
        if kind == b'*' && self.is_held {
            self.elements = self.seen + 1;
            self.is_held = values > 0;
        }
        self.open = self.open.checked_add(values)?;
        Some(self.ended())
    }

    fn ended(&mut self) -> State {
        self.open = self.open.saturating_sub(1);
        State::Kind
    }
}

/// Where the bytes of the string are that begins here; nothing where this is none, or not known to be one.
pub(super) fn string(raw: &[u8]) -> Option<Range<usize>> {
    /// Digits of the longest in a list that is held back.
    const DIGITS: usize = 8;
    let digits = raw.strip_prefix(b"$")?.iter().take(DIGITS).take_while(|byte| byte.is_ascii_digit());
    let (places, length) =
        digits.fold((0, 0), |(places, number), digit| (places + 1, number * 10 + usize::from(digit - b'0')));
    let start = 1 + places + END.len();
    (places > 0 && raw.get(1 + places..start) == Some(END)).then_some(start..start + length)
}

/// The next byte of a number; nothing where that is none as servers write it, or no `i64`.
fn length(byte: u8, kind: u8, is_negative: bool, number: Option<u64>) -> Option<State> {
    match (byte, number) {
        (b'-', None) if !is_negative => Some(State::Length { kind, is_negative: true, number }),
        (b'0'..=b'9', _) if number != Some(0) => {
            let number = number.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
            i64::try_from(number).ok()?;
            Some(State::Length { kind, is_negative, number: Some(number) })
        }
        (b'\r', Some(number)) if number > 0 || !is_negative => {
            Some(State::LengthEnd { kind, is_negative, number })
        }
        _ => None,
    }
}
