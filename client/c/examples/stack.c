/* Prints static memory and the stack that one registration and one sealed reading take. */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "weft_client.h"

enum { STACK = 1 << 20, PAINT = 0xa5 };
static unsigned char stack[STACK] __attribute__((aligned(4096)));
static uint64_t memory[64];
static uint8_t out[WEFT_REGISTRATION_BYTES + 64], record[2][WEFT_RECORD_BYTES];
static weft_sealed sealed;
static int failed;

static int flash_read(void *context, int slot, uint8_t to[WEFT_RECORD_BYTES]) {
    (void)context;
    memcpy(to, record[slot], WEFT_RECORD_BYTES);
    return 0;
}

static int flash_write(void *context, int slot, const uint8_t from[WEFT_RECORD_BYTES]) {
    (void)context;
    memcpy(record[slot], from, WEFT_RECORD_BYTES);
    return 0;
}

static void *start(void *nothing) {
    static const uint8_t network[4], seed[32] = {7};
    weft_platform platform = {NULL, flash_read, flash_write, NULL};
    failed = weft_device_init((weft_device *)memory, sizeof memory, network, seed, &platform);
    return nothing;
}

static void *seal(void *nothing) {
    failed = weft_device_seal((weft_device *)memory, "s", 1, WEFT_TEXT, "1", 1, out, sizeof out,
                              &sealed);
    return nothing;
}

static void *idle(void *nothing) { return nothing; }

/* Bytes of a painted stack that a thread wrote. */
static size_t used(void *(*run)(void *)) {
    pthread_attr_t attributes;
    pthread_t thread;
    size_t clean = 0;
    memset(stack, PAINT, STACK);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK);
    if (pthread_create(&thread, &attributes, run, NULL) != 0) return 0;
    pthread_join(thread, NULL);
    while (clean < STACK && stack[clean] == PAINT) clean++;
    return STACK - clean;
}

int main(void) {
    size_t base = used(idle), key = used(start), sign = 0;
    /* Attempts differ between messages: the deepest of 32. */
    for (int i = 0; i < 32 && failed == 0; i++) {
        size_t now = used(seal);
        if (now > sign) sign = now;
    }
    if (failed) {
        fprintf(stderr, "%s\n", weft_error_text(failed));
        return 1;
    }
    printf("device %zu bytes, work %zu bytes, stack: start %zu bytes, one seal %zu bytes\n",
           weft_device_size(), weft_work_size(), key - base, sign - base);
    return 0;
}
