//! Mistakes become messages: with the function still there, and drawn at the right place.

use quote::ToTokens;

use super::tokens;
use crate::method;
use crate::template::{Template, draw};

const ITEM: &str =
    "/// Loads.\n pub async fn load(&self, id: u64) -> Result<u64, String> { self.db.load(id).await }";

/// The messages of the `compile_error!`s in an expansion, and the items beside them.
fn messages(args: &str, item: &str) -> (Vec<String>, Vec<String>) {
    let expansion = method::cached(tokens(args), &tokens(item));
    let file: syn::ItemImpl =
        syn::parse2(quote::quote!(impl Service { #expansion })).expect("the expansion is items");
    let mut messages = Vec::new();
    let mut items = Vec::new();
    for item in file.items {
        match item {
            syn::ImplItem::Macro(call)
                if call.mac.path.segments.last().is_some_and(|last| last.ident == "compile_error") =>
            {
                let text: syn::LitStr = call.mac.parse_body().expect("a message is a text");
                messages.push(text.value());
            }
            other => items.push(other.into_token_stream().to_string()),
        }
    }
    (messages, items)
}

#[test]
fn a_rejected_attribute_does_not_drop_the_function() {
    for args in [
        "",
        "key = \"a:<idd>\"",
        "key = 3",
        "nonsense = 1",
        "key = \"<\", ttl = 0",
        "key =",
        "ttl = 300",
        ", ,",
        "key key",
    ] {
        let (messages, items) = messages(args, ITEM);
        assert!(!messages.is_empty(), "{args}");
        assert_eq!(items, [tokens(ITEM).to_string()], "{args}");
    }
}

#[test]
fn an_unknown_placeholder_is_a_message_with_a_suggestion_and_not_a_panic() {
    let (messages, _) = messages("key = \"project:<idd>\", ttl = 300, skip(id)", ITEM);
    assert_eq!(
        messages,
        [
            "key template names `<idd>`, but `load` has no parameter `idd`\n\n         \"project:<idd>\"\n                  ^^^^^ did you mean `<id>`?\n"
        ]
    );
}

#[test]
fn every_mistake_is_reported_together() {
    let (messages, _) = messages("key = \"<>:<idd>\", ttl = 0, nonsense = 1, skip(page)", ITEM);
    for part in [
        "placeholder of the key template is empty",
        "`ttl` is zero",
        "no argument `nonsense`",
        "no parameter `page`",
    ] {
        assert_eq!(
            messages.iter().filter(|message| message.contains(part)).count(),
            1,
            "{part}: {messages:#?}"
        );
    }
}

/// The last two lines of a drawing: the template and the carets.
fn drawn(template: &str, at: (usize, usize)) -> (String, String) {
    let drawing = draw("message", template, at, "hint");
    let mut lines = drawing.lines().skip(2);
    let mut next = || lines.next().expect("a drawing has four lines").to_owned();
    (next(), next())
}

#[test]
fn carets_stand_below_the_mistake_behind_any_text() {
    for before in ["", "a", "é", "日本", "🦀:", "e\u{301}", "<<", ":/"] {
        let template = format!("{before}<x>:tail");
        let (line, carets) = drawn(&template, (before.len(), before.len() + 3));
        let column = carets.chars().take_while(|char| *char == ' ').count();
        let marked: String = line.chars().skip(column).take(3).collect();
        assert_eq!(marked, "<x>", "{template}");
        assert_eq!(carets.trim_start(), "^^^ hint", "{template}");
    }
}

#[test]
fn a_drawing_is_made_whatever_the_place() {
    let template = "日:<x>";
    for from in 0..12 {
        for to in 0..12 {
            let (line, carets) = drawn(template, (from, to));
            assert_eq!(line, "         \"日:<x>\"");
            assert!(carets.contains('^'), "{from}..{to}");
        }
    }
    assert_eq!(drawn("", (0, 0)).1, "          ^ hint", "an empty template has one caret");
    assert_eq!(
        drawn("a\u{7}b\nc", (0, 1)).0,
        "         \"a\u{fffd}b\u{fffd}c\"",
        "control characters do not break the line"
    );
}

#[test]
fn mistakes_of_a_template_point_at_themselves() {
    for (template, wrong) in [
        ("é:<", "<"),
        ("日:<a b>", "<a b>"),
        ("<id>:x>", ">"),
        ("🦀<a>-<b>", "<a>-<b>"),
        ("a\tb", "\t"),
        ("ß<=x>", "<=x>"),
        ("x:<id", "<id"),
    ] {
        let errors = Template::parse(template).expect_err(template);
        let places: Vec<&str> = errors.iter().map(|error| &template[error.at.0..error.at.1]).collect();
        assert_eq!(places, [wrong], "{template}");
        assert!(errors[0].render(template).contains('^'));
    }
}
