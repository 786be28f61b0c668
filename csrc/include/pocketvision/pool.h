/* Threads that share the items of a batch with their caller and sleep in between (POSIX hosts). */
#ifndef POCKETVISION_POOL_H
#define POCKETVISION_POOL_H

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

#include "pocketvision/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most threads of one pool, the caller's among them. */
#define PV_MAX_THREADS 256

/* Does item `index` on thread `worker`: 0 is the caller, the pool's own threads count from 1. No
 * two calls of one batch run with the same `worker` at once, so it may choose a buffer. */
typedef pv_status (*pv_pool_work)(void *context, size_t worker, size_t index);

/* Asked on the caller's thread after each item that it did itself; 0 ends the batch. */
typedef int (*pv_pool_ask)(void *context);

/* Items 0 to count - 1, handed out in this order, each to the first thread that is free. */
typedef struct pv_batch {
  size_t count;
  pv_pool_work work;
  void *work_context;
  pv_pool_ask go_on; /* may be null */
  void *go_on_context;
} pv_batch;

struct pv_pool;

typedef struct pv_helper {
  struct pv_pool *pool;
  size_t worker;
  pthread_t thread;
} pv_helper;

/* The caller owns the memory, about 6 KB, and must not move it before pv_pool_close(). */
typedef struct pv_pool {
  pthread_mutex_t lock; /* guards what follows, up to `closing` */
  pthread_cond_t wake;  /* seats are free, or the pool closes */
  pthread_cond_t rest;  /* the last helper has left the batch */
  const pv_batch *batch;
  size_t next;   /* first item that nobody has taken */
  size_t seats;  /* helpers that may still join the batch */
  size_t active; /* helpers in the batch */
  size_t failed; /* the item that `status` is of */
  pv_status status;
  int stopped; /* go_on said no */
  int closing;
  pid_t process; /* whose threads these are; 0 when there are none */
  size_t threads;
  size_t helpers; /* started so far */
  pv_helper helper[PV_MAX_THREADS - 1];
} pv_pool;

/* Starts `threads` - 1 threads, 1 <= threads <= PV_MAX_THREADS; with one there is only the caller.
 * They block signals, which stay the program's. PV_ERR_THREAD when the system refuses one: then
 * none is left. Allocates nothing itself; the system maps a stack per thread. */
pv_status pv_pool_init(pv_pool *pool, size_t threads);

/* Does a batch and returns when no thread works on it any more. One batch at a time: neither a
 * second thread nor `work` may call it meanwhile.
 *
 * After a failure no further item is taken; the result is the status of the failed item with the
 * lowest index, and `failed` (may be null) receives that index: the same for any number of threads.
 * PV_ERR_STOPPED when `go_on` said no. A child of fork() has none of the threads, and a closed pool
 * neither: their next batch starts them again, which can give PV_ERR_THREAD. */
pv_status pv_pool_run(pv_pool *pool, const pv_batch *batch, size_t *failed);

/* Ends the threads and waits for them; the pool must be idle. Does nothing to a closed one, nor in
 * a child of fork() that has not run a batch of its own. */
void pv_pool_close(pv_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
