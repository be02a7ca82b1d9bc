//! The same test on each kind of server.

/// Makes a test on Redis and one on Valkey of each function of a [`Kind`](crate::server::Kind).
macro_rules! on_each_kind {
    ($($test:ident),+ $(,)?) => {
        mod on_redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(crate::server::Kind::Redis).await;
                }
            )+
        }

        mod on_valkey {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(crate::server::Kind::Valkey).await;
                }
            )+
        }
    };
}
pub(crate) use on_each_kind;
