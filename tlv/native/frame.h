/* Walking the TLVs of a frame: iteration and dispatch.
 *
 * FrameBase is the compiled part of tlv.frame.Frame, which reads the header and checks it.
 *
 * Ownership: a frame holds its buffer, with a pin where there is one, from __init__ on; it is set
 * once, so its pointers are good as long as it lives. An iterator holds its frame. Entries of the
 * type table are borrowed from the table, which nobody changes and the frame holds.
 */
#ifndef TLV_FRAME_H
#define TLV_FRAME_H

#include "metatype.h"

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

typedef struct {
    PyObject_HEAD
    Frame *frame;
    Walk walk;
    int is_walk;       /* yields what _walk() of the twin yields */
} FrameIterator;

/* ---- the walk ---- */

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

/* ---- dispatch ---- */

/* The handler of a class, a new reference; NULL without an exception where there is none. Asked for
 * each message, since handlers may change the mapping. */
static inline PyObject *handler_of(PyObject *handlers, PyTypeObject *type)
{
    PyObject *handler;
    if (LIKELY(PyDict_CheckExact(handlers))) {
        handler = PyDict_GetItemWithError(handlers, (PyObject *)type);
        Py_XINCREF(handler);
    }
    else {
        handler = PyObject_CallMethod(handlers, "get", "(O)", type);
    }
    if (handler == Py_None) {
        Py_CLEAR(handler);
    }
    return handler;
}

/* 1 a handler was called, 0 there is none, -1 an exception is set. */
static inline int handle(Frame *frame, const Tlv *tlv, PyObject *handlers)
{
    PyObject *handler = handler_of(handlers, tlv->known->plan->type);
    if (handler == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *view = tlv_view(frame, tlv);
    PyObject *result = view == NULL ? NULL : PyObject_CallOneArg(handler, view);
    Py_XDECREF(view);
    Py_DECREF(handler);
    Py_XDECREF(result);
    return result == NULL ? -1 : 1;
}

static PyObject *frame_dispatch(PyObject *self, PyObject *handlers)
{
    Frame *frame = (Frame *)self;
    Walk walk;
    Tlv tlv = {NULL, 0, 0};
    Py_ssize_t called = 0;
    int more;
    walk_start(&walk);
    while ((more = walk_next(frame, &walk, &tlv)) > 0) {
        int handled = handle(frame, &tlv, handlers);
        if (UNLIKELY(handled < 0)) {
            return NULL;
        }
        called += handled;
    }
    return more < 0 ? NULL : PyLong_FromSsize_t(called);
}

/* ---- iteration ---- */

static PyObject *frame_iterator(PyObject *self, int is_walk)
{
    PyTypeObject *type = ((Frame *)self)->state->frame_iterator_type;
    FrameIterator *iterator = PyObject_GC_New(FrameIterator, type);
    if (iterator != NULL) {
        iterator->frame = (Frame *)Py_NewRef(self);
        iterator->is_walk = is_walk;
        walk_start(&iterator->walk);
        PyObject_GC_Track(iterator);
    }
    return (PyObject *)iterator;
}

static PyObject *frame_iter(PyObject *self)
{
    return frame_iterator(self, 0);
}

static PyObject *frame_walk(PyObject *self, PyObject *unused)
{
    (void)unused;
    return frame_iterator(self, 1);
}

static PyObject *frame_iterator_next(FrameIterator *self)
{
    Tlv tlv = {NULL, 0, 0};
    if (walk_next(self->frame, &self->walk, &tlv) <= 0) {
        return NULL;
    }
    if (self->is_walk) {
        return Py_BuildValue("(Onn)", tlv.known->known, tlv.payload, tlv.length);
    }
    PyObject *view = tlv_view(self->frame, &tlv);
    if (view == NULL) {
        self->walk.at = self->frame->end; /* as a generator, which has ended when it raises */
    }
    return view;
}

static int frame_iterator_traverse(FrameIterator *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->frame);
    return 0;
}

static void frame_iterator_dealloc(FrameIterator *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->frame);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot frame_iterator_slots[] = {
    {Py_tp_dealloc, frame_iterator_dealloc}, {Py_tp_traverse, frame_iterator_traverse},
    {Py_tp_iter, PyObject_SelfIter},         {Py_tp_iternext, frame_iterator_next},
    {0, NULL},
};

static PyType_Spec frame_iterator_spec = {
    .name = "tlv._native.FrameIterator",
    .basicsize = sizeof(FrameIterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = frame_iterator_slots,
};

/* ---- the frame ---- */

static int frame_take_buffer(Frame *self, PyObject *buffer)
{
    Span span;
    if (!PyBytes_CheckExact(buffer) && !(PyMemoryView_Check(buffer) && memoryview_usable(buffer))) {
        PyErr_SetString(PyExc_TypeError, "a frame reads bytes or a flat memoryview");
        return -1;
    }
    PyObject *name = PyUnicode_FromString("Frame");
    if (name == NULL || span_of_kept(self->state, name, buffer, &span) < 0) {
        Py_XDECREF(name);
        return -1;
    }
    Py_DECREF(name);
    if (owner_hold(span.owner) < 0) {
        return -1;
    }
    self->pinned = span.owner;
    self->data = span.data;
    self->length = span.length;
    self->buffer = Py_NewRef(buffer);
    return 0;
}

/* Frame(buf, offset, header, table) */
static int frame_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"buf", "offset", "header", "table", NULL};
    Frame *self = (Frame *)object;
    PyObject *buffer, *header, *table;
    Py_ssize_t offset;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OnOO!:Frame", names, &buffer, &offset, &header, &PyDict_Type,
                                     &table)) {
        return -1;
    }
    PyObject *payload = PyObject_GetAttrString(header, "payload_size");
    Py_ssize_t size = payload == NULL ? -1 : PyLong_AsSsize_t(payload);
    Py_XDECREF(payload);
    if (size == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (self->buffer != NULL || self->state == NULL) {
        PyErr_SetString(PyExc_TypeError, "a frame is read once");
        return -1;
    }
    if (frame_take_buffer(self, buffer) < 0) {
        return -1;
    }
    self->header = Py_NewRef(header);
    self->table = Py_NewRef(table);
    if (offset < 0 || size < 0 || offset > self->length - FRAME_HEADER || size > self->length - FRAME_HEADER - offset) {
        PyErr_SetString(PyExc_ValueError, "the frame lies outside its buffer");
        return -1; /* start and end are 0: nothing to walk */
    }
    self->offset = offset;
    self->size = FRAME_HEADER + size;
    self->start = offset + FRAME_HEADER;
    self->end = offset + self->size;
    return 0;
}

static PyObject *frame_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args, (void)kwargs;
    PyObject *module = PyType_GetModuleByDef(type, &native_module);
    Frame *self = module == NULL ? NULL : (Frame *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->state = state_of(module);
    }
    return (PyObject *)self;
}

static int frame_traverse(Frame *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->header);
    Py_VISIT(self->buffer);
    Py_VISIT(self->table);
    return 0;
}

static void frame_dealloc(Frame *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->pinned != NULL) {
        owner_drop(self->pinned);
    }
    Py_XDECREF(self->header);
    Py_XDECREF(self->buffer);
    Py_XDECREF(self->table);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef frame_members[] = {
    {"header", T_OBJECT_EX, offsetof(Frame, header), READONLY, NULL},
    {"offset", T_PYSSIZET, offsetof(Frame, offset), READONLY, NULL},
    {"size", T_PYSSIZET, offsetof(Frame, size), READONLY, NULL},
    {"unknown", T_PYSSIZET, offsetof(Frame, unknown), READONLY, NULL},
    {"newer", T_PYSSIZET, offsetof(Frame, newer), READONLY, NULL},
    {"_buf", T_OBJECT_EX, offsetof(Frame, buffer), READONLY, NULL},
    {"_table", T_OBJECT_EX, offsetof(Frame, table), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef frame_methods[] = {
    {"dispatch", frame_dispatch, METH_O,
     "dispatch($self, handlers, /)\n--\n\n"
     "Call the handler of each message's class with a view of it; returns how many were called.\n\n"
     "Messages without a handler are passed over. What a handler raises comes through."},
    {"_walk", frame_walk, METH_NOARGS,
     "How to read it, offset of the payload and its length for each TLV of a known type."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot frame_slots[] = {
    {Py_tp_new, frame_new},           {Py_tp_init, frame_init},       {Py_tp_traverse, frame_traverse},
    {Py_tp_dealloc, frame_dealloc},   {Py_tp_iter, frame_iter},       {Py_tp_members, frame_members},
    {Py_tp_methods, frame_methods},   {0, NULL},
};

static PyType_Spec frame_spec = {
    .name = "tlv._native.Frame",
    .basicsize = sizeof(Frame),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = frame_slots,
};

#endif
