/* The pool: helpers wait on a condition, take items under one lock and work without it. */
#include "pocketvision/pool.h"

#include <signal.h>
#include <unistd.h>

/* Takes items until none is left or the batch ends; the lock is held at entry and at exit. */
static void share(pv_pool *pool, size_t worker) {
  const pv_batch *batch = pool->batch;
  while (pool->next < batch->count && pool->status == PV_OK && !pool->stopped) {
    const size_t index = pool->next++;
    pthread_mutex_unlock(&pool->lock);
    const pv_status status = batch->work(batch->work_context, worker, index);
    const int go_on = worker > 0 || batch->go_on == NULL || batch->go_on(batch->go_on_context);
    pthread_mutex_lock(&pool->lock);
    /* Items are taken in order, so all before the first failure are being done: the lowest wins. */
    if (status != PV_OK && (pool->status == PV_OK || index < pool->failed)) {
      pool->status = status;
      pool->failed = index;
    }
    if (!go_on) pool->stopped = 1;
  }
}

static void *help(void *argument) {
  const pv_helper *self = (const pv_helper *)argument;
  pv_pool *pool = self->pool;
  pthread_mutex_lock(&pool->lock);
  for (;;) {
    while (pool->seats == 0 && !pool->closing) pthread_cond_wait(&pool->wake, &pool->lock);
    if (pool->closing) break;
    pool->seats--;
    pool->active++;
    share(pool, self->worker);
    pool->active--;
    if (pool->active == 0) pthread_cond_signal(&pool->rest);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

/* A handler that the program installs must not find itself on a helper's stack; a fault of the
 * helper's own code must still reach one. */
static void signals_to_block(sigset_t *set) {
  sigfillset(set);
  const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) sigdelset(set, faults[i]);
}

static pv_status start(pv_pool *pool) {
  sigset_t blocked, before;
  signals_to_block(&blocked);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  pv_status status = PV_OK;
  for (size_t worker = 1; worker < pool->threads && status == PV_OK; worker++) {
    pv_helper *helper = &pool->helper[worker - 1];
    helper->pool = pool;
    helper->worker = worker;
    if (pthread_create(&helper->thread, NULL, help, helper) == 0) {
      pool->helpers = worker;
    } else {
      status = PV_ERR_THREAD;
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return status;
}

pv_status pv_pool_init(pv_pool *pool, size_t threads) {
  if (pool == NULL || threads == 0 || threads > PV_MAX_THREADS) return PV_ERR_ARGUMENT;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pthread_cond_init(&pool->rest, NULL);
  pool->batch = NULL;
  pool->next = pool->seats = pool->active = pool->failed = pool->helpers = 0;
  pool->status = PV_OK;
  pool->stopped = pool->closing = 0;
  pool->threads = threads;
  pool->process = getpid();
  const pv_status status = start(pool);
  if (status != PV_OK) pv_pool_close(pool);
  return status;
}

pv_status pv_pool_run(pv_pool *pool, const pv_batch *batch, size_t *failed) {
  if (pool == NULL || batch == NULL || batch->work == NULL) return PV_ERR_ARGUMENT;
  if (pool->process != getpid()) {
    const pv_status status = pv_pool_init(pool, pool->threads);
    if (status != PV_OK) return status;
  }
  pthread_mutex_lock(&pool->lock);
  pool->batch = batch;
  pool->next = pool->failed = 0;
  pool->status = PV_OK;
  pool->stopped = 0;
  const size_t others = batch->count > 1 ? batch->count - 1 : 0;
  pool->seats = others < pool->helpers ? others : pool->helpers;
  for (size_t i = 0; i < pool->seats; i++) pthread_cond_signal(&pool->wake);
  share(pool, 0);
  /* Who has not woken up by now need not. */
  pool->seats = 0;
  while (pool->active > 0) pthread_cond_wait(&pool->rest, &pool->lock);
  const pv_status status = pool->stopped ? PV_ERR_STOPPED : pool->status;
  if (failed != NULL) *failed = pool->failed;
  pool->batch = NULL;
  pthread_mutex_unlock(&pool->lock);
  return status;
}

void pv_pool_close(pv_pool *pool) {
  /* In a child of fork() the threads never were, and the lock is as it was in the parent. */
  if (pool == NULL || pool->process != getpid()) return;
  pthread_mutex_lock(&pool->lock);
  pool->closing = 1;
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (size_t i = 0; i < pool->helpers; i++) pthread_join(pool->helper[i].thread, NULL);
  pthread_mutex_destroy(&pool->lock);
  pthread_cond_destroy(&pool->wake);
  pthread_cond_destroy(&pool->rest);
  pool->process = 0;
}
