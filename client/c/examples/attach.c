/*
 * Seals a reading and does its work, for a device that speaks to nodes itself.
 *
 *   attach NETWORK SEED_FILE FLASH_FILE STREAM READING PARENTS ANCHOR WORK_BITS OUT_FILE
 *
 * NETWORK, PARENTS and ANCHOR are hexadecimal digits, as GET /v1/tips of a node says. PARENTS are
 * two of its tips, one behind the other; with a single tip, 64 zeros and that one. OUT_FILE is what
 * POST /v1/transactions takes. The device must have been registered before.
 */
#define _POSIX_C_SOURCE 200112L
#include <stdlib.h>

#include "file_platform.h"

/* Tries in one step: what a device can do without missing its radio. Steps until it gives up. */
enum { TRIES = 64, STEPS = 1 << 20 };

int main(int argc, char **argv) {
    static uint64_t memory[64], search[64]; /* aligned to 8 */
    static uint8_t out[WEFT_ATTACHMENT_BYTES + WEFT_SEALED_BYTES(64, 1024)];
    uint8_t *body = out + WEFT_ATTACHMENT_BYTES;
    size_t room = sizeof out - WEFT_ATTACHMENT_BYTES;
    uint8_t network[4], parents[64], anchor[32], seed[WEFT_SEED_BYTES];
    if (argc != 10 || from_hex(argv[1], network, 4) || from_hex(argv[6], parents, 64) ||
        from_hex(argv[7], anchor, 32)) {
        fprintf(stderr, "attach NETWORK SEED FLASH STREAM READING PARENTS ANCHOR WORK_BITS OUT\n");
        return 2;
    }
    weft_platform platform = {argv[3], flash_read, flash_write, clock_ms, fill};
    if (seed_in(argv[2], &platform, seed)) return 1;
    weft_signer signer = {seed, weft_seed_public_key, weft_seed_sign};
    weft_device *device = (weft_device *)memory;
    weft_sealed sealed;
    int error = weft_device_init(device, sizeof memory, network, &signer, &platform);
    if (check(error, "init")) return 1;
    error = weft_device_seal(device, argv[4], strlen(argv[4]), WEFT_TEXT, argv[5], strlen(argv[5]),
                             body, room, &sealed);
    if (check(error, "seal")) return 1;

    weft_work *work = (weft_work *)search;
    uint8_t bits = (uint8_t)atoi(argv[8]);
    error = weft_work_init(work, sizeof search, &sealed, parents, anchor, bits, 0);
    if (check(error, "work")) return 1;
    /* Between two steps a device does what else it has to do. */
    error = WEFT_AGAIN;
    for (int step = 0; step < STEPS && error == WEFT_AGAIN; step++)
        error = weft_work_step(work, TRIES);
    if (check(error, "step")) return 1;
    if (check(weft_work_attach(work, out, WEFT_ATTACHMENT_BYTES), "attach")) return 1;
    FILE *file = fopen(argv[9], "wb");
    if (file == NULL) return 1;
    size_t bytes = WEFT_ATTACHMENT_BYTES + sealed.bytes;
    int failed = fwrite(out, 1, bytes, file) != bytes;
    return fclose(file) != 0 || failed;
}
