/* The compiled part of tlv.frame_writer.FrameWriter: append() of a message that fits, and emplace() of one.
 *
 * All else is the twin's own: what these do not know or cannot do, they leave to its _append_any() and
 * _emplace_any(), which raise the errors, make the buffer grow, and take what is no message of ours.
 *
 * Ownership: a writer holds its memoryview, whose export keeps the bytes of the target where they are,
 * and a dict with whatever else the twin gives it. What a class is called on the wire stands in its
 * plan, for as long as the class has the version tag that it had when it was asked.
 * The memoryview and the numbers are for the twin to write, so they are looked at anew for each message;
 * no Python code runs between that look and the last byte that is written. What emplace() converts can run
 * any code, so it is packed into a block that nobody else sees, and the look comes after that.
 */
#ifndef TLV_WRITER_H
#define TLV_WRITER_H

#include "emplace.h"
#include "walk.h"

typedef struct {
    PyObject_HEAD
    PyObject *buffer;      /* a memoryview; or NULL */
    Py_ssize_t at;         /* where the next TLV begins */
    Py_ssize_t count;      /* of messages */
    Py_ssize_t limit;      /* of the size of the frame */
    PyObject *dict;
    PyObject *weakrefs;
} Writer;

/* An attribute that has to be an int of exactly that class, 0 to `most`; else -1, and no exception is set. */
static long small_attribute(PyObject *object, const char *name, long most)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    long number = value != NULL && PyLong_CheckExact(value) ? PyLong_AsLong(value) : -1;
    Py_XDECREF(value);
    PyErr_Clear(); /* the twin asks again, and tells it */
    return number <= most ? number : -1;
}

/* Whether the bytes of its messages are what they carry, and not what a method of its own gives. */
static int payload_is_ours(PyTypeObject *type, PyTypeObject *message_type)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, "_payload");
    PyObject *ours = PyObject_GetAttrString((PyObject *)message_type, "_payload");
    const int same = found != NULL && found == ours;
    Py_XDECREF(found);
    Py_XDECREF(ours);
    PyErr_Clear();
    return same && !exports_otherwise(type);
}

/* Whether emplace() of its messages is that of its plan. */
static int emplaces_as_declared(const Plan *plan, PyTypeObject *type)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, "emplace");
    const int same = found != NULL && PyCFunction_CheckExact(found) && PyCFunction_GET_SELF(found) == (PyObject *)plan &&
                     PyCFunction_GET_FUNCTION(found) == (PyCFunction)(void (*)(void))plan_emplace;
    Py_XDECREF(found);
    PyErr_Clear();
    return same;
}

/* Asks a class for its type and version, as the twin does for each message. */
static void wire_ask(Plan *plan, PyTypeObject *type)
{
    (void)small_attribute((PyObject *)type, "type_id", UINT16_MAX); /* which gives it a tag, where it had none */
    const unsigned int seen = type->tp_version_tag;
    const int ours = payload_is_ours(type, plan->state->message_type);
    const int emplaces = emplaces_as_declared(plan, type);
    PyObject *layout = PyObject_GetAttrString((PyObject *)type, "layout");
    const long version = layout == NULL ? -1 : small_attribute(layout, "version", UINT8_MAX);
    Py_XDECREF(layout);
    PyErr_Clear();
    const long type_id = small_attribute((PyObject *)type, "type_id", UINT16_MAX);
    /* To look may run code that changes the class. */
    if (ours && version >= 0 && type_id >= 0 && seen != 0 && seen == type->tp_version_tag) {
        plan->wire_type = (uint16_t)type_id;
        plan->wire_version = (uint8_t)version;
        plan->wire_emplaces = (uint8_t)emplaces;
        plan->wire_tag = seen;
    }
}

/* Without a GIL another thread could change a class while it is asked, so nothing is remembered of it. */
#ifdef Py_GIL_DISABLED
#define CLASSES_HOLD_STILL 0
#else
#define CLASSES_HOLD_STILL 1
#endif

/* Whether what the plan tells of its class is so, or has just been asked; else only the twin can. */
static RARE int wire_learn(Plan *plan, PyTypeObject *type)
{
    plan->wire_tag = 0;
    if (CLASSES_HOLD_STILL && plan->type == type && Py_TYPE(type) == plan->state->metatype) {
        Py_INCREF(type);
        Py_INCREF(plan);
        wire_ask(plan, type);
        const int learned = plan->wire_tag != 0 && plan_of(type) == plan;
        Py_DECREF(plan);
        Py_DECREF(type);
        return learned;
    }
    return 0;
}

static inline int wire_known(Plan *plan, PyTypeObject *type)
{
    return LIKELY(plan->wire_tag != 0 && plan->wire_tag == type->tp_version_tag) || wire_learn(plan, type);
}

/* Where a message of so many bytes would be written, its header first; NULL where only the twin knows. */
static inline char *writer_place(Writer *self, Py_ssize_t length)
{
    PyObject *view = self->buffer;
    if (UNLIKELY(view == NULL || !PyMemoryView_Check(view) || !memoryview_usable(view))) {
        return NULL;
    }
    const Py_buffer *target = PyMemoryView_GET_BUFFER(view);
    const Py_ssize_t at = self->at;
    const Py_ssize_t end = self->limit < target->len ? self->limit : target->len;
    if (UNLIKELY(target->readonly || at < FRAME_HEADER || at > end || end - at < TLV_HEADER ||
                 length > end - at - TLV_HEADER || aligned(length) > end - at - TLV_HEADER ||
                 (uint64_t)length > UINT32_MAX)) {
        return NULL;
    }
    return (char *)target->buf + at;
}

/* Writes a message to where writer_place() has said. */
static inline void writer_write(Writer *self, char *p, const Plan *plan, const char *data, Py_ssize_t length)
{
    /* In the order of the twin: the data may be a view of the very bytes that are written. */
    store_uint(p, 2, 0, plan->wire_type);
    p[2] = (char)plan->wire_version;
    p[3] = 0;
    store_uint(p + 4, 4, 0, (uint64_t)length);
    p += TLV_HEADER;
    memset(p + length, 0, (size_t)(aligned(length) - length));
    memmove(p, data, (size_t)length);
    self->at += TLV_HEADER + aligned(length);
    self->count++;
}

/* Appends a message, or does nothing and returns 0. */
static inline int writer_put(Writer *self, Message *m)
{
    PyTypeObject *type = Py_TYPE(m);
    Plan *plan = plan_of(type);
    if (UNLIKELY(plan == NULL || !wire_known(plan, type) || Py_TYPE(m) != type)) {
        return 0; /* to ask the class may have run code that gave the message another one */
    }
    const Py_ssize_t length = Py_SIZE(m);
    char *p = writer_place(self, length);
    if (UNLIKELY(p == NULL)) {
        return 0;
    }
    writer_write(self, p, plan, m->data, length);
    return 1;
}

static PyObject *writer_append(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    static const char *const known[] = {"message"};
    PyObject *message;
    if (UNLIKELY(take_arguments("append", known, 1, args, count, names, &message) < 0)) {
        return NULL;
    }
    if (LIKELY(is_message(message) && writer_put((Writer *)self, (Message *)message))) {
        Py_RETURN_NONE;
    }
    return PyObject_CallMethod(self, "_append_any", "(O)", message);
}

/* The plan of a class whose messages emplace() can pack; else NULL, without an exception. */
static inline Plan *plan_to_emplace(PyObject *class)
{
    if (UNLIKELY(!PyType_Check(class) || ((PyTypeObject *)class)->tp_dealloc != message_dealloc)) {
        return NULL;
    }
    PyTypeObject *type = (PyTypeObject *)class;
    Plan *plan = plan_of(type);
    return plan != NULL && LIKELY(wire_known(plan, type)) && plan->wire_emplaces && plan->variable_count == 0 &&
                   plan->size <= STACK_BYTES && plan->count <= STACK_VALUES
               ? plan
               : NULL;
}

/* Packs a message into the frame: 1 done, 0 for the twin to do, -1 with an exception set. */
static inline int writer_pack(Writer *self, PyObject *class, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *values[STACK_VALUES];
    char packed[STACK_BYTES];
    Plan *plan = plan_to_emplace(class);
    /* It must fit before anything is converted: the twin refuses it first. */
    if (UNLIKELY(plan == NULL || writer_place(self, plan->size) == NULL || bind(plan, args, count, names, values) < 0)) {
        return 0;
    }
    const unsigned int tag = plan->wire_tag;
    const Py_ssize_t at = self->at;
    Py_INCREF(plan); /* the class may get another while values are converted */
    memset(packed, 0, (size_t)plan->size);
    int done = pack_fixed(plan, values, packed);
    if (LIKELY(done == 0) && LIKELY(plan->wire_tag == tag && self->at == at)) {
        char *p = writer_place(self, plan->size);
        if (LIKELY(p != NULL)) {
            writer_write(self, p, plan, packed, plan->size);
            done = 1;
        }
    }
    Py_DECREF(plan);
    return done;
}

static PyObject *writer_emplace(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if (LIKELY(count > 0)) {
        const int done = writer_pack((Writer *)self, args[0], args + 1, count - 1, names);
        if (LIKELY(done > 0)) {
            Py_RETURN_NONE;
        }
        if (done < 0) {
            return NULL;
        }
    }
    PyObject *twin = PyObject_GetAttrString(self, "_emplace_any");
    PyObject *result = twin == NULL ? NULL : PyObject_Vectorcall(twin, args, (size_t)count, names);
    Py_XDECREF(twin);
    return result;
}

static int writer_traverse(Writer *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->buffer);
    Py_VISIT(self->dict);
    return 0;
}

static int writer_clear(Writer *self)
{
    Py_CLEAR(self->buffer);
    Py_CLEAR(self->dict);
    return 0;
}

static void writer_dealloc(Writer *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs((PyObject *)self);
    }
    (void)writer_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef writer_members[] = {
    {"_buf", T_OBJECT_EX, offsetof(Writer, buffer), 0, NULL},
    {"_at", T_PYSSIZET, offsetof(Writer, at), 0, NULL},
    {"_count", T_PYSSIZET, offsetof(Writer, count), 0, NULL},
    {"_limit", T_PYSSIZET, offsetof(Writer, limit), 0, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(Writer, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Writer, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef writer_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef writer_methods[] = {
    {"append", (PyCFunction)(void (*)(void))writer_append, METH_FASTCALL | METH_KEYWORDS,
     "append($self, /, message)\n--\n\n"
     "Copy the bytes of a message behind the last one.\n\n"
     "Raises `FrameFullError` (the frame stays as it was) and `UntypedMessageError`."},
    {"emplace", (PyCFunction)(void (*)(void))writer_emplace, METH_FASTCALL | METH_KEYWORDS,
     "emplace($self, message_type, /, *args, **fields)\n--\n\n"
     "Pack the fields of a message straight into the frame; arguments of its constructor.\n\n"
     "Raises as `append`, and `FieldValueError`; the frame stays as it was then."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot writer_slots[] = {
    {Py_tp_traverse, writer_traverse}, {Py_tp_clear, writer_clear},     {Py_tp_dealloc, writer_dealloc},
    {Py_tp_members, writer_members},   {Py_tp_getset, writer_getset},   {Py_tp_methods, writer_methods},
    {0, NULL},
};

static PyType_Spec writer_spec = {
    .name = "tlv._native.FrameWriter",
    .basicsize = sizeof(Writer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = writer_slots,
};

#endif
