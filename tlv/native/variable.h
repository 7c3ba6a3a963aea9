/* Reading data after the fixed block: variable bytes, variable text, groups.
 *
 * locate() is the only place that trusts no length: what it found lies inside the message.
 * Ownership: bytes and text are copies; a group holds its message.
 */
#ifndef TLV_VARIABLE_H
#define TLV_VARIABLE_H

#include "groups.h"
#include "composites.h"

typedef struct {
    Py_ssize_t start; /* in the message */
    Py_ssize_t count;
    Py_ssize_t step;  /* groups */
    Py_ssize_t end;
} Place;

#define VARIABLE_SIZE_MAX ((uint64_t)16 * 1024 * 1024)
#define GROUP_COUNT_MAX 65535u

/* Where the data of `count` bytes or items at `offset` lies in a message of `size` bytes; 0 where it is not inside. */
static int place_check(const Item *item, const char *data, uint64_t size, uint64_t offset, uint64_t count, Place *place)
{
    if (item->variable != GROUP) {
        *place = (Place){(Py_ssize_t)offset, (Py_ssize_t)count, 1, (Py_ssize_t)(offset + count)};
        return offset + count <= size && count <= VARIABLE_SIZE_MAX;
    }
    if (offset + 8 > size || count > GROUP_COUNT_MAX) {
        return 0;
    }
    uint64_t step = load_u32_once(data + offset, item->big);
    uint64_t end = offset + 8 + count * step;
    *place = (Place){(Py_ssize_t)offset + 8, (Py_ssize_t)count, (Py_ssize_t)step, (Py_ssize_t)end};
    return step >= (uint64_t)item->group_size && end <= size;
}

/* The same for a field, whose offset and count are read here. `told` gets both, or is NULL. */
static int place_find(const Item *item, const char *data, Py_ssize_t available, Place *place, uint64_t *told)
{
    const char *p = data + item->offset;
    uint64_t offset = load_u32_once(p, item->big);
    uint64_t count = load_u32_once(p + 4, item->big);
    if (told != NULL) {
        told[0] = offset;
        told[1] = count;
    }
    if (count == 0) {
        *place = (Place){0, 0, item->group_size, 0};
        return 1;
    }
    return place_check(item, data, (uint64_t)available, offset, count, place);
}

/* The same; -1 with FieldBoundsError set where it is not inside. */
static int locate(const Item *item, const char *data, Py_ssize_t available, Place *place)
{
    uint64_t told[2];
    if (LIKELY(place_find(item, data, available, place, told))) {
        return 0;
    }
    return plan_raise(item->plan, "bounds",
                      Py_BuildValue("(OKKn)", item->name, (unsigned long long)told[0], (unsigned long long)told[1],
                                    available));
}

static PyObject *get_variable(const Item *item, Message *m, const char *p)
{
    Place place;
    (void)p;
    if (locate(item, m->data, Py_SIZE(m), &place) < 0) {
        return NULL;
    }
    const char *start = m->data + place.start;
    if (item->variable == VARIABLE_BYTES) {
        return PyBytes_FromStringAndSize(start, place.count);
    }
    if (item->variable == VARIABLE_TEXT) {
        PyObject *text = PyUnicode_DecodeUTF8(start, place.count, NULL);
        return text != NULL ? text : text_refused(item, start, place.count);
    }
    Py_ssize_t first = place.count == 0 ? 8 : place.start; /* 8: as the twin has it */
    return group_new(item->plan->state, (PyTypeObject *)item->extra, m, first, place.count, place.step);
}

#endif
