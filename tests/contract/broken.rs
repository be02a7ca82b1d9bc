//! Backends that each break one guarantee: the contract must tell.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::contract::{
    Subject, Time, barriers, bulk, concurrency, counters, leases, listing, quotas, subscription, ttl, values,
};
use cache_runtime::testing::ManualClock;
use cache_runtime::{
    Backend, BackendError, Capabilities, Decision, Entry, Lease, ListOptions, ListPage, LocalKvNamespace,
    Looking, PutOptions, Quota, Read, SetOutcome, WriteToken,
};

/// What is wrong with a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    ServesTheExpired,
    ForgetsTheTtl,
    ForgetsMetadata,
    DropsEmptyValues,
    FoldsCase,
    CountsWithoutTtl,
    CountsWithNewTtl,
    CountsTextAsZero,
    CountsInTwoSteps,
    ListsUnordered,
    ListsOnePage,
    ListsPagesByNumber,
    ListsTheWholeStore,
    DeletesOnePage,
    DeletesSimilarPrefixes,
    AnswersManyWithoutMissing,
    ReadsManyWithoutMissing,
    ReadsManyWithoutLeases,
    LeasesManyToEverybody,
    LooksThroughBarriers,
    LeasesByLooking,
    LooksAtManyWithoutMissing,
    LeasesTheAbsentToEverybody,
    AdmitsInTwoSteps,
    AdmitsForEver,
    ChargesForRefusals,
    TouchForgetsMetadata,
    SetsWithoutComparing,
    SetsInTwoSteps,
    FillsWithoutLease,
    LeasesToEverybody,
    LeasesOverAnything,
    RefreshesInPlaceOfTheValue,
    RefreshesForEverybody,
    RefreshesNothing,
    ReleasesAnything,
    BarsNothing,
    EndsEveryBarrier,
    RenewsNothing,
    RenewsAnything,
    StoresEveryUpdate,
    TellsNobody,
    KeepsListeners,
}

use Fault::*;

/// Memory with a fault.
struct Broken {
    inner: LocalKvNamespace,
    time: ManualClock,
    fault: Fault,
    /// The first value of each key with a time to live.
    first: Mutex<HashMap<String, Entry>>,
    kept: Mutex<Vec<std::sync::Arc<dyn cache_runtime::InvalidationSink>>>,
}

fn subject(fault: Fault) -> Subject {
    let time = ManualClock::new();
    let inner = LocalKvNamespace::builder().clock(time.clock()).build();
    let (first, kept) = (Mutex::default(), Mutex::default());
    Subject::new(Broken { inner, time: time.clone(), fault, first, kept }, Time::Manual(time))
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn name_of(&self, key: &str) -> String {
        if self.has(FoldsCase) { key.to_lowercase() } else { key.into() }
    }

    /// The value without a lease of its own, to a caller whose lease does not hold.
    async fn force(&self, key: &str, value: Bytes, options: PutOptions) -> Result<bool, BackendError> {
        Ok(self.inner.put(key, value, options).await? == SetOutcome::Stored)
    }
}

#[async_trait]
impl Backend for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        let found = self.inner.get(&self.name_of(key)).await?;
        let first = self.first.lock().expect("no panic in here").get(key).cloned();
        Ok(match found {
            None if self.has(ServesTheExpired) => first,
            Some(entry) if self.has(DropsEmptyValues) && entry.value.is_empty() => None,
            found => found,
        })
    }

    async fn put(
        &self,
        key: &str,
        value: Bytes,
        mut options: PutOptions,
    ) -> Result<SetOutcome, BackendError> {
        if self.has(ForgetsTheTtl) {
            options.ttl = None;
        }
        if self.has(ForgetsMetadata) {
            options.metadata = None;
        }
        let outcome = self.inner.put(&self.name_of(key), value, options.clone()).await?;
        if let (Some(entry), true) = (self.inner.get(key).await?, options.ttl.is_some()) {
            self.first.lock().expect("no panic in here").insert(key.into(), entry);
        }
        Ok(outcome)
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        self.inner.delete(&self.name_of(key)).await
    }

    async fn list(&self, mut options: ListOptions) -> Result<ListPage, BackendError> {
        if self.has(ListsTheWholeStore) {
            options.prefix.clear();
        }
        if self.has(ListsPagesByNumber) {
            let skipped: usize =
                options.cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
            let limit = options.limit.unwrap_or(1_000);
            let all = ListOptions { limit: None, cursor: None, ..options };
            let all = self.inner.list(all).await?.keys;
            let more = all.len() > skipped + limit;
            let keys = all.into_iter().skip(skipped).take(limit).collect();
            return Ok(ListPage { keys, cursor: more.then(|| (skipped + limit).to_string()) });
        }
        let mut page = self.inner.list(options).await?;
        if self.has(ListsUnordered) {
            page.keys.sort_by_key(|key| key.name.encode_utf16().collect::<Vec<_>>());
        }
        if self.has(ListsOnePage) {
            page.cursor = None;
        }
        Ok(page)
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        let mut found = self.inner.get_many(keys).await?;
        if self.has(AnswersManyWithoutMissing) {
            found.retain(Option::is_some);
        }
        Ok(found)
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        self.inner.delete_many(keys).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, BackendError> {
        let narrow = prefix.trim_end_matches(':');
        match self.fault {
            DeletesSimilarPrefixes => self.inner.delete_prefix(narrow).await,
            DeletesOnePage => {
                let page = ListOptions { prefix: prefix.into(), ..ListOptions::default() };
                let keys = self.inner.list(page).await?.keys;
                let keys: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
                self.inner.delete_many(&keys).await
            }
            _ => self.inner.delete_prefix(prefix).await,
        }
    }

    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        match self.fault {
            CountsTextAsZero => {
                let found = self.inner.get(key).await?;
                let text = found.and_then(|entry| String::from_utf8(entry.value.into()).ok());
                let sum = text.and_then(|text| text.parse().ok()).unwrap_or(0_i64).saturating_add(by);
                let options = PutOptions { ttl: ttl_if_new, metadata: None };
                let _ = self.inner.put(key, sum.to_string().into(), options).await?;
                Ok(sum)
            }
            CountsInTwoSteps => {
                let found = self.inner.get(key).await?;
                let text = found.and_then(|entry| String::from_utf8(entry.value.into()).ok());
                let sum = text.and_then(|text| text.parse().ok()).unwrap_or(0_i64) + by;
                tokio::task::yield_now().await;
                let _ = self.inner.put(key, sum.to_string().into(), PutOptions::default()).await?;
                Ok(sum)
            }
            CountsWithoutTtl => {
                let sum = self.inner.increment(key, by, None).await?;
                self.inner.touch(key, None).await?;
                Ok(sum)
            }
            CountsWithNewTtl => {
                let sum = self.inner.increment(key, by, ttl_if_new).await?;
                self.inner.touch(key, ttl_if_new).await?;
                Ok(sum)
            }
            _ => self.inner.increment(key, by, ttl_if_new).await,
        }
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        if self.has(TouchForgetsMetadata) {
            let Some(entry) = self.inner.get(key).await? else { return Ok(false) };
            return self.force(key, entry.value, PutOptions { ttl, metadata: None }).await;
        }
        self.inner.touch(key, ttl).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        match self.fault {
            SetsWithoutComparing => self.force(key, new, options).await,
            SetsInTwoSteps => {
                let found = self.inner.get(key).await?;
                let same = found.as_ref().map(|entry| entry.value.as_ref()) == expected;
                tokio::task::yield_now().await;
                Ok(same && self.force(key, new, options).await?)
            }
            _ => self.inner.compare_and_set(key, expected, new, options).await,
        }
    }

    async fn admit(&self, key: &str, cost: u32, quota: Quota) -> Result<Decision, BackendError> {
        match self.fault {
            AdmitsInTwoSteps => {
                let looked = self.inner.admit(key, 0, quota).await?;
                tokio::task::yield_now().await;
                if cost <= looked.remaining {
                    self.inner.admit(key, cost, quota.with_burst(u32::MAX)).await?;
                }
                Ok(Decision { allowed: cost <= looked.remaining, ..looked })
            }
            AdmitsForEver => {
                let decision = self.inner.admit(key, cost, quota).await?;
                self.inner.touch(key, None).await?;
                Ok(decision)
            }
            ChargesForRefusals => {
                let decision = self.inner.admit(key, cost, quota).await?;
                if !decision.allowed {
                    self.inner.admit(key, decision.remaining, quota).await?;
                }
                Ok(decision)
            }
            _ => self.inner.admit(key, cost, quota).await,
        }
    }

    async fn read(&self, key: &str) -> Result<Read, BackendError> {
        Ok(match self.inner.read(key).await? {
            Read::Leased if self.has(LeasesToEverybody) => Read::Miss(Some(Lease(7))),
            Read::Barred if self.has(BarsNothing) => Read::Miss(Some(Lease(7))),
            read => read,
        })
    }

    async fn read_many(&self, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
        let mut read = self.inner.read_many(keys).await?;
        match self.fault {
            ReadsManyWithoutMissing => read.retain(|read| matches!(read, Read::Hit(_))),
            ReadsManyWithoutLeases => read.iter_mut().for_each(|read| {
                if matches!(read, Read::Miss(_)) {
                    *read = Read::Miss(None);
                }
            }),
            LeasesManyToEverybody => read.iter_mut().for_each(|read| {
                if matches!(read, Read::Leased) {
                    *read = Read::Miss(Some(Lease(7)));
                }
            }),
            _ => {}
        }
        Ok(read)
    }

    fn look<'a>(&'a self, key: &'a str, limit: Duration) -> Looking<'a> {
        Looking::new(Box::pin(async move {
            let found = self.inner.look(key, limit).await?;
            if self.has(LeasesByLooking) && found.is_none() {
                self.inner.read(key).await?;
            }
            if let (LooksThroughBarriers, Some(entry)) = (self.fault, &found) {
                self.first.lock().expect("not poisoned").insert(key.into(), entry.clone());
            }
            let seen = || self.first.lock().expect("not poisoned").get(key).cloned();
            Ok(if self.has(LooksThroughBarriers) { seen() } else { found })
        }))
    }

    async fn look_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        let mut found = self.inner.look_many(keys).await?;
        if self.has(LooksAtManyWithoutMissing) {
            found.retain(Option::is_some);
        }
        Ok(found)
    }

    async fn read_absent(&self, key: &str) -> Result<Read, BackendError> {
        match self.inner.read_absent(key).await? {
            Read::Leased | Read::Hit(_) if self.has(LeasesTheAbsentToEverybody) => {
                Ok(Read::Miss(Some(Lease(7))))
            }
            read => Ok(read),
        }
    }

    async fn lease_over(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        let current = self.inner.get(key).await?;
        match current {
            Some(current) if self.has(LeasesOverAnything) => self.inner.lease_over(key, &current).await,
            _ => self.inner.lease_over(key, seen).await,
        }
    }

    async fn refresh_lease(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        match self.fault {
            RefreshesInPlaceOfTheValue => self.inner.lease_over(key, seen).await,
            RefreshesForEverybody => {
                let lease = self.inner.refresh_lease(key, seen).await?;
                Ok(Some(lease.unwrap_or(Lease(7))))
            }
            RefreshesNothing => Ok(None),
            _ => self.inner.refresh_lease(key, seen).await,
        }
    }

    async fn fill(
        &self,
        key: &str,
        lease: Option<Lease>,
        value: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        if self.has(FillsWithoutLease) {
            return self.force(key, value, options).await;
        }
        self.inner.fill(key, lease, value, options).await
    }

    async fn release(&self, key: &str, lease: Lease) -> Result<(), BackendError> {
        if self.has(ReleasesAnything) {
            return self.inner.delete(key).await.map(drop);
        }
        self.inner.release(key, lease).await
    }

    async fn begin_write(&self, keys: &[&str], life: Duration) -> Result<Option<WriteToken>, BackendError> {
        self.inner.begin_write(keys, life).await
    }

    async fn renew_write(
        &self,
        keys: &[&str],
        token: WriteToken,
        life: Duration,
    ) -> Result<u64, BackendError> {
        match self.fault {
            RenewsNothing => Ok(1),
            RenewsAnything => {
                self.inner.begin_write(keys, life).await?;
                self.inner.renew_write(keys, token, life).await
            }
            _ => self.inner.renew_write(keys, token, life).await,
        }
    }

    async fn finish_write(
        &self,
        keys: &[&str],
        token: Option<WriteToken>,
        update: Option<(Bytes, PutOptions)>,
    ) -> Result<bool, BackendError> {
        match (self.fault, update, keys) {
            (EndsEveryBarrier, update, _) => {
                for other in 0..100 {
                    self.inner.finish_write(keys, Some(WriteToken(other)), None).await?;
                }
                self.inner.finish_write(keys, token, update).await
            }
            (StoresEveryUpdate, Some((value, options)), [key]) => {
                self.inner.finish_write(keys, token, None).await?;
                self.force(key, value, options).await
            }
            (_, update, _) => self.inner.finish_write(keys, token, update).await,
        }
    }

    fn subscribe(&self, sink: std::sync::Weak<dyn cache_runtime::InvalidationSink>) -> bool {
        if self.has(KeepsListeners) {
            self.kept.lock().expect("no panic in here").extend(sink.upgrade());
        }
        self.has(TellsNobody) || self.inner.subscribe(sink)
    }

    async fn health(&self) -> Result<(), BackendError> {
        let _ = &self.time;
        Ok(())
    }
}

/// Whether the guarantee fails on a backend with the fault, in the guarantee's name, and holds without it.
macro_rules! catches {
    ($($test:ident: $fault:ident is caught by $group:ident::$guarantee:ident;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            outcome(async { $group::$guarantee(&subject(Nothing)).await }).await.expect("it holds without the fault");
            let message = outcome(async { $group::$guarantee(&subject($fault)).await }).await;
            let message = message.expect_err("the contract does not catch it");
            assert!(message.starts_with("not guaranteed: "), "{message}");
        })*
    };
}

/// Runs a guarantee in a task of its own, and returns what it panicked with.
async fn outcome(guarantee: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
    let Err(error) = tokio::spawn(guarantee).await else { return Ok(()) };
    Err(*error.into_panic().downcast::<String>().expect("a failure is a message"))
}

catches! {
    an_expired_value_that_is_served: ServesTheExpired is caught by ttl::a_value_is_there_until_its_time_is_over;
    a_ttl_that_is_forgotten: ForgetsTheTtl is caught by ttl::a_value_is_there_until_its_time_is_over;
    metadata_that_is_forgotten: ForgetsMetadata is caught by values::metadata_is_read_back_as_it_was_put;
    an_empty_value_that_is_missing: DropsEmptyValues is caught by values::an_empty_value_is_a_value;
    keys_that_are_folded: FoldsCase is caught by values::keys_are_told_apart_by_every_byte;
    a_counter_that_loses_its_ttl: CountsWithoutTtl is caught by counters::a_counter_keeps_its_ttl;
    a_new_counter_that_gets_no_ttl: CountsWithoutTtl is caught by counters::a_new_counter_takes_the_ttl;
    a_counter_that_renews_its_ttl: CountsWithNewTtl is caught by counters::a_counter_keeps_its_ttl;
    a_text_that_counts: CountsTextAsZero is caught by counters::what_is_no_number_is_an_error_and_stays;
    a_sum_that_is_cut: CountsTextAsZero is caught by counters::an_overflow_is_an_error_and_stays;
    a_step_that_is_lost: CountsInTwoSteps is caught by concurrency::counters_lose_no_step;
    a_listing_in_another_order: ListsUnordered is caught by listing::keys_are_listed_in_the_order_of_their_bytes;
    a_listing_that_stops_at_1000: ListsOnePage is caught by listing::a_listing_goes_on_beyond_a_thousand_keys;
    a_cursor_that_is_a_number: ListsPagesByNumber is caught by listing::a_key_deleted_between_pages_hides_no_other;
    a_prefix_that_is_ignored: ListsTheWholeStore is caught by listing::a_listing_holds_the_keys_of_its_prefix_and_no_others;
    a_clear_that_stops_at_1000: DeletesOnePage is caught by bulk::delete_prefix_removes_every_key_however_many;
    a_clear_that_goes_too_far: DeletesSimilarPrefixes is caught by bulk::delete_prefix_leaves_every_other_key;
    many_without_the_missing: AnswersManyWithoutMissing is caught by bulk::get_many_answers_in_the_order_of_the_keys;
    a_read_of_many_without_the_missing: ReadsManyWithoutMissing is caught by leases::read_many_answers_in_the_order_of_the_keys;
    a_read_of_many_without_leases: ReadsManyWithoutLeases is caught by leases::read_many_answers_in_the_order_of_the_keys;
    a_read_of_many_that_leases_to_everybody: LeasesManyToEverybody is caught by leases::read_many_gives_a_lease_to_one_reader;
    a_look_through_a_barrier: LooksThroughBarriers is caught by leases::a_look_finds_the_value_and_takes_no_lease;
    a_look_that_leases: LeasesByLooking is caught by leases::a_look_finds_the_value_and_takes_no_lease;
    a_look_at_many_without_the_missing: LooksAtManyWithoutMissing is caught by leases::look_many_answers_in_the_order_of_the_keys;
    an_absent_key_that_is_leased_to_everybody: LeasesTheAbsentToEverybody is caught by leases::what_was_absent_is_leased_or_found;
    a_quota_for_more_than_its_limit: AdmitsInTwoSteps is caught by concurrency::a_quota_admits_no_more_than_its_limit_to_many;
    a_counter_of_requests_without_ttl: AdmitsForEver is caught by quotas::a_quota_in_use_has_an_end;
    a_refusal_that_costs: ChargesForRefusals is caught by quotas::what_is_not_admitted_takes_nothing;
    a_touch_that_loses_metadata: TouchForgetsMetadata is caught by ttl::touch_keeps_value_and_metadata;
    a_set_without_a_comparison: SetsWithoutComparing is caught by values::compare_and_set_leaves_another_value;
    a_set_with_two_winners: SetsInTwoSteps is caught by concurrency::compare_and_set_has_one_winner;
    a_fill_that_ignores_its_lease: FillsWithoutLease is caught by leases::a_put_destroys_the_lease;
    a_stale_fill: FillsWithoutLease is caught by concurrency::nothing_older_than_a_finished_write_is_read;
    a_lease_for_everybody: LeasesToEverybody is caught by leases::a_miss_gives_the_lease_to_one_reader;
    a_lease_over_a_newer_value: LeasesOverAnything is caught by leases::lease_over_leaves_a_value_that_was_written_since;
    a_refresh_that_hides_the_value: RefreshesInPlaceOfTheValue is caught by leases::a_refresh_lease_leaves_the_value_until_its_fill;
    a_refresh_by_everybody: RefreshesForEverybody is caught by leases::one_reader_at_a_time_gets_the_refresh_lease;
    a_refresh_that_is_never_given: RefreshesNothing is caught by leases::a_refresh_lease_leaves_the_value_until_its_fill;
    a_refresh_over_a_newer_value: FillsWithoutLease is caught by leases::a_change_destroys_the_refresh_lease;
    a_release_of_anything: ReleasesAnything is caught by leases::an_old_lease_gives_nothing_back;
    a_barrier_that_bars_nothing: BarsNothing is caught by barriers::a_barrier_hides_the_value_and_bars_readers;
    a_writer_that_ends_all_barriers: EndsEveryBarrier is caught by barriers::a_barrier_stands_until_the_last_writer_is_done;
    a_renewal_that_renews_nothing: RenewsNothing is caught by barriers::a_renewed_barrier_stands_on;
    a_renewal_that_brings_barriers_back: RenewsAnything is caught by barriers::a_barrier_that_is_over_is_not_renewed;
    an_update_beside_another_writer: StoresEveryUpdate is caught by barriers::the_update_of_a_contended_writer_is_not_stored;
    a_change_that_is_not_told: TellsNobody is caught by subscription::every_change_is_told;
    a_listener_that_is_kept: KeepsListeners is caught by subscription::a_dropped_listener_is_let_go;
}
