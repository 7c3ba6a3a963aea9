/* Walking the TLVs of a frame, whose lengths are all checked here.
 *
 * Ownership: a frame holds its buffer, with a pin where there is one, from __init__ on; it is set
 * once, so its pointers are good as long as it lives. Entries of the type table are borrowed from
 * the table, which nobody changes and the frame holds.
 */
#ifndef TLV_WALK_H
#define TLV_WALK_H

#include "compile.h"
#include "views.h"

#define FRAME_HEADER 32
#define TLV_HEADER 8
#define KNOWN_SLOTS 16

typedef struct {
    PyObject_HEAD
    ModuleState *state;
    PyObject *header;  /* FrameHeader */
    PyObject *buffer;  /* bytes, or a memoryview of the module's own */
    PyObject *table;   /* dict of Known by type id */
    PyObject *pinned;  /* the owner that views hold, held here too */
    const char *data;  /* of the whole buffer */
    Py_ssize_t length;
    Py_ssize_t offset;
    Py_ssize_t size;
    Py_ssize_t start;
    Py_ssize_t end;
    Py_ssize_t unknown;
    Py_ssize_t newer;
} Frame;

/* What reading a TLV of a type takes, looked up once for each walk. */
typedef struct {
    PyObject *known;   /* of the table; borrowed; NULL: an empty slot */
    Plan *plan;
    uint16_t type_id;
    uint8_t version;
    uint8_t fixed;     /* nothing to check behind the fixed block */
} Known;

typedef struct {
    Py_ssize_t at;     /* of the next TLV; -1 before the walk begins */
    Known slots[KNOWN_SLOTS];
} Walk;

typedef struct {
    const Known *known;
    Py_ssize_t payload;
    Py_ssize_t length;
} Tlv;

static int content_error(Frame *frame, Py_ssize_t at, unsigned type_id, uint32_t length, const char *reason)
{
    PyObject *arguments = PyTuple_New(0);
    PyObject *values = Py_BuildValue("{s:n,s:I,s:k,s:s}", "offset", at, "type_id", type_id, "length",
                                     (unsigned long)length, "reason", reason);
    PyObject *error = NULL;
    if (arguments != NULL && values != NULL) {
        error = PyObject_Call(frame->state->content_error, arguments, values);
    }
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    }
    Py_XDECREF(error);
    Py_XDECREF(values);
    Py_XDECREF(arguments);
    return -1;
}

/* 1 found, 0 a type that is not in the table, -1 an exception is set. */
static int known_look_up(Frame *frame, uint16_t type_id, Known *slot)
{
    PyObject *number = PyLong_FromLong(type_id);
    PyObject *known = number == NULL ? NULL : PyDict_GetItemWithError(frame->table, number);
    Py_XDECREF(number);
    if (known == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Plan *plan = NULL;
    long version = 0;
    if (PyTuple_Check(known) && PyTuple_GET_SIZE(known) == 4) {
        plan = plan_of_class(frame->state, PyTuple_GET_ITEM(known, 0));
        version = PyLong_AsLong(PyTuple_GET_ITEM(known, 1));
    }
    if (plan == NULL || version < 0 || version > 255) {
        PyErr_SetString(PyExc_TypeError, "the table of a frame holds entries of Known");
        return -1;
    }
    *slot = (Known){known, plan, type_id, (uint8_t)version, plan->variable_count == 0};
    return 1;
}

/* Goes to the next TLV of a known type: 1 there is one, 0 the end, -1 an exception is set. */
static inline int walk_next(Frame *frame, Walk *walk, Tlv *tlv)
{
    if (walk->at < 0) {
        walk->at = frame->start;
        frame->unknown = frame->newer = 0;
    }
    while (walk->at < frame->end) {
        const Py_ssize_t at = walk->at;
        const char *p = frame->data + at;
        if (UNLIKELY(frame->end - at < TLV_HEADER)) {
            walk->at = frame->end;
            return content_error(frame, at, 0, 0, "it ends after the frame");
        }
        const uint16_t type_id = (uint16_t)load_uint(p, 2, 0);
        const uint8_t version = (uint8_t)p[2];
        const uint32_t length = load_u32_once(p + 4, 0);
        if (UNLIKELY((int64_t)length > (int64_t)(frame->end - at - TLV_HEADER) ||
                     aligned((Py_ssize_t)length) > frame->end - at - TLV_HEADER)) {
            walk->at = frame->end;
            return content_error(frame, at, type_id, length, "it ends after the frame");
        }
        walk->at = at + TLV_HEADER + aligned((Py_ssize_t)length);
        Known *slot = &walk->slots[type_id % KNOWN_SLOTS];
        if (UNLIKELY(slot->known == NULL || slot->type_id != type_id)) {
            int found = known_look_up(frame, type_id, slot);
            if (found <= 0) {
                if (found < 0) {
                    walk->at = frame->end;
                    return -1;
                }
                frame->unknown++;
                continue;
            }
        }
        frame->newer += version > slot->version;
        *tlv = (Tlv){slot, at + TLV_HEADER, (Py_ssize_t)length};
        return 1;
    }
    return 0;
}

/* A view of a TLV that is too short (then an error) or that has data after its fixed block. */
static PyObject *tlv_view_checked(Frame *frame, const Tlv *tlv)
{
    Plan *plan = tlv->known->plan;
    if (tlv->length < plan->size) {
        return PyObject_CallMethod((PyObject *)frame, "_ref", "Onn", plan->type, tlv->payload, tlv->length);
    }
    const char *data = frame->data + tlv->payload;
    Py_ssize_t length = variable_length(plan, data, tlv->length);
    return length < 0 ? NULL : message_view(frame->state, plan->type, frame->pinned, data, length);
}

static inline PyObject *tlv_view(Frame *frame, const Tlv *tlv)
{
    Plan *plan = tlv->known->plan;
    if (LIKELY(tlv->known->fixed && tlv->length >= plan->size)) {
        return message_view(frame->state, plan->type, frame->pinned, frame->data + tlv->payload, plan->size);
    }
    return tlv_view_checked(frame, tlv);
}

static void walk_start(Walk *walk)
{
    memset(walk, 0, sizeof(Walk));
    walk->at = -1;
}

#endif
