/* A child of fork() has none of its parent's threads: its batches start new ones, none waits for
 * old.
 *
 * By itself, because neither the thread sanitizer nor qemu-user can start threads in such a child.
 */
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "pocketvision/pool.h"

#define ITEMS 8
#define THREADS 3

static pv_status count_item(void *context, size_t worker, size_t index) {
  (void)worker;
  ((atomic_int *)context)[index]++;
  return PV_OK;
}

/* Returns when every thread of the pool has come: the address sanitizer holds locks of its own
 * while a thread starts, which a child that is forked meanwhile would wait for. */
static pv_status meet(void *context, size_t worker, size_t index) {
  (void)worker;
  (void)index;
  atomic_int *arrived = context;
  (*arrived)++;
  while (*arrived < THREADS) sched_yield();
  return PV_OK;
}

static int run_and_close(pv_pool *pool) {
  atomic_int done[ITEMS] = {0};
  const pv_batch batch = {ITEMS, count_item, done, NULL, NULL};
  int right = pv_pool_run(pool, &batch, NULL) == PV_OK;
  for (size_t i = 0; i < ITEMS; i++) right = right && done[i] == 1;
  pv_pool_close(pool);
  return right;
}

static int only_close(pv_pool *pool) {
  pv_pool_close(pool);
  return 1;
}

static void expect_child(pv_pool *pool, int (*act)(pv_pool *pool)) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20); /* a deadlock shall fail, not hang */
    _exit(act(pool) ? 0 : 1);
  }
  int outcome = -1;
  EXPECT(waitpid(child, &outcome, 0) == child && outcome == 0);
}

int main(void) {
  pv_pool pool;
  EXPECT(pv_pool_init(&pool, THREADS) == PV_OK);
  atomic_int arrived = 0;
  const pv_batch start = {THREADS, meet, &arrived, NULL, NULL};
  EXPECT(pv_pool_run(&pool, &start, NULL) == PV_OK);
  expect_child(&pool, run_and_close);
  expect_child(&pool, only_close);
  EXPECT(run_and_close(&pool));
  /* Closed here, and again in the child. */
  expect_child(&pool, run_and_close);
  return failures > 0;
}
