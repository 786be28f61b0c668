/* QEMU plugin that counts executed instructions between markers, exactly and repeatably.
 *
 * A marker is an instruction that does nothing and that no compiler emits (stamp.h). The first one
 * executed begins region 0; each later one ends a region and begins the next; markers themselves
 * are not counted. One thread only: the counters are plain memory.
 *
 * Arguments: mark=HEX, a marker's bytes in memory order; out=PATH; histogram=on for every
 * instruction; thumb=on where the guest runs Thumb code. PATH gets "region INDEX COUNT" per region,
 * under it "ADDRESS COUNT BYTES" lines. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Version 1 of the interface, declared here because distributions ship QEMU without its header. */
typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS = 0, QEMU_PLUGIN_INLINE_ADD_U64 = 0 };
typedef void (*translate_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void (*execute_cb)(unsigned int cpu, void *data);
typedef void (*exit_cb)(qemu_plugin_id_t id, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translate_cb callback);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_cb callback, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, execute_cb callback,
                                            int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation,
                                                void *pointer, uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int count,
                               char **arguments);

enum { LONGEST = 16, BUCKETS = 1 << 16 };

/* One instruction of the guest; a translation of other bytes at its address is another one. */
typedef struct record {
  struct record *next_in_bucket, *next;
  uint64_t address, executed;
  size_t size;
  uint8_t bytes[LONGEST];
} record;

static record *buckets[BUCKETS], *records;
static uint8_t mark[LONGEST];
static size_t mark_size;
static FILE *out;
static bool histogram, counting, thumb;
static unsigned regions;

static record *find(uint64_t address, const void *bytes, size_t size) {
  record **bucket = &buckets[(address >> 1) % BUCKETS];
  for (record *r = *bucket; r; r = r->next_in_bucket)
    if (r->address == address && r->size == size && memcmp(r->bytes, bytes, size) == 0) return r;
  record *fresh = calloc(1, sizeof *fresh);
  if (!fresh || size > LONGEST) {
    fprintf(stderr, "icount: no memory, or an instruction of %zu bytes\n", size);
    exit(1);
  }
  *fresh = (record){.next_in_bucket = *bucket, .next = records, .address = address, .size = size};
  memcpy(fresh->bytes, bytes, size);
  return *bucket = records = fresh;
}

static void write_region(void) {
  uint64_t total = 0;
  for (const record *r = records; r; r = r->next) total += r->executed;
  fprintf(out, "region %u %llu\n", regions++, (unsigned long long)total);
  for (const record *r = histogram ? records : NULL; r; r = r->next) {
    if (r->executed == 0) continue;
    fprintf(out, "%llx %llu ", (unsigned long long)r->address, (unsigned long long)r->executed);
    for (size_t i = 0; i < r->size; i++) fprintf(out, "%02x", r->bytes[i]);
    fputc('\n', out);
  }
}

static void at_mark(unsigned int cpu, void *data) {
  (void)cpu, (void)data;
  if (counting) write_region();
  for (record *r = records; r; r = r->next) r->executed = 0;
  counting = true;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  (void)id;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
    const void *bytes = qemu_plugin_insn_data(insn);
    /* Of an instruction that ends two bytes before a page, QEMU also gives the next halfword. */
    const bool is_short = thumb && ((const uint8_t *)bytes)[1] >> 3 < 0x1d;
    const size_t size = thumb ? (is_short ? 2 : 4) : qemu_plugin_insn_size(insn);
    if (size == mark_size && memcmp(bytes, mark, size) == 0) {
      qemu_plugin_register_vcpu_insn_exec_cb(insn, at_mark, QEMU_PLUGIN_CB_NO_REGS, NULL);
      continue;
    }
    /* Each instruction for itself: a block may be left in its middle and translated again. */
    record *r = find(qemu_plugin_insn_vaddr(insn), bytes, size);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &r->executed, 1);
  }
}

static void at_exit(qemu_plugin_id_t id, void *data) {
  (void)id, (void)data;
  if (fclose(out) != 0) perror("icount: out");
}

static bool parse(const char *argument) {
  if (strncmp(argument, "out=", 4) == 0) return (out = fopen(argument + 4, "w")) != NULL;
  if (strcmp(argument, "histogram=on") == 0) return histogram = true;
  if (strcmp(argument, "thumb=on") == 0) return thumb = true;
  if (strncmp(argument, "mark=", 5) != 0) return false;
  unsigned byte;
  for (const char *at = argument + 5; *at; at += 2) {
    if (mark_size == LONGEST || sscanf(at, "%2x", &byte) != 1 || !at[1]) return false;
    mark[mark_size++] = (uint8_t)byte;
  }
  return mark_size > 0;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int count, char **arguments) {
  (void)info;
  for (int i = 0; i < count; i++) {
    if (!parse(arguments[i])) {
      fprintf(stderr, "icount: bad argument %s\n", arguments[i]);
      return -1;
    }
  }
  if (!out || mark_size == 0) {
    fprintf(stderr, "icount: needs mark=HEX and out=PATH\n");
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_atexit_cb(id, at_exit, NULL);
  return 0;
}
