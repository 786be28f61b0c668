/* Tests of the pool: every item once, failures, the caller's stop, idleness, start and end. */
#include <string.h>
#include <time.h>

#include "expect.h"
#include "pocketvision/pool.h"

#define MOST 64

typedef struct tally {
  atomic_int done[MOST];
  atomic_int busy[PV_MAX_THREADS];
  size_t first_bad, second_bad; /* items that fail; MOST for none */
  int left;                     /* items of its own that the caller still wants to do */
} tally;

static pv_status count_item(void *context, size_t worker, size_t index) {
  tally *seen = (tally *)context;
  EXPECT(atomic_fetch_add(&seen->busy[worker], 1) == 0);
  seen->done[index]++;
  seen->busy[worker]--;
  if (index == seen->first_bad) {
    const struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL); /* the later one reports first */
    return PV_ERR_RUN;
  }
  return index == seen->second_bad ? PV_ERR_ZERO_NORM : PV_OK;
}

static int still_wanted(void *context) { return --((tally *)context)->left > 0; }

static pv_batch batch_of(tally *seen, size_t count) {
  memset(seen, 0, sizeof *seen);
  seen->first_bad = seen->second_bad = MOST;
  const pv_batch batch = {count, count_item, seen, NULL, seen};
  return batch;
}

static void test_arguments(void) {
  pv_pool pool;
  const pv_batch batch = {1, NULL, NULL, NULL, NULL};
  EXPECT(pv_pool_init(NULL, 1) == PV_ERR_ARGUMENT);
  EXPECT(pv_pool_init(&pool, 0) == PV_ERR_ARGUMENT);
  EXPECT(pv_pool_init(&pool, PV_MAX_THREADS + 1) == PV_ERR_ARGUMENT);
  EXPECT(pv_pool_init(&pool, 2) == PV_OK);
  EXPECT(pv_pool_run(&pool, NULL, NULL) == PV_ERR_ARGUMENT);
  EXPECT(pv_pool_run(&pool, &batch, NULL) == PV_ERR_ARGUMENT);
  pv_pool_close(&pool);
  pv_pool_close(&pool);
  pv_pool_close(NULL);
}

static void test_start_and_end(void) {
  pv_pool pool;
  tally seen;
  for (size_t threads = 1; threads <= 12; threads++) {
    EXPECT(pv_pool_init(&pool, threads) == PV_OK);
    pv_pool_close(&pool);
  }
  /* A closed pool starts again. */
  const pv_batch batch = batch_of(&seen, 5);
  EXPECT(pv_pool_run(&pool, &batch, NULL) == PV_OK);
  EXPECT(seen.done[0] == 1 && seen.done[4] == 1);
  pv_pool_close(&pool);
}

static void test_many_small_batches(size_t threads) {
  pv_pool pool;
  tally seen;
  EXPECT(pv_pool_init(&pool, threads) == PV_OK);
  for (size_t round = 0; round < 2000; round++) {
    const size_t count = round % 9;
    const pv_batch batch = batch_of(&seen, count);
    EXPECT(pv_pool_run(&pool, &batch, NULL) == PV_OK);
    for (size_t i = 0; i < MOST; i++) EXPECT(seen.done[i] == (i < count));
  }
  pv_pool_close(&pool);
}

static void test_failures(size_t threads) {
  pv_pool pool;
  tally seen;
  EXPECT(pv_pool_init(&pool, threads) == PV_OK);
  for (int round = 0; round < 50; round++) {
    const pv_batch batch = batch_of(&seen, MOST);
    size_t failed = MOST;
    seen.first_bad = 6;
    seen.second_bad = 7;
    EXPECT(pv_pool_run(&pool, &batch, &failed) == PV_ERR_RUN && failed == 6);
    EXPECT(seen.done[5] == 1 && seen.done[6] == 1);
    if (threads == 1) EXPECT(seen.done[7] == 0);
    const pv_batch right = batch_of(&seen, 3);
    EXPECT(pv_pool_run(&pool, &right, NULL) == PV_OK && seen.done[2] == 1);
  }
  pv_pool_close(&pool);
}

static void test_the_caller_stops(size_t threads) {
  pv_pool pool;
  tally seen;
  EXPECT(pv_pool_init(&pool, threads) == PV_OK);
  pv_batch batch = batch_of(&seen, MOST);
  batch.go_on = still_wanted;
  seen.left = 1;
  EXPECT(pv_pool_run(&pool, &batch, NULL) == PV_ERR_STOPPED);
  if (threads == 1) EXPECT(seen.done[0] == 1 && seen.done[1] == 0);
  for (size_t i = 0; i < MOST; i++) EXPECT(seen.done[i] <= 1);
  pv_pool_close(&pool);
}

static double process_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void test_idle_costs_nothing(void) {
  pv_pool pool;
  tally seen;
  const pv_batch batch = batch_of(&seen, MOST);
  EXPECT(pv_pool_init(&pool, 8) == PV_OK);
  EXPECT(pv_pool_run(&pool, &batch, NULL) == PV_OK);
  const double before = process_seconds();
  const struct timespec half_a_second = {0, 500000000};
  nanosleep(&half_a_second, NULL);
  EXPECT(process_seconds() - before < 0.05);
  pv_pool_close(&pool);
}

int main(void) {
  test_arguments();
  test_start_and_end();
  for (size_t threads = 1; threads <= 4; threads++) {
    test_many_small_batches(threads);
    test_failures(threads);
    test_the_caller_stops(threads);
  }
  test_idle_costs_nothing();
  return failures > 0;
}
