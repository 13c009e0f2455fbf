/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"), and SipHash-1-3, its
 * authors' proposal for tables, whose values nobody outside sees.
 */
#include "common/base/hash.h"

#include <endian.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/macros.h"

struct key {
    uint64_t low, high;
};

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void rounds(struct state *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

/* Little-endian, as the paper has it, on every machine; fewer bytes count as if zeros followed. */
static uint64_t word_from(const uint8_t *bytes, size_t count)
{
    uint64_t word = 0;

    memcpy(&word, bytes, count);
    return le64toh(word);
}

static void absorb(struct state *s, uint64_t word, int count)
{
    s->v3 ^= word;
    rounds(s, count);
    s->v0 ^= word;
}

/* `each`: rounds for a word, `last`: at the end. Inline, so that they are known. */
static inline uint64_t siphash(struct key key, const void *bytes, size_t length, int each, int last)
{
    const uint8_t *in = bytes;
    const uint8_t *end = in + length - length % 8;
    struct state s = {key.low ^ 0x736f6d6570736575, key.high ^ 0x646f72616e646f6d,
                      key.low ^ 0x6c7967656e657261, key.high ^ 0x7465646279746573};

    for (; in != end; in += 8) {
        absorb(&s, word_from(in, 8), each);
    }
    absorb(&s, word_from(in, length % 8) | (uint64_t)length << 56, each);
    s.v2 ^= 0xff;
    rounds(&s, last);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static struct key process_key;

static void make_process_key(void)
{
    if (getrandom(&process_key, sizeof(process_key), 0) != (ssize_t)sizeof(process_key)) {
        abort();
    }
}

uint64_t hash_keyed(const void *bytes, size_t length)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_process_key);
    return siphash(process_key, bytes, length, 1, 3);
}

uint64_t hash_stable(const void *bytes, size_t length)
{
    /* The key of the published test vectors: bytes 0 to 15. */
    static const struct key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

    return siphash(key, bytes, length, 2, 4);
}
