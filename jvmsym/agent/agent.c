/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JVMTI agent: writes what the JVM compiles, and what it throws away, to a memfd that a tracer
 * follows (log_format.h). It runs inside somebody else's program, so: one allocation per event,
 * whose failure costs that event; no lock is held while the JVM is called; nothing is mapped that
 * could fault (a write that finds no memory is an error, a store to a mapping is SIGBUS); the JVM's
 * own memory is read by a system call, which fails where a load would crash.
 *
 * Linked with no library at all: its undefined symbols have no versions and are found in whatever
 * libc the JVM runs on, old glibc and musl alike.
 */
#include <jvmti.h>
#include <jvmticmlr.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "jvmsym/agent/log_format.h"

#define MAX_HEAPS 8
#define EXPORT __attribute__((visibility("default")))

/* The JVM's description of itself; absent where libjvm.so was loaded with RTLD_LOCAL. */
#define VM_WORDS extern __attribute__((weak, visibility("default"))) uint64_t
VM_WORDS gHotSpotVMStructs, gHotSpotVMStructEntryTypeNameOffset,
    gHotSpotVMStructEntryFieldNameOffset, gHotSpotVMStructEntryOffsetOffset,
    gHotSpotVMStructEntryAddressOffset, gHotSpotVMStructEntryArrayStride, gHotSpotVMTypes,
    gHotSpotVMTypeEntryTypeNameOffset, gHotSpotVMTypeEntrySizeOffset,
    gHotSpotVMTypeEntryArrayStride;

/* Where HotSpot keeps a compiled method's id and level, and how to get from its code to it. */
struct layout {
  int known;
  uint64_t heaps; /* address of CodeCache::_heaps, or _heap */
  uint64_t one_heap;
  uint64_t array_length, array_data;
  uint64_t memory, segmap, low, high, shift;
  uint64_t block_bytes;
  uint64_t compile_id, comp_level;
  struct heap {
    uint64_t low, high, map;
    uint32_t shift;
  } heap[MAX_HEAPS];
  uint32_t heap_count; /* 0: not learned yet */
};

/* One log; all guarded by `lock`, but for what the comment says. */
static struct {
  pthread_mutex_t lock; /* never held while the JVM is called */
  int fd;               /* -1: none */
  uint64_t used, cap;
  struct jt_agent_head head;
  unsigned events; /* since readers were last looked for */
  int attached;    /* into a running JVM: ends by itself once nobody reads */
  int running;
  pthread_t replayer; /* valid while replaying */
  int replaying;
  char* spare; /* a draft's memory, not guarded: exchanged whole */
  JavaVM* vm;
  jvmtiEnv* jvmti;
  struct layout layout; /* its heaps are learned at the first event */
} agent = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .cap = JT_AGENT_CAP};

static uint64_t now_ns(void) {
  struct timespec t = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* ---------------------------------------------------------------- the JVM's memory */

/* A read that fails instead of faulting. Where a filter of system calls forbids it, ids are not
 * known and the tracer names nothing by them. */
static int read_vm(uint64_t address, void* to, size_t bytes) {
  struct iovec local = {to, bytes};
  struct iovec remote = {(void*)(uintptr_t)address, bytes};
  return address != 0 &&
         syscall(SYS_process_vm_readv, getpid(), &local, 1L, &remote, 1L, 0L) == (long)bytes;
}

static uint64_t read_word(uint64_t address) {
  uint64_t word = 0;
  return read_vm(address, &word, sizeof word) ? word : 0;
}

static uint64_t entry_word(const char* entry, uint64_t offset) {
  return *(const uint64_t*)(const void*)(entry + offset);
}

/* An entry of one of libjvm's own, constant tables; `field` NULL: of the table of types. */
static const char* find_entry(const char* type, const char* field) {
  const char* e = (const char*)(uintptr_t)(field ? gHotSpotVMStructs : gHotSpotVMTypes);
  const uint64_t stride = field ? gHotSpotVMStructEntryArrayStride : gHotSpotVMTypeEntryArrayStride;
  const uint64_t name_at =
      field ? gHotSpotVMStructEntryTypeNameOffset : gHotSpotVMTypeEntryTypeNameOffset;
  for (unsigned i = 0; i < 20000; ++i, e += stride) {
    const char* t = (const char*)(uintptr_t)entry_word(e, name_at);
    if (!t) return NULL;
    if (strcmp(t, type) != 0) continue;
    if (!field) return e;
    const char* f = (const char*)(uintptr_t)entry_word(e, gHotSpotVMStructEntryFieldNameOffset);
    if (f && strcmp(f, field) == 0) return e;
  }
  return NULL;
}

static int get(const char* type, const char* field, uint64_t at, uint64_t* to) {
  const char* e = find_entry(type, field);
  if (e) *to = entry_word(e, at);
  return e != NULL;
}
#define field_offset(type, field, to) get(type, field, gHotSpotVMStructEntryOffsetOffset, to)
#define static_field(type, field, to) get(type, field, gHotSpotVMStructEntryAddressOffset, to)
#define type_size(type, to) get(type, NULL, gHotSpotVMTypeEntrySizeOffset, to)

/* The spellings of all releases, as in jvmsym/hotspot/layout.cpp. */
static void learn_layout(struct layout* l) {
  if (!&gHotSpotVMStructs || !&gHotSpotVMTypes || !gHotSpotVMStructs || !gHotSpotVMTypes) return;
  if (!&gHotSpotVMStructEntryArrayStride || !&gHotSpotVMTypeEntryArrayStride) return;
  l->one_heap = !static_field("CodeCache", "_heaps", &l->heaps);
  if (l->one_heap && !static_field("CodeCache", "_heap", &l->heaps)) return;
  if (!l->one_heap && ((!field_offset("GrowableArrayBase", "_len", &l->array_length) &&
                        !field_offset("GenericGrowableArray", "_len", &l->array_length)) ||
                       !field_offset("GrowableArray<int>", "_data", &l->array_data)))
    return;
  l->known = field_offset("CodeHeap", "_memory", &l->memory) &&
             field_offset("CodeHeap", "_segmap", &l->segmap) &&
             field_offset("VirtualSpace", "_low", &l->low) &&
             field_offset("VirtualSpace", "_high_boundary", &l->high) &&
             field_offset("CodeHeap", "_log2_segment_size", &l->shift) &&
             type_size("HeapBlock", &l->block_bytes) &&
             field_offset("nmethod", "_compile_id", &l->compile_id) &&
             field_offset("nmethod", "_comp_level", &l->comp_level);
}

/* Once there is compiled code, all heaps are there, for good. */
static void learn_heaps(struct layout* l) {
  uint64_t heaps[MAX_HEAPS] = {read_word(l->heaps)};
  uint32_t count = 1;
  if (!l->one_heap) {
    const uint64_t array = heaps[0];
    if (!read_vm(array + l->array_length, &count, sizeof count) || count > MAX_HEAPS) return;
    if (!read_vm(read_word(array + l->array_data), heaps, count * sizeof heaps[0])) return;
  }
  for (uint32_t i = 0; i < count; ++i) {
    struct heap* h = &l->heap[i];
    h->low = read_word(heaps[i] + l->memory + l->low);
    h->high = read_word(heaps[i] + l->memory + l->high);
    h->map = read_word(heaps[i] + l->segmap + l->low);
    if (!read_vm(heaps[i] + l->shift, &h->shift, 4) || h->shift < 4 || h->shift > 16) return;
  }
  __atomic_store_n(&l->heap_count, count, __ATOMIC_RELEASE); /* learning twice does no harm */
}

/* The code blob around `code`, by its heap's map of segments: each byte says how many segments back
 * the block, or another such byte, is. */
static uint64_t blob_of(const struct layout* l, uint64_t code) {
  const struct heap* h = l->heap;
  const struct heap* end = h + __atomic_load_n(&l->heap_count, __ATOMIC_ACQUIRE);
  while (h < end && (code < h->low || code >= h->high)) ++h;
  if (h == end) return 0;
  uint64_t index = (code - h->low) >> h->shift;
  for (int hop = 0; hop < 24; ++hop) {
    uint8_t back = 0xff;
    if (!read_vm(h->map + index, &back, 1) || back == 0xff || back > index) return 0;
    if (back == 0) return h->low + (index << h->shift) + l->block_bytes;
    index -= back;
  }
  return 0;
}

/* Called in a load event, while the JVM keeps that code alive. */
static void read_identity(struct layout* l, struct jt_agent_load* load) {
  if (l->known && __atomic_load_n(&l->heap_count, __ATOMIC_ACQUIRE) == 0) learn_heaps(l);
  const uint64_t blob = blob_of(l, load->code);
  /* The level is a byte since JDK 23; levels are 0 to 4 in either. */
  int8_t level = 0;
  if (!blob || !read_vm(blob + l->compile_id, &load->compile_id, 4)) return;
  if (read_vm(blob + l->comp_level, &level, 1) && level >= 1 && level <= 4)
    load->comp_level = level;
}

/* ---------------------------------------------------------------- the log */

static int write_all(int fd, const void* from, size_t bytes, uint64_t at) {
  const char* p = from;
  while (bytes > 0) {
    const ssize_t n = pwrite(fd, p, bytes, (off_t)at);
    if (n <= 0) return 0;
    p += n;
    bytes -= (size_t)n;
    at += (uint64_t)n;
  }
  return 1;
}

static void close_log(void) {
  if (agent.fd >= 0) close(agent.fd);
  agent.fd = -1;
}

/* A log that cannot even be marked as full is of no use. */
static void write_head(void) {
  if (agent.fd >= 0 && !write_all(agent.fd, &agent.head, sizeof agent.head, 0)) close_log();
}

/* `new_cap` 0: as it is. The caller holds the lock. */
static int open_log(uint64_t new_cap) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  close_log();
  if (new_cap) agent.cap = new_cap;
  /* Beyond RLIMIT_FSIZE a write is a signal, SIGXFSZ, not an error. */
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < agent.cap)
    agent.cap = limit.rlim_cur;
  if (agent.cap < sizeof agent.head) return 0;
  /* MFD_CLOEXEC; by number, for glibc has the function since 2.27. */
  agent.fd = (int)syscall(SYS_memfd_create, JT_AGENT_LOG_NAME, 1L);
  if (agent.fd < 0) return 0;
  memset(&agent.head, 0, sizeof agent.head);
  agent.head.magic = JT_AGENT_LOG_MAGIC;
  agent.head.start_ns = now_ns();
  agent.used = sizeof agent.head;
  agent.events = 0;
  write_head();
  return agent.fd >= 0;
}

/* Readers hold a shared lock on descriptions of their own. */
static int is_read(void) {
  if (agent.fd < 0) return 0;
  if (flock(agent.fd, LOCK_EX | LOCK_NB) != 0) return 1;
  flock(agent.fd, LOCK_UN);
  return 0;
}

static void set_events(jvmtiEventMode mode) {
  static const jvmtiEvent kEvents[] = {JVMTI_EVENT_COMPILED_METHOD_LOAD,
                                       JVMTI_EVENT_COMPILED_METHOD_UNLOAD,
                                       JVMTI_EVENT_DYNAMIC_CODE_GENERATED};
  for (unsigned i = 0; i < sizeof kEvents / sizeof kEvents[0]; ++i)
    (*agent.jvmti)->SetEventNotificationMode(agent.jvmti, mode, kEvents[i], NULL);
}

/* Whole, or not at all. */
static int write_record(const struct jt_agent_record* record, size_t bytes) {
  if (agent.head.full_ns != 0 || bytes > agent.cap - agent.used) return 0;
  if (write_all(agent.fd, record, bytes, agent.used)) {
    agent.used += bytes;
    return 1;
  }
  /* No memory: a part of it may be there. */
  if (ftruncate(agent.fd, (off_t)agent.used) != 0) close_log();
  return 0;
}

/* Its readers keep what they have of it. */
static void end_log(uint64_t now) {
  agent.running = 0;
  agent.head.stopped_ns = now;
  write_head();
  close_log();
}

/* After ten seconds, then at each 256th event. */
static int abandoned(uint64_t now) {
  return agent.attached && ++agent.events % 256 == 0 && now - agent.head.start_ns > 10000000000U &&
         !is_read();
}

/* Its time is taken inside, so that times rise along the log. `bytes` 0: it did not fit a record.
 */
static void append(struct jt_agent_record* record, size_t bytes) {
  int off = 0;
  pthread_mutex_lock(&agent.lock);
  if (agent.fd >= 0 && agent.running) {
    const uint64_t now = now_ns();
    record->bytes = (uint32_t)bytes, record->time_ns = now;
    if (agent.replaying && pthread_equal(pthread_self(), agent.replayer))
      record->flags |= JT_AGENT_REPLAYED;
    if (bytes == 0 || !write_record(record, bytes)) {
      ++agent.head.dropped;
      /* One method more without a name; but of lost unloads nothing would tell. */
      if (bytes != 0 && agent.head.full_ns == 0) agent.head.full_ns = now;
      write_head();
    }
    if ((off = abandoned(now))) end_log(now);
  }
  pthread_mutex_unlock(&agent.lock);
  if (off) set_events(JVMTI_DISABLE);
}

/* ---------------------------------------------------------------- one record */

struct method {
  jmethodID id;
  char *class_text, *name, *signature, *source;
  jvmtiLineNumberEntry* lines;
  jint line_count;
};

/* What is put together for one event. */
struct draft {
  char* bytes; /* JT_AGENT_RECORD_MAX, most of it never touched */
  size_t used; /* 0: did not fit */
  struct method* method;
  uint32_t methods;
};

static void put(struct draft* d, const void* from, size_t bytes) {
  if (d->used == 0) return;
  if (bytes > JT_AGENT_RECORD_MAX - 8 - d->used) {
    d->used = 0;
    return;
  }
  if (bytes > 0) memcpy(d->bytes + d->used, from, bytes);
  d->used += bytes;
}

static size_t finished(struct draft* d) {
  static const char kZero[8];
  if (d->used % 8 != 0) put(d, kZero, 8 - d->used % 8);
  return d->used;
}

static uint16_t text_bytes(const char* text) {
  const size_t n = text ? strlen(text) : 0;
  return (uint16_t)(n < JT_AGENT_TEXT_MAX ? n : JT_AGENT_TEXT_MAX);
}

static void describe(jvmtiEnv* jvmti, JNIEnv* jni, struct method* m) {
  jclass holder = NULL;
  if ((*jvmti)->GetMethodName(jvmti, m->id, &m->name, &m->signature, NULL) != JVMTI_ERROR_NONE)
    return;
  if ((*jvmti)->GetMethodDeclaringClass(jvmti, m->id, &holder) != JVMTI_ERROR_NONE) return;
  (*jvmti)->GetClassSignature(jvmti, holder, &m->class_text, NULL);
  (*jvmti)->GetSourceFileName(jvmti, holder, &m->source);
  (*jvmti)->GetLineNumberTable(jvmti, m->id, &m->line_count, &m->lines);
  /* Thousands of them in one replay, else, all at once. */
  if (jni) (*jni)->DeleteLocalRef(jni, holder);
}

/* Index of a method in the record; JT_AGENT_METHODS: no room. */
static uint32_t method_index(jvmtiEnv* jvmti, JNIEnv* jni, struct draft* d, jmethodID id) {
  for (uint32_t i = d->methods; i-- > 0;)
    if (d->method[i].id == id) return i;
  if (d->methods == JT_AGENT_METHODS) return JT_AGENT_METHODS;
  struct method* m = &d->method[d->methods];
  memset(m, 0, sizeof *m);
  m->id = id;
  describe(jvmti, jni, m);
  return d->methods++;
}

static uint32_t line_of(const struct method* m, jint bci) {
  uint32_t line = 0;
  jlocation best = -1;
  for (jint i = 0; bci >= 0 && i < m->line_count; ++i) {
    const jlocation start = m->lines[i].start_location;
    if (start > bci || start < best) continue;
    best = start;
    line = (uint32_t)m->lines[i].line_number;
  }
  return line;
}

static const jvmtiCompiledMethodLoadInlineRecord* inlining(const void* info) {
  const jvmtiCompiledMethodLoadRecordHeader* h = info;
  for (; h; h = h->next)
    if (h->kind == JVMTI_CMLR_INLINE_INFO && h->majorinfoversion == JVMTI_CMLR_MAJOR_VERSION)
      return (const jvmtiCompiledMethodLoadInlineRecord*)h;
  return NULL;
}

/* Chains of calls share their outer parts: `path` is that of the pc before, outermost first. */
#define MAX_CHAIN 512
struct path {
  uint32_t node[MAX_CHAIN];
  uint32_t depth;
};

static uint32_t put_chain(jvmtiEnv* jvmti, JNIEnv* jni, struct draft* d, const PCStackInfo* at,
                          struct path* path, uint32_t* nodes) {
  const size_t first = sizeof(struct jt_agent_load);
  uint32_t caller = JT_AGENT_NO_NODE;
  const uint32_t frames = at->numstackframes > 0 ? (uint32_t)at->numstackframes : 0;
  if (frames == 0 || frames > MAX_CHAIN) return JT_AGENT_NO_NODE;
  int shared = 1;
  for (uint32_t depth = 0; depth < frames; ++depth) {
    const uint32_t i = frames - 1 - depth;
    struct jt_agent_node node = {.caller = caller, .bci = at->bcis[i]};
    node.method = method_index(jvmti, jni, d, at->methods[i]);
    if (node.method == JT_AGENT_METHODS) d->used = 0;
    if (d->used == 0) return JT_AGENT_NO_NODE;
    shared = shared && depth < path->depth;
    if (shared) {
      struct jt_agent_node old;
      memcpy(&old, d->bytes + first + path->node[depth] * sizeof old, sizeof old);
      shared = old.caller == caller && old.method == node.method && old.bci == node.bci;
    }
    if (!shared) {
      node.line = line_of(&d->method[node.method], node.bci);
      put(d, &node, sizeof node);
      path->node[depth] = (*nodes)++;
    }
    caller = path->node[depth];
  }
  path->depth = frames;
  return caller;
}

/* Nodes first, pcs behind them: their nodes are kept in `node_of` meanwhile. */
static void put_inlining(jvmtiEnv* jvmti, JNIEnv* jni, struct draft* d, struct jt_agent_load* load,
                         const jvmtiCompiledMethodLoadInlineRecord* record) {
  struct path path = {.depth = 0};
  if (!record || record->numpcs <= 0) return;
  const uint32_t count = (uint32_t)record->numpcs;
  uint32_t* node_of = count < JT_AGENT_RECORD_MAX / 8 ? malloc(count * sizeof *node_of) : NULL;
  if (!node_of) d->used = 0;
  for (uint32_t i = 0; i < count && d->used; ++i)
    node_of[i] = put_chain(jvmti, jni, d, &record->pcinfo[i], &path, &load->nodes);
  for (uint32_t i = 0; i < count && d->used; ++i) {
    const uint64_t pc = (uint64_t)(uintptr_t)record->pcinfo[i].pc;
    if (node_of[i] == JT_AGENT_NO_NODE || pc < load->code || pc - load->code > load->code_bytes)
      continue;
    const struct jt_agent_pc out = {(uint32_t)(pc - load->code), node_of[i]};
    put(d, &out, sizeof out);
    ++load->pcs;
  }
  free(node_of);
}

static void put_methods(struct draft* d) {
  for (uint32_t i = 0; i < d->methods; ++i) {
    const struct method* m = &d->method[i];
    const struct jt_agent_method head = {text_bytes(m->class_text), text_bytes(m->name),
                                         text_bytes(m->signature), text_bytes(m->source)};
    put(d, &head, sizeof head);
  }
  for (uint32_t i = 0; i < d->methods; ++i) {
    const struct method* m = &d->method[i];
    put(d, m->class_text, text_bytes(m->class_text));
    put(d, m->name, text_bytes(m->name));
    put(d, m->signature, text_bytes(m->signature));
    put(d, m->source, text_bytes(m->source));
  }
}

static void release(jvmtiEnv* jvmti, struct draft* d) {
  for (uint32_t i = 0; i < d->methods; ++i) {
    const struct method* m = &d->method[i];
    void* const texts[] = {m->class_text, m->name, m->signature, m->source, m->lines};
    for (unsigned t = 0; t < sizeof texts / sizeof texts[0]; ++t)
      if (texts[t]) (*jvmti)->Deallocate(jvmti, texts[t]);
  }
}

/* ---------------------------------------------------------------- events */

static void JNICALL on_load(jvmtiEnv* jvmti, jmethodID method, jint size, const void* code,
                            jint map_length, const jvmtiAddrLocationMap* map, const void* info) {
  (void)map_length, (void)map;
  struct jt_agent_load load = {.head = {.type = JT_AGENT_LOAD}};
  struct draft d = {.used = sizeof load};
  /* Pages that are not touched cost nothing; those that were are kept for the next event. */
  const size_t methods_bytes = JT_AGENT_METHODS * sizeof(struct method);
  char* memory = __atomic_exchange_n(&agent.spare, NULL, __ATOMIC_ACQ_REL);
  if (!memory) memory = malloc(JT_AGENT_RECORD_MAX + methods_bytes);
  JNIEnv* jni = NULL;
  if ((*agent.vm)->GetEnv(agent.vm, (void**)&jni, JNI_VERSION_1_6) != JNI_OK) jni = NULL;
  if (!memory) {
    append(&load.head, 0);
    return;
  }
  d.method = (struct method*)memory;
  d.bytes = memory + methods_bytes;
  load.code = (uint64_t)(uintptr_t)code;
  load.code_bytes = (uint32_t)size;
  read_identity(&agent.layout, &load);
  method_index(jvmti, jni, &d, method);
  put_inlining(jvmti, jni, &d, &load, inlining(info));
  load.methods = d.methods;
  put_methods(&d);
  const size_t bytes = finished(&d);
  memcpy(d.bytes, &load, sizeof load);
  append((struct jt_agent_record*)d.bytes, bytes);
  release(jvmti, &d);
  free(__atomic_exchange_n(&agent.spare, memory, __ATOMIC_ACQ_REL));
}

static void JNICALL on_unload(jvmtiEnv* jvmti, jmethodID method, const void* code) {
  (void)jvmti, (void)method;
  struct jt_agent_unload unload = {.head = {.type = JT_AGENT_UNLOAD},
                                   .code = (uint64_t)(uintptr_t)code};
  append(&unload.head, sizeof unload);
}

static void JNICALL on_stub(jvmtiEnv* jvmti, const char* name, const void* code, jint length) {
  (void)jvmti;
  char bytes[sizeof(struct jt_agent_stub) + 256] __attribute__((aligned(8))) = {0};
  struct jt_agent_stub* stub = (struct jt_agent_stub*)bytes;
  const size_t n = name ? strlen(name) : 0;
  stub->head.type = JT_AGENT_STUB;
  stub->code = (uint64_t)(uintptr_t)code;
  stub->code_bytes = (uint32_t)length;
  stub->name_bytes = (uint32_t)(n < 256 ? n : 256);
  memcpy(bytes + sizeof *stub, name, stub->name_bytes);
  append(&stub->head, (sizeof *stub + stub->name_bytes + 7) & ~(size_t)7);
}

/* ---------------------------------------------------------------- coming and going */

static jint set_up(JavaVM* vm) {
  jvmtiEnv* jvmti = NULL;
  if (agent.jvmti) return JNI_OK;
  if ((*vm)->GetEnv(vm, (void**)&jvmti, JVMTI_VERSION_1_1) != JNI_OK) return JNI_ERR;
  jvmtiCapabilities wanted;
  memset(&wanted, 0, sizeof wanted);
  wanted.can_generate_compiled_method_load_events = 1;
  wanted.can_get_line_numbers = 1;
  wanted.can_get_source_file_name = 1;
  static const jvmtiEventCallbacks callbacks = {.CompiledMethodLoad = on_load,
                                                .CompiledMethodUnload = on_unload,
                                                .DynamicCodeGenerated = on_stub};
  if ((*jvmti)->AddCapabilities(jvmti, &wanted) != JVMTI_ERROR_NONE ||
      (*jvmti)->SetEventCallbacks(jvmti, &callbacks, sizeof callbacks) != JVMTI_ERROR_NONE) {
    (*jvmti)->DisposeEnvironment(jvmti);
    return JNI_ERR;
  }
  learn_layout(&agent.layout);
  agent.vm = vm;
  agent.jvmti = jvmti;
  return JNI_OK;
}

/* "cap=BYTES", for tests; 0 where it does not say. */
static uint64_t cap_of(const char* options) {
  const char* text = options ? strstr(options, "cap=") : NULL;
  if (!text) return 0;
  const uint64_t cap = strtoull(text + 4, NULL, 10);
  if (cap < JT_AGENT_CAP_MIN) return JT_AGENT_CAP_MIN;
  return cap > JT_AGENT_CAP ? JT_AGENT_CAP : cap;
}

/* One log serves all who read it, as long as it is whole. */
static jint start(const char* options, int attached) {
  pthread_mutex_lock(&agent.lock);
  const int whole = agent.running && agent.fd >= 0 && agent.head.full_ns == 0;
  if (whole || agent.replaying) {
    pthread_mutex_unlock(&agent.lock);
    return JNI_OK;
  }
  if (!open_log(cap_of(options))) {
    agent.running = 0;
    pthread_mutex_unlock(&agent.lock);
    return JNI_OK; /* a JVM that is told of an error here does not start */
  }
  agent.running = 1;
  agent.attached = agent.replaying = attached;
  agent.replayer = pthread_self();
  pthread_mutex_unlock(&agent.lock);
  /* First on, then the past: what is compiled meanwhile comes twice, not never. */
  set_events(JVMTI_ENABLE);
  if (attached) {
    (*agent.jvmti)->GenerateEvents(agent.jvmti, JVMTI_EVENT_DYNAMIC_CODE_GENERATED);
    (*agent.jvmti)->GenerateEvents(agent.jvmti, JVMTI_EVENT_COMPILED_METHOD_LOAD);
    pthread_mutex_lock(&agent.lock);
    agent.replaying = 0;
    pthread_mutex_unlock(&agent.lock);
  }
  return JNI_OK;
}

/* Another tracer's log goes on. */
static jint stop(void) {
  pthread_mutex_lock(&agent.lock);
  const int stopped = agent.running && agent.attached && !is_read();
  if (stopped) end_log(now_ns());
  pthread_mutex_unlock(&agent.lock);
  if (stopped) set_events(JVMTI_DISABLE);
  return JNI_OK;
}

EXPORT jint JNICALL Agent_OnLoad(JavaVM* vm, char* options, void* reserved) {
  (void)reserved;
  if (set_up(vm) == JNI_OK) start(options, 0);
  return JNI_OK;
}

EXPORT jint JNICALL Agent_OnAttach(JavaVM* vm, char* options, void* reserved) {
  (void)reserved;
  if (set_up(vm) != JNI_OK) return JNI_ERR;
  if (options && strcmp(options, "stop") == 0) return stop();
  return start(options, 1);
}
