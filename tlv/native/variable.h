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

/* Where the data of a variable field lies in a message of `available` bytes; all of it is checked.
 * -1 with FieldBoundsError set. */
static int locate(const Item *item, const char *data, Py_ssize_t available, Place *place)
{
    const char *p = data + item->offset;
    uint64_t offset = load_u32_once(p, item->big);
    uint64_t count = load_u32_once(p + 4, item->big);
    uint64_t size = (uint64_t)available;
    *place = (Place){0, 0, item->group_size, 0};
    if (count == 0) {
        return 0;
    }
    if (item->variable != GROUP) {
        if (offset + count <= size && count <= VARIABLE_SIZE_MAX) {
            *place = (Place){(Py_ssize_t)offset, (Py_ssize_t)count, 1, (Py_ssize_t)(offset + count)};
            return 0;
        }
    }
    else if (offset + 8 <= size && count <= GROUP_COUNT_MAX) {
        uint64_t step = load_u32_once(data + offset, item->big);
        uint64_t end = offset + 8 + count * step;
        if (step >= (uint64_t)item->group_size && end <= size) {
            *place = (Place){(Py_ssize_t)offset + 8, (Py_ssize_t)count, (Py_ssize_t)step, (Py_ssize_t)end};
            return 0;
        }
    }
    return plan_raise(item->plan, "bounds",
                      Py_BuildValue("(OKKn)", item->name, (unsigned long long)offset, (unsigned long long)count,
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
