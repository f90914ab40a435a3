/*
 * A platform of files, for programs on a computer. On a microcontroller these are functions of its
 * drivers. The context is the name of a file that stands for the flash: two records in it.
 */
#ifndef FILE_PLATFORM_H
#define FILE_PLATFORM_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "weft_client.h"

static int flash_read(void *context, int slot, uint8_t record[WEFT_RECORD_BYTES]) {
    FILE *file = fopen(context, "rb");
    memset(record, 0xff, WEFT_RECORD_BYTES);
    /* Only a file that is not there was never written: whatever else fails may hide a record. */
    if (file == NULL) return errno != ENOENT;
    int failed = fseek(file, (long)slot * 16, SEEK_SET) != 0;
    failed = failed || (fread(record, 1, 16, file) != 16 && ferror(file));
    return fclose(file) != 0 || failed;
}

static int flash_write(void *context, int slot, const uint8_t record[WEFT_RECORD_BYTES]) {
    FILE *file = fopen(context, "r+b");
    if (file == NULL) file = fopen(context, "w+b");
    if (file == NULL) return 1;
    int failed = fseek(file, (long)slot * 16, SEEK_SET) != 0 || fwrite(record, 1, 16, file) != 16;
    failed = fflush(file) != 0 || fsync(fileno(file)) != 0 || failed;
    return fclose(file) != 0 || failed;
}

static uint64_t clock_ms(void *context) {
    (void)context;
    return (uint64_t)time(NULL) * 1000;
}

static int fill(void *context, uint8_t *bytes, size_t count) {
    (void)context;
    FILE *file = fopen("/dev/urandom", "rb");
    size_t got = file == NULL ? 0 : fread(bytes, 1, count, file);
    if (file != NULL) fclose(file);
    return got != count;
}

static int check(int error, const char *what) {
    if (error != WEFT_OK) fprintf(stderr, "%s: %s\n", what, weft_error_text(error));
    return error;
}

/* Reads the seed in a file; draws one for a file that is not there. 0 if there is one then. */
static int seed_in(const char *name, const weft_platform *platform, uint8_t seed[WEFT_SEED_BYTES]) {
    FILE *file = fopen(name, "rb");
    if (file != NULL) {
        int failed = fread(seed, 1, WEFT_SEED_BYTES, file) != WEFT_SEED_BYTES;
        if (failed) fprintf(stderr, "%s does not hold a seed of 32 bytes\n", name);
        return fclose(file) != 0 || failed;
    }
    if (errno != ENOENT || check(weft_seed_new(platform, seed), "seed")) return 1;
    umask(077); /* nobody else reads it */
    file = fopen(name, "wbx");
    if (file == NULL) return 1;
    int failed = fwrite(seed, 1, WEFT_SEED_BYTES, file) != WEFT_SEED_BYTES;
    failed = fflush(file) != 0 || fsync(fileno(file)) != 0 || failed;
    return fclose(file) != 0 || failed;
}

/* Reads so many bytes of hexadecimal digits; 0 if they are that. */
static int from_hex(const char *digits, uint8_t *bytes, size_t count) {
    unsigned byte;
    if (strlen(digits) != 2 * count) return 1;
    for (size_t i = 0; i < count; i++) {
        if (sscanf(digits + 2 * i, "%2x", &byte) != 1) return 1;
        bytes[i] = (uint8_t)byte;
    }
    return 0;
}

#endif
