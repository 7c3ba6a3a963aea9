/* Whether bytes are UTF-8, and how many characters, without making a str. Owns nothing.
 *
 * Accepts what CPython's strict decoder accepts: shortest forms up to U+10FFFF, no surrogates.
 */
#ifndef TLV_UTF8_H
#define TLV_UTF8_H

#include "state.h"

/* How many bytes the character of that lead byte has, and the range of its second byte; 0: none begins so. */
static inline int utf8_width(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    if (lead < 0xE0) {
        return 2;
    }
    if (lead < 0xF0) {
        *low = lead == 0xE0 ? 0xA0 : 0x80;
        *high = lead == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    *low = lead == 0xF0 ? 0x90 : 0x80;
    *high = lead == 0xF4 ? 0x8F : 0xBF;
    return 4;
}

/* The number of characters; -1 where it is not UTF-8. */
static Py_ssize_t utf8_length(const char *text, Py_ssize_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    Py_ssize_t count = 0;
    for (Py_ssize_t at = 0; at < size; count++) {
        unsigned char low, high;
        if (p[at] < 0x80) {
            at++;
            continue;
        }
        int width = utf8_width(p[at], &low, &high);
        if (width == 0 || width > size - at || p[at + 1] < low || p[at + 1] > high) {
            return -1;
        }
        for (int i = 2; i < width; i++) {
            if ((p[at + i] & 0xC0) != 0x80) {
                return -1;
            }
        }
        at += width;
    }
    return count;
}

#endif
