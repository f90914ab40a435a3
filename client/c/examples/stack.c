/*
 * Prints static memory and the stack that starting up and sealing take: with the library's own
 * signer, and with one that signs elsewhere: as a secure element does, or a task with a stack of
 * its own. Fails if the two do not seal the very same bytes.
 */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "weft_client.h"

enum { STACK = 1 << 20, PAINT = 0xa5, ROUNDS = 32 };
static unsigned char stacks[2][STACK] __attribute__((aligned(4096)));
static const uint8_t network[4];
static uint8_t seed[WEFT_SEED_BYTES] = {7};

/* A device with its flash and what it sealed last. */
struct bench {
    weft_signer signer;
    uint64_t memory[64];
    uint8_t record[2][WEFT_RECORD_BYTES], out[WEFT_REGISTRATION_BYTES + 64];
    weft_sealed sealed;
    int error;
};

static int flash_read(void *context, int slot, uint8_t to[WEFT_RECORD_BYTES]) {
    memcpy(to, ((struct bench *)context)->record[slot], WEFT_RECORD_BYTES);
    return 0;
}

static int flash_write(void *context, int slot, const uint8_t from[WEFT_RECORD_BYTES]) {
    memcpy(((struct bench *)context)->record[slot], from, WEFT_RECORD_BYTES);
    return 0;
}

static void *start(void *context) {
    struct bench *bench = context;
    weft_platform platform = {bench, flash_read, flash_write, NULL, NULL};
    bench->error = weft_device_init((weft_device *)bench->memory, sizeof bench->memory, network,
                                    &bench->signer, &platform);
    return NULL;
}

static void *enrol(void *context) {
    struct bench *bench = context;
    bench->error = weft_device_register((weft_device *)bench->memory, bench->out,
                                        sizeof bench->out, &bench->sealed);
    return NULL;
}

static void *seal(void *context) {
    struct bench *bench = context;
    bench->error = weft_device_seal((weft_device *)bench->memory, "s", 1, WEFT_TEXT, "1", 1,
                                    bench->out, sizeof bench->out, &bench->sealed);
    return NULL;
}

static void *idle(void *nothing) { return nothing; }

/* Runs it on one of the stacks, painted before. */
static int on_stack(int which, void *(*run)(void *), void *context) {
    pthread_attr_t attributes;
    pthread_t thread;
    memset(stacks[which], PAINT, STACK);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stacks[which], STACK);
    return pthread_create(&thread, &attributes, run, context) != 0 ||
           pthread_join(thread, NULL) != 0;
}

/* Bytes of the first stack that it wrote; none if there is no thread to be had. */
static size_t used(void *(*run)(void *), void *context) {
    size_t clean = 0;
    if (on_stack(0, run, context)) return 0;
    while (clean < STACK && stacks[0][clean] == PAINT) clean++;
    return STACK - clean;
}

/* The signer that is elsewhere: another task, with the seed that the device does not have. */
struct wish {
    const uint8_t *message;
    uint8_t *made;
    int error;
};

static void *elsewhere(void *context) {
    struct wish *wish = context;
    wish->error = wish->message == NULL ? weft_seed_public_key(seed, wish->made)
                                        : weft_seed_sign(seed, wish->message, wish->made);
    return NULL;
}

static int far_public_key(void *switched_on, uint8_t public_key[WEFT_PUBLIC_KEY_BYTES]) {
    struct wish wish = {NULL, public_key, 1};
    return !*(int *)switched_on || on_stack(1, elsewhere, &wish) || wish.error;
}

static int far_sign(void *switched_on, const uint8_t message[32],
                    uint8_t signature[WEFT_SIGNATURE_BYTES]) {
    struct wish wish = {message, signature, 1};
    return !*(int *)switched_on || on_stack(1, elsewhere, &wish) || wish.error;
}

static int expect(int is_right, const char *what) {
    if (!is_right) fprintf(stderr, "wrong: %s\n", what);
    return !is_right;
}

int main(void) {
    static struct bench near, far;
    static int switched_on = 1;
    near.signer = (weft_signer){seed, weft_seed_public_key, weft_seed_sign};
    far.signer = (weft_signer){&switched_on, far_public_key, far_sign};
    size_t base = used(idle, NULL), began[2] = {used(start, &near), used(start, &far)};
    size_t sealed[2] = {used(enrol, &near), used(enrol, &far)};
    if (expect(near.error == WEFT_OK && far.error == WEFT_OK, "register") ||
        expect(near.sealed.bytes == WEFT_REGISTRATION_BYTES, "WEFT_REGISTRATION_BYTES") ||
        expect(memcmp(near.out, far.out, near.sealed.bytes) == 0, "registrations are the same"))
        return 1;
    /* Attempts differ between messages: the deepest of them. */
    for (int round = 0; round < ROUNDS; round++) {
        size_t now[2] = {used(seal, &near), used(seal, &far)};
        for (int i = 0; i < 2; i++)
            if (now[i] > sealed[i]) sealed[i] = now[i];
        if (expect(near.error == WEFT_OK && far.error == WEFT_OK, "seal") ||
            expect(near.sealed.bytes == WEFT_SEALED_BYTES(1, 1), "WEFT_SEALED_BYTES") ||
            expect(memcmp(near.out, far.out, near.sealed.bytes) == 0, "both seal the same"))
            return 1;
    }
    switched_on = 0;
    seal(&far);
    if (expect(far.error == WEFT_KEY, "a signer that fails is told")) return 1;
    start(&far);
    if (expect(far.error == WEFT_KEY, "a signer without a key is told")) return 1;
    printf("device %zu bytes, work %zu bytes, stack: start %zu bytes, one seal %zu bytes; "
           "with a signer elsewhere %zu and %zu\n",
           weft_device_size(), weft_work_size(), began[0] - base, sealed[0] - base,
           began[1] - base, sealed[1] - base);
    return 0;
}
