//! The key map of a program whose keys are not sound: this one.

use cache_runtime::{KvCacheService, cache_key, cached, invalidates, key_map};

struct Users {
    cache: KvCacheService,
}

impl Users {
    #[cached(key = "thing:<id>", ttl = 300)]
    async fn user(&self, id: u64) -> String {
        id.to_string()
    }

    #[cached(key = "user:by:<name>", ttl = 300)]
    async fn by_name(&self, name: &str) -> u64 {
        name.len() as u64
    }

    #[invalidates("thing:<id>", "user:by:<name>")]
    async fn rename(&self, id: u64, name: &str) {
        let _ = (id, name);
    }
}

struct Orders {
    cache: KvCacheService,
}

impl Orders {
    // Another type of value under the template of `Users::user`.
    #[cached(key = "thing:<id>", ttl = 60)]
    async fn order(&self, id: u64) -> u64 {
        id
    }

    // A key that `user:by:<name>` can give, too.
    #[cached(key = "user:by:all", ttl = 60)]
    async fn count(&self) -> u64 {
        0
    }

    // Keys that no other template can give.
    #[cached(key = "order:<id>:lines", ttl = 60)]
    async fn lines(&self, id: u64) -> u64 {
        id
    }
}

/// The number of an order.
#[cache_key("number:<id>", ttl = 60)]
fn number_key(id: u64) -> u64;

/// One template, declared twice, for values of two types.
#[cache_key("label:<id>", ttl = 60)]
fn label_key(id: u64) -> String;
#[cache_key("label:<id>", ttl = 60)]
fn label_number_key(id: u64) -> u64;

/// Two types of one name, and one type by two names.
mod first {
    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    pub(super) struct Name(pub(super) String);

    pub(super) mod second {
        #[derive(Clone, serde::Serialize, serde::Deserialize)]
        pub(crate) struct Name(pub(crate) u64);
    }
}

struct Names {
    cache: KvCacheService,
}

impl Names {
    #[cached(key = "name:<id>", ttl = 60, key_fn = name_of)]
    async fn name(&self, id: u64) -> first::Name {
        first::Name(id.to_string())
    }

    #[cached(Self::name_of(id))]
    async fn again(&self, id: u64) -> first::Name {
        first::Name(id.to_string())
    }
}

mod others {
    use cache_runtime::{KvCacheService, cached};

    use super::first::second::Name;

    pub(super) struct Names {
        pub(super) cache: KvCacheService,
    }

    impl Names {
        #[cached(key = "name:<id>", ttl = 60)]
        pub(super) async fn name(&self, id: u64) -> Name {
            Name(id)
        }

        // The method of this name that is near, of two.
        #[cached(Self::name_key(id))]
        pub(super) async fn near(&self, id: u64) -> Name {
            Name(id)
        }

        #[cached(key = "same:<id>", ttl = 60)]
        pub(super) async fn same(&self, id: u64) -> super::first::Name {
            super::first::Name(id.to_string())
        }
    }
}

use first::Name;

impl Names {
    #[cached(key = "same:<id>", ttl = 60)]
    async fn same(&self, id: u64) -> Name {
        Name(id.to_string())
    }
}

#[tokio::test]
async fn two_types_of_one_name_are_found_when_they_have_been_cached() {
    let cache = KvCacheService::in_memory();
    let (names, others) = (Names { cache: cache.clone() }, others::Names { cache });
    assert_eq!((names.name(1).await.0, names.again(1).await.0), ("1".to_owned(), "1".to_owned()));
    assert_eq!(
        (others.name(1).await.0, others.same(1).await.0, names.same(1).await.0),
        (1, "1".into(), "1".into())
    );
    let problems = key_map().problems();
    let of_names: Vec<_> = problems.iter().filter(|problem| problem.contains("Name")).collect();
    assert!(
        matches!(of_names.as_slice(), [one] if one.contains("first::Name`") && one.contains("first::second::Name`")),
        "{of_names:#?}"
    );
    let map = key_map();
    assert_eq!(others.near(1).await.0, 1);
    let unknown = map.entries().iter().filter(|entry| entry.template.contains("name_"));
    assert_eq!(unknown.count(), 0, "the key functions' names are known:\n{map}");
}

const VERSION: u32 = 2;

/// One template with a constant, of the program and not of the types.
#[cache_key("v<VERSION>:size:<id>", ttl = 60)]
fn size_key(id: u64) -> u64;
#[cache_key("v<VERSION>:size:<id>", ttl = 60)]
fn size_text_key(id: u64) -> String;

struct Numbers {
    cache: KvCacheService,
}

impl Numbers {
    #[cached(number_key(id))]
    async fn number(&self, id: u64) -> u64 {
        id
    }
}

#[test]
fn two_types_of_value_under_one_template_are_found() {
    let problems = key_map().problems();
    let line = line_of("async fn order");
    // Which of the two is the first to be listed is the linker's choice.
    let expected = [
        format!(
            "\"thing:<id>\" holds a `String`, but `key_map::order` (tests/key_map.rs:{line}) caches a `u64` there"
        ),
        format!(
            "\"thing:<id>\" holds a `u64`, but `key_map::user` (tests/key_map.rs:{}) caches a `String` there",
            line_of("async fn user")
        ),
    ];
    assert!(problems.iter().any(|problem| expected.contains(problem)), "{problems:#?}");
}

#[test]
fn two_types_of_value_under_one_declared_template_are_found() {
    let problems = key_map().problems();
    for template in ["label:<id>", "v<VERSION>:size:<id>"] {
        let is_it = |problem: &&String| problem.starts_with(&format!("\"{template}\" holds a "));
        assert_eq!(problems.iter().filter(is_it).count(), 1, "{problems:#?}");
    }
}

#[test]
fn a_template_that_can_give_anothers_keys_is_found() {
    let problems = key_map().problems();
    let meeting: Vec<_> = problems.iter().filter(|problem| problem.contains("can be a key of")).collect();
    assert_eq!(
        meeting,
        ["a key of \"user:by:<name>\" can be a key of \"user:by:all\" too; give one of them another literal"]
    );
    assert_eq!((size_key(7).as_str(), size_text_key(7).as_str()), ("v2:size:7", "v2:size:7"));
    let others = problems.iter().filter(|problem| !problem.contains("Name")).count();
    assert_eq!(others, 4, "what is sound is not a problem: {problems:#?}");
}

#[test]
#[should_panic(expected = "the program's cache keys are not sound:\n- ")]
fn a_test_of_the_program_fails_with_the_problems() {
    cache_runtime::testing::assert_key_map_sound();
}

#[test]
fn the_map_tells_who_caches_invalidates_and_declares_a_template_and_where() {
    let map = key_map();
    assert!(map.is_complete());
    let templates: Vec<&str> = map.entries().iter().map(|entry| entry.template).collect();
    assert_eq!(
        templates,
        [
            "label:<id>",
            "name:<id>",
            "number:<id>",
            "order:<id>:lines",
            "same:<id>",
            "thing:<id>",
            "user:by:<name>",
            "user:by:all",
            "v<VERSION>:size:<id>"
        ]
    );
    let table: Vec<Vec<String>> = map
        .to_string()
        .lines()
        .map(|line| {
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
        })
        .collect();
    let row = |cells: &[&str], function: &str| {
        let place = format!("tests/key_map.rs:{}", line_of(function));
        cells.iter().map(|cell| (*cell).to_owned()).chain([place]).collect::<Vec<_>>()
    };
    let rows = [
        row(&["number:<id>", "u64", "60s", "cached by", "key_map::number"], "async fn number"),
        row(&["declared by", "key_map::number_key"], "fn number_key"),
        row(&["order:<id>:lines", "u64", "60s", "cached by", "key_map::lines"], "async fn lines"),
        row(&["user:by:<name>", "u64", "300s", "cached by", "key_map::by_name"], "async fn by_name"),
        row(&["invalidated by", "key_map::rename"], "async fn rename"),
    ];
    for row in rows {
        assert!(table.contains(&row), "no {row:?} in\n{map}");
    }
}

#[tokio::test]
async fn what_meets_at_run_time_is_not_served_as_another_type() {
    let cache = KvCacheService::in_memory();
    let (users, orders) = (Users { cache: cache.clone() }, Orders { cache: cache.clone() });
    assert_eq!(users.user(7).await, "7");
    assert_eq!((orders.order(7).await, orders.lines(7).await), (7, 7));
    assert_eq!((users.user(7).await.as_str(), users.by_name("all").await), ("7", 3));
    assert_eq!(Numbers { cache }.number(7).await, 7);
    users.rename(7, "all").await;
    assert_eq!(orders.count().await, 0);
}

/// The line of this file at which an attribute's function stands in the map: that of the attribute.
fn line_of(function: &str) -> usize {
    let before = include_str!("key_map.rs").split(function).next().expect("the text is here");
    before.matches('\n').count()
}
