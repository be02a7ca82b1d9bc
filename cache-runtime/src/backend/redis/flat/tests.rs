//! What the client makes of a flattened stream is what it makes of the stream, but that a list of strings is one string.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use redis::{Parser, Value};
use tokio::io::{AsyncRead, ReadBuf};

use super::{Elements, Flat};

fn executions() -> u32 {
    std::env::var("FUZZ_EXECUTIONS").map_or(2_000, |text| text.parse().expect("FUZZ_EXECUTIONS is a number"))
}

/// A connection that gives what it has in pieces, before each of which it lets wait.
struct Pieces<'p> {
    rest: &'p [u8],
    lengths: std::iter::Cycle<std::slice::Iter<'p, usize>>,
    waits: bool,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.waits = !self.waits;
        if self.waits {
            return Poll::Pending;
        }
        let length = self.lengths.next().map_or(1, |length| *length).max(1);
        let (piece, rest) = self.rest.split_at(length.min(buffer.remaining()).min(self.rest.len()));
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

/// All that comes of a stream that is cut into pieces of these lengths in turn, and read as many bytes at a time.
fn flattened(stream: &[u8], lengths: &[usize], room: usize) -> Vec<u8> {
    let mut flat = Flat::new(Pieces { rest: stream, lengths: lengths.iter().cycle(), waits: false });
    let mut all = Vec::new();
    let mut buffer = vec![0; room];
    loop {
        let mut read = ReadBuf::new(&mut buffer);
        match Pin::new(&mut flat).poll_read(&mut Context::from_waker(Waker::noop()), &mut read) {
            Poll::Pending => {}
            Poll::Ready(result) => {
                result.expect("the pieces do not fail");
                if read.filled().is_empty() {
                    return all;
                }
                all.extend_from_slice(read.filled());
            }
        }
    }
}

/// What the client makes of a stream, up to its end or its first error.
fn values(mut stream: &[u8]) -> (Vec<Value>, String) {
    let mut parser = Parser::new();
    let mut values = Vec::new();
    loop {
        match parser.parse_value(stream.by_ref()) {
            Ok(value) => values.push(value),
            Err(error) => return (values, error.category().to_owned()),
        }
    }
}

type Strings = Vec<Option<Vec<u8>>>;

fn list_of_strings(value: &Value) -> Option<Strings> {
    let Value::Array(elements) = value else { return None };
    let element = |element: &Value| match element {
        Value::Nil => Some(None),
        Value::BulkString(bytes) => Some(Some(bytes.clone())),
        _ => None,
    };
    elements.iter().map(element).collect::<Option<Strings>>().filter(|elements| !elements.is_empty())
}

fn elements(list: &[u8]) -> Option<Strings> {
    Elements::of(list.to_vec()).map(|element| Some(element.ok()?.map(|bytes| bytes.to_vec()))).collect()
}

/// Whether both streams mean the same; lists of strings must be flat in the latter, or may be.
fn mean_the_same(stream: &[u8], flat: &[u8], must_be_flat: bool) -> Result<(), TestCaseError> {
    let ((before, error_before), (after, error_after)) = (values(stream), values(flat));
    prop_assert_eq!(before.len(), after.len());
    prop_assert_eq!(error_before, error_after);
    for (before, after) in before.iter().zip(&after) {
        match (list_of_strings(before), after) {
            (Some(list), Value::BulkString(flat)) => {
                prop_assert_eq!(Some(list), elements(flat));
            }
            (Some(_), _) if must_be_flat => prop_assert!(false, "{after:?} is not flat"),
            _ => prop_assert_eq!(before, after),
        }
    }
    Ok(())
}

fn with_length(kind: char, bytes: &[u8]) -> Vec<u8> {
    [format!("{kind}{}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn of_values(kind: char, count: usize, values: &[Vec<u8>]) -> Vec<u8> {
    [format!("{kind}{count}\r\n").as_bytes(), &values.concat()].concat()
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let like_resp = prop::sample::select(vec!["\r\n", "*2\r\n$1\r\na\r\n$-1\r\n", "$3\r\n", "\r", "", "OK"]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        like_resp.prop_map(|text| text.as_bytes().to_vec())
    ]
}

fn strings() -> impl Strategy<Value = Vec<u8>> {
    let nothing = prop::sample::select(vec!["$-1\r\n", "_\r\n"]).prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![4 => texts().prop_map(|text| with_length('$', &text)), 1 => nothing]
}

fn lists_of_strings() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(strings(), 1..8).prop_map(|strings| of_values('*', strings.len(), &strings))
}

/// One value of any kind, as the server may send it.
fn any_values() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop::sample::select(vec![
        "+OK\r\n",
        "+\r\n",
        "+a\rb\n\r\r\n",
        "-ERR no\r\n",
        ":-17\r\n",
        ":0\r\n",
        ",1.5\r\n",
        ",inf\r\n",
        "#t\r\n",
        "#f\r\n",
        "(123456789012345678901234567890\r\n",
        "_\r\n",
        "$-1\r\n",
        "*0\r\n",
        "~0\r\n",
        "%0\r\n",
    ]);
    let verbatim = "txt:[a-z\r\n]{0,9}".prop_map(|text| with_length('=', text.as_bytes()));
    let error = "ERR [a-z]{0,9}".prop_map(|text| with_length('!', text.as_bytes()));
    let leaves = prop_oneof![
        3 => lines.prop_map(|line| line.as_bytes().to_vec()),
        3 => strings(),
        1 => verbatim,
        1 => error,
    ];
    leaves.prop_recursive(4, 24, 6, |values| {
        let many = |range| prop::collection::vec(values.clone(), range);
        prop_oneof![
            many(1..6).prop_map(|values| of_values('*', values.len(), &values)),
            many(1..6).prop_map(|values| of_values('~', values.len(), &values)),
            many(2..6).prop_map(|values| of_values('%', values.len() / 2, &values[..values.len() / 2 * 2])),
            many(3..6).prop_map(|values| {
                let half = (values.len() - 1) / 2;
                of_values('|', half, &values[..=2 * half])
            }),
            many(0..4).prop_map(|mut values| {
                values.insert(0, with_length('$', b"message"));
                of_values('>', values.len(), &values)
            }),
            lists_of_strings(),
        ]
    })
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    // In RESP2 it is nothing; in a list it would be no string.
    let no_list = Just(b"*-1\r\n".to_vec());
    prop::collection::vec(prop_oneof![4 => any_values(), 4 => lists_of_strings(), 1 => no_list], 1..6)
        .prop_map(|values| values.concat())
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![Just(vec![1]), Just(vec![1_000_000]), prop::collection::vec(1..40_usize, 1..5)]
}

/// What looks like RESP here and there.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec!["\r\n", "$3\r\nabc\r\n", "*2\r\n", "*1\r\n", "$", "*", "-1", "-", "+1", "0", " ", "%-1\r\n", ">1\r\n",
            "|1\r\n", "=-1\r\n", "*-0\r\n", "$-0\r\n", "$00002\r\nab\r\n", "*9223372036854775807\r\n", "%9223372036854775807\r\n",
            "$9223372036854775808\r\n", "$-9223372036854775808\r\n", "_x\r\n"]).prop_map(|text| text.as_bytes().to_vec()),
        1 => any_values(),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn every_answer_stays_what_it_was() {
    let all = (streams(), cuts(), 1..200_usize, any::<prop::sample::Index>(), any::<bool>());
    proptest!(ProptestConfig::with_cases(executions()), |((stream, cuts, room, end, is_whole) in all)| {
        let stream = &stream[..if is_whole { stream.len() } else { end.index(stream.len()) }];
        mean_the_same(stream, &flattened(stream, &cuts, room), true)?;
    });
}

#[test]
fn where_it_is_cut_changes_nothing() {
    let strategy = (streams(), 1..200_usize);
    proptest!(ProptestConfig::with_cases(executions() / 50), |((stream, room) in strategy)| {
        let whole = flattened(&stream, &[stream.len()], 1_000);
        for at in 1..stream.len() {
            prop_assert_eq!(&flattened(&stream, &[at, stream.len()], room), &whole);
        }
    });
}

#[test]
fn what_is_no_resp_is_refused_as_it_was() {
    let all = (garbage(), cuts(), 1..200_usize);
    proptest!(ProptestConfig::with_cases(executions()), |((stream, cuts, room) in all)| {
        mean_the_same(&stream, &flattened(&stream, &cuts, room), false)?;
    });
}

#[test]
fn after_the_first_byte_that_is_no_resp_all_goes_as_it_came() {
    let foreign = prop::sample::select(vec![
        "HTTP/1.1 200\r\n",
        "\r\n",
        "$x\r\n",
        "$1\r\nab\r\n",
        "*1\n",
        "%-1\r\n",
        "*+1\r\n",
        "\0",
    ]);
    let all = (foreign, streams(), cuts(), 1..200_usize);
    proptest!(ProptestConfig::with_cases(executions()), |((foreign, rest, cuts, room) in all)| {
        let stream = [foreign.as_bytes(), &rest].concat();
        prop_assert_eq!(flattened(&stream, &cuts, room), stream);
    });
}

#[test]
fn a_length_that_is_not_there_takes_no_room() {
    for head in [
        "*99999999999\r\n$3\r\nabc\r\n",
        "*2\r\n$99999999999\r\nabc",
        "$9223372036854775807\r\nabc",
        "*9223372036854775807\r\n",
    ] {
        let taken = allocation_counter::measure(|| {
            assert_eq!(flattened(head.as_bytes(), &[3], 100), head.as_bytes(), "{head}");
        });
        assert!(taken.bytes_max < 100_000, "{head}: {}", taken.bytes_max);
    }
}

#[test]
fn a_list_that_is_too_long_goes_as_it_came_and_the_next_is_flat() {
    let megabyte = with_length('$', &vec![b'x'; 1 << 20]);
    let long = of_values('*', 17, &vec![megabyte; 17]);
    let short = "*2\r\n$1\r\na\r\n_\r\n";
    let stream = [&long, short.as_bytes()].concat();
    let flat = flattened(&stream, &[50_000], 50_000);
    assert!(flat.starts_with(&long));
    assert_eq!(flat.get(long.len()..), Some(&b"$8\r\n$1\r\na\r\n_\r\n"[..]));
}

#[test]
fn a_list_of_many_megabytes_is_flat() {
    let megabyte = with_length('$', &vec![b'x'; 1 << 20]);
    let list = of_values('*', 15, &vec![megabyte; 15]);
    let (values, _) = values(&flattened(&list, &[100_000], 50_000));
    let [Value::BulkString(flat)] = values.as_slice() else { panic!("{} values", values.len()) };
    assert_eq!(elements(flat).map(|elements| elements.len()), Some(15));
}

#[test]
fn any_bytes_have_elements_or_are_refused() {
    proptest!(ProptestConfig::with_cases(executions()), |(list in prop_oneof![garbage(), prop::collection::vec(strings(), 0..5).prop_map(|all| all.concat())])| {
        prop_assert!(Elements::of(list.clone()).count() <= list.len());
    });
}

#[test]
fn elements_that_are_not_whole_are_refused() {
    for list in [
        "x",
        "$",
        "$\r\n",
        "$3\r\nab",
        "$3\r\nabcd",
        "$3",
        "$1\r\na\r",
        ":1\r\n",
        "$1\r\na\r\n$9\r\na",
        "$99999999999\r\na",
    ] {
        assert_eq!(elements(list.as_bytes()), None, "{list}");
    }
    let all = Some(vec![Some(b"a".to_vec()), None, None, Some(Vec::new())]);
    assert_eq!(elements(b"$1\r\na\r\n$-1\r\n_\r\n$0\r\n"), all);
}
