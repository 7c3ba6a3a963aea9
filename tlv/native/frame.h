/* The compiled part of tlv.frame.Frame, which reads the header and checks it; and dispatch().
 *
 * Ownership: a frame holds its buffer, with a pin where there is one, from __init__ on; an error in
 * __init__ leaves a frame without bytes.
 */
#ifndef TLV_FRAME_H
#define TLV_FRAME_H

#include "frame_iterator.h"

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
    const int called = result == NULL ? -1 : 1;
    Py_XDECREF(result); /* before the view: it may be bytes that the view lent */
    Py_XDECREF(view);
    Py_DECREF(handler);
    return called;
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
        owner_drop(self->state, self->pinned);
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
    {"_runs", frame_runs, METH_NOARGS,
     "Class, offset of the first payload, number and length of the TLVs of each run."},
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
